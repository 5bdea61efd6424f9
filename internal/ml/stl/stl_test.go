package stl_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/omni-run/omni/internal/ml/stl"
)

func TestDecomposeAgreesWithStatsmodels(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Y    []float64 `json:"y"`
		Fits []struct {
			Seasonal int       `json:"seasonal"`
			Trend    []float64 `json:"trend"`
			Season   []float64 `json:"season"`
		} `json:"fits"`
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Fits {
		got, err := stl.Decompose(t.Context(), r.Y, stl.Options{Period: 12, Seasonal: f.Seasonal})
		if err != nil {
			t.Fatal(err)
		}
		for i := range r.Y {
			if math.Abs(got.Trend[i]-f.Trend[i]) > 1e-6 || math.Abs(got.Season[i]-f.Season[i]) > 1e-6 {
				t.Fatalf("window %d, point %d: trend %v season %v, statsmodels %v %v", f.Seasonal, i, got.Trend[i], got.Season[i], f.Trend[i], f.Season[i])
			}
		}
	}
}

func TestMissingPointsDoNotCount(t *testing.T) {
	t.Parallel()
	y, w := make([]float64, 120), make([]float64, 120)
	for i := range y {
		y[i], w[i] = float64(i)/2+10*math.Sin(2*math.Pi*float64(i)/12), 1
	}
	want, err := stl.Decompose(t.Context(), y, stl.Options{Period: 12, Weights: w})
	if err != nil {
		t.Fatal(err)
	}
	y[50], w[50] = 1e6, 0
	got, err := stl.Decompose(t.Context(), y, stl.Options{Period: 12, Weights: w})
	if err != nil {
		t.Fatal(err)
	}
	for i := range y {
		if d := math.Abs(got.Trend[i] + got.Season[i] - want.Trend[i] - want.Season[i]); d > 0.05 {
			t.Fatalf("a missing point moved the fit at %d by %v", i, d)
		}
	}
}

func TestDecomposeStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := stl.Decompose(ctx, make([]float64, 10), stl.Options{Period: 5}); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}

func TestFindPeriod(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 5))
	wave := func(n int, f func(i int) float64) []float64 {
		y := make([]float64, n)
		for i := range y {
			y[i] = f(i)
		}
		return y
	}
	walk := 0.0
	for name, c := range map[string]struct {
		y    []float64
		want int
	}{
		"sawtooth":  {wave(120, func(i int) float64 { return 120 + float64(i%10)*3 }), 10},
		"spiked":    {wave(120, func(i int) float64 { return 120 + float64(i%10)*3 + 600*float64(1-min(1, (i-63)*(i-63))) }), 10},
		"noisy day": {wave(24*20, func(i int) float64 { return 10*math.Sin(float64(i)*math.Pi/12) + 3*random.NormFloat64() }), 24},
		"trend and season": {wave(60, func(i int) float64 {
			return 5*float64(i) + 40*math.Sin(float64(i)*math.Pi/6) + random.NormFloat64()
		}), 12},
		"short peaks": {wave(24*14, func(i int) float64 { return random.NormFloat64() + 30*float64(1-min(1, (i%24)/2)) }), 24},
		"week over day": {wave(24*7*6, func(i int) float64 {
			v := 10*math.Sin(float64(i)*math.Pi/12) + random.NormFloat64()
			if i/24%7 >= 5 {
				v -= 25
			}
			return v
		}), 168},
		"gaps": {wave(140, func(i int) float64 {
			if i%13 == 5 {
				return math.NaN()
			}
			return float64(i%7) * 10
		}), 7},
		"smooth, no cycle": {wave(900, func(i int) float64 { return 30*math.Sin(float64(i)*math.Pi/450) + 3*random.NormFloat64() }), 0},
		"noise":            {wave(500, func(int) float64 { return random.NormFloat64() }), 0},
		"constant":         {wave(100, func(int) float64 { return 7 }), 0},
		"line":             {wave(100, func(i int) float64 { return float64(i) }), 0},
		"walk":             {wave(600, func(int) float64 { walk += random.NormFloat64(); return walk }), 0},
		"short":            {wave(6, func(i int) float64 { return float64(i % 2) }), 0},
	} {
		if got := stl.FindPeriod(c.y); got != c.want {
			t.Errorf("%s: period %d, want %d", name, got, c.want)
		}
	}
}

// A long smooth season in noise has a broad peak: a quarter of a per cent off is
// as near as its middle can be told.
func TestFindPeriodOfTheMinutesOfADay(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		random := rand.New(rand.NewPCG(seed, 8))
		y := make([]float64, 1440*8)
		for i := range y {
			y[i] = 30*math.Sin(float64(i)*math.Pi/720) + 3*random.NormFloat64()
		}
		if got := stl.FindPeriod(y); math.Abs(float64(got)-1440) > 4 {
			t.Errorf("seed %d: period %d, want 1440 within 4", seed, got)
		}
	}
}

func TestNoiseSeldomHasAPeriod(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(8, 1))
	found := 0
	for range 80 {
		y := make([]float64, 30+random.IntN(300))
		for i := range y {
			y[i] = random.NormFloat64()
		}
		if stl.FindPeriod(y) > 0 {
			found++
		}
	}
	if found > 4 {
		t.Errorf("found a season in %d of 80 series of noise", found)
	}
}
