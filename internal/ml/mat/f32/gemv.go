package f32

import "unsafe"

// Gemv computes y = alpha*A*x + beta*y, where A is m by n; with A transposed it
// stands for its transpose, m by n after transposition. y must not overlap A
// or x. With beta 0, y is written without being read.
func Gemv(m, n int, alpha float32, a Matrix, x []float32, beta float32, y []float32) {
	use.gemv(m, n, alpha, a, x, beta, y)
}

func (p *path) gemv(m, n int, alpha float32, a Matrix, x []float32, beta float32, y []float32) {
	if m < 0 || n < 0 || len(x) != n || len(y) != m || !a.holds(m, n) {
		panic(errShape)
	}
	if m == 0 {
		return
	}
	if a.Transposed {
		// A transposed times x is the row x times A as it is stored.
		p.gemm(1, m, n, alpha, Matrix{Data: x, Stride: n}, Matrix{Data: a.Data, Stride: a.Stride}, beta, Matrix{Data: y, Stride: m})
		return
	}
	i := 0
	if n == 0 {
		scaleRows(1, m, beta, Mat(y, m))
		return
	}
	for ; i+4 <= m; i += 4 {
		for r, d := range p.dot4(unsafe.Pointer(&a.Data[i*a.Stride]), a.Stride, x) {
			put(&y[i+r], d, alpha, beta)
		}
	}
	for ; i < m; i++ {
		put(&y[i], p.dot(a.Data[i*a.Stride:i*a.Stride+n], x), alpha, beta)
	}
}

// put finishes one number of y.
func put(y *float32, sum, alpha, beta float32) {
	sum = float32(sum * alpha)
	if beta != 0 {
		sum += float32(beta * *y)
	}
	*y = sum
}
