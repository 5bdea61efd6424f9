package changepoint_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/omni-run/omni/internal/ml/changepoint"
)

// optimal is optimal partitioning (Jackson et al. 2005) without pruning.
func optimal(y []float64, penalty float64, minSize int) float64 {
	n := len(y)
	best := make([]float64, n+1)
	for end := 1; end <= n; end++ {
		best[end] = math.Inf(1)
		for from := 0; from <= end-minSize; from++ {
			if math.IsInf(best[from], 1) {
				continue
			}
			best[end] = min(best[end], best[from]+cost(y[from:end])+penalty)
		}
	}
	return best[n]
}

func cost(y []float64) float64 {
	var m, s float64
	for _, v := range y {
		m += v / float64(len(y))
	}
	for _, v := range y {
		s += (v - m) * (v - m)
	}
	return s
}

func TestPELTIsOptimal(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		y := rapid.SliceOfN(rapid.Float64Range(-10, 10), 1, 60).Draw(t, "y")
		penalty := rapid.Float64Range(0.1, 60).Draw(t, "penalty")
		minSize := rapid.IntRange(1, min(5, len(y))).Draw(t, "minSize")
		starts, err := changepoint.PELT(context.Background(), y, penalty, minSize)
		if err != nil {
			t.Fatal(err)
		}
		got, from := 0.0, 0
		for _, s := range append(slices.Clone(starts), len(y)) {
			if s-from < minSize {
				t.Fatalf("segment %d..%d is shorter than %d", from, s, minSize)
			}
			got += cost(y[from:s]) + penalty
			from = s
		}
		if want := optimal(y, penalty, minSize); math.Abs(got-want) > 1e-6 {
			t.Fatalf("cost %v, the optimum is %v (starts %v)", got, want, starts)
		}
	})
}

func series(n int, f func(i int) float64) []float64 {
	y := make([]float64, n)
	for i := range y {
		y[i] = f(i)
	}
	return y
}

func TestShifts(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(4, 4))
	level := func(at ...int) func(i int) float64 {
		return func(i int) float64 {
			v := 0.0
			for k, a := range at {
				if i >= a {
					v += float64(12 + 4*k)
				}
			}
			return v + random.NormFloat64()
		}
	}
	walk := 0.0
	for name, c := range map[string]struct {
		y    []float64
		want []int
	}{
		"one":        {series(300, level(140)), []int{140}},
		"two":        {series(300, level(100, 220)), []int{100, 220}},
		"none":       {series(300, level()), nil},
		"exact step": {series(100, func(i int) float64 { return float64(i / 50 * 10) }), []int{50}},
		"long":       {series(20_000, level(11_234)), []int{11_234}},
		"line":       {series(300, func(i int) float64 { return float64(i) + random.NormFloat64() }), nil},
		"walk":       {series(500, func(int) float64 { walk += random.NormFloat64(); return walk }), nil},
		"spikes":     {series(300, func(i int) float64 { return random.NormFloat64() + 80*float64(1-min(1, i%50)) }), nil},
		"short visit": {series(400, func(i int) float64 {
			return random.NormFloat64() + 15*float64(1-min(1, max(i-200, 0)/12+max(200-i, 0)))
		}), nil},
		"too short":    {series(12, level(6)), nil},
		"constant":     {series(100, func(int) float64 { return 4 }), nil},
		"step on line": {series(300, func(i int) float64 { return float64(i)/10 + float64(i/150*20) + random.NormFloat64() }), []int{150}},
	} {
		got, err := changepoint.Shifts(t.Context(), c.y, changepoint.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != len(c.want) {
			t.Errorf("%s: %+v, want %v", name, got, c.want)
			continue
		}
		for i, s := range got {
			if d := s.Index - c.want[i]; d < -1 || d > 1 || s.Confidence < 0.9 || s.After <= s.Before {
				t.Errorf("%s: %+v, want %d", name, s, c.want[i])
			}
		}
	}
}

func TestNoiseSeldomShifts(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(8, 2))
	found := 0
	for range 80 {
		y := series(40+random.IntN(400), func(int) float64 { return random.NormFloat64() })
		s, err := changepoint.Shifts(t.Context(), y, changepoint.Options{})
		if err != nil {
			t.Fatal(err)
		}
		found += len(s)
	}
	if found > 2 {
		t.Errorf("%d shifts in 80 series of noise", found)
	}
}

func TestShiftsStopWithTheirContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	random := rand.New(rand.NewPCG(1, 1))
	y := series(2000, func(int) float64 { return random.NormFloat64() })
	if _, err := changepoint.Shifts(ctx, y, changepoint.Options{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}
