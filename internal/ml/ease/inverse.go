package ease

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
)

// block is the width of one elimination step: two panels of block columns of a
// few thousand rows stay in the second-level cache.
const block = 64

// tile is the side of the square that one goroutine updates at a time.
const tile = 64

// errNotPositive says that the matrix is not positive definite to working
// precision.
var errNotPositive = errors.New("ease: the matrix is not positive definite")

// invert replaces the symmetric positive definite n x n matrix a, of which only
// the lower triangle is read and written, by its inverse. It sweeps blocks of
// columns: with D the inverse of the diagonal block (by Cholesky) and V the
// block column,
//
//	A <- A - V D V',  block column <- V D,  diagonal block <- -D
//
// which after the last block leaves -inv(A) (Beaton 1964; the blocked form is
// Gauss-Jordan elimination without pivoting, stable for positive definite
// matrices: Higham 2002, section 14.4). It takes n^3 floating point
// operations, nearly all of them in the update, whose tiles are independent:
// the result does not depend on the number of workers.
func invert(ctx context.Context, a []float64, n, workers int) error {
	v, w := make([]float64, n*block), make([]float64, n*block)
	d := make([]float64, block*block)
	for k := 0; k < n; k += block {
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		b := min(block, n-k)
		if err := invertBlock(a, n, k, b, d); err != nil {
			return err
		}
		takePanel(a, n, k, b, v)
		parallel(workers, (n+tile-1)/tile, func(t int) {
			for i := t * tile; i < min(n, (t+1)*tile); i++ {
				timesBlock(v[i*b:(i+1)*b], d, w[i*b:(i+1)*b])
			}
		})
		tiles := (n + tile - 1) / tile
		parallel(workers, tiles*(tiles+1)/2, func(t int) {
			i, j := lowerTile(t)
			updateTile(a, n, i*tile, j*tile, v, w, b)
		})
		putPanel(a, n, k, b, w, d)
	}
	parallel(workers, n, func(i int) {
		row := a[i*n : i*n+i+1]
		for j := range row {
			row[j] = -row[j]
		}
	})
	return nil
}

// lowerTile maps 0, 1, 2, ... to the tiles (0,0), (1,0), (1,1), (2,0), ...
func lowerTile(t int) (i, j int) {
	i = int((math.Sqrt(8*float64(t)+1) - 1) / 2)
	for i*(i+1)/2 > t {
		i--
	}
	for (i+1)*(i+2)/2 <= t {
		i++
	}
	return i, t - i*(i+1)/2
}

// invertBlock writes the inverse of the b x b diagonal block at k to d, full
// and symmetric with row length b.
func invertBlock(a []float64, n, k, b int, d []float64) error {
	var l, inv [block * block]float64
	for i := range b {
		for j := range i + 1 {
			sum := a[(k+i)*n+k+j]
			for p := range j {
				sum -= l[i*b+p] * l[j*b+p]
			}
			if i != j {
				l[i*b+j] = sum / l[j*b+j]
				continue
			}
			if !(sum > 0) || math.IsInf(sum, 1) {
				return errNotPositive
			}
			l[i*b+i] = math.Sqrt(sum)
		}
	}
	for j := range b { // inv = inverse of l, lower triangular
		inv[j*b+j] = 1 / l[j*b+j]
		for i := j + 1; i < b; i++ {
			var sum float64
			for p := j; p < i; p++ {
				sum += l[i*b+p] * inv[p*b+j]
			}
			inv[i*b+j] = -sum / l[i*b+i]
		}
	}
	for i := range b { // d = inv' inv
		for j := range i + 1 {
			var sum float64
			for p := i; p < b; p++ {
				sum += inv[p*b+i] * inv[p*b+j]
			}
			d[i*b+j], d[j*b+i] = sum, sum
		}
	}
	return nil
}

// takePanel copies block column k of the symmetric matrix, n x b, to v.
func takePanel(a []float64, n, k, b int, v []float64) {
	for i := range k {
		for p := range b {
			v[i*b+p] = a[(k+p)*n+i]
		}
	}
	for i := k; i < k+b; i++ {
		clear(v[i*b : (i+1)*b]) // the update leaves the pivot rows alone
	}
	for i := k + b; i < n; i++ {
		copy(v[i*b:(i+1)*b], a[i*n+k:i*n+k+b])
	}
}

// putPanel writes V D (w) and -D back into the lower triangle.
func putPanel(a []float64, n, k, b int, w, d []float64) {
	for i := range k {
		for p := range b {
			a[(k+p)*n+i] = w[i*b+p]
		}
	}
	for i := range b {
		for p := range i + 1 {
			a[(k+i)*n+k+p] = -d[i*b+p]
		}
	}
	for i := k + b; i < n; i++ {
		copy(a[i*n+k:i*n+k+b], w[i*b:(i+1)*b])
	}
}

func timesBlock(v, d, out []float64) {
	b := len(v)
	clear(out)
	for p, x := range v {
		row := d[p*b : (p+1)*b]
		for q, y := range row {
			out[q] += x * y
		}
	}
}

// updateTile subtracts W V' from the tile whose corner is (i0, j0), lower
// triangle only. The rows and columns of the pivot block are left as they are
// because their rows of V and W are zero.
func updateTile(a []float64, n, i0, j0 int, v, w []float64, b int) {
	i1, j1 := min(n, i0+tile), min(n, j0+tile)
	i := i0
	for ; i+2 <= i1; i += 2 {
		w0, w1 := w[i*b:(i+1)*b], w[(i+1)*b:(i+2)*b]
		row0, row1 := a[i*n:(i+1)*n], a[(i+1)*n:(i+2)*n]
		end := min(j1, i+1)
		j := j0
		for ; j+4 <= end; j += 4 {
			update2x4(row0[j:j+4], row1[j:j+4], w0, w1, v[j*b:(j+1)*b], v[(j+1)*b:(j+2)*b], v[(j+2)*b:(j+3)*b], v[(j+3)*b:(j+4)*b])
		}
		for ; j < end; j++ {
			row0[j] -= dot(w0, v[j*b:(j+1)*b])
			row1[j] -= dot(w1, v[j*b:(j+1)*b])
		}
		if i+1 < j1 { // the second row's diagonal
			row1[i+1] -= dot(w1, v[(i+1)*b:(i+2)*b])
		}
	}
	for ; i < i1; i++ {
		for j := j0; j < min(j1, i+1); j++ {
			a[i*n+j] -= dot(w[i*b:(i+1)*b], v[j*b:(j+1)*b])
		}
	}
}

// update2x4 subtracts the eight products of two rows of W with four of V: as
// many sums as the registers hold, so that the adders are never idle.
func update2x4(r0, r1, w0, w1, v0, v1, v2, v3 []float64) {
	w1, v0, v1, v2, v3 = w1[:len(w0)], v0[:len(w0)], v1[:len(w0)], v2[:len(w0)], v3[:len(w0)]
	var s00, s01, s02, s03, s10, s11, s12, s13 float64
	for p, x := range w0 {
		y := w1[p]
		c := v0[p]
		s00 += x * c
		s10 += y * c
		c = v1[p]
		s01 += x * c
		s11 += y * c
		c = v2[p]
		s02 += x * c
		s12 += y * c
		c = v3[p]
		s03 += x * c
		s13 += y * c
	}
	_, _ = r0[3], r1[3]
	r0[0] -= s00
	r0[1] -= s01
	r0[2] -= s02
	r0[3] -= s03
	r1[0] -= s10
	r1[1] -= s11
	r1[2] -= s12
	r1[3] -= s13
}

func dot(x, y []float64) float64 {
	y = y[:len(x)]
	var sum float64
	for p, a := range x {
		sum += a * y[p]
	}
	return sum
}

// parallel calls f for 0..n-1 on up to workers goroutines.
func parallel(workers, n int, f func(int)) {
	if workers <= 1 || n <= 1 {
		for i := range n {
			f(i)
		}
		return
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(workers, n) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wg.Wait()
}
