package globalforecast

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// small is a recipe that trains in a moment.
func small() Recipe {
	return Recipe{
		Shape:   Shape{Window: 12, Patch: 2, Tail: 6, Horizon: 6, Hidden: 8, Head: 8, Seasonal: true},
		Seasons: []Season{{Period: 4, Count: 6, Echo: 4, Share: 1}}, Scored: 4, Near: 4, RelativeShare: 6, ScaledShare: 0.5,
		Steps: 120, Batch: 16, Rate: 1e-2, Synthetic: 0.2, Linear: 0.1,
	}
}

// untrained is a model of fresh networks.
func untrained(t testing.TB) *Frequency {
	t.Helper()
	r := small()
	f := &Frequency{Name: "quarterly", Recipe: r, Members: 2, Blend: 0.6, Stretch: unstretched(r.Shape.Horizon)}
	rng := rand.New(rand.NewPCG(5, 6))
	for range f.Members {
		n, err := NewNetwork(r.Shape, rng)
		if err != nil {
			t.Fatal(err)
		}
		f.networks = append(f.networks, n)
	}
	return f
}

// TestAnswersAreFiniteAndOrdered: whatever the history.
func TestAnswersAreFiniteAndOrdered(t *testing.T) {
	t.Parallel()
	f := untrained(t)
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(
			rapid.Float64Range(-1e300, 1e300), rapid.Float64Range(0, 100), rapid.Float64Range(1e-300, 1e-290),
			rapid.Just(0.0), rapid.Just(7.0), rapid.Float64Range(99, 101))
		y := rapid.SliceOfN(value, 1, 60).Draw(t, "history")
		period := rapid.IntRange(0, 30).Draw(t, "period")
		horizon := rapid.IntRange(1, 20).Draw(t, "horizon")
		list, err := f.Forecast(context.Background(), []Series{{y, period}}, horizon)
		if err != nil {
			t.Fatal(err)
		}
		for h := range horizon {
			last := math.Inf(-1)
			for k := range list[0] {
				v := list[0][k][h]
				if math.IsNaN(v) || math.IsInf(v, 0) || v < last {
					t.Fatalf("step %d quantile %v is %v after %v", h+1, Quantiles[k], v, last)
				}
				last = v
			}
			for _, level := range []float64{0.001, 0.3, 0.5, 0.77, 0.999} {
				if v := list[0].At(level)[h]; math.IsNaN(v) || math.IsInf(v, 0) {
					t.Fatalf("level %v at step %d is %v", level, h+1, v)
				}
			}
		}
	})
}

func TestQuantilesOfAnyLevelAscend(t *testing.T) {
	t.Parallel()
	f := untrained(t)
	list, err := f.Forecast(context.Background(), []Series{{quarters(rand.New(rand.NewPCG(1, 1)), 40), 4}}, 6)
	if err != nil {
		t.Fatal(err)
	}
	before := list[0].At(0.0005)
	for level := 0.001; level < 1; level += 0.001 {
		now := list[0].At(level)
		for h := range now {
			if now[h] < before[h]-1e-9*math.Abs(before[h]) {
				t.Fatalf("step %d: level %.3f is %v, below %v", h+1, level, now[h], before[h])
			}
		}
		before = now
	}
	for k, level := range Quantiles {
		if got := list[0].At(level)[2]; math.Abs(got-list[0][k][2]) > 1e-9*math.Abs(got) {
			t.Errorf("At(%v) = %v, the quantile is %v", level, got, list[0][k][2])
		}
	}
}

// quarters is a growing series with a season of four.
func quarters(rng *rand.Rand, n int) []float64 {
	y := make([]float64, n)
	growth, swing := 0.03*rng.NormFloat64(), 0.3*rng.Float64()
	level := math.Exp(3 + 3*rng.Float64())
	for i := range y {
		y[i] = level * math.Exp(growth*float64(i)+swing*math.Sin(math.Pi*float64(i)/2+0.3)+0.02*rng.NormFloat64())
	}
	return y
}

// TestASeriesAnswersAloneAsInABatch, bit for bit.
func TestASeriesAnswersAloneAsInABatch(t *testing.T) {
	t.Parallel()
	f := untrained(t)
	rng := rand.New(rand.NewPCG(3, 4))
	list := make([]Series, 2*chunk+5)
	for i := range list {
		list[i] = Series{quarters(rng, 3+rng.IntN(60)), 4}
	}
	all, err := f.Forecast(context.Background(), list, 9)
	if err != nil {
		t.Fatal(err)
	}
	for i := range list {
		one, err := f.Forecast(context.Background(), list[i:i+1], 9)
		if err != nil {
			t.Fatal(err)
		}
		for k := range one[0] {
			if !slices.Equal(one[0][k], all[i][k]) {
				t.Fatalf("series %d: %v alone, %v in a batch", i, one[0][k], all[i][k])
			}
		}
	}
}

// TestUnitsDoNotMatter: a series in cents is forecast as the one in euros.
func TestUnitsDoNotMatter(t *testing.T) {
	t.Parallel()
	f := untrained(t)
	y := quarters(rand.New(rand.NewPCG(9, 9)), 40)
	const factor = 1000
	large := make([]float64, len(y))
	for i, v := range y {
		large[i] = factor * v
	}
	list, err := f.Forecast(context.Background(), []Series{{y, 4}, {large, 4}}, 6)
	if err != nil {
		t.Fatal(err)
	}
	for h, v := range list[0].Median() {
		if got := list[1].Median()[h] / factor; math.Abs(got-v) > 1e-4*v {
			t.Errorf("step %d: %v and %v", h+1, v, got)
		}
	}
}

func TestNothingToContinue(t *testing.T) {
	t.Parallel()
	f := untrained(t)
	if _, err := f.Forecast(context.Background(), []Series{{nil, 4}}, 3); err == nil {
		t.Error("an empty history is forecast")
	}
	if _, err := f.Forecast(context.Background(), []Series{{[]float64{1}, 4}}, 0); err == nil {
		t.Error("no step is forecast")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := f.Forecast(ctx, []Series{{[]float64{1}, 4}}, 3); err == nil {
		t.Error("a call that has ended is answered")
	}
}

func TestForChoosesTheNearestSeason(t *testing.T) {
	t.Parallel()
	m := &Model{}
	for _, name := range []string{"yearly", "quarterly", "monthly", "weekly", "daily", "hourly"} {
		m.Frequencies = append(m.Frequencies, &Frequency{Name: name, Recipe: Recipes()[name]})
	}
	for _, c := range []struct {
		period, length int
		want           string
		season         int
	}{
		{1, 20, "yearly", 1},
		{1, 500, "weekly", 1},
		{4, 40, "quarterly", 4},
		{12, 60, "monthly", 12},
		{7, 90, "daily", 7},
		{24, 100, "hourly", 24},
		{24, 700, "hourly", 168},
		{168, 700, "hourly", 168},
		{52, 200, "weekly", 52},
		{6, 60, "daily", 6},
		{96, 600, "hourly", 96},
	} {
		f := m.For(c.period, c.length)
		if got := f.Season(c.period, c.length, false); f.Name != c.want || got != c.season {
			t.Errorf("a season of %d in %d values: %s with %d, want %s with %d", c.period, c.length, f.Name, got, c.want, c.season)
		}
	}
	if got := m.Frequency("monthly").Season(1, 60, true); got != 12 {
		t.Errorf("months without a season found are read with %d", got)
	}
	if m.Frequency("none") != nil {
		t.Error("a frequency of another name is found")
	}
}
