package f32

// Implementation is one way to run the kernels, for comparing them; everybody
// else calls the functions of this package.
type Implementation struct{ p *path }

// Implementations lists those that this program can run on this CPU, the one
// in use first.
func Implementations() []Implementation {
	var list []Implementation
	for _, p := range paths() {
		list = append(list, Implementation{p})
	}
	return list
}

// Name is "avx512", "avx2" or "go".
func (i Implementation) Name() string { return i.p.name }

// Gemm is the function of that name on this implementation.
func (i Implementation) Gemm(m, n, k int, alpha float32, a, b Matrix, beta float32, c Matrix) {
	i.p.gemm(m, n, k, alpha, a, b, beta, c)
}

// Gemv is the function of that name on this implementation.
func (i Implementation) Gemv(m, n int, alpha float32, a Matrix, x []float32, beta float32, y []float32) {
	i.p.gemv(m, n, alpha, a, x, beta, y)
}

// Exp is the function of that name on this implementation.
func (i Implementation) Exp(dst, x []float32) { i.p.exp(dst, x) }

// Sigmoid is the function of that name on this implementation.
func (i Implementation) Sigmoid(dst, x []float32) { i.p.sigmoid(dst, x) }

// Tanh is the function of that name on this implementation.
func (i Implementation) Tanh(dst, x []float32) { i.p.tanh(dst, x) }

// Cell is Cell.Run on this implementation.
func (i Implementation) Cell(s *Cell, from, to int) { i.p.cell(*s, from, to) }
