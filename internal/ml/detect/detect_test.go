package detect_test

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/omni-run/omni/internal/ml/detect"
)

func series(n int, f func(i int) float64) []float64 {
	y := make([]float64, n)
	for i := range y {
		y[i] = f(i)
	}
	return y
}

func with(y []float64, at int, v float64) []float64 {
	y = slices.Clone(y)
	y[at] = v
	return y
}

func found(r *detect.Result) []int {
	var out []int
	for i, a := range r.IsAnomaly {
		if a {
			out = append(out, i)
		}
	}
	return out
}

func TestSeries(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(11, 1))
	saw := series(120, func(i int) float64 { return 120 + float64(i%10)*3 })
	noise := series(300, func(int) float64 { return 50 + random.NormFloat64() })
	day := series(24*28, func(i int) float64 { return 100 + 20*math.Sin(float64(i)*math.Pi/12) + random.NormFloat64() })
	growth := series(60, func(i int) float64 { return 100 * math.Pow(1.05, float64(i)) })
	seasonGrowth := series(96, func(i int) float64 { return (100 + float64(i)) * (1 + 0.3*math.Sin(float64(i)*math.Pi/6)) })
	shift := series(300, func(i int) float64 { return float64(i/150*30) + random.NormFloat64() })
	few := []float64{45, 47, 46, 44, 46, 45, 47, 46}
	for name, c := range map[string]struct {
		y    []float64
		want []int
	}{
		"clean sawtooth":        {saw, nil},
		"spike in sawtooth":     {with(saw, 63, 780), []int{63}},
		"small break of season": {with(saw, 63, 147), []int{63}},
		"first and last":        {with(with(saw, 0, 400), 119, -50), []int{0, 119}},
		"noise":                 {noise, nil},
		"spike in noise":        {with(noise, 200, 62), []int{200}},
		"dip in a day":          {with(day, 390, 60), []int{390}},
		"line":                  {series(100, func(i int) float64 { return 3 * float64(i) }), nil},
		"spike on a line":       {with(series(100, func(i int) float64 { return 3 * float64(i) }), 40, 200), []int{40}},
		"exponential growth":    {growth, nil},
		"growing season":        {seasonGrowth, nil},
		"constant":              {series(50, func(int) float64 { return 7 }), nil},
		"spike on constant":     {with(series(50, func(int) float64 { return 7 }), 20, 9), []int{20}},
		"spike on zero":         {with(make([]float64, 50), 49, 1e-3), []int{49}},
		"level shift":           {shift, nil},
		"spike after shift":     {with(shift, 250, 15), []int{250}},
		"few points":            {few, nil},
		"few points, one off":   {with(few, 7, 95), []int{7}},
		"huge":                  {with(series(60, func(i int) float64 { return 1e300 * (1 + 0.01*float64(i%5)) }), 33, 1.7e308), []int{33}},
		"tiny":                  {with(series(60, func(i int) float64 { return 1e-300 * (1 + 0.01*float64(i%5)) }), 33, 2e-300), []int{33}},
		"one huge":              {with(noise, 10, 1e300), []int{10}},
		"both ends of float":    {with(with(noise, 10, math.MaxFloat64), 20, -math.MaxFloat64), []int{10, 20}},
		"missing":               {with(with(saw, 63, 780), 64, math.NaN()), []int{63}},
	} {
		r, err := detect.Series(t.Context(), c.y, detect.Options{Sensitivity: detect.DefaultSensitivity})
		if err != nil {
			t.Fatal(err)
		}
		if got := found(r); !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v (period %d, shifts %v)", name, got, c.want, r.Period, r.Shifts)
		}
	}
}

func TestABurstIsFoundWhole(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(2, 1))
	y := series(24*21, func(i int) float64 { return 100 + 20*math.Sin(float64(i)*math.Pi/12) + random.NormFloat64() })
	for i := 300; i < 306; i++ {
		y[i] += 40
	}
	r, err := detect.Series(t.Context(), y, detect.Options{Sensitivity: detect.DefaultSensitivity})
	if err != nil {
		t.Fatal(err)
	}
	if got := found(r); !slices.Equal(got, []int{300, 301, 302, 303, 304, 305}) {
		t.Fatalf("found %v", got)
	}
}

func TestShiftIsReportedOnce(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 1))
	y := series(24*21, func(i int) float64 {
		return 100 + 20*math.Sin(float64(i)*math.Pi/12) + random.NormFloat64() + float64(i/300*25)
	})
	r, err := detect.Series(t.Context(), y, detect.Options{Sensitivity: detect.DefaultSensitivity})
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Shifts) != 1 || math.Abs(float64(r.Shifts[0].Index-300)) > 1 || math.Abs(r.Shifts[0].Step-25) > 3 {
		t.Fatalf("shifts %+v", r.Shifts)
	}
	if r.Count() > 1 {
		t.Fatalf("anomalies %v", found(r))
	}
}

// On noise the corridor at the default sensitivity must hold, whatever its
// tails. Where it grows tenfold all at once more points stick out.
func TestFalseAlarmsOnNoise(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(21, 4))
	state := 0.0
	for name, c := range map[string]struct {
		draw func(i int) float64
		most float64
	}{
		"gaussian":       {func(int) float64 { return random.NormFloat64() }, 0.001},
		"uniform":        {func(int) float64 { return random.Float64() }, 0.001},
		"laplace":        {func(int) float64 { return random.ExpFloat64() * float64(1-2*random.IntN(2)) }, 0.003},
		"autoregressive": {func(int) float64 { state = 0.8*state + random.NormFloat64(); return state }, 0.005},
		"walk":           {func(int) float64 { state += random.NormFloat64(); return state }, 0.005},
		"louder half":    {func(i int) float64 { return random.NormFloat64() * float64(1+9*(i/150%2)) }, 0.01},
		"counts":         {func(int) float64 { return math.Round(3 + 1.7*random.NormFloat64()) }, 0.005},
		"rare events":    {func(int) float64 { return float64(random.IntN(12) / 11) }, 0.005},
		"day and noise":  {func(i int) float64 { return 9*math.Sin(float64(i)*math.Pi/12) + random.NormFloat64() }, 0.002},
	} {
		random, state = rand.New(rand.NewPCG(21, 4)), 0
		points, alarms := 0, 0
		for k := range 15 {
			y := series(40+k*36, c.draw)
			r, err := detect.Series(t.Context(), y, detect.Options{Sensitivity: detect.DefaultSensitivity})
			if err != nil {
				t.Fatal(err)
			}
			points, alarms = points+len(y), alarms+r.Count()
		}
		share := float64(alarms) / float64(points)
		t.Logf("%s: %.5f", name, share)
		if share > c.most {
			t.Errorf("%s: %d alarms on %d points, a share of %.4f; want at most %.4f", name, alarms, points, share, c.most)
		}
	}
}

// Anomalies do not widen the corridor that is to find them, even where they
// are a tenth of all points.
func TestManyAnomaliesAreFound(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(8, 15))
	for _, share := range []float64{0.01, 0.05, 0.1} {
		planted, found, wrong := 0, 0, 0
		for range 5 {
			isPlanted := make([]bool, 1000)
			y := series(1000, func(i int) float64 {
				v := 10*math.Sin(float64(i)*math.Pi/12) + random.NormFloat64()
				if isPlanted[i] = random.Float64() < share; isPlanted[i] {
					v += float64(1-2*random.IntN(2)) * (6 + 8*random.Float64())
				}
				return v
			})
			r, err := detect.Series(t.Context(), y, detect.Options{Sensitivity: detect.DefaultSensitivity})
			if err != nil {
				t.Fatal(err)
			}
			for i, p := range isPlanted {
				switch {
				case p && r.IsAnomaly[i]:
					found++
				case r.IsAnomaly[i]:
					wrong++
				}
				if p {
					planted++
				}
			}
		}
		if float64(found) < 0.9*float64(planted) || wrong > 5 {
			t.Errorf("a share of %v: %d of %d found, %d wrong", share, found, planted, wrong)
		}
	}
}

// What a series does again and again is no news, however far outside the
// corridor; the same once is.
func TestWhatRecursIsNoAnomaly(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(14, 2))
	burst := func(y []float64, at int, size float64) {
		for i := range 4 {
			y[at+i] += size
		}
	}
	y := series(4000, func(int) float64 { return random.NormFloat64() })
	var starts []int
	for at := 60; at < 3900; at += 80 + random.IntN(40) {
		starts = append(starts, at)
		burst(y, at, 25+random.NormFloat64())
	}
	r, err := detect.Series(t.Context(), y, detect.Options{Sensitivity: detect.DefaultSensitivity, Period: 1})
	if err != nil {
		t.Fatal(err)
	}
	if r.Count() > 4 {
		t.Errorf("%d alarms on %d bursts that are all alike", r.Count(), len(starts))
	}
	unlike := starts[len(starts)/2]
	burst(y, unlike, -50)
	if r, err = detect.Series(t.Context(), y, detect.Options{Sensitivity: detect.DefaultSensitivity, Period: 1}); err != nil {
		t.Fatal(err)
	}
	if got := found(r); len(got) < 4 || len(got) > 8 || !slices.Contains(got, unlike) {
		t.Errorf("alarms %v, want those at %d", got, unlike)
	}
	quiet := series(4000, func(int) float64 { return random.NormFloat64() })
	burst(quiet, 2000, 25)
	if r, err = detect.Series(t.Context(), quiet, detect.Options{Sensitivity: detect.DefaultSensitivity, Period: 1}); err != nil {
		t.Fatal(err)
	}
	if got := found(r); !slices.Equal(got, []int{2000, 2001, 2002, 2003}) {
		t.Errorf("a burst that happens once: %v", got)
	}
}

func TestLast(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(12, 1))
	saw := series(121, func(i int) float64 { return 120 + float64(i%10)*3 })
	noise := series(200, func(int) float64 { return 50 + random.NormFloat64() })
	steps := series(100, func(i int) float64 { return 5 * float64(i) })
	for name, c := range map[string]struct {
		y    []float64
		want bool
	}{
		"next of sawtooth":     {saw, false},
		"break of sawtooth":    {with(saw, 120, 147), true},
		"noise":                {with(noise, 199, 51), false},
		"spike after noise":    {with(noise, 199, 62), true},
		"an old spike is past": {with(noise, 100, 900), false},
		"next on a line":       {steps, false},
		"stuck on a line":      {with(steps, 99, 300), true},
		"constant":             {make([]float64, 20), false},
		"after a constant":     {with(make([]float64, 20), 19, 1), true},
		"huge":                 {with(noise, 199, 1e300), true},
		"newest missing":       {with(noise, 199, math.NaN()), false},
	} {
		r, err := detect.Last(t.Context(), c.y, detect.Options{Sensitivity: detect.DefaultSensitivity})
		if err != nil {
			t.Fatal(err)
		}
		n := len(c.y) - 1
		if r.IsAnomaly[n] != c.want || r.Count() > 1 || r.Scored[0] || r.Scored[n] == math.IsNaN(c.y[n]) {
			t.Errorf("%s: %v (score %v, expected %v), want %v", name, r.IsAnomaly[n], r.Score[n], r.Expected[n], c.want)
		}
	}
}

func TestAnyFiniteSeriesIsAnswered(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.Float64(), rapid.Float64Range(-5, 5), rapid.SampledFrom([]float64{0, 1, math.MaxFloat64, -math.MaxFloat64, 1e300, 1e-300, 5e-324}))
		y := rapid.SliceOfN(value, detect.MinPoints+1, 50).Draw(t, "y")
		o := detect.Options{Sensitivity: rapid.Float64Range(0, 99).Draw(t, "sensitivity"), Period: rapid.IntRange(0, len(y)/2).Draw(t, "period")}
		for mode, f := range map[string]func(context.Context, []float64, detect.Options) (*detect.Result, error){"series": detect.Series, "last": detect.Last} {
			r, err := f(context.Background(), y, o)
			if err != nil {
				t.Fatal(err)
			}
			for i := range y {
				if !r.Scored[i] {
					continue
				}
				for _, v := range []float64{r.Expected[i], r.Upper[i], r.Lower[i], r.Score[i]} {
					if math.IsNaN(v) || math.IsInf(v, 0) {
						t.Fatalf("%s: point %d is answered with %v", mode, i, v)
					}
				}
				if r.Lower[i] > r.Expected[i] || r.Expected[i] > r.Upper[i] {
					t.Fatalf("%s: point %d: %v, %v, %v", mode, i, r.Lower[i], r.Expected[i], r.Upper[i])
				}
			}
		}
	})
}

func TestMoreSensitiveFindsNoFewer(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(6, 6))
	y := series(400, func(int) float64 { return random.NormFloat64() * math.Exp(random.NormFloat64()) })
	last := 0
	for _, s := range []float64{0, 20, 40, 60, 80, 99} {
		r, err := detect.Series(t.Context(), y, detect.Options{Sensitivity: s})
		if err != nil {
			t.Fatal(err)
		}
		if r.Count() < last {
			t.Fatalf("sensitivity %v finds %d, a lower one found %d", s, r.Count(), last)
		}
		last = r.Count()
	}
	if last == 0 {
		t.Fatal("nothing found at 99")
	}
}

func TestGridKeepsThePhaseAcrossGaps(t *testing.T) {
	t.Parallel()
	start := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	var times []time.Time
	var y []float64
	for i := range 24 * 20 {
		if i > 200 && i < 213 {
			continue
		}
		times = append(times, start.Add(time.Duration(i)*time.Hour))
		y = append(y, float64(i%24))
	}
	at, step, ok := detect.Grid(times)
	if !ok || step != time.Hour || at[len(at)-1] != 24*20-1 {
		t.Fatalf("grid ends at %d, step %v, %v", at[len(at)-1], step, ok)
	}
	r, err := detect.Series(t.Context(), y, detect.Options{Sensitivity: detect.DefaultSensitivity, Positions: at})
	if err != nil || r.Count() != 0 || r.Period != 24 {
		t.Fatalf("anomalies %v, period %d (%v)", found(r), r.Period, err)
	}
	if _, _, ok := detect.Grid([]time.Time{start, start.Add(time.Hour), start.Add(time.Hour * 5 / 2), start.Add(time.Hour * 7 / 2)}); ok {
		t.Fatal("uneven times were put on a grid")
	}
}

func BenchmarkSeries100k(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 1))
	for name, f := range map[string]func(i int) float64{
		"noise": func(int) float64 { return random.NormFloat64() },
		"day":   func(i int) float64 { return 9*math.Sin(float64(i)*math.Pi/720) + random.NormFloat64() },
	} {
		y := series(100_000, f)
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := detect.Series(b.Context(), y, detect.Options{Sensitivity: 60}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
