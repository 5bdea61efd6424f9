// Package changepoint finds where the level of a series shifts: exact
// segmentation by PELT, and a test of each shift that slopes and wandering
// series do not pass.
package changepoint

import (
	"context"
	"math"
)

// PELT returns the starts of all segments but the first in the segmentation of
// y that minimises
//
//	sum over segments of (squared deviations from the segment's mean) + penalty * segments
//
// with segments of at least minSize points (1 at least): Killick, Fearnhead and
// Eckley, "Optimal Detection of Changepoints With a Linear Computational Cost"
// (JASA 2012). y must be finite. Without changes the time is quadratic in
// len(y); see [Shifts] for long series. It returns the context's cause when ctx
// ends first.
func PELT(ctx context.Context, y []float64, penalty float64, minSize int) ([]int, error) {
	n := len(y)
	minSize = max(1, minSize)
	sum, squares := make([]float64, n+1), make([]float64, n+1)
	for i, v := range y {
		sum[i+1], squares[i+1] = sum[i]+v, squares[i]+v*v
	}
	cost := func(from, to int) float64 {
		s := sum[to] - sum[from]
		return math.Max(0, squares[to]-squares[from]-s*s/float64(to-from))
	}
	best, previous := make([]float64, n+1), make([]int, n+1)
	best[0] = -penalty
	for i := 1; i <= n; i++ {
		best[i] = math.Inf(1)
	}
	alive := make([]int, 0, 64)
	// until[from] is the first end at which a beaten start may be forgotten.
	until := make([]int, n+1)
	for end := minSize; end <= n; end++ {
		if end%256 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if from := end - minSize; from == 0 || from >= minSize {
			alive = append(alive, from)
		}
		for _, from := range alive {
			if c := best[from] + cost(from, end) + penalty; c < best[end] {
				best[end], previous[end] = c, from
			}
		}
		// A start worse than a segmentation that ends here loses to it ever
		// after, as splitting never raises the cost; but only from the end at
		// which a segment starting here is long enough.
		kept := alive[:0]
		for _, from := range alive {
			if until[from] == 0 && best[from]+cost(from, end) > best[end] {
				until[from] = end + minSize
			}
			if until[from] == 0 || end < until[from] {
				kept = append(kept, from)
			}
		}
		alive = kept
	}
	var starts []int
	if n < minSize {
		return starts, nil
	}
	for at := previous[n]; at > 0; at = previous[at] {
		starts = append(starts, at)
	}
	for i, j := 0, len(starts)-1; i < j; i, j = i+1, j-1 {
		starts[i], starts[j] = starts[j], starts[i]
	}
	return starts, nil
}
