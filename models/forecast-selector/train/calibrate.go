package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/selector"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/service/forecast"
)

const (
	// mostCalibrated of a group measure the intervals.
	mostCalibrated = 500
	// chunk is how many series a call holds: so many that no network trains.
	chunk = 100
)

// score is how far one actual value lay, in half widths of the uncalibrated
// interval at each level.
type score struct {
	group  string
	class  int
	ratios []float64
}

// calibrate measures the intervals of the service, with the new selector and
// no calibration, on what came after the known parts.
func calibrate(ctx context.Context, m *selector.Model, list []example, nets unseen) (selector.Calibration, error) {
	levels := []float64{0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99}
	c := selector.Calibration{Levels: levels}
	services := make([]*forecast.Service, len(nets))
	for fold, net := range nets {
		services[fold] = forecast.New(forecast.Deps{Selector: m, Global: net})
	}
	groups := map[string][]*example{}
	var names []string
	for i := range list {
		e := &list[i]
		if e.Case.Members[len(e.Case.Members)-1].Forecast != nil {
			continue
		}
		if groups[e.Group] == nil {
			names = append(names, e.Group)
		}
		groups[e.Group] = append(groups[e.Group], e)
	}
	var scores []score
	for _, name := range names {
		g := groups[name]
		// Held rows first: the selector has not seen them.
		slices.SortStableFunc(g, func(a, b *example) int {
			return map[bool]int{true: -1}[a.Held] - map[bool]int{true: -1}[b.Held]
		})
		g = g[:min(len(g), mostCalibrated)]
		for fold, s := range services {
			var part []*example
			for _, e := range g {
				if e.Fold == fold {
					part = append(part, e)
				}
			}
			for at := 0; at < len(part); at += chunk {
				found, err := measure(ctx, s, part[at:min(at+chunk, len(part))], levels)
				if err != nil {
					return c, err
				}
				scores = append(scores, found...)
			}
		}
	}
	c.Factors = factors(scores, levels)
	for _, name := range names {
		covered, n := make([][2]float64, len(levels)), 0.0
		for _, s := range scores {
			if s.group != name {
				continue
			}
			n++
			for k, r := range s.ratios {
				if r <= 1 {
					covered[k][0]++
				}
				if r <= c.Factors[s.class][k] {
					covered[k][1]++
				}
			}
		}
		fmt.Printf("%-40s coverage of 80 %%: %.1f, calibrated %.1f; of 95 %%: %.1f, calibrated %.1f\n", name,
			100*covered[3][0]/n, 100*covered[3][1]/n, 100*covered[5][0]/n, 100*covered[5][1]/n)
	}
	return c, nil
}

// measure asks the service as a caller would.
func measure(ctx context.Context, s *forecast.Service, list []*example, levels []float64) ([]score, error) {
	first := list[0]
	horizon, period, sequence := len(first.Actual), first.Period, 1
	req := api.ForecastRequest{ForecastSteps: &horizon, SeasonLength: &period, SequenceLength: &sequence, Freq: first.Freq}
	for _, l := range levels {
		req.Level = append(req.Level, math.Round(100*l))
	}
	for i := range max(len(list), 21) { // fewer would each train a network
		req.Series = append(req.Series, api.ForecastSeries{ID: fmt.Sprint(i), TimeSeries: list[i%len(list)].Known})
	}
	body, err := json.Marshal(req)
	if err != nil {
		return nil, err
	}
	answer, err := s.Routes()[0].Handler(ctx, &service.Call{Tenant: "train", Body: body})
	if err != nil {
		return nil, fmt.Errorf("forecasting %s: %w", first.Group, err)
	}
	var out []score
	for i, e := range list {
		r := answer.(*api.ForecastAnswer).Series[i]
		if r.ForecastResult == nil {
			continue
		}
		for step, actual := range e.Actual {
			one := score{group: e.Group, class: selector.Class(len(e.Known), r.SeasonLength, r.Backtest.Horizon, step+1)}
			for _, l := range req.Level {
				half := r.Intervals[fmt.Sprintf("hi-%g", l)][step] - r.Forecast[step]
				if actual < r.Forecast[step] {
					half = r.Forecast[step] - r.Intervals[fmt.Sprintf("lo-%g", l)][step]
				}
				one.ratios = append(one.ratios, math.Abs(actual-r.Forecast[step])/max(half, 1e-300))
			}
			out = append(out, one)
		}
	}
	return out, nil
}

const (
	// leastScores make a class's own quantile; below, that of its neighbours in
	// length and season stands, or that of all scores.
	leastScores = 300
	leastFactor = 0.5
	mostFactor  = 4
)

// factors are the conformal quantiles of the ratios, class by class.
func factors(scores []score, levels []float64) [][]float64 {
	pick := func(keep func(class int) bool) (own []score) {
		for _, s := range scores {
			if keep(s.class) {
				own = append(own, s)
			}
		}
		return own
	}
	out := make([][]float64, selector.Classes)
	for class := range out {
		own := pick(func(c int) bool { return c == class })
		fmt.Printf("class %d: %d scores\n", class, len(own))
		if len(own) < leastScores {
			own = pick(func(c int) bool { return c/selector.Reaches == class/selector.Reaches })
		}
		if len(own) < leastScores {
			own = scores
		}
		for k, level := range levels {
			ratios := make([]float64, len(own))
			for i, s := range own {
				ratios[i] = s.ratios[k]
			}
			slices.Sort(ratios)
			at := min(len(ratios)-1, int(math.Ceil(float64(len(ratios)+1)*level))-1)
			v := max(leastFactor, min(mostFactor, ratios[at]))
			out[class] = append(out[class], math.Round(1000*v)/1000)
		}
	}
	return out
}
