package globalforecast

import (
	"cmp"
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

// judge learns Blend and Stretch from what followed the pasts.
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

// mixture is what the point forecasts are mixed of, by series and step.
type mixture struct {
	networks, theta [][]float64
	// variances are those of the networks' logarithms, 0 where they read
	// differences.
	variances [][]float64
}

func (f *Frequency) mixture(j held, networks []Forecast, theta [][]float64) mixture {
	m := mixture{theta: theta}
	for i, one := range networks {
		v := make([]float64, len(one[middle]))
		for h := range v {
			if low := one[1][h]; !j.linear[i] && low > 0 {
				v[h] = variance(math.Log(one[quantiles-2][h] / low))
			}
		}
		m.networks, m.variances = append(m.networks, one[middle]), append(m.variances, v)
	}
	return m
}

// beside weighs the series of each set by the Theta model's error on it, so that
// a set that nobody forecasts well does not decide alone.
func (f *Frequency) beside(j held, m mixture) held {
	errors := map[string]float64{}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(j.sets))) {
		errors[name] = f.error(j.only(name), m, 0, func(int) float64 { return 0 })
	}
	j.weights = slices.Clone(j.weights)
	for i, name := range j.sets {
		if e := errors[name]; e > 0 {
			j.weights[i] /= e
		}
	}
	return j
}

// mix sets the networks' share in the blend, how much the errors on the series
// itself may move it, and the lean. Of the shares within the hedge of the best
// the smallest is taken: the held-out ends flatter the networks, which saw
// related series at the same time.
func (f *Frequency) mix(j held, m mixture, said []evidence) {
	const grid, hedge = 20, 0.003
	least := math.Inf(1)
	type choice struct{ trust, lean float64 }
	errors := map[choice][]float64{}
	var best choice
	for _, lean := range []float64{0, 0.1, 0.2, 0.3} {
		for _, t := range []float64{0, 0.5, 1, 1.5, 2, 3, 4, 6} {
			for k := 1; k < grid; k++ {
				b := float64(k) / grid
				e := f.error(j, m, lean, func(i int) float64 { return said[i].share(b, t) })
				errors[choice{t, lean}] = append(errors[choice{t, lean}], e)
				if e < least {
					least, best = e, choice{t, lean}
				}
			}
		}
	}
	for k, e := range errors[best] {
		if e <= least*(1+hedge) {
			f.Blend, f.Trust, f.Lean = float64(k+1)/grid, best.trust, best.lean
			return
		}
	}
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

// mostError and mostInterval bound what one series adds to a mean: a history
// that hardly moved before it exploded would decide alone.
const mostError, mostInterval = 10, 300

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

// error is the mean of the errors of a blend as competitions measure them: sMAPE
// and, half as much, MAPE in the recipe's weight and MASE in its own. Relative
// errors mean nothing for series with zeros; there the scaled one stands for
// them.
func (f *Frequency) error(j held, m mixture, lean float64, share func(i int) float64) float64 {
	return j.mean(func(i int) (float64, bool) {
		y, w := j.next[i], share(i)
		both, percent, absolute := 0.0, 0.0, 0.0
		for h, a := range y {
			p := (w*m.networks[i][h] + (1-w)*m.theta[i][h]) * math.Exp(-w*lean*m.variances[i][h])
			if d := math.Abs(a-p) / float64(len(y)); d > 0 {
				both += 2 * d / (math.Abs(a) + math.Abs(p))
				percent += min(d/math.Abs(a), mostPercent/float64(len(y)))
				absolute += d
			}
		}
		scaled := 0.0
		if s := meanStep(j.past[i], f.Recipe.Scored); s > 0 {
			scaled = f.Recipe.ScaledShare * absolute / s
		}
		relative := f.Recipe.RelativeShare * (both + percent/2)
		if slices.Min(j.past[i]) <= 0 {
			relative = 1.5 * scaled
		}
		return min((relative+scaled)/2.5, mostError), true
	})
}

// mostPercent bounds the error in percent of one value, as a share.
const mostPercent = 2

func meanStep(y []float64, lag int) float64 {
	sum := 0.0
	for i := lag; i < len(y); i++ {
		sum += math.Abs(y[i] - y[i-lag])
	}
	return sum / float64(max(1, len(y)-lag))
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

// weighted is a number and what it counts.
type weighted struct{ value, weight float64 }

// leastStretched is how many series of demand must have been judged for it to
// have factors of its own.
const leastStretched = 100

// stretched finds, for each quantile, the factor on its distance from the
// median that puts the share it names below it; the steps are pooled in threes,
// so that each factor rests on many errors. demand asks for the series that are
// such, the others else; nil says that those are too few.
func (f *Frequency) stretched(forecasts []Forecast, j held, demand bool) [][quantiles]float64 {
	h := f.Recipe.Near
	out := unstretched(f.Horizon())
	few := 0
	for _, d := range j.demand {
		if d == demand {
			few++
		}
	}
	if few < leastStretched && demand {
		return nil
	}
	for k, level := range Quantiles {
		if k == middle {
			continue
		}
		share := level
		if k < middle {
			share = 1 - level
		}
		groups := make([][]weighted, (h+2)/3)
		for i, y := range j.next {
			if j.demand[i] != demand {
				continue
			}
			for s, a := range y {
				m := forecasts[i][middle][s]
				if width := forecasts[i][k][s] - m; width != 0 {
					groups[s/3] = append(groups[s/3], weighted{(a - m) / width, j.weights[i]})
				}
			}
		}
		for g := range groups {
			slices.SortFunc(groups[g], func(a, b weighted) int { return cmp.Compare(a.value, b.value) })
		}
		for s := range out {
			out[s][k] = max(leastStretch, min(mostStretch, upper(groups[min(s, h-1)/3], share)))
		}
	}
	for s := range out {
		ordered(&out[s])
	}
	return out
}

const leastStretch, mostStretch = 0.2, 4

// upper is the conformal quantile of x, which is sorted: the least value up to
// which share of the weight lies, counting one more value of the mean weight
// above all. With equal weights that is the ceil((n+1)*share)-th smallest.
func upper(x []weighted, share float64) float64 {
	if len(x) == 0 {
		return 1
	}
	total := 0.0
	for _, v := range x {
		total += v.weight
	}
	need := share * (total + total/float64(len(x)))
	sum := 0.0
	for _, v := range x {
		if sum += v.weight; sum >= need-1e-9*total {
			return v.value
		}
	}
	return x[len(x)-1].value
}

// ordered keeps the stretched quantiles of a step from crossing for certain:
// none is stretched less than half of the next inner one.
func ordered(step *[quantiles]float64) {
	for k := middle + 2; k < quantiles; k++ {
		step[k] = max(step[k], step[k-1]/2)
		step[quantiles-1-k] = max(step[quantiles-1-k], step[quantiles-k]/2)
	}
}
