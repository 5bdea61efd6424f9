package season

import (
	"math"
	"slices"

	"github.com/omni-run/omni/internal/ml/fourier"
)

const (
	// wide is the ratio of the largest to the smallest of positive values from
	// which on their logarithms are looked at: seasons then grow with the level.
	wide = 3
	// clip is how many median deviations a step counts at most.
	clip = 5
	// band is how many frequencies the narrowest band of the background has;
	// later ones are bandGrowth of their lower end wide.
	band       = 6
	bandGrowth = 0.8
)

// steps returns the steps of y, or of its logarithm, from their median in units
// of their median deviation, outliers pulled in, with mean 0; nil when they are
// all alike but for rounding.
func steps(y []float64) []float64 {
	low, high := slices.Min(y), slices.Max(y)
	logs, size := low > 0 && high/wide > low, max(math.Abs(low), math.Abs(high))
	x := make([]float64, len(y)-1)
	for i := range x {
		if x[i] = y[i+1] - y[i]; logs {
			x[i] = math.Log(y[i+1]) - math.Log(y[i])
		}
	}
	if logs {
		size = max(1, math.Abs(math.Log(low)), math.Abs(math.Log(high)))
	}
	sorted := slices.Sorted(slices.Values(x))
	spread := sorted[len(x)-1] - sorted[0]
	if !(spread > 1e-9*size) || math.IsInf(spread, 0) { // a line, or beyond what numbers hold
		return nil
	}
	middle, scale := sorted[len(x)/2], 0.0
	for i, v := range x {
		sorted[i] = math.Abs(v - middle)
	}
	slices.Sort(sorted)
	for _, q := range []float64{0.5, 0.75, 0.9, 1} { // where half the steps are alike
		if scale = sorted[int(q*float64(len(x)-1))]; scale > 1e-9*size {
			break
		}
	}
	mean := 0.0
	for i, v := range x {
		x[i] = max(-clip, min(clip, (v-middle)/scale))
		mean += x[i] / float64(len(x))
	}
	for i := range x {
		x[i] -= mean
	}
	return x
}

// whitened returns the spectrum of x, padded with zeros, from frequency 0 to
// 1/2, divided by its background. c is room for the transform, all 0.
func whitened(x []float64, plan *fourier.Plan, c []complex128) []float64 {
	for i, v := range x {
		c[i] = complex(v, 0)
	}
	plan.Transform(c)
	power := make([]float64, len(c)/2+1)
	for i := range power {
		power[i] = real(c[i])*real(c[i]) + imag(c[i])*imag(c[i])
	}
	at, level := background(power, len(x))
	slowest := 2 * float64(len(c)) / float64(len(x)) // below one cycle in the series only padding tells
	k := 0
	for i := 1; i < len(power); i++ {
		f := math.Log(max(float64(i), slowest))
		for k+2 < len(at) && f > at[k+1] {
			k++
		}
		log := level[k]
		if len(at) > 1 { // past the middle of the last band it stays
			log += min(1, (f-at[k])/(at[k+1]-at[k])) * (level[k+1] - level[k])
		}
		power[i] /= math.Exp(log)
	}
	power[0] = 0
	return power
}

// background returns the logarithms of the middle and of the median power of
// bands that grow wider with the frequency. Lines of a season are fewer than
// half the frequencies of a band and hardly move its median; between the bands
// a straight line in logarithms fits whatever falls or rises by a power of the
// frequency, as walks and their like do.
func background(power []float64, n int) (at, level []float64) {
	ratio := float64(2*(len(power)-1)) / float64(n) // padded frequencies to one of the series
	last := float64(n) / 2
	least := slices.Max(power) * 1e-12
	narrow := min(band, last/2) // two bands at least
	for from, width := 1.0, narrow; from < last; width = max(narrow, bandGrowth*from) {
		to := from + width
		if last-to < 0.7*width { // too few are left for a band of their own
			to = last
		}
		end := min(len(power), int(to*ratio))
		if to == last {
			end = len(power)
		}
		part := slices.Sorted(slices.Values(power[int(from*ratio):end]))
		at = append(at, math.Log((from+to)/2*ratio))
		level = append(level, math.Log(max(part[len(part)/2], least)))
		from = to
	}
	return at, level
}
