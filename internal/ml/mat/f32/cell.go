package f32

// Cell is the elementwise part of one LSTM step for a batch of rows
// (Hochreiter and Schmidhuber, 1997). Every matrix is row-major without gaps:
//
//	c = sigmoid(f)*before + sigmoid(i)*tanh(g)
//	h = sigmoid(o)*tanh(c)
type Cell struct {
	// Hidden is the width of a state.
	Hidden int
	// Gates holds, for each row, the sums of the gates i, f, o and g, Hidden
	// of each, and receives their activations.
	Gates []float32
	// Bias, 4*Hidden, is added to each row's sums first.
	Bias []float32
	// Before is the cell state the step starts from; nil stands for zeros.
	Before []float32
	// After receives the cell state, Tanh its hyperbolic tangent and Out the
	// hidden state.
	After, Tanh, Out []float32
}

// Run computes the step for rows [from, to).
func (s *Cell) Run(from, to int) {
	h := s.Hidden
	if from < 0 || to < from || len(s.Gates) < 4*h*to || len(s.Bias) != 4*h || len(s.After) < h*to || len(s.Tanh) < h*to || len(s.Out) < h*to || (s.Before != nil && len(s.Before) < h*to) {
		panic(errShape)
	}
	use.cell(*s, from, to)
}

// CellBack is the gradient of Cell.
type CellBack struct {
	Hidden int
	// Gates holds the activations that Cell left and receives the gradient
	// with respect to the gates' sums.
	Gates []float32
	// Before and Tanh are what Cell read and wrote; nil Before stands for
	// zeros.
	Before, Tanh []float32
	// GradOut is the gradient with respect to the hidden state.
	GradOut []float32
	// GradCell holds the gradient with respect to the cell state from later
	// steps; GradBefore receives the one with respect to Before. They may be
	// the same slice.
	GradCell, GradBefore []float32
}

// Run computes the gradient for rows [from, to).
func (s *CellBack) Run(from, to int) {
	h := s.Hidden
	if from < 0 || to < from || len(s.Gates) < 4*h*to || len(s.Tanh) < h*to || len(s.GradOut) < h*to ||
		len(s.GradCell) < h*to || len(s.GradBefore) < h*to || (s.Before != nil && len(s.Before) < h*to) {
		panic(errShape)
	}
	use.cellBack(*s, from, to)
}

//go:norace
func plainCell(s Cell, from, to int) {
	h := s.Hidden
	for r := from; r < to; r++ {
		g := s.Gates[r*4*h : (r+1)*4*h]
		in, forget, out, cand := g[:h:h], g[h:2*h:2*h], g[2*h:3*h:3*h], g[3*h:4*h:4*h]
		after, tanh, hidden := s.After[r*h:(r+1)*h], s.Tanh[r*h:(r+1)*h], s.Out[r*h:(r+1)*h]
		for j := range after {
			i, f, o, c := sigmoid1(in[j]+s.Bias[j]), sigmoid1(forget[j]+s.Bias[h+j]), sigmoid1(out[j]+s.Bias[2*h+j]), tanh1(cand[j]+s.Bias[3*h+j])
			in[j], forget[j], out[j], cand[j] = i, f, o, c
			sum := i * c
			if s.Before != nil {
				sum += f * s.Before[r*h+j]
			}
			after[j], tanh[j] = sum, tanh1(sum)
			hidden[j] = o * tanh[j]
		}
	}
}

//go:norace
func plainCellBack(s CellBack, from, to int) {
	h := s.Hidden
	for r := from; r < to; r++ {
		g := s.Gates[r*4*h : (r+1)*4*h]
		in, forget, out, cand := g[:h:h], g[h:2*h:2*h], g[2*h:3*h:3*h], g[3*h:4*h:4*h]
		for j := range in {
			at := r*h + j
			i, f, o, c, t := in[j], forget[j], out[j], cand[j], s.Tanh[at]
			d := s.GradOut[at]
			dc := s.GradCell[at] + d*o*(1-t*t)
			in[j] = dc * c * i * (1 - i)
			cand[j] = dc * i * (1 - c*c)
			out[j] = d * t * o * (1 - o)
			forget[j] = 0
			if s.Before != nil {
				forget[j] = dc * s.Before[at] * f * (1 - f)
			}
			s.GradBefore[at] = dc * f
		}
	}
}
