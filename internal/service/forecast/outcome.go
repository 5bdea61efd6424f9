package forecast

import (
	"math"
	"slices"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/backtest"
	"github.com/omni-run/omni/internal/ml/globalforecast"
	"github.com/omni-run/omni/internal/ml/selector"
)

// outcome is a forecast, in the unit of the series.
type outcome struct {
	model     string
	forecast  []float64
	margins   *backtest.Intervals
	unit      float64 // margins and the network's view are in this unit
	atLeast0  bool
	period    int
	training  api.ForecastTraining
	backtest  api.ForecastBacktest
	selection api.ForecastSelection
	// effects are those of the other columns and the holidays, whose future part
	// follows past values.
	effects *effects
	past    int
	// calibration corrects the margins of mode auto; nil leaves them.
	calibration *selector.Calibration
	widen       float64 // the factor on every half width that it answers for this series
	testHorizon int
	// spread is the global network's own, in unit; nil where it took no part.
	spread *globalforecast.Forecast
	halves map[float64]sides // by level, see widths
	// usual is the value that most of the newest ones are, nil where there is
	// none; tested is how many errors the back-test measured.
	usual  *float64
	tested int
	// idle is nil where no phase of the season is.
	idle *idleness
	// entrants keep their weights, windows the answer's back-test, both in unit.
	entrants []*entrant
	windows  []backtest.Window
}

// finish brings the outcome back to the unit of the series and fills in what
// the back-test says of the answer.
func (out *outcome) finish(r *race) {
	y, entrants, plan := r.y, r.entrants, r.plan
	windows := blended(entrants)
	out.entrants, out.windows = entrants, windows
	out.testHorizon = plan.horizon
	prior := backtest.Scale(y, 1)
	if len(windows) == 0 {
		// Nothing was held out: the steps of the series itself are the errors.
		for i := 1; i < len(y); i++ {
			windows = append(windows, backtest.Window{Origin: i, Actual: y[i : i+1], Forecast: y[i-1 : i]})
		}
	} else {
		e := backtest.Measure(windows, plan.scale)
		out.backtest = api.ForecastBacktest{
			MASE: finite(e.MASE), SMAPE: finite(e.SMAPE), MAE: finite(e.MAE * out.unit), RMSE: finite(e.RMSE * out.unit),
			Windows: len(windows), Horizon: plan.horizon, Coverage: finite(backtest.Coverage(windows, 0.8, prior)),
		}
		if out.backtest.Coverage != nil {
			out.backtest.CoverageLevel = 80
		}
	}
	out.margins = backtest.Calibrate(windows, prior)
	for _, w := range out.windows {
		out.tested += len(w.Actual)
	}
	if out.calibration != nil {
		if exact(out.windows, r.plan.scale) {
			out.spread = nil // the networks' doubt says nothing of such a series
		}
		out.widen = out.calibration.Widen(out.spreadOf(r))
	}
	if v, ok := usual(y); ok && (out.effects == nil || !out.effects.used) {
		v = out.bounded(v * out.unit)
		out.usual = &v
	}
	for i, v := range out.forecast {
		v *= out.unit
		if out.effects != nil && out.effects.used {
			v += out.effects.total(out.past + i)
		}
		out.forecast[i] = out.bounded(v)
	}
	for _, e := range entrants {
		c := api.ForecastCandidate{Model: e.shown, Weight: e.weight, Problem: e.problem}
		if len(e.windows) > 0 {
			c.MASE, c.SMAPE = finite(e.errors.MASE), finite(e.errors.SMAPE)
		}
		out.selection.Candidates = append(out.selection.Candidates, c)
	}
}

// mostValue bounds what is answered, so that a sum of forecasts stays finite.
const mostValue = 1e303

// bounded keeps a value finite, and at 0 or above when the history is.
func (out *outcome) bounded(v float64) float64 {
	if out.atLeast0 && v < 0 {
		return 0
	}
	return max(-mostValue, min(mostValue, v))
}

// cutOff says that a step is at 0 that does not rest.
func (out *outcome) cutOff() bool {
	for i, v := range out.forecast {
		if v == 0 && !out.idle.at(i) {
			return true
		}
	}
	return false
}

// exact says that the back-test's forecasts were right to a twentieth of the
// usual step of the series.
func exact(windows []backtest.Window, scale float64) bool {
	const tolerance = 0.05
	for _, w := range windows {
		for i, a := range w.Actual {
			if !(math.Abs(a-w.Forecast[i]) <= tolerance*scale) {
				return false
			}
		}
	}
	return len(windows) > 0
}

// spreadOf words the intervals of a series for their calibration.
func (out *outcome) spreadOf(r *race) selector.Spread {
	s := selector.Spread{
		Features: r.features, Period: out.period, Horizon: len(out.forecast), Tested: out.tested, TestHorizon: out.testHorizon,
		Scale: r.plan.scale, Own: 1, Network: math.NaN(),
	}
	const level = 0.95
	steps := float64(len(out.forecast))
	network := 0.0
	for i := range out.forecast {
		s.Own *= math.Pow(out.margins.Margin(level, i+1), 1/steps)
		if out.spread != nil {
			below, above := out.spreadAt(level, i)
			network += math.Log((below+above)/2) / steps
		}
	}
	if out.spread != nil {
		s.Network = math.Exp(network)
	}
	return s
}

const (
	// ownShare is the share of the back-test's errors in the logarithm of a
	// margin, once there are as many as fewErrors. The calibration is learnt
	// with it.
	ownShare  = 0.5
	fewErrors = 8
	// usualFrom is the least level whose interval must hold the usual value.
	usualFrom = 0.5
	// usualWindow is how many of the newest values are looked at for it.
	usualWindow = 60
)

// usual is the value that more than half of the newest ones are: a series that
// hardly moves. Its interval must hold what it nearly always shows.
func usual(y []float64) (float64, bool) {
	y = y[max(0, len(y)-usualWindow):]
	if len(y) == 0 {
		return 0, false
	}
	sorted := slices.Sorted(slices.Values(y))
	v, count := sorted[len(y)/2], 0
	for _, other := range y {
		if other == v {
			count++
		}
	}
	return v, 2*count > len(y)
}

// blended joins the windows of the weighted entrants as the answer was joined.
func blended(entrants []*entrant) []backtest.Window {
	var out []backtest.Window
	total := 0.0
	for _, e := range entrants {
		if e.weight == 0 || len(e.windows) == 0 {
			continue
		}
		if out == nil {
			for _, w := range e.windows {
				out = append(out, backtest.Window{Origin: w.Origin, Actual: w.Actual, Forecast: make([]float64, len(w.Forecast))})
			}
		}
		for k, w := range e.windows {
			for i, v := range w.Forecast {
				out[k].Forecast[i] += e.weight * v
			}
		}
		total += e.weight
	}
	for _, w := range out {
		for i := range w.Forecast {
			w.Forecast[i] /= total
		}
	}
	return out
}
