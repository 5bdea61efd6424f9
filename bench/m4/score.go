package main

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/omni-run/omni/internal/ml/accuracy"
	"github.com/omni-run/omni/internal/ml/ets"
	"github.com/omni-run/omni/internal/ml/globalforecast"
	"github.com/omni-run/omni/internal/ml/season"
	"github.com/omni-run/omni/internal/ml/theta"
)

// level is that of the intervals scored.
const level = 0.95

func (g *group) score(ctx context.Context, model *globalforecast.Model, rivals bool) error {
	naive := accuracy.Measure(g.series, g.each(func(y []float64) []float64 { return accuracy.Naive2(y, g.lag, g.horizon) }))
	g.row("Naive2", naive, naive, 0)
	if rivals {
		for _, r := range []struct {
			name     string
			forecast func(y []float64) []float64
		}{{"Theta (ours)", g.theta}, {"ETS (ours)", g.ets(ctx)}} {
			start := time.Now()
			list := g.each(r.forecast)
			g.row(r.name, accuracy.Measure(g.series, list), naive, float64(len(list))/time.Since(start).Seconds())
		}
	}
	start := time.Now()
	list, err := g.global(ctx, model)
	if err != nil {
		return err
	}
	g.row("global", accuracy.Measure(g.series, list), naive, float64(len(list))/time.Since(start).Seconds())
	return nil
}

func (g *group) row(name string, s, naive accuracy.Scores, speed float64) {
	interval, rate := "| | ", ""
	for _, b := range s.Intervals {
		interval = fmt.Sprintf("| %.2f | %.3f ", b.MSIS, b.Coverage)
	}
	if speed > 0 {
		rate = fmt.Sprintf("%.0f", speed)
	}
	fmt.Printf("| %s | %d | %s | %.3f | %.3f | %.3f | %.2f %s| %s |\n", g.name, len(g.series), name, s.SMAPE, s.MASE,
		s.OWA(naive), s.MAPE, interval, rate)
}

// each forecasts every series on every core.
func (g *group) each(forecast func(y []float64) []float64) []accuracy.Forecast {
	out := make([]accuracy.Forecast, len(g.series))
	var wait sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for i := range next {
				out[i].Point = forecast(g.series[i].Train)
			}
		})
	}
	for i := range g.series {
		next <- i
	}
	close(next)
	wait.Wait()
	return out
}

// global forecasts in batches, a worker for every core.
func (g *group) global(ctx context.Context, model *globalforecast.Model) ([]accuracy.Forecast, error) {
	part := model.Frequency(g.frequency)
	if part == nil {
		part = model.For(g.season, len(g.series[0].Train))
	}
	out := make([]accuracy.Forecast, len(g.series))
	var wait sync.WaitGroup
	var failure error
	var once sync.Once
	const batch = 64
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for from := range next {
				to := min(from+batch, len(g.series))
				list := make([]globalforecast.Series, to-from)
				for i := range list {
					list[i] = globalforecast.Series{Values: g.series[from+i].Train, Period: g.season}
				}
				answers, err := part.Forecast(ctx, list, g.horizon)
				if err != nil {
					once.Do(func() { failure = err })
					continue
				}
				for i, f := range answers {
					out[from+i] = bounded(accuracy.Forecast{
						Point: f.Median(), Bands: []accuracy.Band{{Level: level, Lower: f.At((1 - level) / 2), Upper: f.At((1 + level) / 2)}},
					}, list[i].Values)
				}
			}
		})
	}
	for from := 0; from < len(g.series); from += batch {
		next <- from
	}
	close(next)
	wait.Wait()
	return out, failure
}

// bounded keeps what is never negative from becoming so, as the service does.
func bounded(f accuracy.Forecast, history []float64) accuracy.Forecast {
	for _, v := range history {
		if v < 0 {
			return f
		}
	}
	for _, part := range [][]float64{f.Point, f.Bands[0].Lower, f.Bands[0].Upper} {
		for h, v := range part {
			part[h] = max(v, 0)
		}
	}
	return f
}

func (g *group) theta(y []float64) []float64 {
	m, err := theta.Fit(y, g.lag)
	if err != nil {
		return season.Naive(y, 1, g.horizon)
	}
	return m.Forecast(g.horizon)
}

func (g *group) ets(ctx context.Context) func(y []float64) []float64 {
	return func(y []float64) []float64 {
		m, err := ets.Select(ctx, y, g.lag, ets.Options{})
		if err != nil {
			return season.Naive(y, 1, g.horizon)
		}
		return m.Forecast(g.horizon)
	}
}
