package harmonic

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func TestSpectrumIsTheTransform(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Float64Range(-1e3, 1e3), 1, 60).Draw(t, "x")
		for k, got := range spectrum(x) {
			want := complex(0, 0)
			for i, v := range x {
				want += complex(v, 0) * cmplx.Rect(1, -2*math.Pi*float64(i*k)/float64(len(x)))
			}
			if cmplx.Abs(got-want) > 1e-8*(1+cmplx.Abs(want))+1e-8 {
				t.Fatalf("%d of %v: %v, want %v", k, x, got, want)
			}
		}
	})
}

// drawn is n values of an autoregression of order one beside f.
func drawn(seed uint64, n int, phi, size float64, f func(i int) float64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 3))
	y, state := make([]float64, n), 0.0
	for i := range y {
		state = phi*state + size*rng.NormFloat64()
		y[i] = state + f(i)
	}
	return y
}

// off is the root of the mean squared error of a fitted season.
func off(got []float64, n, period int, f func(i int) float64) float64 {
	mean := 0.0
	for i := range period {
		mean += f(i) / float64(period)
	}
	sum := 0.0
	for h := range period {
		d := f(n+h) - mean
		if got != nil {
			d -= got[h]
		}
		sum += d * d / float64(period)
	}
	return math.Sqrt(sum)
}

func TestFit(t *testing.T) {
	t.Parallel()
	year := func(size float64) func(i int) float64 {
		return func(i int) float64 { return size * math.Sin(2*math.Pi*float64(i)/365) }
	}
	week := func(i int) float64 { return []float64{0, 1, 2, 1, 0, -8, -9}[i%7] }
	day := func(i int) float64 { // half hours; two days of seven are quiet
		size := 10.0
		if i/48%7 >= 5 {
			size = 4
		}
		return size * math.Max(0, math.Sin(2*math.Pi*float64(i%48)/48))
	}
	both := func(i int) float64 { return year(20)(i) + week(i) }
	for name, c := range map[string]struct {
		n, period int
		phi, size float64
		season    func(i int) float64
		beside    func(i int) float64 // what is no season of the period
		others    []int
		most      float64
	}{
		"a plain year":              {1095, 365, 0, 4, year(30), nil, nil, 0.3},
		"a year and some":           {1000, 365, 0, 4, year(30), nil, nil, 0.6},
		"two years":                 {730, 365, 0, 4, year(30), nil, nil, 0.6},
		"a weak year":               {1095, 365, 0, 4, year(2), nil, nil, 0.6},
		"a year on a slope":         {1095, 365, 0, 4, year(30), func(i int) float64 { return 0.2 * float64(i) }, nil, 0.5},
		"a year beside a week":      {1095, 365, 0, 1, year(20), week, []int{7}, 0.3},
		"of a multiple of the week": {1092, 364, 0, 1, func(i int) float64 { return 20 * math.Sin(2*math.Pi*float64(i)/364) }, week, []int{7}, 0.3},
		"half hours of a week":      {336 * 6, 336, 0.5, 1, day, nil, nil, 1},
		"a year of one who wanders": {1460, 365, 0.9, 1, year(10), nil, nil, 2},
		"nothing but a year":        {1095, 365, 0, 0, year(30), nil, nil, 1e-6},
		"a week that was not named": {1095, 365, 0, 1, both, nil, nil, 7},
	} {
		y := drawn(5, c.n, c.phi, c.size, func(i int) float64 {
			v := 100 + c.season(i)
			if c.beside != nil {
				v += c.beside(i)
			}
			return v
		})
		got := Fit(y, c.period, c.others)
		if len(got) != c.period {
			t.Errorf("%s: a season of %d", name, len(got))
		}
		e := off(got, c.n, c.period, c.season)
		t.Logf("%s: off by %.3g", name, e)
		if e > c.most {
			t.Errorf("%s: off by %.3g, want at most %.3g", name, e, c.most)
		}
	}
}

func TestFitSeldomErrs(t *testing.T) {
	t.Parallel()
	flat := func(int) float64 { return 0 }
	spikes := drawn(8, 365, 0, 3, flat) // are left to the mean of each phase
	for name, c := range map[string]struct {
		phi float64
		f   func(i int) float64
	}{
		"noise": {0, flat}, "autoregression 0.9": {0.9, flat}, "walk": {1, flat},
		"a line":     {0, func(i int) float64 { return float64(i) / 10 }},
		"a bend":     {0, func(i int) float64 { return math.Abs(float64(i-500)) / 20 }},
		"a step":     {0, func(i int) float64 { return 10 * float64(i/547) }},
		"a week":     {0, func(i int) float64 { return 5 * float64(i%7) }},
		"spikes":     {0, func(i int) float64 { return spikes[i%365] }},
		"a parabola": {0, func(i int) float64 { return float64(i*i) / 2e4 }},
	} {
		found, number := 0, 0
		for _, n := range []int{730, 800, 1095, 1460} {
			for seed := range uint64(50) {
				if Fit(drawn(seed, n, c.phi, 1, c.f), 365, []int{7}) != nil {
					found++
				}
				number++
			}
		}
		t.Logf("%s: %d of %d", name, found, number)
		if 25*found > number {
			t.Errorf("%s: a season in %d of %d series", name, found, number)
		}
	}
}

func TestFitOfAnything(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		y := rapid.SliceOfN(rapid.Float64(), 0, 80).Draw(t, "y")
		period := rapid.IntRange(-1, 40).Draw(t, "period")
		others := rapid.SliceOfN(rapid.IntRange(-1, 45), 0, 3).Draw(t, "others")
		got := Fit(y, period, others)
		if got != nil && (len(got) != period || len(y) < 2*period) {
			t.Fatalf("%d values of a season of %d in %d", len(got), period, len(y))
		}
		for _, v := range got {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Fatalf("the season holds %v", v)
			}
		}
	})
}
