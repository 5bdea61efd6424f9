package forecast

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/globalforecast"
)

// noisy is f with noise of the given size.
func noisy(seed uint64, n int, size float64, f func(i int) float64) []float64 {
	random := rand.New(rand.NewPCG(seed, 4))
	y := make([]float64, n)
	for i := range y {
		y[i] = f(i) + size*random.NormFloat64()
	}
	return y
}

// waves is a season of the period about 100.
func waves(size float64, period int) func(i int) float64 {
	return func(i int) float64 { return 100 + size*math.Sin(2*math.Pi*float64(i)/float64(period)) }
}

func TestWhatTheNetworksRead(t *testing.T) {
	t.Parallel()
	m, err := New(Deps{}).shippedModel()
	if err != nil {
		t.Fatal(err)
	}
	below := func(i int) float64 { return waves(30, 365)(i) - 100 }
	seldom := func(i int) float64 { return max(0, below(i)-25) }
	for name, c := range map[string]struct {
		kind      string
		period    int
		y         []float64
		part      string
		inner     int
		out, logs bool
	}{
		"a year of days":         {"daily", 365, noisy(1, 1095, 4, waves(30, 365)), "daily", 7, true, true},
		"nobody says of what":    {"", 365, noisy(1, 1095, 4, waves(30, 365)), "daily", 7, true, true},
		"about nought":           {"daily", 365, noisy(1, 1095, 4, below), "daily", 7, true, false},
		"half hours of a day":    {"", 48, noisy(1, 960, 4, waves(30, 48)), "hourly", 1, true, true},
		"not there":              {"daily", 365, noisy(1, 1095, 4, waves(0, 365)), "daily", 365, false, false},
		"not two of them":        {"daily", 365, noisy(1, 729, 4, waves(30, 365)), "daily", 365, false, false},
		"mostly nought":          {"daily", 365, noisy(1, 1095, 0, seldom), "daily", 365, false, false},
		"nothing else":           {"", 48, noisy(1, 960, 0, func(i int) float64 { return float64(i % 48 / 24) }), "weekly", 48, false, false},
		"a season of the recipe": {"daily", 7, noisy(1, 1095, 4, waves(30, 7)), "daily", 7, false, false},
		"one that divides it":    {"hourly", 12, noisy(1, 1095, 4, waves(30, 12)), "hourly", 168, false, false},
		"a day of hours":         {"", 24, noisy(1, 1095, 4, waves(30, 24)), "hourly", 168, false, false},
		"none":                   {"", 1, noisy(1, 1095, 4, waves(0, 365)), "weekly", 1, false, false},
	} {
		r := m.reads(c.kind, c.period, c.y)
		if r.part.Name != c.part || r.period != c.inner || (r.cycle != nil) != c.out || c.out && r.cycle.ratio != c.logs {
			t.Errorf("%s: %s networks, period %d, cycle %+v", name, r.part.Name, r.period, r.cycle)
			continue
		}
		back := r.cycle.without(c.y)
		r.cycle.restore(back, 0)
		for i, v := range back {
			if math.Abs(v-c.y[i]) > 1e-9 {
				t.Fatalf("%s: value %d came back as %v, was %v", name, i, v, c.y[i])
			}
		}
	}
}

// A season that the networks were not trained with is in the point forecast, its
// interval, the back-test and the contestant of /predict/backtest.
func TestTheNetworksFollowAForeignSeason(t *testing.T) {
	t.Parallel()
	m, err := New(Deps{}).shippedModel()
	if err != nil {
		t.Fatal(err)
	}
	const n, h = 1095, 120
	truth := waves(30, 365)
	for _, mode := range []string{modeGlobal, modeAuto} {
		y := noisy(7, n, 4, truth)
		out, err := run(t.Context(), task{
			y: y, horizon: h, mode: mode, period: 365, kind: "daily", global: m, crowd: true, tested: true, selector: New(Deps{}).selector(),
			neural: neural{lookback: 10}, warn: t.Logf,
		})
		if err != nil {
			t.Fatal(err)
		}
		near(t, mode, out.forecast, truth, n)
		for i := range out.forecast {
			if lower, upper := out.interval(0.95, i); lower > truth(n+i) || upper < truth(n+i) {
				t.Errorf("%s: step %d: the mean %.4g is not in [%.4g, %.4g]", mode, i, truth(n+i), lower, upper)
			}
		}
		for _, e := range out.entrants {
			if e.name != modelGlobal {
				continue
			}
			if len(e.windows) == 0 {
				t.Errorf("%s: no back-test", mode)
			}
			for _, w := range e.windows {
				near(t, mode+", back-test", times(w.Forecast, out.unit), truth, w.Origin)
			}
		}
	}
	predict, _, err := m.alone("daily", 365).fit(t.Context(), make([]float64, leastConsulted))
	if err != nil {
		t.Fatal(err)
	}
	f, err := predict(t.Context(), noisy(7, n, 4, truth), h)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "alone", f, truth, n)
}

// near asks for a mean error of less than the noise.
func near(t *testing.T, name string, f []float64, truth func(i int) float64, from int) {
	t.Helper()
	off := 0.0
	for i, v := range f {
		off += math.Abs(v-truth(from+i)) / float64(len(f))
	}
	if off > 4 {
		t.Errorf("%s: off by %.3g on average", name, off)
	}
}

// A season of the recipe is asked for in one question and answered as without
// any of this.
func TestTheUsualSeasonIsLeftToTheNetworks(t *testing.T) {
	t.Parallel()
	m, err := New(Deps{}).shippedModel()
	if err != nil {
		t.Fatal(err)
	}
	y := noisy(3, 400, 4, waves(30, 7))
	out, err := run(context.Background(), task{
		y: y, horizon: 14, mode: modeGlobal, period: 7, kind: "daily", global: m, crowd: true, neural: neural{lookback: 10}, warn: t.Logf,
	})
	if err != nil {
		t.Fatal(err)
	}
	unit := unitOf(y)
	want, err := m.tuned.Frequency("daily").Forecast(t.Context(), []globalforecast.Series{{Values: divided(y, unit), Period: 7}}, 14)
	if err != nil {
		t.Fatal(err)
	}
	if got := times(want[0].Median(), unit); !slices.Equal(out.forecast, got) {
		t.Errorf("%v, the networks say %v", out.forecast, got)
	}
}

// Adapted networks learn from what they will be asked about: the series without
// the season that is taken out.
func TestAdaptingTakesAForeignSeasonOut(t *testing.T) {
	t.Parallel()
	incumbent, err := New(Deps{}).shippedModel()
	if err != nil {
		t.Fatal(err)
	}
	y := noisy(9, 960, 4, waves(30, 48))
	trainer := NewTrainer(Limits{}, nil)
	groups, _, err := trainer.kin(incumbent, &api.ForecastModelSpec{Series: []api.ForecastSeries{{ID: "a", TimeSeries: y}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(groups) != 1 || groups[0].part.Name != "hourly" || groups[0].period != 1 {
		t.Fatalf("%+v", groups)
	}
	got := groups[0].values[0]
	if span := slices.Max(got) - slices.Min(got); span > (slices.Max(y)-slices.Min(y))/unitOf(y)/2 {
		t.Errorf("the series still spans %.3g", span)
	}
}
