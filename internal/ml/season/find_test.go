package season_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/omni-run/omni/internal/ml/season"
	"pgregory.net/rapid"
)

// drawn is n values of an autoregression of order one beside f.
func drawn(seed uint64, n int, phi float64, f func(i int) float64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 9))
	y, state := make([]float64, n), 0.0
	for i := range y {
		state = phi*state + rng.NormFloat64()
		y[i] = state + f(i)
	}
	return y
}

func flat(int) float64 { return 0 }

// dayAndWeek is a day's curve that is half as high on two days of seven.
func dayAndWeek(day int) func(i int) float64 {
	return func(i int) float64 {
		size := 6.0
		if i/day%7 >= 5 {
			size = 3
		}
		phase := 2 * math.Pi * float64(i%day) / float64(day)
		return -size*math.Cos(phase) - size/3*math.Cos(2*phase)
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(6, 1))
	indices := make([]float64, 60)
	for i := range indices {
		indices[i] = 3 * rng.NormFloat64()
	}
	indexed := func(period int) func(int) float64 {
		return func(i int) float64 { return indices[i%period] }
	}
	for name, c := range map[string]struct {
		y    []float64
		want []int
	}{
		"quarters":                        {drawn(1, 28, 0, indexed(4)), []int{4}},
		"months of a walk":                {drawn(1, 120, 1, indexed(12)), []int{12}},
		"days":                            {drawn(1, 70, 0.5, indexed(7)), []int{7}},
		"an odd season":                   {drawn(1, 200, 0.5, indexed(17)), []int{17}},
		"a trend over a season":           {drawn(1, 96, 0, func(i int) float64 { return 4*float64(i) + indices[i%12] }), []int{12}},
		"growing with the level":          {growing(), []int{12}},
		"weeks of a year, smooth":         {drawn(1, 520, 0.5, func(i int) float64 { return 5 * math.Sin(2*math.Pi*float64(i)/52) }), []int{52}},
		"hours of five weeks":             {drawn(1, 840, 0.7, dayAndWeek(24)), []int{24, 168}},
		"five minutes, four weeks":        {drawn(1, 8064, 0.7, dayAndWeek(288)), []int{288, 2016}},
		"a job every hour beside the day": {drawn(1, 288*8, 0.7, func(i int) float64 { return 8*math.Sin(2*math.Pi*float64(i)/288) + 4*float64(1-min(1, i%12)) }), []int{288, 12}},
		"spikes at night":                 {drawn(1, 24*14, 0, func(i int) float64 { return 30 * float64(1-min(1, i%24)) }), []int{24}},
		"two steps":                       {drawn(1, 60, 0, func(i int) float64 { return 4 * float64(i%2) }), []int{2}},
		"nine values":                     {[]float64{1, 5, 1, 5, 1, 5, 1, 5, 1}, nil},
		"empty":                           {nil, nil},
		"constant":                        {make([]float64, 100), nil},
		"a line":                          {wave(100, 7, 2, 0, 0), nil},
		"a missing value":                 {append(wave(100, 7, 0, 9, 1), math.NaN()), nil},
		"too large to subtract":           {[]float64{1e308, -1e308, 1e308, -1e308, 1e308, -1e308, 1e308, -1e308, 1e308, -1e308, 1e308}, nil},
		"1e-300":                          {scaledBy(drawn(1, 70, 0.5, indexed(7)), 1e-300), []int{7}},
		"1e300":                           {scaledBy(drawn(1, 70, 0.5, indexed(7)), 1e300), []int{7}},
	} {
		if got := season.Find(c.y, 2500); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
	if got := season.Find(drawn(1, 840, 0.7, dayAndWeek(24)), 100); !slices.Equal(got, []int{24}) {
		t.Errorf("hours up to 100: %v", got)
	}
}

func growing() []float64 {
	y := drawn(3, 120, 0, flat)
	for i, v := range y {
		y[i] = math.Exp(0.03*float64(i) + 0.05*v + 0.3*math.Sin(math.Pi*float64(i)/6))
	}
	return y
}

func scaledBy(y []float64, by float64) []float64 {
	for i := range y {
		y[i] *= by
	}
	return y
}

// What has no season is seldom said to have one, however long.
func TestFindSeldomErrs(t *testing.T) {
	t.Parallel()
	for name, phi := range map[string]float64{"noise": 0, "autoregression 0.5": 0.5, "autoregression 0.9": 0.9, "walk": 1} {
		found, number := 0, 0
		for _, n := range []int{20, 36, 80, 200, 500} {
			for k := range 80 {
				slope := float64(k%3) / 4
				if season.Find(drawn(uint64(1000*n+k), n, phi, func(i int) float64 { return slope * float64(i) }), 2500) != nil {
					found++
				}
				number++
			}
		}
		t.Logf("%s: %d of %d", name, found, number)
		if 50*found > number {
			t.Errorf("%s: a season in %d of %d series", name, found, number)
		}
	}
}

func TestFindIsOfOneMind(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		y := rapid.SliceOfN(rapid.Float64Range(-1e6, 1e6), 0, 200).Draw(t, "y")
		limit := rapid.IntRange(-1, 100).Draw(t, "limit")
		got := season.Find(y, limit)
		for i, m := range got {
			if m < 2 || m > limit || 3*m > len(y) || m%slices.Min(got) != 0 || slices.Contains(got[:i], m) {
				t.Fatalf("seasons %v of %d values up to %d", got, len(y), limit)
			}
		}
		if again := season.Find(scaledBy(slices.Clone(y), 1024), limit); !slices.Equal(got, again) {
			t.Fatalf("%v, in other units %v", got, again)
		}
	})
}

func BenchmarkFind(b *testing.B) {
	y := drawn(1, 1000, 0.7, dayAndWeek(24))
	b.ReportAllocs()
	for b.Loop() {
		season.Find(y, 1440)
	}
}
