package f32

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
	for i := range y {
		d := alpha * p.dot(a.Data[i*a.Stride:i*a.Stride+n], x)
		if beta != 0 {
			d += beta * y[i]
		}
		y[i] = d
	}
}
