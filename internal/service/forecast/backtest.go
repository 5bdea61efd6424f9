package forecast

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/backtest"
	"github.com/omni-run/omni/internal/service"
)

const (
	defaultWindows = 5
	mostTests      = 200
	mostTestPoints = 20_000
	// leastTrain is the fewest values before the first cut.
	leastTrain = 3
)

func (s *Service) predictBacktest(ctx context.Context, call *service.Call, req *api.BacktestRequest) (*api.BacktestAnswer, error) {
	p, set, err := s.backtestPlan(req)
	if err != nil {
		return nil, err
	}
	y, err := cleaned("time_series", req.TimeSeries, set.impute, s.limits.Points)
	if err != nil {
		return nil, err
	}
	clock, err := readClock(api.ForecastSeries{Freq: req.Freq, Timestamps: req.Timestamps}, "", len(y), set.gaps, call.Warn)
	if err != nil {
		return nil, err
	}
	var candidates []int
	if clock != nil {
		candidates = clock.freq.seasons()
		y, _ = clock.laid(y, nil, set.gaps)
	}
	if len(y) > longestHistory {
		call.Warn("only the newest %d of %d points were used", longestHistory, len(y))
		y = y[len(y)-longestHistory:]
	}
	step, err := whole("step", req.Step, p.horizon, 1, s.limits.Points)
	if err != nil {
		return nil, err
	}
	asked := p.windows
	p.origins = backtest.Origins(len(y), p.horizon, asked, step, leastTrain)
	if len(p.origins) == 0 {
		need := leastTrain + p.horizon
		return nil, api.Unprocessable("too_few_points", "time_series has %d points; a horizon of %d needs at least %d", len(y), p.horizon, need).
			At("time_series", "has %d points, needs at least %d", len(y), need)
	}
	if len(p.origins) < asked {
		call.Warn("the series has room for %d of the %d windows asked", len(p.origins), asked)
	}
	unit := unitOf(y)
	y = divided(y, unit)
	network, err := s.networkFor(ctx, call.Tenant, modeAuto)
	if err != nil {
		return nil, err
	}
	t := task{
		period: set.period, candidates: candidates, neural: set.neural, horizon: p.horizon, global: network, kind: clock.part(),
		selector: s.selector(), warn: call.Warn,
	}
	t.neural.period = t.season(y[:p.origins[0]])
	entrants, err := t.named(req.Models)
	if err != nil {
		return nil, err
	}
	if err := p.test(ctx, entrants, y, set.neural.period); err != nil {
		return nil, err
	}
	answer := &api.BacktestAnswer{Horizon: p.horizon, Step: step, SeasonLength: t.neural.period}
	fillBacktest(answer, entrants, unit, backtest.Scale(y, 1))
	return answer, nil
}

// testSettings is the part of a backtest request that is not the plan.
type testSettings struct {
	neural neural
	impute string
	gaps   string
	period int
}

// askedPlan is a plan with the number of windows asked for.
type askedPlan struct {
	plan
	windows int
}

func (s *Service) backtestPlan(req *api.BacktestRequest) (p askedPlan, set testSettings, err error) {
	if p.horizon, err = whole("horizon", req.Horizon, 1, 1, s.limits.Steps); err != nil {
		return p, set, err
	}
	if p.windows, err = whole("windows", req.Windows, defaultWindows, 1, mostTests); err != nil {
		return p, set, err
	}
	if p.horizon*p.windows > mostTestPoints {
		return p, set, api.Unprocessable("too_many_steps", "%d windows of %d steps are %d forecasts a model; at most %d", p.windows, p.horizon, p.horizon*p.windows, mostTestPoints).
			At("windows", "too many for the horizon")
	}
	if set.neural, err = trainingSettings(req.SequenceLength, req.Epochs, req.LearningRate, req.Seed, s.limits.Points); err != nil {
		return p, set, err
	}
	if set.impute, err = oneOf("impute", req.Impute, "none", "none", "linear", "previous", "zero"); err != nil {
		return p, set, err
	}
	if req.SeasonLength != nil {
		if set.period, err = whole("season_length", req.SeasonLength, 0, 1, mostSeason); err != nil {
			return p, set, err
		}
	}
	set.gaps, err = gapsPolicy(req.Gaps)
	return p, set, err
}

// whole is mode auto as one contestant: from each origin the team competes,
// is weighed and answers anew, as it would for a caller who knew no more.
func (t task) whole() contestant {
	t.mode, t.warn, t.progress = modeAuto, func(string, ...any) {}, nil
	return contestant{name: modeAuto, fit: func(context.Context, []float64) (predictor, string, error) {
		return func(ctx context.Context, history []float64, horizon int) ([]float64, error) {
			once := t
			once.y, once.horizon, once.neural = history, horizon, t.neural.fitting(len(history))
			out, err := run(ctx, once)
			if err != nil {
				return nil, err
			}
			return out.forecast, nil
		}, "", nil
	}}
}

// named picks the contestants asked for; when none is, every one but mode auto,
// which takes as long as all of them at each origin.
func (t task) named(models []string) ([]*entrant, error) {
	all := append(classical(t.neural.period), t.neural.local(), t.global.alone(t.kind, t.neural.period))
	if len(models) > 0 {
		all = append(all, t.whole())
	}
	var out []*entrant
	known := make([]string, len(all))
	for i, c := range all {
		known[i] = c.name
		if len(models) == 0 || slices.Contains(models, c.name) {
			out = append(out, &entrant{contestant: c, shown: c.name})
		}
	}
	for i, m := range models {
		if !slices.Contains(known, m) {
			return nil, api.Unprocessable("unknown_model", "models[%d] %.40q is unknown; use some of %s", i, m, strings.Join(known, ", ")).
				At(fmt.Sprintf("models[%d]", i), "unknown model")
		}
		if slices.Contains(models[:i], m) {
			return nil, api.Unprocessable("duplicate_model", "models[%d] repeats %s", i, m).At(fmt.Sprintf("models[%d]", i), "repeated")
		}
	}
	return out, nil
}

// fillBacktest words the results in the unit of the series. prior is the error
// of one step that the intervals assume beforehand.
func fillBacktest(answer *api.BacktestAnswer, entrants []*entrant, unit, prior float64) {
	best := math.Inf(1)
	for _, e := range entrants {
		m := api.BacktestModel{Model: e.shown, Windows: []api.BacktestWindow{}, Problem: e.problem}
		if len(e.windows) > 0 {
			m.MASE, m.SMAPE = finite(e.errors.MASE), finite(e.errors.SMAPE)
			m.MAE, m.RMSE = finite(e.errors.MAE*unit), finite(e.errors.RMSE*unit)
			m.Coverage = finite(backtest.Coverage(e.windows, 0.8, prior))
			if e.errors.MASE < best {
				best, answer.Best = e.errors.MASE, e.shown
			}
		}
		for _, w := range e.windows {
			m.Windows = append(m.Windows, api.BacktestWindow{Origin: w.Origin, Actual: times(w.Actual, unit), Forecast: times(w.Forecast, unit)})
		}
		answer.Models = append(answer.Models, m)
	}
}

// times scales values back, within what a JSON number holds.
func times(y []float64, unit float64) []float64 {
	out := make([]float64, len(y))
	for i, v := range y {
		out[i] = max(-mostValue, min(mostValue, v*unit))
	}
	return out
}
