package seqnet

import "github.com/omni-run/omni/internal/ml/mat/f32"

// answer computes the outputs from what the head reads.
func (n *Network) answer(w *Workspace) []float32 {
	s, width := &w.head, n.Width()
	input, in := s.input, n.joined()
	if n.HeadHidden > 0 {
		spread(s.hidden, n.view.hiddenBias)
		f32.Gemm(w.out, n.HeadHidden, in, 1, f32.Mat(input, in), f32.Mat(n.view.hidden, n.HeadHidden), 1, f32.Mat(s.hidden, n.HeadHidden))
		f32.Tanh(s.hidden, s.hidden)
		input, in = s.hidden, n.HeadHidden
	}
	spread(s.answer, n.view.headBias)
	f32.Gemm(w.out, width, in, 1, f32.Mat(input, in), f32.Mat(n.view.head, width), 1, f32.Mat(s.answer, width))
	if n.Highway > 0 {
		n.gatherRecent(w)
		span := n.Highway * n.Inputs
		f32.Gemm(w.out, width, span, 1, f32.Mat(s.recent, span), f32.Mat(n.view.highway, width), 1, f32.Mat(s.answer, width))
	}
	return s.answer
}

// spread copies row to every row of m.
func spread(m, row []float32) {
	for at := 0; at < len(m); at += len(row) {
		copy(m[at:], row)
	}
}

// eachRecent calls f for every step that the highway reads: its row among the
// inputs and where its features lie among the recent ones.
func (n *Network) eachRecent(w *Workspace, f func(row, at int)) {
	in, first := n.Inputs, w.rows-w.out
	for r := range w.out {
		for back := range n.Highway {
			row := first + r - back*w.batch.Size
			if row < 0 {
				break
			}
			if w.batch.Present == nil || w.batch.Present[row] {
				f(row, (r*n.Highway+n.Highway-1-back)*in)
			}
		}
	}
}

func (n *Network) gatherRecent(w *Workspace) {
	in := n.Inputs
	clear(w.head.recent)
	n.eachRecent(w, func(row, at int) {
		copy(w.head.recent[at:at+in], w.batch.X[row*in:(row+1)*in])
	})
}

// answerBack takes the gradient of the answers to the head's weights and to
// what it read.
func (n *Network) answerBack(w *Workspace, grad []float32) {
	s, width, g := &w.head, n.Width(), w.gradView
	if n.Highway > 0 {
		span := n.Highway * n.Inputs
		f32.Gemm(span, width, w.out, 1, f32.Mat(s.recent, span).T(), f32.Mat(grad, width), 0, f32.Mat(g.highway, width))
	}
	sumRows(g.headBias, grad)
	input, in := s.input, n.joined()
	inputGrad := s.inputGrad
	if n.HeadHidden > 0 {
		input, in, inputGrad = s.hidden, n.HeadHidden, s.hiddenGrad
	}
	f32.Gemm(in, width, w.out, 1, f32.Mat(input, in).T(), f32.Mat(grad, width), 0, f32.Mat(g.head, width))
	f32.Gemm(w.out, in, width, 1, f32.Mat(grad, width), f32.Mat(n.view.head, width).T(), 0, f32.Mat(inputGrad, in))
	if n.HeadHidden == 0 {
		return
	}
	for i, v := range s.hidden {
		s.hiddenGrad[i] *= 1 - v*v
	}
	in = n.joined()
	sumRows(g.hiddenBias, s.hiddenGrad)
	f32.Gemm(in, n.HeadHidden, w.out, 1, f32.Mat(s.input, in).T(), f32.Mat(s.hiddenGrad, n.HeadHidden), 0, f32.Mat(g.hidden, n.HeadHidden))
	f32.Gemm(w.out, in, n.HeadHidden, 1, f32.Mat(s.hiddenGrad, n.HeadHidden), f32.Mat(n.view.hidden, n.HeadHidden).T(), 0, f32.Mat(s.inputGrad, in))
}

// highwayBack adds the highway's share to the gradient of the inputs.
func (n *Network) highwayBack(w *Workspace, grad []float32) {
	if n.Highway == 0 {
		return
	}
	s, width, span, in := &w.head, n.Width(), n.Highway*n.Inputs, n.Inputs
	f32.Gemm(w.out, span, width, 1, f32.Mat(grad, width), f32.Mat(n.view.highway, width).T(), 0, f32.Mat(s.recentGrad, span))
	n.eachRecent(w, func(row, at int) {
		f32.Axpy(1, s.recentGrad[at:at+in], w.inGrad[row*in:(row+1)*in])
	})
}

// sumRows writes the sum of m's rows to sum.
func sumRows(sum, m []float32) {
	clear(sum)
	for at := 0; at < len(m); at += len(sum) {
		f32.Axpy(1, m[at:at+len(sum)], sum)
	}
}
