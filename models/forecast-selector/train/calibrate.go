package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	"github.com/omni-run/omni/internal/ml/gbdt"
	"github.com/omni-run/omni/internal/ml/selector"
	"github.com/omni-run/omni/internal/service/forecast"
)

// mostCalibrated of a group measure the intervals.
const mostCalibrated = 800

// measured is an example with its uncalibrated intervals.
type measured struct {
	*example
	forecast.Interval
	// widen is the factor of trees that did not see the series.
	widen float64
}

// score is how far one actual value lay, in half widths of the interval at each
// level, before the table's factors.
type score struct {
	group  string
	class  int
	ratios []float64
}

// calibrate measures the intervals of mode auto, with the new selector and no
// calibration, on what came after the known parts. Trees learn from that how
// wide those of a series must be, the table what they leave.
func calibrate(ctx context.Context, m *selector.Model, list []example, nets unseen) (selector.Calibration, error) {
	levels := []float64{0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99}
	c := selector.Calibration{Levels: levels}
	chosen := chooseCalibrated(list)
	if err := measure(ctx, m, chosen, nets, levels); err != nil {
		return c, err
	}
	var err error
	if c.Width, err = learnWidth(ctx, chosen, slices.Index(levels, widthLevel)); err != nil {
		return c, err
	}
	var scores []score
	for _, e := range chosen {
		scores = append(scores, e.scores()...)
	}
	c.Factors = factors(scores, levels)
	report(c, chosen, scores)
	return c, nil
}

// chooseCalibrated picks up to mostCalibrated cases of a group that the local
// network did not take part in.
func chooseCalibrated(list []example) (out []*measured) {
	count := map[string]int{}
	// Held rows first: the selector has not seen them.
	for _, held := range []bool{true, false} {
		for i := range list {
			e := &list[i]
			if e.Held != held || e.Case.Members[len(e.Case.Members)-1].Forecast != nil || count[e.Group] == mostCalibrated {
				continue
			}
			count[e.Group]++
			out = append(out, &measured{example: e})
		}
	}
	return out
}

// measure forecasts each case as mode auto does.
func measure(ctx context.Context, m *selector.Model, list []*measured, nets unseen, levels []float64) error {
	failures := make([]error, len(list))
	next := make(chan int)
	var wait sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for i := range next {
				e := list[i]
				s := forecast.Surveyed{Values: e.Known, Period: e.Period, Horizon: len(e.Actual), Global: nets[e.Fold], Kind: e.Kind}
				e.Interval, failures[i] = s.Interval(ctx, m, levels)
			}
		})
	}
	for i := range list {
		next <- i
	}
	close(next)
	wait.Wait()
	return errors.Join(failures...)
}

const (
	widthLevel = 0.95
	widthFolds = 5
)

// learnWidth trains the trees and lets those that did not see a series say what
// its intervals need. Groups count by the root of their size.
func learnWidth(ctx context.Context, list []*measured, level int) (*gbdt.Quantile, error) {
	count := map[string]float64{}
	for _, e := range list {
		count[e.Group]++
	}
	var t gbdt.Targets
	var of, groups []int
	for i, e := range list {
		row := e.Spread.Row()
		for step := range e.Actual {
			weight := 1 / math.Sqrt(count[e.Group]) / float64(len(e.Actual))
			t.Rows, t.Values, t.Weights = append(t.Rows, row), append(t.Values, math.Log(max(1e-3, min(1e3, e.ratio(level, step))))), append(t.Weights, weight)
			of, groups = append(of, i), append(groups, int(digest(e.ID)/5)%widthFolds)
		}
	}
	q, unseen, err := gbdt.CrossQuantile(ctx, t, groups, widthFolds, widthLevel, gbdt.Options{
		LearningRate: 0.05, Rounds: 200, Leaves: 8, MinLeaf: 200, FeatureShare: 0.7, RowShare: 0.5, Patience: 20, Seed: 1,
	})
	if err != nil {
		return nil, fmt.Errorf("learning the width of intervals: %w", err)
	}
	for k, i := range of {
		list[i].widen = selector.WidthFactor(unseen[k])
	}
	fmt.Printf("width: %d trees from %d series\n", len(q.Trees), len(list))
	return q, nil
}

// ratio is how far the actual value of a step lies from the forecast, in half
// widths on its side.
func (e *measured) ratio(level, step int) float64 {
	actual, middle := e.Actual[step], e.Forecast[step]
	half := e.Upper[level][step] - middle
	if actual < middle {
		half = middle - e.Lower[level][step]
	}
	return math.Abs(actual-middle) / max(half, 1e-300)
}

func (e *measured) scores() (out []score) {
	for step := range e.Actual {
		one := score{group: e.Group, class: e.Classes[step]}
		for k := range e.Upper {
			one.ratios = append(one.ratios, e.ratio(k, step)/e.widen)
		}
		out = append(out, one)
	}
	return out
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

// report prints how many values the intervals held, before and after.
func report(c selector.Calibration, list []*measured, scores []score) {
	var names []string
	for _, e := range list {
		if !slices.Contains(names, e.Group) {
			names = append(names, e.Group)
		}
	}
	at80, at95 := slices.Index(c.Levels, 0.8), slices.Index(c.Levels, 0.95)
	for _, name := range names {
		var n, raw80, done80, done95 float64
		raw95 := 0.0
		for _, s := range scores {
			if s.group != name {
				continue
			}
			n++
			raw80 += within(s.ratios[at80], 1)
			raw95 += within(s.ratios[at95], 1)
			done80 += within(s.ratios[at80], c.Factors[s.class][at80])
			done95 += within(s.ratios[at95], c.Factors[s.class][at95])
		}
		fmt.Printf("%-40s coverage of 80 %%: by the trees %.1f, with the table %.1f; of 95 %%: %.1f, %.1f\n", name,
			100*raw80/n, 100*done80/n, 100*raw95/n, 100*done95/n)
	}
}

func within(ratio, factor float64) float64 {
	if ratio <= factor {
		return 1
	}
	return 0
}
