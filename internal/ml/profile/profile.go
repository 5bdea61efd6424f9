// Package profile finds the stretches of a series whose shape occurs nowhere
// else in it: its discords, by the matrix profile (Yeh et al. 2016, "Matrix
// Profile I", ICDM). The profile holds, for every stretch of a given length,
// the distance to the most similar other stretch, after both were brought to
// mean 0 and deviation 1: a shape that repeats has a small distance wherever
// it occurs, at whatever level and size.
package profile

import (
	"context"
	"math"
)

// MinWindow is the shortest stretch whose shape says anything.
const MinWindow = 4

// Profile is the matrix profile of a series.
type Profile struct {
	// Window is the length of a stretch.
	Window int
	// Distance of the stretch that begins at each index to its nearest other,
	// between 0 and 2 sqrt(Window). NaN for stretches with missing values and
	// where there is no other to compare with.
	Distance []float64
	// Neighbor is where that other begins; -1 where Distance is NaN.
	Neighbor []int
}

// exclusion is how far apart two stretches must begin to be compared, as a
// share of the window: nearer ones are alike because they overlap. The value
// is that of the paper's authors' later code.
func exclusion(window int) int { return (window + 3) / 4 }

// Compute returns the matrix profile of values for stretches of the given
// length. NaN is a missing value. It panics if window is below MinWindow, and
// returns the context's cause when ctx ends first. Work grows with the square
// of the length, memory with the length.
//
// The distances come from the means and covariances of stretches, and each
// covariance along a diagonal from the one before (SCAMP's recurrence,
// Zimmerman et al. 2019), which loses fewer digits than products of sums.
func Compute(ctx context.Context, values []float64, window int) (*Profile, error) {
	if window < MinWindow {
		panic("profile: window is too short")
	}
	n := len(values) - window + 1
	p := &Profile{Window: window, Distance: make([]float64, max(n, 0)), Neighbor: make([]int, max(n, 0))}
	s := newStats(values, window)
	best := make([]float64, max(n, 0)) // largest correlation so far
	for i := range best {
		best[i], p.Neighbor[i] = math.Inf(-1), -1
	}
	for d := exclusion(window); d < n; d++ {
		if d%64 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		s.diagonal(d, best, p.Neighbor)
	}
	for i, r := range best {
		p.Distance[i] = math.NaN()
		if p.Neighbor[i] >= 0 {
			p.Distance[i] = math.Sqrt(max(0, 2*float64(window)*(1-r)))
		}
	}
	return p, nil
}

// stats are the stretches' means, deviations and the terms of the recurrence.
type stats struct {
	window int
	// x is the values less their mean and over their size, 0 where missing.
	x    []float64
	mean []float64
	// inverse is 1 over the norm of the centred stretch; 0 for a constant one,
	// NaN for one with missing values.
	inverse []float64
	// df and dg are the terms by which a covariance changes from one step to
	// the next.
	df, dg []float64
}

// flat is the deviation below which a stretch counts as constant, relative to
// the largest value: the rounding of its own sums.
const flat = 1e-9

func newStats(values []float64, window int) *stats {
	n := len(values) - window + 1
	s := &stats{window: window, x: standardize(values)}
	if n <= 0 {
		return s
	}
	s.mean, s.inverse, s.df, s.dg = make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	missing := 0
	for i, v := range values {
		if math.IsNaN(v) {
			missing++
		}
		if i >= window && math.IsNaN(values[i-window]) {
			missing--
		}
		k := i - window + 1
		if k < 0 {
			continue
		}
		s.describe(k)
		if missing > 0 {
			s.inverse[k] = math.NaN()
		}
	}
	for k := 1; k < n; k++ {
		in, out := s.x[k+window-1], s.x[k-1]
		s.df[k] = (in - out) / 2
		s.dg[k] = (in - s.mean[k]) + (out - s.mean[k-1])
	}
	return s
}

// describe works out mean and norm of the stretch at k from its own values, so
// that no error is carried along.
func (s *stats) describe(k int) {
	stretch := s.x[k : k+s.window]
	sum := 0.0
	for _, v := range stretch {
		sum += v
	}
	mean := sum / float64(s.window)
	square := 0.0
	for _, v := range stretch {
		square += (v - mean) * (v - mean)
	}
	s.mean[k] = mean
	if deviation := math.Sqrt(square); deviation > flat*math.Sqrt(float64(s.window)) {
		s.inverse[k] = 1 / deviation
	}
}

// standardize brings the values near 1 in size, so that squares neither vanish
// nor overflow.
func standardize(values []float64) []float64 {
	largest, sum, n := 0.0, 0.0, 0
	for _, v := range values {
		if !math.IsNaN(v) {
			largest = max(largest, math.Abs(v))
		}
	}
	out := make([]float64, len(values))
	if largest == 0 {
		return out
	}
	for _, v := range values {
		if !math.IsNaN(v) {
			sum += v / largest
			n++
		}
	}
	mean := sum / float64(n)
	spread := 0.0
	for i, v := range values {
		if !math.IsNaN(v) {
			out[i] = v/largest - mean
			spread = max(spread, math.Abs(out[i]))
		}
	}
	for i := range out {
		if spread > 0 {
			out[i] /= spread
		}
	}
	return out
}

// diagonal compares all stretches that begin d apart.
func (s *stats) diagonal(d int, best []float64, neighbor []int) {
	n := len(best)
	cov := 0.0
	for k := range s.window {
		cov += (s.x[k] - s.mean[0]) * (s.x[d+k] - s.mean[d])
	}
	for i, j := 0, d; j < n; i, j = i+1, j+1 {
		if i > 0 {
			cov += s.df[i]*s.dg[j] + s.df[j]*s.dg[i]
		}
		a, b := s.inverse[i], s.inverse[j]
		r := cov * a * b
		if a == 0 || b == 0 || r != r {
			var ok bool
			if r, ok = degenerate(a, b); !ok {
				continue
			}
		}
		if r > best[i] {
			best[i], neighbor[i] = r, j
		}
		if r > best[j] {
			best[j], neighbor[j] = r, i
		}
	}
}

// degenerate is the correlation to use when a stretch is constant: two constant
// ones are alike, a constant and another are as far as unrelated ones (distance
// sqrt(Window), as in the authors' code). It is not ok with missing values.
func degenerate(a, b float64) (r float64, ok bool) {
	switch {
	case a != a || b != b:
		return 0, false
	case a == 0 && b == 0:
		return 1, true
	}
	return 0.5, true
}
