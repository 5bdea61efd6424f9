// Package ease trains EASE^R, the embarrassingly shallow autoencoder for
// sparse data (Steck, WWW 2019, arXiv:1905.03375): an item-item matrix B with
// zero diagonal that minimises
//
//	|X - X B|^2 + lambda |B|^2
//
// in closed form: with P = inv(X'X + lambda I), B_ij = -P_ij / P_jj. The score
// of item j for a user with the row x is sum_i x_i B_ij, so it works as well
// for a visitor known only by what was viewed a moment ago.
package ease

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/omni-run/omni/internal/ml/sparse"
)

// Options of Train.
type Options struct {
	// Lambda is the L2 penalty, in units of squared entries of X; > 0.
	// Good values lie between 1 and 1,000 and grow with the data.
	Lambda float64
	// Dropout, 0 <= p < 1, asks of the model to predict items as if each input
	// had been missing with that probability (Steck, "Autoencoders that don't
	// overfit towards the Identity", NeurIPS 2020): the penalty of item i grows
	// by p/(1-p) (X'X)_ii. 0 is the model of 2019.
	Dropout float64
	// Neighbors is how many weights of largest size each target item keeps;
	// 0 keeps all.
	Neighbors int
	// Workers bounds the goroutines; at least 1. The result does not depend
	// on it.
	Workers int
}

// Gram is X'X, from which models for several penalties can be solved.
type Gram struct {
	// N is the number of items.
	N int
	// lower holds the N x N matrix, only its lower triangle filled.
	lower []float64
}

// Bytes returns the memory that training a model of n items takes at its peak
// when the Gram matrix is given up to the solution, and to within a few MB.
func Bytes(n int) int64 { return int64(n) * int64(n) * 8 }

// NewGram multiplies the users x items matrix with itself. It takes Bytes(n)
// of memory.
func NewGram(ctx context.Context, x *sparse.Matrix, workers int) (*Gram, error) {
	n := x.Cols
	g := &Gram{N: n, lower: make([]float64, n*n)}
	users := x.Transpose()
	parallel(workers, n, func(i int) {
		if ctx.Err() != nil {
			return
		}
		row := g.lower[i*n : i*n+i+1]
		of, weights := users.Row(i)
		for k, u := range of {
			items, values := x.Row(int(u))
			w := float64(weights[k])
			for p, j := range items {
				if int(j) > i {
					break
				}
				row[j] += w * float64(values[p])
			}
		}
	})
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	return g, nil
}

// Clone copies the matrix, for another call of Solve.
func (g *Gram) Clone() *Gram { return &Gram{N: g.N, lower: slices.Clone(g.lower)} }

// Model is the trained weights.
type Model struct {
	// Weights is items x items: row i holds what item i says for others.
	Weights *sparse.Matrix
}

// Train is NewGram followed by Solve.
func Train(ctx context.Context, x *sparse.Matrix, o Options) (*Model, error) {
	g, err := NewGram(ctx, x, o.Workers)
	if err != nil {
		return nil, err
	}
	return g.Solve(ctx, o)
}

// Solve computes the weights. It uses up g, in place: Clone it first to solve
// again.
func (g *Gram) Solve(ctx context.Context, o Options) (*Model, error) {
	if !(o.Lambda > 0) || math.IsInf(o.Lambda, 1) {
		return nil, fmt.Errorf("ease: lambda is %v; it must be positive and finite", o.Lambda)
	}
	if !(o.Dropout >= 0 && o.Dropout < 1) {
		return nil, fmt.Errorf("ease: dropout is %v; it takes 0 to below 1", o.Dropout)
	}
	n := g.N
	a := g.lower
	if n > 0 && len(a) != n*n {
		return nil, errors.New("ease: this Gram matrix was already solved")
	}
	g.lower = nil
	for i := range n {
		a[i*n+i] += o.Lambda + o.Dropout/(1-o.Dropout)*a[i*n+i]
	}
	if err := invert(ctx, a, n, o.Workers); err != nil {
		return nil, err
	}
	return &Model{Weights: weights(a, n, o)}, nil
}

// weights reads B off the inverse, one target (column of B, row of the
// symmetric P) at a time, and turns it so that rows are sources.
func weights(p []float64, n int, o Options) *sparse.Matrix {
	keep := o.Neighbors
	if keep <= 0 || keep >= n {
		keep = max(n-1, 0)
	}
	index, value := make([]int32, n*keep), make([]float32, n*keep)
	parallel(o.Workers, n, func(j int) {
		column := make([]float64, n)
		copy(column, p[j*n:j*n+j])
		for i := j + 1; i < n; i++ {
			column[i] = p[i*n+j]
		}
		chosen := largest(column, j, keep)
		for k, i := range chosen {
			index[j*keep+k] = i
			value[j*keep+k] = float32(-column[i] / p[j*n+j])
		}
	})
	start := make([]int, n+1)
	for j := range start {
		start[j] = j * keep
	}
	byTarget, ok := sparse.FromRows(n, n, start, index, value)
	if !ok {
		panic("ease: the chosen weights are not a matrix")
	}
	return byTarget.Transpose()
}

// largest returns the keep indices of largest absolute value other than skip,
// ascending; of equal ones the lower index stays.
func largest(x []float64, skip, keep int) []int32 {
	order := make([]int32, 0, len(x)-1)
	for i := range x {
		if i != skip {
			order = append(order, int32(i))
		}
	}
	if keep < len(order) {
		slices.SortFunc(order, func(a, b int32) int {
			if d := math.Abs(x[b]) - math.Abs(x[a]); d != 0 {
				if d > 0 {
					return 1
				}
				return -1
			}
			return int(a - b)
		})
		order = order[:keep]
		slices.Sort(order)
	}
	return order
}

// Score adds to dst, one number an item, what the session says: items and
// their weights, as in a row of X. It panics when dst is not one an item.
func (m *Model) Score(dst []float32, items []int32, values []float32) {
	if len(dst) != m.Weights.Cols {
		panic("ease: dst is not one number an item")
	}
	for k, i := range items {
		targets, w := m.Weights.Row(int(i))
		for p, j := range targets {
			dst[j] += values[k] * w[p]
		}
	}
}

// Weight returns B_ij: what one unit of item i adds to the score of item j.
func (m *Model) Weight(i, j int) float32 {
	targets, w := m.Weights.Row(i)
	if k, ok := slices.BinarySearch(targets, int32(j)); ok {
		return w[k]
	}
	return 0
}
