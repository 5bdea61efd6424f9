package stl

import "math"

// smooth is LOESS at the points 0..len(y)-1 (Cleveland, Cleveland, McRae and
// Terpenning 1990, the routine "ess"): a local polynomial of degree 0 or 1 over
// the nearest window points with tricube weights times w (nil for all ones).
// It is evaluated at every jump-th point and interpolated in between. dst may
// not overlap y.
func smooth(dst, y, w []float64, window, degree, jump int) {
	n := len(y)
	if n == 0 {
		return
	}
	if n < 2 {
		dst[0] = y[0]
		return
	}
	jump = max(1, min(jump, n-1))
	half := (window + 1) / 2
	at := func(i int) float64 {
		left, right := 0, n-1
		if window < n {
			left = min(max(i-half+1, 0), n-window)
			right = left + window - 1
		}
		v, ok := fit(y, w, float64(i), left, right, window, degree)
		if !ok {
			return y[i]
		}
		return v
	}
	last := 0
	dst[0] = at(0)
	for i := jump; i < n; i += jump {
		dst[i] = at(i)
		interpolate(dst, last, i)
		last = i
	}
	if last != n-1 {
		dst[n-1] = at(n - 1)
		interpolate(dst, last, n-1)
	}
}

func interpolate(dst []float64, from, to int) {
	step := (dst[to] - dst[from]) / float64(to-from)
	for i := from + 1; i < to; i++ {
		dst[i] = dst[from] + step*float64(i-from)
	}
}

// fit is the local fit at x (which may lie outside the points) over y[left..right],
// the routine "est". It reports false when all weights vanish.
func fit(y, w []float64, x float64, left, right, window, degree int) (float64, bool) {
	n := len(y)
	h := math.Max(x-float64(left), float64(right)-x)
	if window > n {
		h += float64((window - n) / 2)
	}
	var sum, sumX, sumXX, sumY, sumXY float64
	for i := left; i <= right; i++ {
		d := float64(i) - x
		r := math.Abs(d)
		if r > 0.999*h {
			continue
		}
		k := 1.0
		if r > 0.001*h {
			q := r / h
			q = 1 - q*q*q
			k = q * q * q
		}
		if w != nil {
			k *= w[i]
		}
		sum += k
		sumX += k * d
		sumXX += k * d * d
		sumY += k * y[i]
		sumXY += k * d * y[i]
	}
	if sum <= 0 {
		return 0, false
	}
	meanX, meanY := sumX/sum, sumY/sum
	spread := sumXX/sum - meanX*meanX
	// A slope needs points that are apart; "est" asks for a thousandth of the
	// whole range.
	if degree == 0 || spread <= 0 || math.Sqrt(spread) <= 0.001*float64(n-1) {
		return meanY, true
	}
	slope := (sumXY/sum - meanX*meanY) / spread
	return meanY - slope*meanX, true
}

// Smooth is robust LOESS of degree 1: the fit is repeated with bisquare
// weights of its own residuals, beginning with those from a running median, so
// that an outlier never counts. weights (nil for all ones) tells how much each
// point counts to begin with; 0 means missing, and y must hold any finite
// number there. Residuals up to floor are as good as none. A window above 20
// points is evaluated at every twentieth of it. It returns the fit and the last
// weights.
func Smooth(y, weights []float64, window, iterations int, floor float64) (fit, last []float64) {
	out := make([]float64, len(y))
	w := make([]float64, len(y))
	fill(w, weights)
	residual := make([]float64, len(y))
	if iterations > 0 {
		runningMedian(out, y, min(window, 15)|1)
	}
	for k := 0; ; k++ {
		if k > 0 || iterations > 0 {
			for i := range y {
				residual[i] = y[i] - out[i]
			}
			bisquare(w, residual, weights, floor)
		}
		smooth(out, y, w, window, 1, max(1, window/20))
		if k == iterations {
			return out, w
		}
	}
}

// runningMedian writes the medians of the odd window around every point; at the
// ends the window shifts instead of shrinking.
func runningMedian(dst, y []float64, window int) {
	window = min(window, len(y))
	part := make([]float64, 0, window)
	for i := range y {
		from := min(max(0, i-window/2), len(y)-window)
		part = append(part[:0], y[from:from+window]...)
		dst[i] = median(part)
	}
}

func fill(w, weights []float64) {
	for i := range w {
		w[i] = 1
		if weights != nil {
			w[i] = weights[i]
		}
	}
}
