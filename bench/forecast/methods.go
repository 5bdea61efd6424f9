package main

import (
	"context"

	"github.com/omni-run/omni/internal/ml/ets"
	"github.com/omni-run/omni/internal/ml/season"
	"github.com/omni-run/omni/internal/ml/theta"
)

var methods = map[string]func(ctx context.Context, train []float64, m, h int) ([]float64, error){
	"snaive": func(_ context.Context, y []float64, m, h int) ([]float64, error) { return season.Naive(y, m, h), nil },
	"theta":  standardTheta,
	"dotm":   dynamicTheta,
	"ets":    smoothing,
	"comb":   combination,
}

func standardTheta(_ context.Context, y []float64, m, h int) ([]float64, error) {
	f, err := theta.Fit(y, m)
	if err != nil {
		return nil, err
	}
	return f.Forecast(h), nil
}

func dynamicTheta(_ context.Context, y []float64, m, h int) ([]float64, error) {
	f, err := theta.FitDynamic(y, m)
	if err != nil {
		return nil, err
	}
	return f.Forecast(h), nil
}

func smoothing(ctx context.Context, y []float64, m, h int) ([]float64, error) {
	f, err := ets.Select(ctx, y, m, ets.Options{})
	if err != nil {
		return nil, err
	}
	return f.Forecast(h), nil
}

// combination is the mean of theta, the dynamic theta and ets.
func combination(ctx context.Context, y []float64, m, h int) ([]float64, error) {
	out := make([]float64, h)
	for _, f := range []func(context.Context, []float64, int, int) ([]float64, error){standardTheta, dynamicTheta, smoothing} {
		one, err := f(ctx, y, m, h)
		if err != nil {
			return nil, err
		}
		for i, v := range one {
			out[i] += v / 3
		}
	}
	return out, nil
}
