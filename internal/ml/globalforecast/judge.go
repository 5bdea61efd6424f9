package globalforecast

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/omni-run/omni/internal/ml/theta"
)

// held is what judges may see of each series and what they are judged on.
type held struct {
	past, next [][]float64
	sets       []string
	// weights is what each series counts; a set counts by the root of how many
	// of its series are judged.
	weights []float64
	// linear says which series are read as differences, demand which of them
	// because of values at 0.
	linear, demand []bool
}

// judgedOfSet bounds how many series of a data set tell the blend and the
// intervals.
const judgedOfSet = 1500

// held splits the series that are long enough.
func (f FrequencyPlan) held() (out held) {
	h, all := f.Recipe.Near, corpus{f.Series, f.Sets}
	for i, y := range f.Series {
		if n := len(y) - h; n > max(leastStart, f.Recipe.Scored+1) {
			out.past, out.next = append(out.past, y[:n]), append(out.next, y[n:])
			out.sets = append(out.sets, all.set(i))
		}
	}
	return out
}

// jury picks the series that are judged on, evenly from each set.
func (h held) jury() (out held) {
	count, seen := map[string]int{}, map[string]int{}
	for _, s := range h.sets {
		count[s]++
	}
	for i, s := range h.sets {
		stride := (count[s] + judgedOfSet - 1) / judgedOfSet
		if seen[s]++; (seen[s]-1)%stride != 0 {
			continue
		}
		judged := float64((count[s] + stride - 1) / stride)
		out.past, out.next, out.sets = append(out.past, h.past[i]), append(out.next, h.next[i]), append(out.sets, s)
		out.weights = append(out.weights, 1/math.Sqrt(judged))
	}
	return out
}

// mean is the weighted mean over the series of what of returns; series for
// which it reports false are left out.
func (h held) mean(of func(i int) (float64, bool)) float64 {
	total, weight := 0.0, 0.0
	for i, w := range h.weights {
		if w == 0 {
			continue
		}
		if v, ok := of(i); ok {
			total += w * v
			weight += w
		}
	}
	if weight == 0 {
		return 0
	}
	return total / weight
}

// judge learns Blend, Trust, Lean, Width, Stretch and Demand from what followed
// the pasts.
func (f *Frequency) judge(ctx context.Context, j held) (Verdict, error) {
	v := Verdict{Name: f.Name, Series: len(j.past)}
	list := make([]Series, len(j.past))
	for i, y := range j.past {
		list[i] = Series{Values: y, Period: f.Recipe.Seasons[0].Period}
	}
	h := f.Recipe.Near
	f.Blend, f.Trust, f.Lean, f.Width, f.Stretch, f.Demand = 1, 0, 0, nil, unstretched(f.Horizon()), nil
	j.linear, j.demand = f.kinds(list)
	alone, err := f.Forecast(ctx, list, h)
	if err != nil {
		return v, err
	}
	said := f.gathered(list)
	others := make([][]float64, len(list))
	for i, s := range list {
		m, err := theta.FitQuick(recent(s.Values, s.Period), s.Period)
		if err != nil {
			return v, fmt.Errorf("fitting the Theta model: %w", err)
		}
		others[i] = m.Forecast(h)
	}
	m := f.mixture(j, alone, others)
	fixed := func(share float64) func(int) float64 { return func(int) float64 { return share } }
	v.Theta, v.Networks = f.error(j, m, 0, fixed(0)), f.error(j, m, 0, fixed(1))
	f.mix(f.beside(j, m), m, said)
	v.Blend, v.Trust, v.Lean = f.Blend, f.Trust, f.Lean
	chosen := func(i int) float64 { return said[i].share(f.Blend, f.Trust) }
	v.Blended = f.error(j, m, f.Lean, chosen)
	final, err := f.Forecast(ctx, list, h)
	if err != nil {
		return v, err
	}
	v.Coverage = j.coverage(final)
	if final, err = f.widen(ctx, list, j); err != nil {
		return v, err
	}
	v.Score = f.intervalScore(final, j)
	for _, name := range slices.Compact(slices.Sorted(slices.Values(j.sets))) {
		one := j.only(name)
		v.Sets = append(v.Sets, SetVerdict{
			Name: name, Series: one.count(), Networks: f.error(one, m, 0, fixed(1)), Theta: f.error(one, m, 0, fixed(0)),
			Blended: f.error(one, m, f.Lean, chosen), Coverage: one.coverage(final),
		})
	}
	return v, nil
}

// kinds says for each series whether it is read as differences, and whether
// because of values at 0.
func (f *Frequency) kinds(list []Series) (linear, demand []bool) {
	r, w := reader{shape: f.Recipe.Shape}, window{}
	linear, demand = make([]bool, len(list)), make([]bool, len(list))
	for i, s := range list {
		r.read(&w, s.Values, f.season(s.Period), f.Recipe.Smooth, false)
		linear[i], demand[i] = w.view.linear, w.view.demand
	}
	return linear, demand
}

// gathered is the evidence of every series.
func (f *Frequency) gathered(list []Series) []evidence {
	w := &space{}
	var out []evidence
	for from := 0; from < len(list); from += chunk {
		f.gather(w, list[from:min(from+chunk, len(list))], true)
		for _, c := range w.cases {
			out = append(out, c.evidence)
		}
	}
	return out
}

// only is h with no weight on other sets than the one named.
func (h held) only(set string) held {
	h.weights = slices.Clone(h.weights)
	for i, s := range h.sets {
		if s != set {
			h.weights[i] = 0
		}
	}
	return h
}

// count is how many series weigh something.
func (h held) count() (n int) {
	for _, w := range h.weights {
		if w > 0 {
			n++
		}
	}
	return n
}

// mostInterval bounds what one series adds to a mean, as mostError does.
const mostInterval = 300

// intervalScore is the mean scaled interval score of the middle 95 %
// (Gneiting and Raftery, 2007, as the M4 competition scales it).
func (f *Frequency) intervalScore(forecasts []Forecast, j held) float64 {
	return j.mean(func(i int) (float64, bool) {
		scale := meanStep(j.past[i], f.Recipe.Scored)
		if !(scale > 0) {
			return 0, false
		}
		sum := 0.0
		for h, a := range j.next[i] {
			lo, hi := forecasts[i][0][h], forecasts[i][quantiles-1][h]
			sum += (hi - lo + 40*max(0, lo-a) + 40*max(0, a-hi)) / float64(len(j.next[i]))
		}
		return min(sum/scale, mostInterval), true
	})
}

// coverage is the share of the values within the outermost quantiles.
func (h held) coverage(forecasts []Forecast) float64 {
	return h.mean(func(i int) (float64, bool) {
		inside := 0
		for s, a := range h.next[i] {
			if a >= forecasts[i][0][s] && a <= forecasts[i][quantiles-1][s] {
				inside++
			}
		}
		return float64(inside) / float64(max(1, len(h.next[i]))), len(h.next[i]) > 0
	})
}
