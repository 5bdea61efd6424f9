package backtest

import (
	"math"
	"slices"
)

// Intervals says how wide an interval around a forecast must be. Errors are
// divided by step^growth, which makes the steps comparable, pooled, and their
// empirical quantile scaled back.
type Intervals struct {
	// Growth is the power of the step with which errors grow: 0.5 for a random
	// walk, 1 for an uncertain slope. Never below least growth, so that
	// intervals widen.
	Growth float64

	sorted []float64 // pooled absolute scaled errors
	spread float64   // their root mean square, the prior among them
	least  float64   // what the prior alone leaves of the spread
	tested int       // the longest step with errors
}

const (
	leastGrowth   = 0.1
	mostGrowth    = 1.0
	defaultGrowth = 0.5
	// priorWeight is how many errors the prior counts for.
	priorWeight = 0.25
	// mostLevel bounds the level: beyond, no number of errors says anything.
	mostLevel = 1 - 1e-6
)

// Calibrate learns from the errors of windows. prior is the error of one step
// to expect before any is seen, such as that of repeating the last value. It
// counts for a quarter of an error, which keeps an interval from vanishing when
// the few errors seen happen to be small, or all 0.
func Calibrate(windows []Window, prior float64) *Intervals {
	c := &Intervals{Growth: growth(windows)}
	sum := 0.0
	for _, w := range windows {
		c.tested = max(c.tested, len(w.Actual))
		for i, a := range w.Actual {
			r := math.Abs(a-w.Forecast[i]) / math.Pow(float64(i+1), c.Growth)
			c.sorted = append(c.sorted, r)
			sum += r * r
		}
	}
	slices.Sort(c.sorted)
	n := float64(len(c.sorted)) + priorWeight
	c.spread = math.Sqrt((sum + priorWeight*prior*prior) / n)
	c.least = prior * math.Sqrt(priorWeight/n)
	return c
}

// growth regresses the log of the mean absolute error on the log of the step.
// With under three steps or nine errors the default stands.
func growth(windows []Window) float64 {
	var sum, count []float64
	total := 0
	for _, w := range windows {
		for i, a := range w.Actual {
			if i == len(sum) {
				sum, count = append(sum, 0), append(count, 0)
			}
			sum[i] += math.Abs(a - w.Forecast[i])
			count[i]++
			total++
		}
	}
	if len(sum) < 3 || total < 9 {
		return defaultGrowth
	}
	var n, mx, my, xx, xy float64
	for i, s := range sum {
		if s > 0 {
			x, y := math.Log(float64(i+1)), math.Log(s/count[i])
			n, mx, my, xx, xy = n+1, mx+x, my+y, xx+x*x, xy+x*y
		}
	}
	spread := xx - mx*mx/n
	if n < 3 || !(spread > 0) {
		return defaultGrowth
	}
	slope := (xy - mx*my/n) / spread
	// A slope from few errors is itself uncertain: it is drawn to the default
	// with the weight of nine of them.
	weight := float64(total) / float64(total+9)
	return max(leastGrowth, min(mostGrowth, weight*slope+(1-weight)*defaultGrowth))
}

// Margin returns half the width of the interval with the given level, in
// (0, 1), at step (from 1). It grows with both. Past the longest step tested it
// grows like a random walk's at least: how slowly errors grow over a week says
// little about a year.
func (c *Intervals) Margin(level float64, step int) float64 {
	near := float64(step)
	if c.tested > 0 {
		near = math.Min(near, float64(c.tested))
	}
	beyond := float64(step) / near
	return c.quantile(level) * math.Pow(near, c.Growth) * math.Pow(beyond, max(c.Growth, defaultGrowth))
}

// quantile is the conformal one, the ceil((n+1)*level)-th smallest error, as
// far as there are errors enough; beyond, Student's t on their spread.
func (c *Intervals) quantile(level float64) float64 {
	n := len(c.sorted)
	level = min(level, mostLevel)
	t := studentT(0.5+level/2, max(2, float64(n-1)))
	if rank := int(math.Ceil(float64(n+1) * level)); rank <= n && n >= 20 {
		return max(c.sorted[rank-1], c.least*t)
	}
	q := c.spread * t
	if n >= 20 {
		q = max(q, c.sorted[n-1])
	}
	return q
}

// Coverage measures the level's interval by leaving each window out of the
// calibration in turn and counting how many of its values fall inside. It is
// NaN with fewer than two windows.
func Coverage(windows []Window, level, prior float64) float64 {
	if len(windows) < 2 {
		return math.NaN()
	}
	inside, total := 0, 0
	rest := make([]Window, 0, len(windows)-1)
	for k, w := range windows {
		rest = append(append(rest[:0], windows[:k]...), windows[k+1:]...)
		c := Calibrate(rest, prior)
		for i, a := range w.Actual {
			total++
			if math.Abs(a-w.Forecast[i]) <= c.Margin(level, i+1) {
				inside++
			}
		}
	}
	return float64(inside) / float64(total)
}

// studentT returns the quantile of Student's t, through the normal quantile
// and the expansion of Hill (1970, as in Abramowitz and Stegun 26.7.5); exact
// for two degrees of freedom, within 1 % from 4 on for levels up to 99 %.
func studentT(p, degrees float64) float64 {
	if degrees <= 2 {
		return (2*p - 1) / math.Sqrt(2*p*(1-p))
	}
	z := NormalQuantile(p)
	z2 := z * z
	g1 := z * (z2 + 1) / 4
	g2 := z * ((5*z2+16)*z2 + 3) / 96
	g3 := z * (((3*z2+19)*z2+17)*z2 - 15) / 384
	return z + g1/degrees + g2/(degrees*degrees) + g3/(degrees*degrees*degrees)
}

// NormalQuantile returns the quantile of the standard normal distribution.
func NormalQuantile(p float64) float64 { return -math.Sqrt2 * math.Erfcinv(2*p) }
