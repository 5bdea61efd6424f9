// Package features describes a time series by numbers that tell which way of
// forecasting suits it: those of Hyndman, Wang and Laptev (2015) that the
// FFORMA method selects by (Montero-Manso, Athanasopoulos, Hyndman and
// Talagala, 2020), in the definitions of the tsfeatures packages, and those of
// Syntetos, Boylan and Croston (2005) for demand that comes now and then.
package features

import (
	"context"
	"math"
	"slices"

	"github.com/omni-run/omni/internal/ml/season"
	"github.com/omni-run/omni/internal/ml/stl"
)

// Count is how many features there are; Names lists them in order.
const Count = 24

// Names returns the features' names in the order of Of.
func Names() []string {
	return []string{
		"log_length", "period", "cycles", "trend", "seasonal_strength", "spike", "linearity", "curvature",
		"e_acf1", "e_acf10", "x_acf1", "x_acf10", "diff1_acf1", "diff1_acf10", "diff2_acf1", "seas_acf1",
		"entropy", "lumpiness", "stability", "crossing_points", "flat_spots", "zeros", "adi", "cv2",
	}
}

const (
	// Longest is how many of the newest values are read.
	Longest = 600
	// tile is the window of lumpiness and stability without a season.
	tile = 10
)

// Of returns the features of y, whose season has the given length (1 for
// none). y must be finite and its squares must not overflow. What the series
// is too short for, or cannot have, is NaN. It returns the context's cause when
// ctx ends first.
func Of(ctx context.Context, y []float64, period int) ([]float64, error) {
	out := make([]float64, 0, Count)
	n := len(y)
	out = append(out, math.Log(float64(max(n, 1))), float64(period), float64(n)/float64(max(period, 1)))
	if n > Longest {
		y = y[n-Longest:]
	}
	x := standardised(y)
	parts, err := decompose(ctx, x, period)
	if err != nil {
		return nil, err
	}
	out = append(out, parts.features()...)
	out = append(out, correlations(x, period)...)
	out = append(out, Entropy(x))
	lumpiness, stability := tiles(x, period)
	out = append(out, lumpiness, stability, crossings(x), flat(x))
	zeros, adi, cv2 := Intermittence(y)
	return append(out, zeros, adi, cv2), nil
}

// standardised returns y with mean 0 and sample deviation 1; a series that does
// not vary becomes 0.
func standardised(y []float64) []float64 {
	x := make([]float64, len(y))
	m, d := mean(y), math.Sqrt(variance(y))
	for i, v := range y {
		if d > 0 {
			x[i] = (v - m) / d
		}
	}
	return x
}

func mean(y []float64) (m float64) {
	for _, v := range y {
		m += v / float64(len(y))
	}
	return m
}

// variance is the sample variance, 0 for fewer than two values.
func variance(y []float64) (s float64) {
	if len(y) < 2 {
		return 0
	}
	m := mean(y)
	for _, v := range y {
		s += (v - m) * (v - m)
	}
	return s / float64(len(y)-1)
}

// decomposition is x = trend + season + rest.
type decomposition struct{ x, trend, season, rest []float64 }

// decompose takes a periodic STL with one robust pass where there are two
// seasons, else a straight local regression over half the series as the trend.
func decompose(ctx context.Context, x []float64, period int) (d decomposition, err error) {
	n := len(x)
	d = decomposition{x: x, rest: make([]float64, n)}
	if period > 1 && n >= 2*period {
		r, err := stl.Decompose(ctx, x, stl.Options{Period: period, Periodic: true, Outer: 1, Jump: max(1, period/6)})
		if err != nil {
			return d, err
		}
		d.trend, d.season = r.Trend, r.Season
	} else if n > 0 {
		d.trend, _ = stl.Smooth(x, nil, max(7, n/2)|1, 0, 0)
	}
	for i, v := range x {
		d.rest[i] = v - d.trend[i]
		if d.season != nil {
			d.rest[i] -= d.season[i]
		}
	}
	return d, nil
}

// features are trend and season strength (Wang, Smith and Hyndman, 2006),
// spikiness, the trend's linear and quadratic part, and how the rest hangs
// together.
func (d decomposition) features() []float64 {
	n := len(d.x)
	seasonal, rest := math.NaN(), variance(d.rest)
	joined := make([]float64, n)
	for i := range joined {
		joined[i] = d.rest[i] + d.trend[i]
	}
	trend := strength(rest, variance(joined))
	if d.season != nil {
		for i := range joined {
			joined[i] = d.rest[i] + d.season[i]
		}
		seasonal = strength(rest, variance(joined))
	}
	linear, curve := polynomial(d.trend)
	first, ten := acf(d.rest)
	return []float64{trend, seasonal, spike(d.rest), linear, curve, first, ten}
}

func strength(rest, with float64) float64 {
	if with < 1e-10 {
		return 0
	}
	return max(0, min(1, 1-rest/with))
}

// spike is the variance of the leave-one-out variances.
func spike(rest []float64) float64 {
	n := float64(len(rest))
	if n < 3 {
		return math.NaN()
	}
	v, m := variance(rest), mean(rest)
	out := make([]float64, len(rest))
	for i, r := range rest {
		d := (r - m) * (r - m)
		out[i] = (v*(n-1) - d - d/(n-1)) / (n - 2)
	}
	return variance(out)
}

// polynomial returns the coefficients of the orthonormal polynomials of degree
// one and two over the index.
func polynomial(trend []float64) (linear, curve float64) {
	n := len(trend)
	if n < 3 {
		return math.NaN(), math.NaN()
	}
	centre, second := float64(n-1)/2, 0.0
	for i := range n {
		t := float64(i) - centre
		second += t * t / float64(n)
	}
	one, two := 0.0, 0.0
	for i, v := range trend {
		t := float64(i) - centre
		q := t*t - second
		linear, one = linear+v*t, one+t*t
		curve, two = curve+v*q, two+q*q
	}
	return linear / math.Sqrt(one), curve / math.Sqrt(two)
}

// acf returns the first autocorrelation and the sum of the squares of the
// first ten.
func acf(x []float64) (first, ten float64) {
	if len(x) < 3 {
		return math.NaN(), math.NaN()
	}
	r := season.Autocorrelation(x, min(10, len(x)-1))
	for _, v := range r {
		ten += v * v
	}
	return r[0], ten
}

func correlations(x []float64, period int) []float64 {
	first, ten := acf(x)
	steps := differences(x)
	step1, step10 := acf(steps)
	twice, _ := acf(differences(steps))
	seasonal := math.NaN()
	if period > 1 && len(x) > period+1 {
		seasonal = season.Autocorrelation(x, period)[period-1]
	}
	return []float64{first, ten, step1, step10, twice, seasonal}
}

func differences(x []float64) []float64 {
	if len(x) < 2 {
		return nil
	}
	out := make([]float64, len(x)-1)
	for i := range out {
		out[i] = x[i+1] - x[i]
	}
	return out
}

// tiles returns the variance of the variances, and of the means, of the tiles
// of a season (ten values without one).
func tiles(x []float64, period int) (lumpiness, stability float64) {
	width := period
	if width < 2 {
		width = tile
	}
	var variances, means []float64
	for at := 0; at+width <= len(x); at += width {
		part := x[at : at+width]
		variances, means = append(variances, variance(part)), append(means, mean(part))
	}
	if len(means) < 2 {
		return math.NaN(), math.NaN()
	}
	return variance(variances), variance(means)
}

// crossings is how often x crosses its median, a share of its length.
func crossings(x []float64) float64 {
	if len(x) < 2 {
		return math.NaN()
	}
	sorted := slices.Sorted(slices.Values(x))
	k := len(sorted)
	median, n := sorted[k/2]/2+sorted[(k-1)/2]/2, 0
	for i := 1; i < k; i++ {
		if (x[i] > median) != (x[i-1] > median) {
			n++
		}
	}
	return float64(n) / float64(k)
}

// flat is the longest run within one tenth of the range, a share of the length.
func flat(x []float64) float64 {
	if len(x) == 0 {
		return math.NaN()
	}
	low, high := slices.Min(x), slices.Max(x)
	if high == low {
		return 1
	}
	longest, run, before := 0, 0, -1
	for _, v := range x {
		bin := min(9, int(10*(v-low)/(high-low)))
		if bin != before {
			run, before = 0, bin
		}
		run++
		longest = max(longest, run)
	}
	return float64(longest) / float64(len(x))
}

// Intermittence returns the share of zeros, the average interval between
// values other than 0, and the squared coefficient of variation of those. From
// an interval of 1.32 and a variation of 0.49 on, Syntetos, Boylan and Croston
// (2005) call demand intermittent and lumpy.
func Intermittence(y []float64) (zeros, adi, cv2 float64) {
	var demand []float64
	for _, v := range y {
		if v != 0 {
			demand = append(demand, v)
		}
	}
	if len(demand) == 0 {
		return 1, math.NaN(), math.NaN()
	}
	m, n := mean(demand), float64(len(y))
	if cv2 = variance(demand) / (m * m); math.IsInf(cv2, 0) || m == 0 {
		cv2 = math.NaN() // sizes of either sign that cancel out
	}
	return 1 - float64(len(demand))/n, n / float64(len(demand)), cv2
}

// Entropy is the normalised Shannon entropy of the periodogram of x: near 0 for
// a pure wave, near 1 for noise. It is NaN for a series that does not vary.
func Entropy(x []float64) float64 {
	n := len(x)
	if n < 4 {
		return math.NaN()
	}
	cosines, sines := make([]float64, n), make([]float64, n)
	for i := range n {
		sines[i], cosines[i] = math.Sincos(2 * math.Pi * float64(i) / float64(n))
	}
	m := mean(x)
	power, total := make([]float64, n/2+1), 0.0
	for k := 1; k < len(power); k++ {
		re, im, at := 0.0, 0.0, 0
		for _, v := range x {
			re += (v - m) * cosines[at]
			im += (v - m) * sines[at]
			if at += k; at >= n {
				at -= n
			}
		}
		power[k] = 2 * (re*re + im*im)
		if 2*k == n {
			power[k] /= 2 // one side only
		}
		total += power[k]
	}
	if !(total > 1e-20) {
		return math.NaN()
	}
	sum := 0.0
	for _, p := range power {
		if p > 0 {
			sum -= p / total * math.Log(p/total)
		}
	}
	return sum / math.Log(float64(len(power)))
}
