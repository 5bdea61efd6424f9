package forecast

import (
	"context"
	"fmt"
	"slices"

	"github.com/omni-run/omni/internal/ml/ets"
	"github.com/omni-run/omni/internal/ml/season"
	"github.com/omni-run/omni/internal/ml/theta"
)

// thetaMethod is the standard Theta method. Continuing a longer history keeps
// its smoothing parameter.
func thetaMethod(period int) contestant {
	return contestant{name: modelTheta, fit: func(_ context.Context, y []float64) (predictor, string, error) {
		if err := tooFew(y, 4); err != nil {
			return nil, "", err
		}
		skip := len(y) - len(recent(y, period))
		m, err := theta.Fit(y[skip:], period)
		if err != nil {
			return nil, "", err
		}
		return func(_ context.Context, history []float64, horizon int) ([]float64, error) {
			return m.Extend(history[skip:]).Forecast(horizon), nil
		}, "", nil
	}}
}

// dynamicTheta is the dynamic optimised Theta model.
func dynamicTheta(period int) contestant {
	return contestant{name: modelDynamic, fit: func(_ context.Context, y []float64) (predictor, string, error) {
		if err := tooFew(y, 5); err != nil {
			return nil, "", err
		}
		skip := len(y) - len(recent(y, period))
		m, err := theta.FitDynamic(y[skip:], period)
		if err != nil {
			return nil, "", err
		}
		return func(_ context.Context, history []float64, horizon int) ([]float64, error) {
			return m.Extend(history[skip:]).Forecast(horizon), nil
		}, "", nil
	}}
}

// smoothingBudget is how a form of exponential smoothing is looked for.
func smoothingBudget(period int) ets.Options {
	// Long seasons keep the decomposition's start: estimating each index would
	// take most of the time and gain little.
	return ets.Options{FixSeason: period > 4, Evaluations: 240, Screen: 50, Finalists: 2}
}

// againEvaluations is the search of a model that was estimated on most of the
// series before.
const againEvaluations = 120

// smoothing selects a form of exponential smoothing and estimates it;
// continuing a longer history runs the same model over it without estimating
// again. Fitted once more on a longer history, as after a back-test, it only
// moves the parameters of the best forms that the first fit found.
func smoothing(period int) contestant {
	if period > longestSmoothedSeason {
		period = 1
	}
	search := smoothingSearch(period)
	return contestant{name: modelETS, fit: func(ctx context.Context, y []float64) (predictor, string, error) {
		skip := len(y) - len(recent(y, period))
		fitted, err := search(ctx, y, skip)
		if err != nil {
			return nil, "", unfit(ctx, err)
		}
		return func(_ context.Context, history []float64, horizon int) ([]float64, error) {
			m := fitted.Clone()
			if _, err := m.Filter(history[skip:]); err != nil {
				return nil, fmt.Errorf("%w: %w", errUnfit, err)
			}
			return m.Forecast(horizon), nil
		}, "ets(" + fitted.Spec.String() + ")", nil
	}}
}

// smoothingSearch estimates y from skip on, and remembers what it found for a
// later call with a longer history. Histories that begin elsewhere, or are more
// than half as long again, are searched anew: other forms may suit them.
func smoothingSearch(period int) func(ctx context.Context, y []float64, skip int) (*ets.Model, error) {
	var known []*ets.Model
	from, length := 0, 0
	return func(ctx context.Context, y []float64, skip int) (*ets.Model, error) {
		opt := smoothingBudget(period)
		if known != nil && skip == from && len(y) >= length && len(y)-length <= length/2 {
			opt.Evaluations = againEvaluations
			return ets.Again(ctx, y[skip:], known, opt)
		}
		list, err := ets.Rank(ctx, y[skip:], period, opt)
		if err != nil {
			return nil, err
		}
		known, from, length = list, skip, len(y)
		return list[0], nil
	}
}

// unfit keeps the end of the context apart from a series that does not suit.
func unfit(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return err
	}
	return fmt.Errorf("%w: %w", errUnfit, err)
}

// dampedTrend is exponential smoothing with a damped trend (Gardner and
// McKenzie, 1985) on the series without its season, if a test finds one: the
// benchmark "Damped" of the M competitions.
func dampedTrend(period int) contestant {
	return contestant{name: modelDamped, fit: func(ctx context.Context, y []float64) (predictor, string, error) {
		skip := len(y) - len(recent(y, period))
		plain := y[skip:]
		var indices []float64
		multiplicative := slices.Min(plain) > 0
		if season.Shows(plain, period) {
			indices, _ = season.Indices(plain, period, multiplicative)
		}
		without := func(y []float64) []float64 {
			if indices == nil {
				return y
			}
			return season.Remove(y, indices, multiplicative)
		}
		fitted, err := ets.Fit(without(plain), ets.Spec{Error: ets.Additive, Trend: ets.Damped, Season: ets.None, Period: 1}, ets.Options{Evaluations: 300})
		if err != nil {
			return nil, "", unfit(ctx, err)
		}
		return func(_ context.Context, history []float64, horizon int) ([]float64, error) {
			m, part := fitted.Clone(), without(history[skip:])
			if _, err := m.Filter(part); err != nil {
				return nil, fmt.Errorf("%w: %w", errUnfit, err)
			}
			out := m.Forecast(horizon)
			if indices != nil {
				season.Restore(out, indices, len(part)%len(indices), multiplicative)
			}
			return out, nil
		}, "", nil
	}}
}
