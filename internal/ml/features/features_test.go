package features_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/omni-run/omni/internal/ml/features"
	"pgregory.net/rapid"
)

// TestAgreesWithThePythonTwin compares with testdata/reference.py, which
// computes every feature by numpy, scipy and statsmodels. A periodic season is
// evaluated at the ends of its window here and at every point there, hence
// 1e-3 for what the decomposition decides.
func TestAgreesWithThePythonTwin(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Y        []float64
		Period   int
		Features map[string]*float64
	}
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	for k, c := range cases {
		got, err := features.Of(t.Context(), c.Y, c.Period)
		if err != nil {
			t.Fatal(err)
		}
		for i, name := range features.Names() {
			want := c.Features[name]
			if want == nil {
				if !math.IsNaN(got[i]) {
					t.Errorf("case %d: %s is %v, want none", k, name, got[i])
				}
				continue
			}
			if !(math.Abs(got[i]-*want) <= 1e-3*(1+math.Abs(*want))) {
				t.Errorf("case %d: %s is %.8g, want %.8g", k, name, got[i], *want)
			}
		}
	}
}

func TestEntropyTellsAWaveFromNoise(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	wave, noise := make([]float64, 120), make([]float64, 120)
	for i := range wave {
		wave[i], noise[i] = math.Sin(2*math.Pi*float64(i)/12), random.NormFloat64()
	}
	if w, n := features.Entropy(wave), features.Entropy(noise); w > 0.01 || n < 0.8 {
		t.Errorf("entropy %v of a wave, %v of noise", w, n)
	}
}

func TestAnySeriesHasFeatures(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		y := rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(-1, 1), rapid.SampledFrom([]float64{0, 1, -1})), 0, 40).Draw(t, "y")
		got, err := features.Of(context.Background(), y, rapid.SampledFrom([]int{1, 2, 4, 12}).Draw(t, "period"))
		if err != nil || len(got) != features.Count || len(features.Names()) != features.Count {
			t.Fatalf("%d features, %v", len(got), err)
		}
		for i, v := range got {
			if math.IsInf(v, 0) {
				t.Fatalf("%s is %v", features.Names()[i], v)
			}
		}
	})
}

func TestItStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := features.Of(ctx, []float64{1, 2, 1, 2, 1, 2}, 2); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
