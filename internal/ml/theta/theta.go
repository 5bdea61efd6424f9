// Package theta forecasts with the Theta method (Assimakopoulos and
// Nikolopoulos, 2000) in the form of Hyndman and Billah (2003): simple
// exponential smoothing with half the slope of a regression line as drift; and
// with the dynamic optimised Theta model of Fiorucci et al. (2016). A season
// found by a test is removed first and put back afterwards.
package theta

import (
	"errors"
	"math"
	"slices"

	"github.com/omni-run/omni/internal/ml/neldermead"
	"github.com/omni-run/omni/internal/ml/season"
)

// ErrTooShort says that a series has no value.
var ErrTooShort = errors.New("theta: the series is empty")

// Model is a fitted Theta model.
type Model struct {
	// Period is the season removed, 1 for none; Indices are its values and
	// Multiplicative says how they combine.
	Period         int
	Indices        []float64
	Multiplicative bool
	// Alpha is the smoothing parameter, Theta the weight of the curvature (2
	// in the standard method), Level the last smoothed value.
	Alpha, Theta, Level float64
	// Slope is the regression slope the drift comes from.
	Slope float64

	y     []float64 // without its season
	start float64   // initial level
}

// deseasonalise applies the test of the method, to the steps too, and removes
// what it finds, multiplicatively where every value is positive.
func deseasonalise(y []float64, period int) *Model {
	m := &Model{Period: 1, Theta: 2, y: y}
	if !season.Shows(y, period) {
		return m
	}
	multiplicative := slices.Min(y) > 0
	indices, ok := season.Indices(y, period, multiplicative)
	if !ok {
		return m
	}
	m.Period, m.Indices, m.Multiplicative = period, indices, multiplicative
	m.y = season.Remove(y, indices, multiplicative)
	return m
}

// slope returns the least-squares slope of y over its index.
func slope(y []float64) float64 {
	n := float64(len(y))
	if n < 2 {
		return 0
	}
	mean, cross := 0.0, 0.0
	for _, v := range y {
		mean += v / n
	}
	for i, v := range y {
		cross += (float64(i) - (n-1)/2) * (v - mean)
	}
	return 12 * cross / (n * (n*n - 1))
}

func logistic(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// scaleOf is a size for y that makes the search steps comparable.
func scaleOf(y []float64) float64 {
	s := 0.0
	for i := 1; i < len(y); i++ {
		s += math.Abs(y[i]-y[i-1]) / float64(len(y)-1)
	}
	return s
}

// Fit fits the standard method, theta = 2. y must be finite.
func Fit(y []float64, period int) (*Model, error) {
	if len(y) == 0 {
		return nil, ErrTooShort
	}
	m := deseasonalise(y, period)
	m.Slope = slope(m.y)
	scale, first := scaleOf(m.y), m.y[0]
	if !(scale > 0) || len(m.y) < 3 {
		m.Alpha, m.start = 1, first
		m.smooth()
		return m, nil
	}
	best := neldermead.Minimize(func(x []float64) float64 {
		return sse(m.y, 1e-4+(1-2e-4)*logistic(x[0]), first+scale*x[1])
	}, []float64{0, 0}, neldermead.Options{Evaluations: 200})
	m.Alpha, m.start = 1e-4+(1-2e-4)*logistic(best.X[0]), first+scale*best.X[1]
	m.smooth()
	return m, nil
}

// Extend returns the model, its smoothing parameters as they are, over y, which
// begins with the values the model was fitted to. Season and slope are those
// of y.
func (m *Model) Extend(y []float64) *Model {
	out := m.extend(y)
	out.smooth()
	return out
}

func (m *Model) extend(y []float64) *Model {
	out := &Model{Period: 1, Theta: m.Theta, Alpha: m.Alpha, start: m.start, y: y}
	if m.Period > 1 {
		if indices, ok := season.Indices(y, m.Period, m.Multiplicative); ok {
			out.Period, out.Indices, out.Multiplicative = m.Period, indices, m.Multiplicative
			out.y = season.Remove(y, indices, m.Multiplicative)
		}
	}
	out.Slope = slope(out.y)
	return out
}

func sse(y []float64, alpha, level float64) (sum float64) {
	for _, v := range y {
		e := v - level
		sum += e * e
		level += alpha * e
	}
	return sum
}

func (m *Model) smooth() {
	m.Level = m.start
	for _, v := range m.y {
		m.Level += m.Alpha * (v - m.Level)
	}
}

// Forecast continues the series the model was fitted to.
func (m *Model) Forecast(horizon int) []float64 {
	n := float64(len(m.y))
	out := make([]float64, horizon)
	// Theta lines 0 and 2 weigh the same, so the drift is half the slope.
	ramp := (1 - math.Pow(1-m.Alpha, n)) / m.Alpha
	for h := range out {
		out[h] = m.Level + 0.5*m.Slope*(float64(h)+ramp)
	}
	m.restore(out)
	return out
}

func (m *Model) restore(out []float64) {
	if m.Period > 1 {
		season.Restore(out, m.Indices, len(m.y)%m.Period, m.Multiplicative)
	}
}
