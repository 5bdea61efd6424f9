package detect

import (
	"math"
	"slices"
)

// spread returns the standard deviation expected at every place of the grid.
func (s *series) spread() []float64 {
	rest := make([]float64, 0, len(s.x))
	at := make([]int, 0, len(s.x))
	for i, k := range s.known {
		if k {
			rest = append(rest, s.x[i]-s.trend[i]-s.season[i]-s.level[i])
			at = append(at, i)
		}
	}
	// Fitted to the very points it is measured on, the remainder is too small.
	for i := range rest {
		rest[i] /= 1 - min(s.own, 0.5)
	}
	overall := scaleOf(rest, s.floor)
	out := make([]float64, len(s.x))
	for i := range out {
		out[i] = overall
	}
	// Wide enough that a burst of anomalies is a minority in it.
	window := max(41, min(101, len(rest)/8), 2*s.period+1)
	if len(rest) < 2*window {
		return out
	}
	local := localScale(rest, window)
	for k, i := range at {
		out[i] = math.Sqrt(overall*overall/2 + local[k]*local[k]/2)
	}
	return out
}

// scaleOf is the robust standard deviation of the residuals. When more than
// half of them are nil the median says nothing, and the spread of the rest
// counts instead, less the largest few, which may be what is looked for.
func scaleOf(rest []float64, floor float64) float64 {
	size := make([]float64, len(rest))
	for i, r := range rest {
		size[i] = math.Abs(r)
	}
	slices.Sort(size)
	if mad := 1.4826 * (size[len(size)/2]/2 + size[(len(size)-1)/2]/2); mad > floor {
		return mad
	}
	spare := min(len(size)/3, max(2, len(size)/50))
	return max(floor, size[len(size)-1-spare]/2)
}

// localScale is the robust standard deviation over a moving window, worked out
// at every quarter of it and interpolated.
func localScale(rest []float64, window int) []float64 {
	out := make([]float64, len(rest))
	step := window / 4
	part := make([]float64, 0, window)
	value := func(i int) float64 {
		from := min(max(0, i-window/2), len(rest)-window)
		part = part[:0]
		for _, r := range rest[from : from+window] {
			part = append(part, math.Abs(r))
		}
		return 1.4826 * median(part)
	}
	last := value(0)
	out[0] = last
	for i := 0; i < len(rest)-1; {
		next := min(i+step, len(rest)-1)
		v := value(next)
		for j := i + 1; j <= next; j++ {
			out[j] = last + (v-last)*float64(j-i)/float64(next-i)
		}
		i, last = next, v
	}
	return out
}
