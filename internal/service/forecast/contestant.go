package forecast

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/omni-run/omni/internal/ml/ets"
	"github.com/omni-run/omni/internal/ml/season"
	"github.com/omni-run/omni/internal/ml/theta"
)

// Names of the contestants.
const (
	modelNaive    = "naive"
	modelSeasonal = "seasonal_naive"
	modelDrift    = "drift"
	modelTheta    = "theta"
	modelDynamic  = "dynamic_theta"
	modelETS      = "ets"
	modelCalendar = "calendar"
	modelLSTM     = "lstm"
	modelGlobal   = "global_lstm"
)

// errUnfit says that a contestant cannot take part for this series.
var errUnfit = errors.New("unfit for this series")

// predictor continues a history. Every history it gets starts where the series
// it was fitted on starts, and is at least as long.
type predictor func(ctx context.Context, history []float64, horizon int) ([]float64, error)

// contestant is one way to forecast.
type contestant struct {
	name string
	// fit learns from y and returns the means to continue it and what it
	// calls itself.
	fit func(ctx context.Context, y []float64) (predictor, string, error)
}

const (
	// classicalWindow is how many of the newest values ETS and Theta read.
	classicalWindow = 600
	// longestSmoothedSeason is the longest season ETS estimates.
	longestSmoothedSeason = 60
)

// recent returns the end of y that a model of the given season reads. The cut
// falls on whole seasons, so that phases stay.
func recent(y []float64, period int) []float64 {
	window := max(classicalWindow, 6*period)
	if len(y) <= window {
		return y
	}
	skip := len(y) - window
	return y[skip-skip%max(period, 1):]
}

func fixed(f func(y []float64, horizon int) []float64) func(context.Context, []float64) (predictor, string, error) {
	return func(context.Context, []float64) (predictor, string, error) {
		return func(_ context.Context, y []float64, horizon int) ([]float64, error) { return f(y, horizon), nil }, "", nil
	}
}

// classical lists the contestants that need no network. period is the season.
func classical(period int) []contestant {
	list := []contestant{
		{modelNaive, fixed(func(y []float64, h int) []float64 { return season.Naive(y, 1, h) })},
		{modelDrift, fixed(season.Drift)},
		{modelTheta, func(_ context.Context, y []float64) (predictor, string, error) {
			return func(_ context.Context, y []float64, h int) ([]float64, error) {
				m, err := theta.Fit(recent(y, period), period)
				if err != nil {
					return nil, err
				}
				return m.Forecast(h), nil
			}, "", tooFew(y, 4)
		}},
		{modelDynamic, func(_ context.Context, y []float64) (predictor, string, error) {
			return func(_ context.Context, y []float64, h int) ([]float64, error) {
				m, err := theta.FitDynamic(recent(y, period), period)
				if err != nil {
					return nil, err
				}
				return m.Forecast(h), nil
			}, "", tooFew(y, 5)
		}},
		{modelETS, func(ctx context.Context, y []float64) (predictor, string, error) { return fitETS(ctx, y, period) }},
	}
	if period > 1 {
		list = slices.Insert(list, 1, contestant{modelSeasonal, fixed(func(y []float64, h int) []float64 { return season.Naive(y, period, h) })})
	}
	return list
}

func tooFew(y []float64, least int) error {
	if len(y) < least {
		return fmt.Errorf("%w: needs at least %d values", errUnfit, least)
	}
	return nil
}

// fitETS selects and estimates a model; continuing a longer history runs the
// same model over it without estimating again.
func fitETS(ctx context.Context, y []float64, period int) (predictor, string, error) {
	if period > longestSmoothedSeason {
		period = 1
	}
	skip := len(y) - len(recent(y, period))
	part := y[skip:]
	// Long seasons keep the decomposition's start: estimating each index would
	// take most of the time and gain little.
	fitted, err := ets.Select(ctx, part, period, ets.Options{FixSeason: period > 4, Evaluations: 400})
	if err != nil {
		if ctx.Err() != nil {
			return nil, "", err
		}
		return nil, "", fmt.Errorf("%w: %w", errUnfit, err)
	}
	return func(_ context.Context, history []float64, horizon int) ([]float64, error) {
		m := fitted.Clone()
		if _, err := m.Filter(history[skip:]); err != nil {
			return nil, fmt.Errorf("%w: %w", errUnfit, err)
		}
		return m.Forecast(horizon), nil
	}, "ets(" + fitted.Spec.String() + ")", nil
}

// sound says that a forecast is finite and not absurdly far from the history:
// within a hundred times its span for every season's worth of steps.
func sound(forecast, history []float64) bool {
	low, high := slices.Min(history), slices.Max(history)
	span := max(high-low, math.Abs(high), math.Abs(low), 1e-300)
	limit := 100 * span * (1 + float64(len(forecast))/float64(len(history)))
	for _, v := range forecast {
		if math.IsNaN(v) || math.Abs(v-history[len(history)-1]) > limit {
			return false
		}
	}
	return true
}
