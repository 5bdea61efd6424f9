package theta

import (
	"math"

	"github.com/omni-run/omni/internal/ml/neldermead"
)

// Dynamic is the dynamic optimised Theta model: the regression line moves with
// the data, and theta is estimated beside alpha and the initial level.
type Dynamic struct{ Model }

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

// run passes y through the recursion and returns the state at its end and the
// squared one-step errors from the third value on.
func run(y []float64, level, alpha, theta float64) (s dynamicState, sum float64) {
	s = dynamicState{level: level, intercept: 0, decay: 1}
	for i, v := range y {
		if i >= 2 {
			e := v - s.next(alpha, theta)
			sum += e * e
		}
		s.observe(v, alpha)
	}
	return s, sum
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
		x = neldermead.Minimize(func(x []float64) float64 {
			level, alpha, theta := at(x)
			_, sum := run(m.y, level, alpha, theta)
			return sum
		}, x, neldermead.Options{Evaluations: 400}).X
	}
	m.start, m.Alpha, m.Theta = at(x)
	s, _ := run(m.y, m.start, m.Alpha, m.Theta)
	m.Level, m.Slope = s.level, s.slope
	return &Dynamic{*m}, nil
}

// Extend returns the model, its parameters as they are, over y, which begins
// with the values the model was fitted to.
func (m *Dynamic) Extend(y []float64) *Dynamic {
	out := &Dynamic{*m.extend(y)}
	s, _ := run(out.y, out.start, out.Alpha, out.Theta)
	out.Level, out.Slope = s.level, s.slope
	return out
}

// Forecast continues the series the model was fitted to, each forecast taking
// the place of an observation in the recursion.
func (m *Dynamic) Forecast(horizon int) []float64 {
	s, _ := run(m.y, m.start, m.Alpha, m.Theta)
	out := make([]float64, horizon)
	for h := range out {
		out[h] = s.next(m.Alpha, m.Theta)
		s.observe(out[h], m.Alpha)
	}
	m.restore(out)
	return out
}
