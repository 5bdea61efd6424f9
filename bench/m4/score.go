package main

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"sync"
	"time"

	"github.com/omni-run/omni/internal/ml/ets"
	"github.com/omni-run/omni/internal/ml/globalforecast"
	"github.com/omni-run/omni/internal/ml/season"
	"github.com/omni-run/omni/internal/ml/theta"
)

// answer is a forecast with the bounds of its 95 % interval, nil for none.
type answer struct{ median, lower, upper []float64 }

// scores are means over the points of a series, then over series, as in the
// M4 competition; MASE and MSIS leave out series whose training part does not
// vary at the lag.
type scores struct{ smape, mase, mape, msis, inside float64 }

func (g *group) score(ctx context.Context, model *globalforecast.Model, rivals bool) error {
	naive := g.measure(g.each(func(y []float64) answer { return answer{median: naive2(y, g.lag, g.horizon)} }))
	g.row("Naive2", naive, naive, 0)
	if rivals {
		for _, r := range []struct {
			name     string
			forecast func(y []float64) []float64
		}{{"Theta (ours)", g.theta}, {"ETS (ours)", g.ets(ctx)}} {
			start := time.Now()
			list := g.each(func(y []float64) answer { return answer{median: r.forecast(y)} })
			g.row(r.name, g.measure(list), naive, float64(len(list))/time.Since(start).Seconds())
		}
	}
	start := time.Now()
	list, err := g.global(ctx, model)
	if err != nil {
		return err
	}
	g.row("global", g.measure(list), naive, float64(len(list))/time.Since(start).Seconds())
	return nil
}

func (g *group) row(name string, s, naive scores, speed float64) {
	interval, rate := "| |", ""
	if s.inside > 0 {
		interval = fmt.Sprintf("| %.2f | %.3f ", s.msis, s.inside)
	}
	if speed > 0 {
		rate = fmt.Sprintf("%.0f", speed)
	}
	fmt.Printf("| %s | %d | %s | %.3f | %.3f | %.3f | %.2f %s| %s |\n", g.name, len(g.series), name, s.smape, s.mase,
		(s.smape/naive.smape+s.mase/naive.mase)/2, s.mape, interval, rate)
}

// each forecasts every series on every core.
func (g *group) each(forecast func(y []float64) answer) []answer {
	out := make([]answer, len(g.series))
	var wait sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for i := range next {
				out[i] = forecast(g.series[i].train)
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
func (g *group) global(ctx context.Context, model *globalforecast.Model) ([]answer, error) {
	part := model.Frequency(g.frequency)
	if part == nil {
		part = model.For(g.season, len(g.series[0].train))
	}
	out := make([]answer, len(g.series))
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
					list[i] = globalforecast.Series{Values: g.series[from+i].train, Period: g.season}
				}
				answers, err := part.Forecast(ctx, list, g.horizon)
				if err != nil {
					once.Do(func() { failure = err })
					continue
				}
				for i, f := range answers {
					out[from+i] = bounded(answer{f.Median(), f.At(0.025), f.At(0.975)}, list[i].Values)
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
func bounded(a answer, history []float64) answer {
	for _, v := range history {
		if v < 0 {
			return a
		}
	}
	for _, part := range [][]float64{a.median, a.lower, a.upper} {
		for h, v := range part {
			part[h] = max(v, 0)
		}
	}
	return a
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

// naive2 is the competition's benchmark: the last value, in season where a
// test finds one.
func naive2(y []float64, period, horizon int) []float64 {
	if period > 1 && len(y) >= 3*period && season.Present(y, period) {
		if indices, ok := season.Indices(y, period, true); ok {
			out := season.Naive(season.Remove(y, indices, true), 1, horizon)
			season.Restore(out, indices, len(y)%period, true)
			return out
		}
	}
	return season.Naive(y, 1, horizon)
}

// level is that of the intervals scored.
const level = 0.95

func (g *group) measure(answers []answer) (s scores) {
	scaled, inside, points := 0.0, 0.0, 0.0
	for i, one := range g.series {
		scale := 0.0
		for k := g.lag; k < len(one.train); k++ {
			scale += math.Abs(one.train[k]-one.train[k-g.lag]) / float64(len(one.train)-g.lag)
		}
		n, count := float64(len(one.test)), float64(len(g.series))
		a := answers[i]
		absolute, score := 0.0, 0.0
		for h, y := range one.test {
			d := math.Abs(y - a.median[h])
			if d > 0 {
				s.smape += 200 * d / (math.Abs(y) + math.Abs(a.median[h])) / n / count
			}
			if y != 0 {
				s.mape += 100 * d / math.Abs(y) / n / count
			}
			absolute += d / n
			if a.lower == nil {
				continue
			}
			points++
			if y >= a.lower[h] && y <= a.upper[h] {
				inside++
			}
			score += (a.upper[h] - a.lower[h] + 2/(1-level)*(max(0, a.lower[h]-y)+max(0, y-a.upper[h]))) / n
		}
		if scale > 0 {
			scaled++
			s.mase += absolute / scale
			s.msis += score / scale
		}
	}
	s.mase /= scaled
	s.msis /= scaled
	if points > 0 {
		s.inside = inside / points
	}
	return s
}
