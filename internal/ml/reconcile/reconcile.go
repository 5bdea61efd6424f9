// Package reconcile makes forecasts of a hierarchy of sums add up, as linear
// combinations of what was forecast for every node: bottom-up; weighted least
// squares with structural weights (Athanasopoulos, Hyndman, Kourentzes and
// Petropoulos, 2017); and the minimum trace of the error covariance (MinT),
// shrunk towards its diagonal (Wickramasuriya, Athanasopoulos and Hyndman, 2019,
// with the shrinkage of Schäfer and Strimmer, 2005).
package reconcile

import (
	"errors"
	"fmt"
	"math"

	"github.com/omni-run/omni/internal/ml/mat"
)

// Hierarchy says which bottom series each node sums. Nodes are the rows of the
// summing matrix: the sums first, then the bottom series in order.
type Hierarchy struct {
	// Bottom is how many bottom series there are.
	Bottom int
	// Sums holds, for each sum, how often each bottom series counts.
	Sums [][]float64
}

// Nodes counts the sums and the bottom series.
func (h Hierarchy) Nodes() int { return len(h.Sums) + h.Bottom }

// row returns the row of the summing matrix of a node.
func (h Hierarchy) row(node int) []float64 {
	if node < len(h.Sums) {
		return h.Sums[node]
	}
	out := make([]float64, h.Bottom)
	out[node-len(h.Sums)] = 1
	return out
}

// Aggregate returns the values of every node for those of the bottom series.
func (h Hierarchy) Aggregate(bottom []float64) []float64 {
	out := make([]float64, 0, h.Nodes())
	for _, s := range h.Sums {
		out = append(out, mat.Dot(s, bottom))
	}
	return append(out, bottom...)
}

// ErrSingular says that the errors leave the weights undetermined.
var ErrSingular = errors.New("reconcile: the error covariance cannot be inverted")

// Structural returns the reconciled bottom series for base forecasts of all
// nodes: weighted least squares with each node's variance in proportion to the
// number of bottom series it sums.
func (h Hierarchy) Structural(base [][]float64) ([][]float64, error) {
	weights := make([]float64, h.Nodes())
	for i := range weights {
		for _, v := range h.row(i) {
			weights[i] += v
		}
	}
	return h.Weighted(base, weights)
}

// Weighted returns the bottom series of weighted least squares, given the
// error variance of every node:
//
//	b = (S' W^-1 S)^-1 S' W^-1 y
//
// base holds one list of steps a node.
func (h Hierarchy) Weighted(base [][]float64, variance []float64) ([][]float64, error) {
	n := h.Bottom
	gram := make([]float64, n*n)
	right := zeros(n, len(base[0]))
	for node := range h.Nodes() {
		row := h.row(node)
		for i, a := range row {
			if a == 0 {
				continue
			}
			for k, b := range row {
				gram[i*n+k] += a * b / variance[node]
			}
			mat.Axpy(a/variance[node], base[node], right[i])
		}
	}
	return solve(gram, right, n)
}

// MinT returns the bottom series of the minimum-trace reconciliation with a
// shrunk covariance. errs holds the errors of every node in the same windows
// and steps. The shrinkage, between 0 (as measured) and 1 (diagonal), is
// returned beside them.
func (h Hierarchy) MinT(base, errs [][]float64) (bottom [][]float64, shrinkage float64, err error) {
	w, shrinkage, err := Shrunk(errs)
	if err != nil {
		return nil, 0, err
	}
	m, n := h.Nodes(), h.Bottom
	// W^-1 [S | base], column by column.
	columns := make([][]float64, 0, n+len(base[0]))
	for k := range n {
		column := make([]float64, m)
		for node := range column {
			column[node] = h.row(node)[k]
		}
		columns = append(columns, column)
	}
	for step := range base[0] {
		column := make([]float64, m)
		for node := range column {
			column[node] = base[node][step]
		}
		columns = append(columns, column)
	}
	if err := factor(w, columns, m); err != nil {
		return nil, 0, err
	}
	gram, right := make([]float64, n*n), zeros(n, len(base[0]))
	for node := range m {
		for i, a := range h.row(node) {
			if a == 0 {
				continue
			}
			for k := range n {
				gram[i*n+k] += a * columns[k][node]
			}
			for step := range right[i] {
				right[i][step] += a * columns[n+step][node]
			}
		}
	}
	bottom, err = solve(gram, right, n)
	return bottom, shrinkage, err
}

// Shrunk returns the covariance of the errors, the correlations drawn to 0 by
// the shrinkage of Schäfer and Strimmer (2005):
//
//	lambda = sum of var(r_ij) / sum of r_ij^2, i != j
//
// Errors are taken around 0: a bias is an error too.
func Shrunk(errs [][]float64) (w []float64, lambda float64, err error) {
	m := len(errs)
	count := len(errs[0])
	if count < 2 {
		return nil, 0, fmt.Errorf("%w: %d errors a node", ErrSingular, count)
	}
	n := float64(count)
	deviation := make([]float64, m)
	for i, e := range errs {
		deviation[i] = math.Sqrt(mat.Dot(e, e) / n)
		if !(deviation[i] > 0) {
			return nil, 0, fmt.Errorf("%w: node %d has no error", ErrSingular, i)
		}
	}
	w = make([]float64, m*m)
	varying, squares := 0.0, 0.0
	for i := range m {
		w[i*m+i] = deviation[i] * deviation[i]
		for k := range i {
			mean, spread := 0.0, 0.0
			for t := range count {
				mean += errs[i][t] / deviation[i] * errs[k][t] / deviation[k] / n
			}
			for t := range count {
				d := errs[i][t]/deviation[i]*errs[k][t]/deviation[k] - mean
				spread += d * d
			}
			varying += 2 * spread / (n * (n - 1))
			squares += 2 * mean * mean
			w[i*m+k] = mean
		}
	}
	lambda = 1
	if squares > 0 {
		lambda = max(0, min(1, varying/squares))
	}
	for i := range m {
		for k := range i {
			w[i*m+k] *= (1 - lambda) * deviation[i] * deviation[k]
			w[k*m+i] = w[i*m+k]
		}
	}
	return w, lambda, nil
}

func zeros(rows, columns int) [][]float64 {
	out := make([][]float64, rows)
	for i := range out {
		out[i] = make([]float64, columns)
	}
	return out
}

// solve returns X of A X = B for a symmetric positive definite A, n by n, and B
// in rows.
func solve(a []float64, b [][]float64, n int) ([][]float64, error) {
	columns := zeros(len(b[0]), n)
	for step := range columns {
		for i := range n {
			columns[step][i] = b[i][step]
		}
	}
	if err := factor(a, columns, n); err != nil {
		return nil, err
	}
	out := zeros(n, len(b[0]))
	for step, column := range columns {
		for i, v := range column {
			out[i][step] = v
		}
	}
	return out, nil
}

// factor solves A x = column in place for every column by Cholesky's method,
// with a touch on the diagonal where A is only just positive.
func factor(a []float64, columns [][]float64, n int) error {
	trace := 0.0
	for i := range n {
		trace += a[i*n+i] / float64(n)
	}
	for _, touch := range []float64{0, 1e-10, 1e-6} {
		l := append([]float64(nil), a...)
		for i := range n {
			l[i*n+i] += touch * trace
		}
		if cholesky(l, n) {
			for _, c := range columns {
				substitute(l, c, n)
			}
			return nil
		}
	}
	return ErrSingular
}

func cholesky(a []float64, n int) bool {
	for j := range n {
		row := a[j*n : j*n+j]
		d := a[j*n+j] - mat.Dot(row, row)
		if !(d > 1e-14*a[j*n+j]) || math.IsInf(d, 0) {
			return false
		}
		d = math.Sqrt(d)
		a[j*n+j] = d
		for i := j + 1; i < n; i++ {
			a[i*n+j] = (a[i*n+j] - mat.Dot(a[i*n:i*n+j], row)) / d
		}
	}
	return true
}

func substitute(l, b []float64, n int) {
	for i := range n {
		b[i] = (b[i] - mat.Dot(l[i*n:i*n+i], b[:i])) / l[i*n+i]
	}
	for i := n - 1; i >= 0; i-- {
		b[i] /= l[i*n+i]
		for k := range i {
			b[k] -= l[i*n+k] * b[i]
		}
	}
}
