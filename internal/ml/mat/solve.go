package mat

import (
	"errors"
	"math"
)

// ErrNotPositiveDefinite says that a matrix has no Cholesky factor.
var ErrNotPositiveDefinite = errors.New("mat: the matrix is not positive definite")

// SolveSPD solves A x = b in place for a symmetric positive definite A, n by
// n: b becomes x, and A's lower triangle its Cholesky factor.
func SolveSPD(a, b []float64, n int) error {
	if len(a) != n*n || len(b) != n {
		panic(errShape)
	}
	for j := range n {
		row := a[j*n : j*n+j]
		d := a[j*n+j] - Dot(row, row)
		if !(d > 0) || math.IsInf(d, 0) {
			return ErrNotPositiveDefinite
		}
		d = math.Sqrt(d)
		a[j*n+j] = d
		for i := j + 1; i < n; i++ {
			a[i*n+j] = (a[i*n+j] - Dot(a[i*n:i*n+j], row)) / d
		}
	}
	for i := range n {
		b[i] = (b[i] - Dot(a[i*n:i*n+i], b[:i])) / a[i*n+i]
	}
	for i := n - 1; i >= 0; i-- {
		b[i] /= a[i*n+i]
		for k := range i {
			b[k] -= a[i*n+k] * b[i]
		}
	}
	return nil
}

// Ridge returns the weights w that minimise the sum of (y - X w)^2 plus
// penalty times the sum of w^2 times the mean squared column, for X of rows by
// cols. The penalty must be positive, which also keeps the system solvable.
func Ridge(x, y []float64, rows, cols int, penalty float64) ([]float64, error) {
	if len(x) != rows*cols || len(y) != rows {
		panic(errShape)
	}
	gram, w := make([]float64, cols*cols), make([]float64, cols)
	GemmTN(gram, x, x, rows, cols, cols)
	GemvT(w, x, y, rows, cols)
	trace := 0.0
	for i := range cols {
		trace += gram[i*cols+i]
	}
	extra := penalty * (trace/float64(max(cols, 1)) + 1e-12)
	for i := range cols {
		gram[i*cols+i] += extra
	}
	if err := SolveSPD(gram, w, cols); err != nil {
		return nil, err
	}
	return w, nil
}
