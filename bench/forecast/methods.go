package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/accuracy"
	"github.com/omni-run/omni/internal/ml/croston"
	"github.com/omni-run/omni/internal/ml/ets"
	"github.com/omni-run/omni/internal/ml/season"
	"github.com/omni-run/omni/internal/ml/theta"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/service/forecast"
)

var methods = map[string]method{
	"zero":      each(func(_ context.Context, _ []float64, _, h int) ([]float64, error) { return make([]float64, h), nil }),
	"naive":     each(func(_ context.Context, y []float64, _, h int) ([]float64, error) { return season.Naive(y, 1, h), nil }),
	"snaive":    each(func(_ context.Context, y []float64, m, h int) ([]float64, error) { return season.Naive(y, m, h), nil }),
	"naive2":    each(naive2),
	"theta":     each(standardTheta),
	"dotm":      each(dynamicTheta),
	"damped":    each(damped),
	"ets":       each(smoothing(ets.Options{})),
	"etsscreen": each(smoothing(ets.Options{FixSeason: true, Evaluations: 300, Screen: 60})),
	"comb":      each(combination),
	"croston":   each(sparse(croston.Croston)),
	"sba":       each(sparse(croston.SBA)),
	"tsb":       each(sparse(croston.TSB)),
	"auto":      served("auto", 1),
	"lstm":      served("local", 1),
	// batch is auto as a call of many series has it: without networks.
	"batch": served("auto", 200),
}

type point func(ctx context.Context, y []float64, m, h int) ([]float64, error)

// each makes a method of a function that forecasts one series.
func each(f point) method {
	return method{1, func(ctx context.Context, list []series) ([]accuracy.Forecast, error) {
		p, err := f(ctx, list[0].Train, list[0].M, list[0].H)
		return []accuracy.Forecast{{Point: p}}, err
	}}
}

// naive2 is the M competitions' yardstick.
func naive2(_ context.Context, y []float64, m, h int) ([]float64, error) {
	return accuracy.Naive2(y, m, h), nil
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

func damped(_ context.Context, y []float64, _, h int) ([]float64, error) {
	f, err := ets.Fit(y, ets.Spec{Error: ets.Additive, Trend: ets.Damped, Season: ets.None, Period: 1}, ets.Options{})
	if err != nil {
		return nil, err
	}
	return f.Forecast(h), nil
}

func smoothing(o ets.Options) point {
	return func(ctx context.Context, y []float64, m, h int) ([]float64, error) {
		f, err := ets.Select(ctx, y, m, o)
		if err != nil {
			return nil, err
		}
		return f.Forecast(h), nil
	}
}

// sparse forecasts intermittent demand; 0 where there never was any.
func sparse(method croston.Method) point {
	return func(_ context.Context, y []float64, _, h int) ([]float64, error) {
		m, err := croston.Fit(method, y)
		if err != nil {
			return make([]float64, h), nil //nolint:nilerr // no demand is forecast as none
		}
		return m.Forecast(h), nil
	}
}

// combination is the mean of theta, the dynamic theta and ets.
func combination(ctx context.Context, y []float64, m, h int) ([]float64, error) {
	out := make([]float64, h)
	for _, f := range []point{standardTheta, dynamicTheta, smoothing(ets.Options{})} {
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

// served asks the forecast service, as a caller would, in the given mode,
// chunk series a call.
func served(mode string, chunk int) method {
	s := forecast.New(forecast.Deps{})
	return method{chunk, func(ctx context.Context, list []series) ([]accuracy.Forecast, error) {
		shortest := len(list[0].Train)
		for _, one := range list {
			shortest = min(shortest, len(one.Train))
		}
		sequence := max(1, min(10, shortest-2))
		req := api.ForecastRequest{ForecastSteps: &list[0].H, SequenceLength: &sequence, SeasonLength: &list[0].M, Mode: mode, Level: levels}
		if chunk == 1 {
			req.TimeSeries = list[0].Train
		} else {
			for _, one := range list {
				req.Series = append(req.Series, api.ForecastSeries{ID: one.ID, TimeSeries: one.Train})
			}
		}
		body, err := json.Marshal(req)
		if err != nil {
			return nil, err
		}
		got, err := s.Routes()[0].Handler(ctx, &service.Call{Tenant: "bench", Body: body})
		if err != nil {
			return nil, err
		}
		a := got.(*api.ForecastAnswer)
		if chunk == 1 {
			return []accuracy.Forecast{worded(a.ForecastResult)}, nil
		}
		out := make([]accuracy.Forecast, len(list))
		for i, one := range a.Series {
			if one.Error != nil {
				return nil, fmt.Errorf("series %s: %s", one.ID, one.Error.Message)
			}
			out[i] = worded(one.ForecastResult)
		}
		return out, nil
	}}
}

func worded(r *api.ForecastResult) accuracy.Forecast {
	f := accuracy.Forecast{Point: r.Forecast}
	for _, l := range levels {
		name := strconv.FormatFloat(l, 'g', -1, 64)
		f.Bands = append(f.Bands, accuracy.Band{Level: l / 100, Lower: r.Intervals["lo-"+name], Upper: r.Intervals["hi-"+name]})
	}
	return f
}
