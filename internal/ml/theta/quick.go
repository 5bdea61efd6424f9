package theta

import "math"

// The grid of FitQuick.
var (
	quickAlphas = [...]float64{0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.98}
	quickThetas = [...]float64{1, 1.5, 2, 3, 6, 20}
)

// FitQuick is FitDynamic with alpha and theta taken from a grid and the first
// level from the first value, in place of a search: a tenth of its time, for
// callers who blend it with something else. y must be finite.
func FitQuick(y []float64, period int) (*Dynamic, error) {
	if len(y) == 0 {
		return nil, ErrTooShort
	}
	m := deseasonalise(y, period)
	m.start, m.Alpha, m.Theta = m.y[0]/2, 0.5, 2
	if len(m.y) >= 4 {
		m.start, m.Alpha, m.Theta = follow(m.y).best()
	}
	return m.dynamic(), nil
}

// best returns the point of the grid with the least error; of equal ones that
// of the least theta, and then of the least alpha.
func (t trail) best() (level, alpha, theta float64) {
	least, first := math.Inf(1), t.y[0]
	level, alpha, theta = first/2, 0.5, 2
	var sums [len(quickAlphas)][len(quickThetas)]float64
	for i, a := range quickAlphas {
		sums[i] = t.row(a)
	}
	for k, v := range quickThetas {
		for i, a := range quickAlphas {
			if sums[i][k] < least {
				least, level, alpha, theta = sums[i][k], first/v, a, v
			}
		}
	}
	return level, alpha, theta
}

// row is errors for every theta of the grid at one alpha: what theta does not
// touch is computed once, and the recursions do not wait for each other.
func (t trail) row(alpha float64) (sums [len(quickThetas)]float64) {
	var level, curve [len(quickThetas)]float64
	for k, theta := range quickThetas {
		level[k], curve[k] = t.y[0]/theta, 1-1/theta
	}
	decay := 1.0
	intercept, slope := t.intercept[:len(t.y)], t.slope[:len(t.y)]
	for i, v := range t.y {
		after := decay * (1 - alpha)
		line := decay*intercept[i] + (1-after)/alpha*slope[i]
		for k := range level {
			if i >= 2 {
				e := v - (level[k] + curve[k]*line)
				sums[k] += e * e
			}
			level[k] += alpha * (v - level[k])
		}
		decay = after
	}
	return sums
}
