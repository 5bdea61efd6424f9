package stl

import (
	"math"
	"slices"

	"github.com/omni-run/omni/internal/ml/fourier"
	"github.com/omni-run/omni/internal/ml/season"
)

// FindPeriod returns the season's length in points, or 0 when the series has
// none that helps. Missing points are NaN; outliers are pulled in before
// anything else.
//
// The autocorrelation (by FFT) of the detrended series proposes its peaks, and
// season.Find what it finds; each is then put to a test that noise rarely
// passes: predict every point by the median of the same phase in the other
// cycles, and compare the errors with those of the series without a season. At least three cycles are needed.
func FindPeriod(y []float64) int {
	n := len(y)
	if n < 8 {
		return 0
	}
	x := clean(y)
	if x == nil {
		return 0
	}
	acf := autocorrelation(x)
	bound := 2.5 / math.Sqrt(float64(n))
	var lags []int
	trough := acf[1]
	for lag := 2; lag <= n/3; lag++ {
		trough = min(trough, acf[lag])
		// Between two cycles a season correlates less than one cycle on; a
		// series that is merely smooth, or wanders, falls off without a trough.
		if acf[lag]-trough < leastRise {
			continue
		}
		if acf[lag] > max(bound, 0.1) && acf[lag] >= acf[lag-1] && acf[lag] >= acf[lag+1] {
			lags = append(lags, lag)
		}
	}
	slices.SortStableFunc(lags, func(a, b int) int {
		switch {
		case acf[a] > acf[b]:
			return -1
		case acf[a] < acf[b]:
			return 1
		}
		return a - b
	})
	// A multiple of the season correlates as well as the season does, so the
	// shortest lag near the strongest is tried beside the strongest few.
	lags = shortlist(lags, acf)
	for _, m := range season.Find(x, n/3) {
		if !slices.Contains(lags, m) {
			lags = append(lags, m)
		}
	}
	best, bestGain := 0, 0.0
	slices.Sort(lags)
	for _, lag := range lags {
		// A longer season must be clearly better.
		if gain := seasonalGain(x, lag); gain > 0.15 && gain > bestGain+0.05+0.1*bestGain {
			best, bestGain = lag, gain
		}
	}
	if fine := refine(acf, best); seasonalGain(x, fine) > bestGain {
		return fine
	}
	return best
}

// refine looks where the peaks at a long lag and its multiples have their
// middle: noise moves the highest point of a broad peak, hardly its middle.
func refine(acf []float64, lag int) int {
	const leastLag = 50 // the highest points of narrower peaks are exact
	if lag < leastLag {
		return lag
	}
	middle := float64(lag)
	half := lag / 8
	for m := 1; m*lag+2*half < len(acf)/2; m++ {
		at := int(math.Round(middle * float64(m)))
		middle = (float64(at) + vertex(acf[at-half:at+half+1])) / float64(m)
	}
	return int(math.Round(middle))
}

// vertex returns where, counted from the middle of y, the parabola of least
// squares through it is highest; 0 when it opens upwards. len(y) is odd.
func vertex(y []float64) float64 {
	half := len(y) / 2
	var slope, slopes, curve, curves float64
	square := float64(half*(half+1)) / 3 // the mean of the squared offsets
	for i, v := range y {
		d := float64(i - half)
		slope, slopes = slope+d*v, slopes+d*d
		curve, curves = curve+(d*d-square)*v, curves+(d*d-square)*(d*d-square)
	}
	if curve >= 0 {
		return 0
	}
	at := -slope / slopes * curves / (2 * curve)
	return max(-float64(half), min(float64(half), at))
}

// leastRise is how far the autocorrelation rises from its trough to a season.
const leastRise = 0.05

func shortlist(lags []int, acf []float64) []int {
	out := slices.Clone(lags[:min(6, len(lags))])
	if len(lags) == 0 {
		return out
	}
	top := acf[lags[0]]
	near := slices.Clone(lags)
	slices.Sort(near)
	for _, lag := range near {
		if len(out) >= 12 {
			break
		}
		if acf[lag] > 0.5*top && !slices.Contains(out, lag) {
			out = append(out, lag)
		}
	}
	return out
}

// clean fills gaps, takes the trend out and pulls outliers in to four robust
// standard deviations. It returns nil for a series without variation.
func clean(y []float64) []float64 {
	x := Fill(y)
	window := odd(max(7, min(len(x)/2, 2001)))
	trend, _ := Smooth(x, nil, window, 1, 0)
	for i := range x {
		x[i] -= trend[i]
	}
	m := median(slices.Clone(x))
	size := make([]float64, len(x))
	for i, v := range x {
		size[i] = math.Abs(v - m)
	}
	slices.Sort(size)
	scale := 1.4826 * size[len(size)/2]
	if scale == 0 {
		scale = size[int(0.9*float64(len(size)-1))]
	}
	if scale == 0 || math.IsInf(scale, 0) || math.IsNaN(scale) {
		return nil
	}
	for i, v := range x {
		x[i] = max(-4, min(4, (v-m)/scale))
	}
	return x
}

// Fill returns a copy of y with NaN replaced by linear interpolation, and by
// the nearest value at the ends.
func Fill(y []float64) []float64 {
	x := slices.Clone(y)
	last := -1
	for i, v := range x {
		if math.IsNaN(v) {
			continue
		}
		for j := last + 1; j < i; j++ {
			if last < 0 {
				x[j] = v
			} else {
				part := float64(j-last) / float64(i-last)
				x[j] = x[last]*(1-part) + v*part
			}
		}
		last = i
	}
	for j := last + 1; last >= 0 && j < len(x); j++ {
		x[j] = x[last]
	}
	return x
}

// seasonalGain is the share of the typical error that a season of the given
// length takes away, measured on points the season was not built from.
func seasonalGain(x []float64, period int) float64 {
	with := make([]float64, 0, len(x))
	without := make([]float64, 0, len(x))
	var others []float64
	const nearest = 10 // cycles on either side are enough for a median
	// Some thousands of points tell; an odd stride meets every phase of a
	// round season.
	stride := 1
	if len(x) > 10_000 {
		stride = (len(x)/5_000 | 1)
	}
	for i := 0; i < len(x); i += stride {
		others = others[:0]
		cycles := 0
		for j := i - period; j >= 0 && cycles < nearest; j -= period {
			others = append(others, x[j])
			cycles++
		}
		cycles = 0
		for j := i + period; j < len(x) && cycles < nearest; j += period {
			others = append(others, x[j])
			cycles++
		}
		if len(others) < 2 {
			continue
		}
		with = append(with, math.Abs(x[i]-median(others)))
		without = append(without, math.Abs(x[i]))
	}
	if len(with) == 0 {
		return 0
	}
	// Means, not medians: a short daily peak lives outside the middle half.
	a, b := mean(with), mean(without)
	if b == 0 {
		return 0
	}
	return 1 - a/b
}

func mean(x []float64) float64 {
	var s float64
	for _, v := range x {
		s += v
	}
	return s / float64(len(x))
}

// median sorts x.
func median(x []float64) float64 {
	slices.Sort(x)
	k := len(x)
	return x[k/2]/2 + x[(k-1)/2]/2
}

// autocorrelation returns the sample autocorrelation at every lag below len(x).
func autocorrelation(x []float64) []float64 {
	c := make([]complex128, fourier.Size(len(x)))
	plan := fourier.NewPlan(len(c))
	m := mean(x)
	for i, v := range x {
		c[i] = complex(v-m, 0)
	}
	plan.Transform(c)
	for i, v := range c {
		c[i] = complex(real(v)*real(v)+imag(v)*imag(v), 0)
	}
	plan.Transform(c) // of an even real sequence: its own inverse but for the scale
	out := make([]float64, len(x))
	for i := range out {
		// Fewer pairs at longer lags: divide by their number.
		out[i] = real(c[i]) / real(c[0]) * float64(len(x)) / float64(len(x)-i)
	}
	return out
}
