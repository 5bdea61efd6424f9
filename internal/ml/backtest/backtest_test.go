package backtest_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/omni-run/omni/internal/ml/backtest"
	"pgregory.net/rapid"
)

func TestOrigins(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		n, horizon, windows, step, least int
		want                             []int
	}{
		{20, 3, 3, 2, 5, []int{13, 15, 17}},
		{20, 3, 9, 5, 5, []int{7, 12, 17}},
		{4, 3, 2, 1, 1, []int{1}},
		{3, 3, 2, 1, 1, nil},
		{0, 1, 1, 1, 0, nil},
	} {
		if got := backtest.Origins(c.n, c.horizon, c.windows, c.step, c.least); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v", c, got)
		}
	}
}

func TestMeasure(t *testing.T) {
	t.Parallel()
	train := []float64{10, 12, 11, 13}
	if got := backtest.Scale(train, 2); got != 1 {
		t.Errorf("scale %v, want 1", got)
	}
	// By hand: errors 1 and 3, actual 10 and 20.
	e := backtest.Measure([]backtest.Window{{Actual: []float64{10, 20}, Forecast: []float64{11, 17}}}, 1)
	want := backtest.Errors{MAE: 2, RMSE: math.Sqrt(5), MASE: 2, SMAPE: (200.0/21 + 600.0/37) / 2, Points: 2}
	if math.Abs(e.SMAPE-want.SMAPE) > 1e-12 || e.MAE != want.MAE || e.MASE != want.MASE || math.Abs(e.RMSE-want.RMSE) > 1e-12 {
		t.Errorf("got %+v, want %+v", e, want)
	}
	flat := []backtest.Window{{Actual: []float64{5, 5}, Forecast: []float64{5, 5}}}
	if e := backtest.Measure(flat, 0); e.MASE != 0 || e.SMAPE != 0 {
		t.Errorf("exact forecasts of a constant: %+v", e)
	}
	if e := backtest.Measure(nil, 1); e != (backtest.Errors{}) {
		t.Errorf("nothing: %+v", e)
	}
}

// walks makes windows of a random walk forecast by its last value.
func walks(count, horizon int, rng *rand.Rand) []backtest.Window {
	out := make([]backtest.Window, count)
	for k := range out {
		w := backtest.Window{Forecast: make([]float64, horizon)}
		v := 0.0
		for range horizon {
			v += rng.NormFloat64()
			w.Actual = append(w.Actual, v)
		}
		out[k] = w
	}
	return out
}

func TestIntervalsOfARandomWalk(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	windows := walks(400, 8, rng)
	c := backtest.Calibrate(windows, 0)
	if math.Abs(c.Growth-0.5) > 0.05 {
		t.Errorf("growth %.3f, want 0.5", c.Growth)
	}
	for _, level := range []float64{0.5, 0.8, 0.95} {
		want := backtest.NormalQuantile(0.5+level/2) * math.Sqrt(4)
		if got := c.Margin(level, 4); math.Abs(got-want) > 0.1*want {
			t.Errorf("level %v: margin %.3f, want %.3f within 10 %%", level, got, want)
		}
		if got := backtest.Coverage(windows[:100], level, 0); math.Abs(got-level) > 0.07 {
			t.Errorf("level %v: coverage %.3f", level, got)
		}
	}
}

func TestMarginsGrowWithLevelAndStep(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		windows := walks(rapid.IntRange(0, 12).Draw(t, "windows"), rapid.IntRange(1, 6).Draw(t, "horizon"), rng)
		c := backtest.Calibrate(windows, 1e-3)
		last := 0.0
		for _, level := range []float64{0.01, 0.3, 0.5, 0.8, 0.9, 0.95, 0.99, 0.999} {
			m := c.Margin(level, 1)
			if m < last || math.IsNaN(m) || math.IsInf(m, 0) || c.Margin(level, 9) <= m {
				t.Fatalf("level %v: margins %v and %v after %v", level, m, c.Margin(level, 9), last)
			}
			last = m
		}
		if v := backtest.Coverage(windows, 0.8, 1e-3); len(windows) >= 2 && !(v >= 0 && v <= 1) {
			t.Fatalf("coverage %v", v)
		}
	})
}

func TestFewOrNoErrorsLeaveAnInterval(t *testing.T) {
	t.Parallel()
	exact := make([]backtest.Window, 8)
	for k := range exact {
		exact[k] = backtest.Window{Actual: []float64{5, 6, 7, 8, 9}, Forecast: []float64{5, 6, 7, 8, 9}}
	}
	if m := backtest.Calibrate(exact, 1).Margin(0.95, 1); m < 0.05 || m > 0.3 {
		t.Errorf("40 exact forecasts of steps of 1: margin %.3f, want a tenth or two", m)
	}
	if m := backtest.Calibrate(exact, 0).Margin(0.95, 5); m != 0 {
		t.Errorf("a series that never moves: margin %g, want 0", m)
	}
	lucky := []backtest.Window{{Actual: []float64{5}, Forecast: []float64{5.1}}, {Actual: []float64{7}, Forecast: []float64{6.9}}}
	if m := backtest.Calibrate(lucky, 2).Margin(0.95, 1); m < 2 || m > 5 {
		t.Errorf("two lucky forecasts of steps of 2: margin %.3f", m)
	}
}

func TestFarStepsAndLevels(t *testing.T) {
	t.Parallel()
	flat := walks(60, 6, rand.New(rand.NewPCG(3, 4)))
	for _, w := range flat { // errors that do not grow with the step
		for i := range w.Actual {
			w.Actual[i] = float64(1 - 2*(i%2))
		}
	}
	c := backtest.Calibrate(flat, 1)
	if c.Growth > 0.2 {
		t.Fatalf("growth %.3f", c.Growth)
	}
	if near, far := c.Margin(0.8, 6), c.Margin(0.8, 600); math.Abs(far-10*near) > 1e-9 {
		t.Errorf("a hundred times the tested horizon: margin %.3f, want ten times %.3f", far, near)
	}
	if m := c.Margin(1-1e-16, 1); math.IsInf(m, 0) || m > 1000 {
		t.Errorf("a level of all but 1: margin %g", m)
	}
}
