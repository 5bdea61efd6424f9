// Package stl splits a series into trend, season and remainder: STL of
// Cleveland, Cleveland, McRae and Terpenning, "STL: A Seasonal-Trend
// Decomposition Procedure Based on Loess" (Journal of Official Statistics,
// 1990), its robust form, with weights for missing points. It also finds the
// length of the season.
package stl

import (
	"context"
	"math"
	"slices"
)

// Options of [Decompose]. The zero value of a field stands for its default.
type Options struct {
	// Period is the season's length in points, at least 2.
	Period int
	// Seasonal is the odd window of the cycle-subseries smoother in cycles; 7
	// by default. Periodic overrides it.
	Seasonal int
	// Periodic fits one unchanging season (a weighted mean of each phase).
	Periodic bool
	// Trend is the odd window of the trend smoother; by default the smallest
	// odd number at or above 1.5 Period / (1 - 1.5/Seasonal).
	Trend int
	// Inner and Outer count the iterations; 2 and 15 by default, as
	// statsmodels sets them for a robust fit.
	Inner, Outer int
	// Jump evaluates the trend and low-pass smoothers at every Jump-th point
	// only; 1 by default.
	Jump int
	// Weights tells how much each point counts to begin with; nil for all
	// ones. 0 means missing, and y must hold any finite number there.
	Weights []float64
}

// Result is y = Trend + Season + remainder, point by point, and the last
// robustness weights.
type Result struct {
	Trend, Season, Weights []float64
}

// Decompose runs the robust procedure. y must be finite and hold at least two
// periods; anything else panics. It returns the context's cause when ctx ends
// first.
func Decompose(ctx context.Context, y []float64, o Options) (Result, error) {
	n, p := len(y), o.Period
	if p < 2 || n < 2*p || (o.Weights != nil && len(o.Weights) != n) {
		panic("stl: fewer than two periods")
	}
	o = defaults(o, n)
	d := &decomposition{
		y: y, o: o, trend: make([]float64, n), season: make([]float64, n), w: make([]float64, n),
		work: make([]float64, n), cycle: make([]float64, n+2*p), low: make([]float64, n+2*p), spare: make([]float64, n+2*p),
	}
	fill(d.w, o.Weights)
	for k := 0; ; k++ {
		for range o.Inner {
			if ctx.Err() != nil {
				return Result{}, context.Cause(ctx)
			}
			d.inner()
		}
		if k == o.Outer {
			break
		}
		for i := range y {
			d.work[i] = y[i] - d.trend[i] - d.season[i]
		}
		bisquare(d.w, d.work, o.Weights, 0)
	}
	return Result{Trend: d.trend, Season: d.season, Weights: d.w}, nil
}

func defaults(o Options, n int) Options {
	if o.Seasonal <= 0 {
		o.Seasonal = 7
	}
	degreeWindow := float64(o.Seasonal)
	if o.Periodic {
		o.Seasonal = 10*n + 1
		degreeWindow = math.Inf(1)
	}
	if o.Trend <= 0 {
		o.Trend = odd(int(math.Ceil(1.5 * float64(o.Period) / (1 - 1.5/degreeWindow))))
	}
	if o.Inner <= 0 {
		o.Inner = 2
	}
	if o.Outer <= 0 {
		o.Outer = 15
	}
	o.Jump = max(1, o.Jump)
	return o
}

func odd(n int) int { return n | 1 }

type decomposition struct {
	y                       []float64
	o                       Options
	trend, season, w, work  []float64
	cycle, low, spare       []float64
	subY, subW, subSmoothed []float64
}

// inner is one pass of the inner loop: season, then trend.
func (d *decomposition) inner() {
	p := d.o.Period
	for i := range d.y {
		d.work[i] = d.y[i] - d.trend[i]
	}
	for phase := range p {
		d.smoothPhase(phase)
	}
	// The low-pass filter takes out of the cycle-subseries what is trend.
	a := movingAverage(d.low, d.cycle, p)
	b := movingAverage(d.spare, a, p)
	a = movingAverage(d.low, b, 3)
	low := d.spare[:len(d.y)]
	smooth(low, a, nil, odd(p+1), 1, d.o.Jump)
	for i := range d.y {
		d.season[i] = d.cycle[p+i] - low[i]
		d.work[i] = d.y[i] - d.season[i]
	}
	smooth(d.trend, d.work, d.w, d.o.Trend, 1, d.o.Jump)
}

// smoothPhase smooths the values of one phase over the cycles and extends them
// by one cycle at either end.
func (d *decomposition) smoothPhase(phase int) {
	p, degree := d.o.Period, 1
	if d.o.Periodic {
		degree = 0
	}
	d.subY, d.subW = d.subY[:0], d.subW[:0]
	for i := phase; i < len(d.y); i += p {
		d.subY, d.subW = append(d.subY, d.work[i]), append(d.subW, d.w[i])
	}
	k := len(d.subY)
	d.subSmoothed = slices.Grow(d.subSmoothed[:0], k)[:k]
	jump := 1
	if d.o.Periodic {
		jump = k // the fit is nearly flat
	}
	smooth(d.subSmoothed, d.subY, d.subW, d.o.Seasonal, degree, jump)
	for i, v := range d.subSmoothed {
		d.cycle[(i+1)*p+phase] = v
	}
	first, ok := fit(d.subY, d.subW, -1, 0, min(d.o.Seasonal, k)-1, d.o.Seasonal, degree)
	if !ok {
		first = d.subSmoothed[0]
	}
	last, ok := fit(d.subY, d.subW, float64(k), max(0, k-d.o.Seasonal), k-1, d.o.Seasonal, degree)
	if !ok {
		last = d.subSmoothed[k-1]
	}
	d.cycle[phase], d.cycle[(k+1)*p+phase] = first, last
}

// movingAverage writes the averages of width points into dst and returns them,
// width-1 fewer than x.
func movingAverage(dst, x []float64, width int) []float64 {
	dst = dst[:len(x)-width+1]
	var sum float64
	for _, v := range x[:width] {
		sum += v
	}
	dst[0] = sum / float64(width)
	for i := 1; i < len(dst); i++ {
		sum += x[i+width-1] - x[i-1]
		dst[i] = sum / float64(width)
	}
	return dst
}

// bisquare sets w to (1-(r/6m)^2)^2 times the weights given, m the median of
// the absolute residuals r of the points that count, at least floor.
func bisquare(w, residual, weights []float64, floor float64) {
	size := make([]float64, 0, len(residual))
	for i, r := range residual {
		if weights == nil || weights[i] > 0 {
			size = append(size, math.Abs(r))
		}
	}
	slices.Sort(size)
	var h float64
	if k := len(size); k > 0 {
		h = max(6*floor, 3*(size[k/2]+size[(k-1)/2]))
	}
	for i, r := range residual {
		r = math.Abs(r)
		switch {
		case r <= 0.001*h:
			w[i] = 1
		case r > 0.999*h:
			w[i] = 0
		default:
			q := r / h
			w[i] = (1 - q*q) * (1 - q*q)
		}
		if weights != nil {
			w[i] *= weights[i]
		}
	}
}
