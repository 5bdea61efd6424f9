package main

import (
	"context"
	"encoding/json"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/ets"
	"github.com/omni-run/omni/internal/ml/season"
	"github.com/omni-run/omni/internal/ml/theta"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/service/forecast"
)

var methods = map[string]func(ctx context.Context, train []float64, m, h int) ([]float64, error){
	"snaive":    func(_ context.Context, y []float64, m, h int) ([]float64, error) { return season.Naive(y, m, h), nil },
	"theta":     standardTheta,
	"dotm":      dynamicTheta,
	"ets":       smoothing,
	"etsfix":    quickSmoothing,
	"etsscreen": screenedSmoothing,
	"comb":      combination,
	"auto":      served("auto"),
	"lstm":      served("local"),
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

// quickSmoothing keeps the decomposition's season, as the service does.
func quickSmoothing(ctx context.Context, y []float64, m, h int) ([]float64, error) {
	f, err := ets.Select(ctx, y, m, ets.Options{FixSeason: true, Evaluations: 400})
	if err != nil {
		return nil, err
	}
	return f.Forecast(h), nil
}

// served asks the forecast service, as a caller would, in the given mode.
func served(mode string) func(ctx context.Context, y []float64, m, h int) ([]float64, error) {
	return func(ctx context.Context, y []float64, m, h int) ([]float64, error) {
		sequence := min(10, len(y)-2)
		body, err := json.Marshal(api.ForecastRequest{TimeSeries: y, ForecastSteps: &h, SequenceLength: &sequence, SeasonLength: &m, Mode: mode})
		if err != nil {
			return nil, err
		}
		answer, err := forecast.New(forecast.Deps{}).Routes()[0].Handler(ctx, &service.Call{Tenant: "bench", Body: body})
		if err != nil {
			return nil, err
		}
		return answer.(*api.ForecastAnswer).Forecast, nil
	}
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

// screenedSmoothing estimates only the forms that a short search prefers.
func screenedSmoothing(ctx context.Context, y []float64, m, h int) ([]float64, error) {
	f, err := ets.Select(ctx, y, m, ets.Options{FixSeason: m > 4, Evaluations: 300, Screen: 60})
	if err != nil {
		return nil, err
	}
	return f.Forecast(h), nil
}
