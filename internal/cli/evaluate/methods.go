package evaluate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"sync"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/accuracy"
	"github.com/omni-run/omni/internal/ml/backtest"
	"github.com/omni-run/omni/internal/ml/ets"
	"github.com/omni-run/omni/internal/ml/season"
	"github.com/omni-run/omni/internal/ml/theta"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/service/forecast"
	"github.com/omni-run/omni/internal/state"
)

// answered is a forecast, or why there is none.
type answered struct {
	accuracy.Forecast
	problem string
}

// Method forecasts series.
type Method struct {
	Name     string
	forecast func(ctx context.Context, g *Group, from, to int) ([]answered, error)
}

// Options are what methods need to know.
type Options struct {
	// Levels of the intervals to give, in percent.
	Levels []float64
	// Model is a file's global model to take in place of the shipped one; nil
	// for none.
	Model []byte
	// Seed is the local networks'.
	Seed int64
}

// Names are the methods there are, in the order to show them.
var Names = []string{"auto", "global", "local", "theta", "dynamic_theta", "ets", "seasonal_naive", "naive", "drift"}

// Methods makes methods by their names.
func Methods(names []string, o Options) ([]Method, error) {
	s := forecast.New(forecast.Deps{Models: promoted(o.Model)})
	var out []Method
	for _, name := range names {
		m := Method{Name: name}
		switch name {
		case "auto", "global", "local":
			m.forecast = served(s, name, o)
		case "theta":
			m.forecast = each(o, pointOf(theta.Fit))
		case "dynamic_theta":
			m.forecast = each(o, pointOf(theta.FitDynamic))
		case "ets":
			m.forecast = each(o, smoothing)
		case "seasonal_naive":
			m.forecast = each(o, func(_ context.Context, y []float64, period, horizon int, _ []float64) (accuracy.Forecast, error) {
				return accuracy.Forecast{Point: season.Naive(y, period, horizon)}, nil
			})
		case "naive":
			m.forecast = each(o, func(_ context.Context, y []float64, _, horizon int, _ []float64) (accuracy.Forecast, error) {
				return accuracy.Forecast{Point: season.Naive(y, 1, horizon)}, nil
			})
		case "drift":
			m.forecast = each(o, func(_ context.Context, y []float64, _, horizon int, _ []float64) (accuracy.Forecast, error) {
				return accuracy.Forecast{Point: season.Drift(y, horizon)}, nil
			})
		default:
			return nil, fmt.Errorf("there is no method %q", name)
		}
		out = append(out, m)
	}
	return out, nil
}

// one forecasts a series; levels are those of the intervals, in percent.
type one func(ctx context.Context, y []float64, period, horizon int, levels []float64) (accuracy.Forecast, error)

// each runs one over series on every core.
func each(o Options, f one) func(context.Context, *Group, int, int) ([]answered, error) {
	return func(ctx context.Context, g *Group, from, to int) ([]answered, error) {
		out := make([]answered, to-from)
		var wait sync.WaitGroup
		next := make(chan int)
		for range min(runtime.GOMAXPROCS(0), len(out)) {
			wait.Go(func() {
				for i := range next {
					y := g.Cases[from+i].Train
					made, err := f(ctx, y, g.Season, g.Horizon, o.Levels)
					if out[i].Forecast = made; err != nil {
						out[i].problem = err.Error()
					}
				}
			})
		}
		for i := range out {
			next <- i
		}
		close(next)
		wait.Wait()
		return out, context.Cause(ctx)
	}
}

// forecaster is what the Theta models have in common.
type forecaster interface{ Forecast(horizon int) []float64 }

func pointOf[M forecaster](fit func([]float64, int) (M, error)) one {
	return func(_ context.Context, y []float64, period, horizon int, _ []float64) (accuracy.Forecast, error) {
		m, err := fit(y, period)
		if err != nil {
			return accuracy.Forecast{}, err
		}
		return accuracy.Forecast{Point: m.Forecast(horizon)}, nil
	}
}

// paths is how many futures are simulated for an interval without a formula.
const paths = 500

// smoothing is exponential smoothing with its own intervals, those of normal
// errors. Seasons too long for it to estimate are left out, as its authors do.
func smoothing(ctx context.Context, y []float64, period, horizon int, levels []float64) (accuracy.Forecast, error) {
	const longest = 24
	if period > longest {
		period = 1
	}
	m, err := ets.Select(ctx, y, period, ets.Options{})
	if err != nil {
		return accuracy.Forecast{}, err
	}
	f := accuracy.Forecast{Point: m.Forecast(horizon)}
	spread := m.Variance(horizon, paths, rand.New(rand.NewPCG(1, uint64(len(y))))) //nolint:gosec // a simulation that repeats
	for _, l := range levels {
		z := backtest.NormalQuantile(0.5 + l/200)
		b := accuracy.Band{Level: l / 100, Lower: make([]float64, horizon), Upper: make([]float64, horizon)}
		for h, v := range f.Point {
			b.Lower[h], b.Upper[h] = v-z*math.Sqrt(spread[h]), v+z*math.Sqrt(spread[h])
		}
		f.Bands = append(f.Bands, b)
	}
	return f, nil
}

// served asks the forecast service, as a caller would.
func served(s *forecast.Service, mode string, o Options) func(context.Context, *Group, int, int) ([]answered, error) {
	route := slices.IndexFunc(s.Routes(), func(r service.Route) bool { return r.Path == "/predict/revenue-lstm" })
	handler := s.Routes()[route].Handler
	return func(ctx context.Context, g *Group, from, to int) ([]answered, error) {
		req := api.ForecastRequest{Mode: mode, ForecastSteps: &g.Horizon, Freq: g.Freq, Level: o.Levels, Seed: &o.Seed}
		if g.Stated || g.Freq == "" {
			req.SeasonLength = &g.Season
		}
		for i := from; i < to; i++ {
			req.Series = append(req.Series, api.ForecastSeries{ID: strconv.Itoa(i), TimeSeries: g.Cases[i].Train})
		}
		body, err := json.Marshal(req)
		if err != nil {
			return nil, err
		}
		got, err := handler(ctx, &service.Call{Tenant: "local", Tier: "local", RequestID: "local", Body: body})
		var refused *api.Error
		if errors.As(err, &refused) && refused.Code == "all_series_failed" {
			return unanswered(to-from, refused.Message), nil
		}
		if err != nil {
			return nil, err
		}
		answer, ok := got.(*api.ForecastAnswer)
		if !ok {
			return nil, fmt.Errorf("the forecast service answers %T", got)
		}
		out := make([]answered, to-from)
		for i, a := range answer.Series {
			if out[i].Forecast = worded(a.ForecastResult, o.Levels); a.Error != nil {
				out[i].problem = a.Error.Message
			}
		}
		return out, nil
	}
}

func unanswered(n int, problem string) []answered {
	out := make([]answered, n)
	for i := range out {
		out[i].problem = problem
	}
	return out
}

func worded(r *api.ForecastResult, levels []float64) accuracy.Forecast {
	if r == nil {
		return accuracy.Forecast{}
	}
	f := accuracy.Forecast{Point: r.Forecast}
	for _, l := range levels {
		name := strconv.FormatFloat(l, 'g', -1, 64)
		f.Bands = append(f.Bands, accuracy.Band{Level: l / 100, Lower: r.Intervals["lo-"+name], Upper: r.Intervals["hi-"+name]})
	}
	return f
}

// modelFile lets the service take a file's model for the promoted one.
type modelFile []byte

// promoted returns nil, for no store at all, where there is no file.
func promoted(model []byte) forecast.Models {
	if model == nil {
		return nil
	}
	return modelFile(model)
}

var fileModel = state.Model{Name: forecast.ModelName, Version: 1, Status: state.ModelPromoted}

// Models implements forecast.Models.
func (modelFile) Models(context.Context, string) ([]state.Model, error) {
	return []state.Model{fileModel}, nil
}

// PromotedModel implements forecast.Models.
func (m modelFile) PromotedModel(context.Context, string, string) (state.Model, error) {
	out := fileModel
	out.Artifact, out.Meta = m, json.RawMessage("{}")
	return out, nil
}
