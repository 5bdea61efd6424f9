// Package autoreg forecasts by a linear regression of a series on its own past
// (Box and Jenkins, 1970), with lags around the season, estimated by ridge
// regression on the series taken relative to its latest level.
package autoreg

import (
	"errors"
	"fmt"
	"math"

	"github.com/omni-run/omni/internal/ml/mat"
)

// ErrTooShort says that a series holds too few rows for the regression.
var ErrTooShort = errors.New("autoreg: the series is too short")

const (
	mostLags = 8
	// rowsALag is how many rows each coefficient needs.
	rowsALag = 3
	penalty  = 1e-4
)

// Model is a fitted regression.
type Model struct {
	// Lags are how far back each regressor lies, the shortest first.
	Lags    []int
	Weights []float64

	unit float64 // the mean size of a step: what the constant is worth
}

// lagsFor chooses the newest lags and, with seasons, those around one season
// and at two.
func lagsFor(n int, seasons []int) []int {
	short := min(mostLags, max(2, n/12))
	var lags []int
	for k := 1; k <= short; k++ {
		lags = append(lags, k)
	}
	for _, s := range seasons {
		for _, k := range []int{s - 1, s, s + 1, 2 * s} {
			if s > 1 && k > lags[len(lags)-1] && 3*k < 2*n {
				lags = append(lags, k)
			}
		}
	}
	return lags
}

// Fit regresses each value of y, relative to the one before, on the lagged
// values relative to the same. seasons are the lengths to look back at, in
// increasing order; y must be finite.
func Fit(y []float64, seasons []int) (*Model, error) {
	m := &Model{Lags: lagsFor(len(y), seasons)}
	far, width := m.Lags[len(m.Lags)-1], len(m.Lags)
	rows := len(y) - far
	if rows < rowsALag*width {
		return nil, fmt.Errorf("%w: %d values for %d lags", ErrTooShort, len(y), width)
	}
	for i := 1; i < len(y); i++ {
		m.unit += math.Abs(y[i]-y[i-1]) / float64(len(y)-1)
	}
	x, target := make([]float64, rows*width), make([]float64, rows)
	for r := range rows {
		at := r + far
		m.row(x[r*width:(r+1)*width], y[:at])
		target[r] = y[at] - y[at-1]
	}
	var err error
	if m.Weights, err = mat.Ridge(x, target, rows, width, penalty); err != nil {
		return nil, fmt.Errorf("solving for the lags: %w", err)
	}
	return m, nil
}

// row writes the regressors for the value after history: a constant in the
// unit of the series stands in for the lag of one, which is 0 by construction.
func (m *Model) row(x, history []float64) {
	n := len(history)
	last := history[n-1]
	for i, lag := range m.Lags {
		x[i] = history[n-lag] - last
	}
	x[0] = m.unit
}

// Forecast continues history, which must be at least as long as the longest
// lag, each forecast taking the place of an observation.
func (m *Model) Forecast(history []float64, horizon int) ([]float64, error) {
	far := m.Lags[len(m.Lags)-1]
	if len(history) < far {
		return nil, fmt.Errorf("%w: %d values for a lag of %d", ErrTooShort, len(history), far)
	}
	path := append(make([]float64, 0, far+horizon), history[len(history)-far:]...)
	x := make([]float64, len(m.Lags))
	for range horizon {
		m.row(x, path)
		next := path[len(path)-1] + mat.Dot(x, m.Weights)
		if math.IsNaN(next) || math.IsInf(next, 0) {
			next = path[len(path)-1]
		}
		path = append(path, next)
	}
	return path[far:], nil
}
