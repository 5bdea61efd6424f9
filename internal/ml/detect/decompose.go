package detect

import (
	"context"
	"math"
	"slices"

	"github.com/omni-run/omni/internal/ml/changepoint"
	"github.com/omni-run/omni/internal/ml/stl"
)

// decompose fills in period, shifts, level, season and trend.
func (s *series) decompose(ctx context.Context) error {
	n := len(s.x)
	s.season, s.level = make([]float64, n), make([]float64, n)
	s.period = s.o.Period
	if s.period == 0 {
		withGaps := slices.Clone(s.x)
		for i, k := range s.known {
			if !k {
				withGaps[i] = math.NaN()
			}
		}
		s.period = stl.FindPeriod(withGaps)
	}
	if s.period < 2 || n < 2*s.period {
		s.period = 0
	}
	if err := s.findShifts(ctx); err != nil {
		return err
	}
	rest := make([]float64, n)
	for i, v := range s.x {
		rest[i] = v - s.level[i]
	}
	if s.period > 0 {
		if err := s.pickSeason(ctx, rest); err != nil {
			return err
		}
		for i := range rest {
			rest[i] -= s.season[i]
		}
	}
	s.trend = s.pickTrend(rest)
	return ctx.Err()
}

// pickSeason decomposes y with a season that never changes and, given four
// cycles, with one that evolves, and takes the second if it predicts left-out
// points clearly better.
func (s *series) pickSeason(ctx context.Context, y []float64) error {
	cycles := len(y) / s.period
	o := stl.Options{
		Period: s.period, Periodic: true, Inner: 2, Outer: 6, Jump: max(1, s.period/10), Weights: s.weights,
		// The trend must not bend within a burst of anomalies.
		Trend: max(21, (2*s.period)|1),
	}
	if len(y) > 20_000 { // so many points need fewer rounds to agree
		o.Inner, o.Outer = 1, 4
	}
	fixed, err := stl.Decompose(ctx, y, o)
	if err != nil {
		return err
	}
	s.season, s.own = fixed.Season, 1/float64(cycles)
	if cycles < 4 {
		return nil
	}
	o.Periodic, o.Seasonal = false, 11
	moving, err := stl.Decompose(ctx, y, o)
	if err != nil {
		return err
	}
	own := max(140/(81*11.0), 2/float64(cycles))
	_, scale := center(s.residuals(y, moving, own))
	if s.typical(s.residuals(y, moving, own), scale) < 0.9*s.typical(s.residuals(y, fixed, s.own), scale) {
		s.season, s.own = moving.Season, own
	}
	return nil
}

// residuals returns what a decomposition leaves of the known points, as if
// each had been left out of its own fit, in which it has the weight own.
func (s *series) residuals(y []float64, fit stl.Result, own float64) []float64 {
	out := make([]float64, 0, len(y))
	for i, k := range s.known {
		if k {
			out = append(out, (y[i]-fit.Trend[i]-fit.Season[i])/(1-own))
		}
	}
	return out
}

// typical is the mean size of the residuals, each counted as four scales at
// most.
func (s *series) typical(residuals []float64, scale float64) float64 {
	var sum float64
	for _, r := range residuals {
		sum += min(math.Abs(r), 4*scale+s.floor)
	}
	return sum / float64(len(residuals))
}

// findShifts looks for level shifts in the series without its season and
// lays the steps into level.
func (s *series) findShifts(ctx context.Context) error {
	n := len(s.x)
	rest := slices.Clone(s.x)
	minSize := max(5, min(10, n/10))
	if s.period > 0 {
		season := roughSeason(s.x, s.period)
		for i := range rest {
			rest[i] -= season[i]
		}
		minSize = max(minSize, min(s.period, n/6, 1000))
	}
	shifts, err := changepoint.Shifts(ctx, rest, changepoint.Options{MinSize: minSize})
	if err != nil {
		return err
	}
	for _, c := range shifts {
		for i := c.Index; i < n; i++ {
			s.level[i] += c.Step
		}
		// Report the first value at or after the place on the grid.
		at := c.Index
		for at < n-1 && s.index[at] < 0 {
			at++
		}
		c.Index = s.index[at]
		c.Before, c.After = s.original(c.Before), s.original(c.After)
		c.Step *= s.unit
		s.shifts = append(s.shifts, c)
	}
	return nil
}

// roughSeason is the median of every phase around a running robust trend: not
// smooth, but a level shift cannot bend it.
func roughSeason(x []float64, period int) []float64 {
	trend, _ := stl.Smooth(x, nil, max(7, (2*period)|1), 1, 0)
	out := make([]float64, len(x))
	var values []float64
	for phase := range period {
		values = values[:0]
		for i := phase; i < len(x); i += period {
			values = append(values, x[i]-trend[i])
		}
		m := median(values)
		for i := phase; i < len(x); i += period {
			out[i] = m
		}
	}
	return out
}

// pickTrend smooths y with the window that predicts left-out points best:
// narrow for a wandering series, a straight line for a steady one. A wider
// window wins ties, as it is harder for a burst of anomalies to bend.
func (s *series) pickTrend(y []float64) []float64 {
	const sample = 8000
	from := max(0, (len(y)-sample)/2)
	part, weights := y[from:min(len(y), from+sample)], s.weights[from:min(len(y), from+sample)]
	best, bestError := 0, math.Inf(1)
	scale := 0.0
	for _, window := range []int{15, 31, 61, 121, 241, 501, 1001, 0} {
		if window > len(part)/2 {
			continue
		}
		e := s.leftOut(part, weights, window)
		if scale == 0 {
			_, scale = center(e)
		}
		if typical := s.typical(e, scale); typical < bestError*1.03 {
			best, bestError = window, min(bestError, typical)
		}
	}
	s.own += ownWeight(best, len(y))
	return s.smoothTrend(y, s.weights, best, 6)
}

// leftOut returns the residuals of the known points as if each had been left
// out of its own fit.
func (s *series) leftOut(y, weights []float64, window int) []float64 {
	trend := s.smoothTrend(y, weights, window, 3)
	out := make([]float64, 0, len(y))
	for i := range y {
		if weights[i] > 0 {
			out = append(out, (y[i]-trend[i])/(1-ownWeight(window, len(y))))
		}
	}
	return out
}

// ownWeight is the weight a point has in its own fit: one over the integral of
// the tricube kernel, 81/140 of the window, and for the straight line two
// parameters over n points.
func ownWeight(window, n int) float64 {
	if window == 0 {
		return 2 / float64(n)
	}
	return 140 / (81 * float64(window))
}

// smoothTrend is robust LOESS, or a robust straight line for window 0.
func (s *series) smoothTrend(y, weights []float64, window, iterations int) []float64 {
	if window == 0 {
		return line(y, weights)
	}
	once, robust := stl.Smooth(y, weights, window, iterations, s.floor)
	// Smoothing what is left once more takes out the bias at bends.
	rest := make([]float64, len(y))
	for i := range y {
		rest[i] = y[i] - once[i]
	}
	again, _ := stl.Smooth(rest, robust, window, 0, s.floor)
	for i := range once {
		once[i] += again[i]
	}
	return once
}

// line is the straight line of Theil (1950) and Sen (1968): the median of the
// slopes of all pairs, over at most 300 evenly chosen known points.
func line(y, weights []float64) []float64 {
	known := make([]int, 0, len(y))
	for i, w := range weights {
		if w > 0 {
			known = append(known, i)
		}
	}
	stride := (len(known) + 299) / 300
	var slopes []float64
	for a := 0; a < len(known); a += stride {
		for b := a + stride; b < len(known); b += stride {
			slopes = append(slopes, (y[known[b]]-y[known[a]])/float64(known[b]-known[a]))
		}
	}
	slope := median(slopes)
	rest := make([]float64, len(known))
	for k, i := range known {
		rest[k] = y[i] - slope*float64(i)
	}
	start := median(rest)
	out := make([]float64, len(y))
	for i := range out {
		out[i] = start + slope*float64(i)
	}
	return out
}

// median sorts x, which is not empty.
func median(x []float64) float64 {
	slices.Sort(x)
	k := len(x)
	return x[k/2]/2 + x[(k-1)/2]/2
}

// center returns the median of x and 1.4826 times the median absolute
// deviation from it. It does not change x.
func center(x []float64) (middle, scale float64) {
	x = slices.Clone(x)
	middle = median(x)
	for i, v := range x {
		x[i] = math.Abs(v - middle)
	}
	return middle, 1.4826 * median(x)
}
