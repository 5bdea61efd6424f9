// Package season finds and removes repeating patterns: the length of a season,
// whether one is there at all, its indices, and the seasonal naive forecast.
package season

import (
	"math"
	"slices"
)

// Autocorrelation returns the sample autocorrelations of y at lags 1 to
// lags, all 0 when y does not vary.
func Autocorrelation(y []float64, lags int) []float64 {
	out := make([]float64, lags)
	mean := 0.0
	for _, v := range y {
		mean += v / float64(len(y))
	}
	variance := 0.0
	for _, v := range y {
		variance += (v - mean) * (v - mean)
	}
	if !(variance > 0) {
		return out
	}
	for k := 1; k <= lags && k < len(y); k++ {
		sum := 0.0
		for i := k; i < len(y); i++ {
			sum += (y[i] - mean) * (y[i-k] - mean)
		}
		out[k-1] = sum / variance
	}
	return out
}

// Present tests, as the Theta method does (Assimakopoulos and Nikolopoulos,
// 2000; Fiorucci et al., 2016), whether the autocorrelation at lag period
// exceeds its 90 % limit given the ones before it. A series of two seasons or
// less gives false.
func Present(y []float64, period int) bool {
	if period < 2 || len(y) < 2*period+1 {
		return false
	}
	r, limit := atSeason(y, period)
	return math.Abs(r) > limit
}

// Shows is Present, or that the steps of y repeat themselves: beside a trend,
// whose autocorrelations are all high, the former sees no season.
func Shows(y []float64, period int) bool {
	if Present(y, period) {
		return true
	}
	if period < 2 || len(y) < 2*period+2 {
		return false
	}
	steps := make([]float64, len(y)-1)
	for i := range steps {
		steps[i] = y[i+1] - y[i]
	}
	r, limit := atSeason(steps, period)
	return r > limit
}

// atSeason returns the autocorrelation at lag period and its 90 % limit given
// the ones before it (Bartlett, 1946).
func atSeason(y []float64, period int) (r, limit float64) {
	all := Autocorrelation(y, period)
	sum := 0.0
	for _, v := range all[:period-1] {
		sum += v * v
	}
	return all[period-1], 1.6448536269514722 * math.Sqrt((1+2*sum)/float64(len(y)))
}

// hinted is how many of the newest values a look at named seasons takes in.
const hinted = 4000

// Detect returns the length of the strongest season of y, or 1. candidates
// are lengths that the calendar suggests, tried first and held to a lower bar,
// on the steps of y, so that a trend does not hide or feign a season; then
// whatever Find names.
func Detect(y []float64, candidates []int, limit int) int {
	if best := suggested(y[max(0, len(y)-hinted):], candidates); best > 1 {
		return best
	}
	if found := Find(y, limit); len(found) > 0 {
		return found[0]
	}
	return 1
}

// suggested is the candidate with the highest autocorrelation of the steps, 1
// where none is high enough.
func suggested(y []float64, candidates []int) int {
	if len(y) < 6 || len(candidates) == 0 {
		return 1
	}
	step, lowest, highest, size := make([]float64, len(y)-1), math.Inf(1), math.Inf(-1), 0.0
	for i := range step {
		step[i] = y[i+1] - y[i]
		lowest, highest, size = min(lowest, step[i]), max(highest, step[i]), max(size, math.Abs(y[i]))
	}
	if highest-lowest <= 1e-9*size {
		return 1 // a line: what is left in the steps is rounding
	}
	top := 0
	for _, c := range candidates {
		if c <= len(step)/2 {
			top = max(top, c)
		}
	}
	r := Autocorrelation(step, top)
	best, score := 1, 0.0
	for _, c := range candidates {
		if c >= 2 && c <= top && r[c-1] > bar(0.3, 2, len(step)) && r[c-1] > score {
			best, score = c, r[c-1]
		}
	}
	return best
}

// bar is the correlation a season must exceed: least, or deviations standard
// errors of a short series.
func bar(least, deviations float64, n int) float64 {
	return max(least, min(0.8, deviations/math.Sqrt(float64(n))))
}

// Indices decomposes y classically: a centred moving average is the trend, and
// the mean ratio (multiplicative) or difference (additive) of y to it at each
// phase, normalised to mean 1 or 0, is the season. Index i belongs to y[i],
// y[i+period] and so on. ok is false when y has fewer than two seasons, or is
// not positive for a multiplicative one.
func Indices(y []float64, period int, multiplicative bool) (indices []float64, ok bool) {
	if period < 2 || len(y) < 2*period || (multiplicative && slices.Min(y) <= 0) {
		return nil, false
	}
	trend := movingAverage(y, period)
	sum, count := make([]float64, period), make([]float64, period)
	for i, t := range trend {
		if math.IsNaN(t) {
			continue
		}
		v := y[i] - t
		if multiplicative {
			v = y[i] / t
		}
		sum[i%period] += v
		count[i%period]++
	}
	mean := 0.0
	for i := range sum {
		if count[i] == 0 {
			return nil, false
		}
		sum[i] /= count[i]
		mean += sum[i] / float64(period)
	}
	for i := range sum {
		if multiplicative {
			if sum[i] /= mean; !(sum[i] > 0) {
				return nil, false
			}
		} else {
			sum[i] -= mean
		}
	}
	return sum, true
}

// movingAverage is centred (2 by period when period is even) and NaN at the
// ends.
func movingAverage(y []float64, period int) []float64 {
	out := make([]float64, len(y))
	half := period / 2
	for i := range out {
		if i < half || i+half >= len(y) {
			out[i] = math.NaN()
			continue
		}
		sum := 0.0
		for _, v := range y[i-half : i+half+1] {
			sum += v
		}
		if period%2 == 0 {
			sum -= (y[i-half] + y[i+half]) / 2
		}
		out[i] = sum / float64(period)
	}
	return out
}

// Remove returns y without the season of indices; y[0] has phase 0.
func Remove(y, indices []float64, multiplicative bool) []float64 {
	out := make([]float64, len(y))
	for i, v := range y {
		if multiplicative {
			out[i] = v / indices[i%len(indices)]
		} else {
			out[i] = v - indices[i%len(indices)]
		}
	}
	return out
}

// Restore puts a removed season back in place; y[0] has the given phase.
func Restore(y, indices []float64, phase int, multiplicative bool) {
	for i := range y {
		s := indices[(phase+i)%len(indices)]
		if multiplicative {
			y[i] *= s
		} else {
			y[i] += s
		}
	}
}

// Naive repeats the last season of y; period 1 repeats the last value. A
// series shorter than a season repeats its last value.
func Naive(y []float64, period, horizon int) []float64 {
	out := make([]float64, horizon)
	if len(y) == 0 {
		return out
	}
	if period < 1 || len(y) < period {
		period = 1
	}
	for i := range out {
		out[i] = y[len(y)-period+i%period]
	}
	return out
}

// Drift continues the line from the first to the last value of y.
func Drift(y []float64, horizon int) []float64 {
	out := make([]float64, horizon)
	if len(y) == 0 {
		return out
	}
	last, slope := y[len(y)-1], 0.0
	if len(y) > 1 {
		slope = (last - y[0]) / float64(len(y)-1)
	}
	for i := range out {
		out[i] = last + slope*float64(i+1)
	}
	return out
}
