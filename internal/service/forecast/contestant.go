package forecast

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/omni-run/omni/internal/ml/season"
)

// Names of the contestants.
const (
	modelNaive    = "naive"
	modelSeasonal = "seasonal_naive"
	modelDrift    = "drift"
	modelTheta    = "theta"
	modelDynamic  = "dynamic_theta"
	modelETS      = "ets"
	modelDamped   = "damped_trend"

	modelAutoregression = "autoregression"

	modelCroston = "croston"
	modelSBA     = "sba"
	modelTSB     = "tsb"

	modelCalendar = "calendar"
	modelLSTM     = "lstm"
	modelGlobal   = "global_lstm"
)

// errUnfit says that a contestant cannot take part for this series.
var errUnfit = errors.New("unfit for this series")

// Reasons why it cannot, worded for the caller.
var (
	errNoSeason  = errors.New("the series has no season")
	errNotSparse = errors.New("demand is not intermittent")
)

// predictor continues a history. Every history it gets starts where the series
// it was fitted on starts, and is at least as long.
type predictor func(ctx context.Context, history []float64, horizon int) ([]float64, error)

// contestant is one way to forecast.
type contestant struct {
	name string
	// fit learns from y and returns the means to continue it and what it
	// calls itself.
	fit func(ctx context.Context, y []float64) (predictor, string, error)
	// tests, where it is not nil, tells what is known already of the windows of
	// the back-test; fit learns nothing then.
	tests func() [][]float64
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
		{name: modelNaive, fit: fixed(func(y []float64, h int) []float64 { return season.Naive(y, 1, h) })},
		{name: modelSeasonal, fit: seasonalNaive(period)},
		{name: modelDrift, fit: fixed(season.Drift)},
		thetaMethod(period),
		dynamicTheta(period),
		dampedTrend(period),
		smoothing(period),
		autoregression(period),
	}
	return append(list, demandMethods()...)
}

func seasonalNaive(period int) func(context.Context, []float64) (predictor, string, error) {
	if period < 2 {
		return func(context.Context, []float64) (predictor, string, error) {
			return nil, "", errNoSeason
		}
	}
	return fixed(func(y []float64, h int) []float64 { return season.Naive(y, period, h) })
}

func tooFew(y []float64, least int) error {
	if len(y) < least {
		return fmt.Errorf("%w: needs at least %d values", errUnfit, least)
	}
	return nil
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
