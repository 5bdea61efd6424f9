package theta

import (
	"math"

	"github.com/omni-run/omni/internal/ml/neldermead"
)

// Dynamic is the dynamic optimised Theta model: the regression line moves with
// the data, and theta is estimated beside alpha and the initial level.
type Dynamic struct {
	Model
	end dynamicState // after the last value
}

// dynamicState is the model's recursion (Fiorucci et al., 2016, equations 13
// to 17): the smoothed level, the running mean, and the line's coefficients.
type dynamicState struct {
	level, mean, intercept, slope float64
	decay                         float64 // (1-alpha)^t
	t                             float64
}

// next returns the one-step forecast.
func (s *dynamicState) next(alpha, theta float64) float64 {
	after := s.decay * (1 - alpha)
	return s.level + (1-1/theta)*(s.decay*s.intercept+(1-after)/alpha*s.slope)
}

func (s *dynamicState) observe(y, alpha float64) {
	s.t++
	t := s.t
	s.level += alpha * (y - s.level)
	if t > 1 {
		s.slope = ((t-2)*s.slope + 6/t*(y-s.mean)) / (t + 1)
	}
	s.mean = ((t-1)*s.mean + y) / t
	s.intercept = s.mean - (t+1)/2*s.slope
	s.decay *= 1 - alpha
}

// run passes y through the recursion and returns the state at its end.
func run(y []float64, level, alpha float64) dynamicState {
	s := dynamicState{level: level, intercept: 0, decay: 1}
	for _, v := range y {
		s.observe(v, alpha)
	}
	return s
}

// trail is a series with the coefficients of its line before each value, which
// no parameter moves: found once, they serve every point of a search.
type trail struct{ y, intercept, slope []float64 }

func follow(y []float64) trail {
	lines := make([]float64, 2*len(y))
	t := trail{y: y, intercept: lines[:len(y)], slope: lines[len(y):]}
	s := dynamicState{decay: 1}
	for i, v := range y {
		t.intercept[i], t.slope[i] = s.intercept, s.slope
		s.observe(v, 0.5)
	}
	return t
}

// errors returns the sum of the squared one-step errors from the third value
// on, in the arithmetic of next and observe.
func (t trail) errors(level, alpha, theta float64) (sum float64) {
	decay, curve := 1.0, 1-1/theta
	intercept, slope := t.intercept[:len(t.y)], t.slope[:len(t.y)]
	for i, v := range t.y {
		after := decay * (1 - alpha)
		if i >= 2 {
			e := v - (level + curve*(decay*intercept[i]+(1-after)/alpha*slope[i]))
			sum += e * e
		}
		level += alpha * (v - level)
		decay = after
	}
	return sum
}

// thetaLimit keeps the curvature's weight identified.
const thetaLimit = 50

// FitDynamic fits the dynamic optimised model. y must be finite.
func FitDynamic(y []float64, period int) (*Dynamic, error) {
	if len(y) == 0 {
		return nil, ErrTooShort
	}
	m := deseasonalise(y, period)
	scale, first := scaleOf(m.y), m.y[0]
	at := func(x []float64) (level, alpha, theta float64) {
		theta = 1 + (thetaLimit-1)*logistic(x[2])
		// From first/theta on, a constant series is reproduced exactly.
		return first/theta + scale*x[0], 0.1 + 0.89*logistic(x[1]), theta
	}
	x := []float64{0, 0, math.Log(1.0 / (thetaLimit - 2))} // theta = 2
	if scale > 0 && len(m.y) >= 4 {
		t := follow(m.y)
		x = neldermead.Minimize(func(x []float64) float64 {
			return t.errors(at(x))
		}, x, neldermead.Options{Evaluations: 400}).X
	}
	m.start, m.Alpha, m.Theta = at(x)
	return m.dynamic(), nil
}

// dynamic runs over the model's values, its parameters as they are.
func (m *Model) dynamic() *Dynamic {
	end := run(m.y, m.start, m.Alpha)
	m.Level, m.Slope = end.level, end.slope
	return &Dynamic{*m, end}
}

// Extend returns the model, its parameters as they are, over y, which begins
// with the values the model was fitted to.
func (m *Dynamic) Extend(y []float64) *Dynamic {
	return m.extend(y).dynamic()
}

// Forecast continues the series the model was fitted to, each forecast taking
// the place of an observation in the recursion.
func (m *Dynamic) Forecast(horizon int) []float64 {
	s, out := m.end, make([]float64, horizon)
	for h := range out {
		out[h] = s.next(m.Alpha, m.Theta)
		s.observe(out[h], m.Alpha)
	}
	m.restore(out)
	return out
}
