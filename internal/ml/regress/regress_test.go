package regress_test

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"testing"

	"github.com/omni-run/omni/internal/ml/regress"
	"pgregory.net/rapid"
)

// TestAgreesWithStatsmodels compares with testdata/reference.py (GLSAR).
func TestAgreesWithStatsmodels(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Y, Price, Promo, Slopes []float64
		Memory                  float64
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	m, err := regress.Fit(r.Y, [][]float64{r.Price, r.Promo}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if m.Memory != r.Memory {
		t.Errorf("memory %v, want %v", m.Memory, r.Memory)
	}
	for k, want := range r.Slopes {
		if math.Abs(m.Slopes[k]-want) > 1e-3*math.Abs(want) {
			t.Errorf("slope %d is %v, want %v", k, m.Slopes[k], want)
		}
	}
	// The effect is the slope times the distance to the mean.
	if a := m.Effect(0, 11) - m.Effect(0, 10); math.Abs(a-m.Slopes[0]) > 1e-9 {
		t.Errorf("one unit of price adds %v, the slope is %v", a, m.Slopes[0])
	}
}

func TestAnyColumnsGiveFiniteEffects(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(6, 40).Draw(t, "n")
		value := rapid.OneOf(rapid.Float64Range(-10, 10), rapid.SampledFrom([]float64{0, 1, 1e-300, 1e300, -1e300}))
		y := rapid.SliceOfN(rapid.Float64Range(-1, 1), n, n).Draw(t, "y")
		x := [][]float64{rapid.SliceOfN(value, n, n).Draw(t, "a"), rapid.SliceOfN(value, n, n).Draw(t, "b")}
		m, err := regress.Fit(y, x, rapid.SampledFrom([]int{1, 2, 4}).Draw(t, "period"))
		if err != nil {
			t.Fatal(err)
		}
		for k, c := range x {
			for _, v := range c {
				if e := m.Effect(k, v); math.IsNaN(e) || math.IsInf(e, 0) {
					t.Fatalf("column %d adds %v at %v", k, e, v)
				}
			}
		}
	})
	if _, err := regress.Fit([]float64{1, 2, 3, 4}, [][]float64{{1, 2, 3, 4}}, 1); !errors.Is(err, regress.ErrTooShort) {
		t.Errorf("four values: %v", err)
	}
}
