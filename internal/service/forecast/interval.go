package forecast

import (
	"math"
	"slices"

	"github.com/omni-run/omni/internal/ml/backtest"
	"github.com/omni-run/omni/internal/ml/selector"
)

// interval returns the bounds at step (from 0) for a level in (0, 1).
func (out *outcome) interval(level float64, step int) (lower, upper float64) {
	if out.idle.at(step) {
		v := out.forecast[step]
		lower, upper = out.idle.interval(level, out.atLeast0)
		return min(v, lower), max(v, upper)
	}
	lower, upper = out.around(level, step)
	if out.usual != nil && level >= usualFrom {
		lower, upper = min(lower, *out.usual), max(upper, *out.usual)
	}
	return lower, upper
}

// quantile returns the value that step (from 0) stays below with chance q in
// (0, 1).
func (out *outcome) quantile(q float64, step int) float64 {
	v := out.forecast[step]
	if q == 0.5 {
		return v
	}
	lower, upper := out.interval(math.Abs(2*q-1), step)
	if out.idle.at(step) {
		lower, upper = min(v, out.idle.quantile(q)), max(v, out.idle.quantile(q))
	}
	if q < 0.5 {
		return lower
	}
	return upper
}

func (out *outcome) around(level float64, step int) (lower, upper float64) {
	v := out.forecast[step]
	if out.spread != nil && out.calibration == nil {
		below, above := out.spreadAt(level, step)
		return min(v, out.bounded(v-below*out.unit)), max(v, out.bounded(v+above*out.unit))
	}
	w := out.widths(level)
	return min(v, out.bounded(v-w.below[step])), max(v, out.bounded(v+w.above[step]))
}

// spreadAt is how far the global network's bounds lie from its median, in unit.
func (out *outcome) spreadAt(level float64, step int) (below, above float64) {
	middle := out.spread.Median()[step]
	return max(0, middle-out.spread.AtStep((1-level)/2, step)), max(0, out.spread.AtStep((1+level)/2, step)-middle)
}

// sides are the distances of an interval's bounds from the forecast, by step.
type sides struct{ below, above []float64 }

// widths returns the interval at every step, in the unit of the series. It never
// narrows from one step to the next, nor from a level to a higher one, which
// the calibration's classes alone would not promise: between the levels it
// knows, the widths of the two next to it are joined by a straight line over
// the normal deviate.
func (out *outcome) widths(level float64) sides {
	if w, ok := out.halves[level]; ok {
		return w
	}
	var known []float64
	if out.calibration != nil {
		known = out.calibration.Levels
	}
	at, found := slices.BinarySearch(known, level)
	var w sides
	if !found && at > 0 && at < len(known) {
		low, high := out.widths(known[at-1]), out.widths(known[at])
		z := backtest.NormalQuantile
		from, to := z(0.5+known[at-1]/2), z(0.5+known[at]/2)
		w = between(low, high, (z(0.5+level/2)-from)/(to-from))
	} else {
		w = out.widest(append(known[:at:at], level))
	}
	if out.halves == nil {
		out.halves = map[float64]sides{}
	}
	out.halves[level] = w
	return w
}

// between is the share of the way from one interval to another.
func between(low, high sides, share float64) sides {
	w := sides{make([]float64, len(low.below)), make([]float64, len(low.above))}
	for i := range w.below {
		w.below[i] = low.below[i] + share*(high.below[i]-low.below[i])
		w.above[i] = low.above[i] + share*(high.above[i]-low.above[i])
	}
	return w
}

// widest is the widest interval at any of the levels up to each step.
func (out *outcome) widest(levels []float64) sides {
	w := sides{make([]float64, len(out.forecast)), make([]float64, len(out.forecast))}
	below, above := 0.0, 0.0
	for i := range out.forecast {
		for _, l := range levels {
			lo, hi := out.margin(l, i)
			below, above = max(below, lo), max(above, hi)
		}
		w.below[i], w.above[i] = below*out.unit, above*out.unit
	}
	return w
}

// margin is the interval at one step and level, in unit: that of the back-test's
// errors and, where the global network took part, the mean of the logarithms of
// that and of the network's own, which knows errors that this series has not
// shown yet and on which side they fall.
func (out *outcome) margin(level float64, step int) (below, above float64) {
	own := out.margins.Margin(level, step+1)
	below, above = own, own
	if out.calibration == nil {
		return below, above
	}
	if out.spread != nil {
		lo, hi := out.spreadAt(level, step)
		// A few errors say little, and Student's t on them is very wide: the
		// network, which has seen many series, then counts for more.
		share := ownShare * min(1, float64(out.tested)/fewErrors)
		below, above = mixed(own, lo, share), mixed(own, hi, share)
	}
	factor := out.widen * out.calibration.Factor(selector.Class(out.past, out.period, out.testHorizon, step+1), level)
	return below * factor, above * factor
}

// mixed is the weighted mean of two margins' logarithms; share is own's.
func mixed(own, network, share float64) float64 {
	if share == 0 {
		return network
	}
	return math.Pow(own, share) * math.Pow(network, 1-share)
}
