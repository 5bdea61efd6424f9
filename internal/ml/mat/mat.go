// Package mat holds the small dense kernels that the numeric packages share:
// dot products, rank updates, matrix products and activations over flat,
// row-major slices. It is plain Go; a faster path for one CPU belongs behind
// the same functions, with these as its reference.
//
// Every kernel accumulates into its destination, so that a caller adds several
// products (and a bias) without a temporary. Lengths that do not fit are a
// programmer's mistake and panic. NaN and infinities travel as IEEE 754 says.
package mat

// Float is a number a kernel works on.
type Float interface{ ~float32 | ~float64 }

const (
	errLength = "mat: slice lengths do not match"
	errShape  = "mat: a slice does not hold the matrix it is said to"
)

// Dot returns the sum of a[i]*b[i]. It adds in four interleaved partial sums,
// always in the same order, so results repeat exactly.
func Dot[T Float](a, b []T) T {
	if len(a) != len(b) {
		panic(errLength)
	}
	var s0, s1, s2, s3 T
	i := 0
	for ; i+4 <= len(a); i += 4 {
		x, y := a[i:i+4:i+4], b[i:i+4:i+4]
		s0 += x[0] * y[0]
		s1 += x[1] * y[1]
		s2 += x[2] * y[2]
		s3 += x[3] * y[3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return (s0 + s1) + (s2 + s3)
}

// Axpy adds alpha*x to y.
func Axpy[T Float](alpha T, x, y []T) {
	if len(x) != len(y) {
		panic(errLength)
	}
	for i, v := range x {
		y[i] += alpha * v
	}
}

// Scale multiplies x by alpha.
func Scale[T Float](alpha T, x []T) {
	for i := range x {
		x[i] *= alpha
	}
}

// Gemv adds A x to dst, where A is rows by cols.
func Gemv[T Float](dst, a, x []T, rows, cols int) {
	if len(a) != rows*cols || len(dst) != rows || len(x) != cols {
		panic(errShape)
	}
	for r := range dst {
		dst[r] += Dot(a[r*cols:(r+1)*cols], x)
	}
}

// GemvT adds the product of A transposed and x to dst, where A is rows by cols.
func GemvT[T Float](dst, a, x []T, rows, cols int) {
	GemmNN(dst, x, a, 1, rows, cols)
}

// GemmNN adds A B to C: A is m by k, B is k by n, C is m by n.
func GemmNN[T Float](c, a, b []T, m, k, n int) {
	if len(a) != m*k || len(b) != k*n || len(c) != m*n {
		panic(errShape)
	}
	for i := range m {
		row := c[i*n : (i+1)*n]
		left := a[i*k : (i+1)*k]
		p := 0
		for ; p+4 <= k; p += 4 {
			axpy4(row, left[p:p+4], b[p*n:(p+4)*n], n)
		}
		for ; p < k; p++ {
			Axpy(left[p], b[p*n:(p+1)*n], row)
		}
	}
}

// axpy4 adds four rows of b, weighted, to row: one pass over row instead of
// four is what makes the product faster than repeated Axpy.
func axpy4[T Float](row, w, b []T, n int) {
	w0, w1, w2, w3 := w[0], w[1], w[2], w[3]
	b0, b1, b2, b3 := b[:n:n], b[n:2*n:2*n], b[2*n:3*n:3*n], b[3*n:4*n:4*n]
	row = row[:n:n]
	for j := range row {
		row[j] += (w0*b0[j] + w1*b1[j]) + (w2*b2[j] + w3*b3[j])
	}
}

// GemmTN adds the product of A transposed and B to C: A is m by k, B is m by
// n, C is k by n. It is how a layer's weights collect their gradient.
func GemmTN[T Float](c, a, b []T, m, k, n int) {
	if len(a) != m*k || len(b) != m*n || len(c) != k*n {
		panic(errShape)
	}
	i := 0
	var w [4]T
	for ; i+4 <= m; i += 4 {
		block := b[i*n : (i+4)*n]
		for p := range k {
			w[0], w[1], w[2], w[3] = a[i*k+p], a[(i+1)*k+p], a[(i+2)*k+p], a[(i+3)*k+p]
			axpy4(c[p*n:(p+1)*n], w[:], block, n)
		}
	}
	for ; i < m; i++ {
		for p := range k {
			Axpy(a[i*k+p], b[i*n:(i+1)*n], c[p*n:(p+1)*n])
		}
	}
}

// GemmNT adds the product of A and B transposed to C: A is m by n, B is k by
// n, C is m by k. It is how a layer passes its gradient to its input.
func GemmNT[T Float](c, a, b []T, m, n, k int) {
	if len(a) != m*n || len(b) != k*n || len(c) != m*k {
		panic(errShape)
	}
	for i := range m {
		left, row := a[i*n:(i+1)*n], c[i*k:(i+1)*k]
		for p := range row {
			row[p] += Dot(left, b[p*n:(p+1)*n])
		}
	}
}
