// Package regress estimates what other columns add to a time series whose
// errors have a memory: generalised least squares with errors of first order
// (Cochrane and Orcutt, 1949; the memory found by search, as Hildreth and Lu,
// 1960), beside a level, a slope and a season.
package regress

import (
	"errors"
	"fmt"
	"math"

	"github.com/omni-run/omni/internal/ml/mat"
	"github.com/omni-run/omni/internal/ml/season"
)

// ErrTooShort says that there are more coefficients than values.
var ErrTooShort = errors.New("regress: the series is too short for the columns")

// penalty of the ridge: enough to keep columns that say the same apart.
const penalty = 1e-6

// Model is a fitted regression.
type Model struct {
	// Slopes is what one unit of each column adds; 0 for a flat one.
	Slopes []float64
	// Memory is the correlation of neighbouring errors, 0 to 1.
	Memory float64
	// Noise is the variance of what is new in each error.
	Noise float64

	centre, spread, weights []float64
}

// mostEffect bounds an effect, in units of y: values beyond all that was seen
// prove nothing.
const mostEffect = 1e9

// Effect is what column k adds where its value is v, counted from its mean.
func (m *Model) Effect(k int, v float64) float64 {
	if m.Flat(k) {
		return 0
	}
	return max(-mostEffect, min(mostEffect, m.weights[k]*(v/m.spread[k]-m.centre[k])))
}

// Flat says that column k did not vary.
func (m *Model) Flat(k int) bool { return m.spread[k] == 0 }

// memories are searched for the least sum of squares.
var memories = [...]float64{0, 0.2, 0.4, 0.6, 0.8, 0.9, 0.95, 1}

// Fit regresses y on the columns. A season of the given length (1 for none) is
// taken out of both first, so that columns with a season of their own are not
// credited with that of the series (Frisch and Waugh, 1933).
func Fit(y []float64, columns [][]float64, period int) (*Model, error) {
	n, k := len(y), len(columns)
	if n < k+4 {
		return nil, fmt.Errorf("%w: %d values, %d columns", ErrTooShort, n, k)
	}
	m := &Model{Slopes: make([]float64, k), centre: make([]float64, k), spread: make([]float64, k), weights: make([]float64, k)}
	x := make([][]float64, k)
	for j, c := range columns {
		x[j] = plain(m.standardise(j, c), period)
	}
	target := plain(y, period)
	best := math.Inf(1)
	for _, memory := range memories {
		w, squares, err := solve(target, x, memory)
		if err != nil {
			return nil, err
		}
		if squares < best {
			best, m.Memory = squares, memory
			m.Noise = squares / float64(max(1, n-k-3))
			copy(m.weights, w)
		}
	}
	for j := range k {
		if !m.Flat(j) {
			m.Slopes[j] = m.weights[j] / m.spread[j]
		}
	}
	return m, nil
}

// standardise notes the column's mean and spread and returns it without.
// Values are divided first, so that their squares cannot overflow.
func (m *Model) standardise(j int, c []float64) []float64 {
	size := 0.0
	for _, v := range c {
		size = max(size, math.Abs(v))
	}
	out := make([]float64, len(c))
	if size == 0 {
		return out
	}
	mean, square := 0.0, 0.0
	for _, v := range c {
		mean += v / size / float64(len(c))
	}
	for i, v := range c {
		out[i] = v/size - mean
		square += out[i] * out[i] / float64(len(c))
	}
	deviation := math.Sqrt(square)
	if deviation < 1e-12 {
		clear(out)
		return out
	}
	m.spread[j], m.centre[j] = size*deviation, mean/deviation
	if math.IsInf(m.spread[j], 0) || m.spread[j] == 0 {
		m.spread[j] = 0
		clear(out)
		return out
	}
	for i := range out {
		out[i] /= deviation
	}
	return out
}

func plain(y []float64, period int) []float64 {
	if period < 2 || len(y) < 3*period {
		return y
	}
	indices, ok := season.Indices(y, period, false)
	if !ok {
		return y
	}
	return season.Remove(y, indices, false)
}

// solve returns the columns' weights and the sum of squares for one memory.
func solve(y []float64, x [][]float64, memory float64) (weights []float64, squares float64, err error) {
	n, k := len(y), len(x)
	width := k + 1
	if memory < 1 {
		width++ // a slope beside the level; with full memory the level is the slope
	}
	rows, target := make([]float64, (n-1)*width), make([]float64, n-1)
	for i := 1; i < n; i++ {
		row := rows[(i-1)*width : i*width]
		for j := range k {
			row[j] = x[j][i] - memory*x[j][i-1]
		}
		row[k] = 1
		if memory < 1 {
			row[k] = 1 - memory
			row[k+1] = (float64(i) - memory*float64(i-1)) / float64(n)
		}
		target[i-1] = y[i] - memory*y[i-1]
	}
	w, err := mat.Ridge(rows, target, n-1, width, penalty)
	if err != nil {
		return nil, 0, fmt.Errorf("solving the regression: %w", err)
	}
	for i, v := range target {
		e := v - mat.Dot(rows[i*width:(i+1)*width], w)
		squares += e * e
	}
	return w[:k], squares, nil
}
