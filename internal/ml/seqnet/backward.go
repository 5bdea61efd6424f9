package seqnet

import (
	"fmt"

	"github.com/omni-run/omni/internal/ml/mat/f32"
)

// Backward takes the gradient of a loss with respect to the answers of the
// last Forward of w (same shape as they) back to every weight and input; Grad
// and InputGrad return them. It uses up what Forward left: one Backward for
// one Forward.
func (n *Network) Backward(w *Workspace, grad []float32) {
	if len(grad) != w.out*n.Width() || w.out == 0 {
		panic(fmt.Sprintf("seqnet: a gradient of %d for answers of %d", len(grad), w.out*n.Width()))
	}
	w.fitBack(n.Config)
	n.answerBack(w, grad)
	clear(w.up)
	n.attendBack(w, w.layers[len(w.layers)-1].sent, w.up)
	l := len(w.layers) - 1
	for block := len(n.Blocks) - 1; block >= 0; block-- {
		around := n.Residual && block > 0
		if around {
			copy(w.skip, w.up)
		}
		for i := len(n.Blocks[block]) - 1; i >= 0; i-- {
			input, inputGrad := w.batch.X, w.inGrad
			if l > 0 {
				input, inputGrad = w.layers[l-1].sent, w.down
			}
			n.runLayerBack(w, l, n.Blocks[block][i], input, inputGrad)
			w.up, w.down = w.down, w.up
			l--
		}
		if around {
			f32.Axpy(1, w.skip, w.up)
		}
	}
	n.highwayBack(w, grad)
}

// runLayerBack goes back through time, over the same groups of steps as the
// way forward. w.up is the gradient of what the layer sent; the gates'
// activations are replaced by the gradient of their sums.
func (n *Network) runLayerBack(w *Workspace, l, dilation int, input, inputGrad []float32) {
	s, p, g, h := &w.layers[l], n.view.layers[l], w.gradView.layers[l], n.Hidden
	if s.dropping {
		for i, k := range s.keep {
			w.up[i] *= k
		}
	}
	back := w.transposed[:4*h*h]
	transpose(back, p.recurrent, h, 4*h)
	stride := dilation * w.batch.Size
	clear(w.cellGrad)
	for from := (w.rows - 1) / stride * stride; from >= 0; from -= stride {
		to := min(from+stride, w.rows)
		cell := f32.CellBack{
			Hidden: h, Gates: s.gates[from*4*h : to*4*h], Tanh: s.tanh[from*h : to*h],
			GradOut: w.up[from*h : to*h], GradCell: w.cellGrad, GradBefore: w.cellGrad,
		}
		if from > 0 {
			cell.Before = s.cell[(from-stride)*h : (to-stride)*h]
		}
		n.cellBack(w, &cell, from, to, stride)
		if from > 0 {
			f32.Gemm(to-from, h, 4*h, 1, f32.Mat(cell.Gates, 4*h), f32.Mat(back, h), 1, f32.Mat(w.up[(from-stride)*h:(to-stride)*h], h))
		}
	}
	in, rows := n.layerInputs(l), w.rows
	sumRows(g.bias, s.gates)
	f32.Gemm(in, 4*h, rows, 1, f32.Mat(input, in).T(), f32.Mat(s.gates, 4*h), 0, f32.Mat(g.input, 4*h))
	clear(g.recurrent)
	if later := rows - stride; later > 0 {
		f32.Gemm(h, 4*h, later, 1, f32.Mat(s.hidden, h).T(), f32.Mat(s.gates[stride*4*h:], 4*h), 0, f32.Mat(g.recurrent, 4*h))
	}
	back = w.transposed[:4*h*in]
	transpose(back, p.input, in, 4*h)
	f32.Gemm(rows, in, 4*h, 1, f32.Mat(s.gates, 4*h), f32.Mat(back, in), 0, f32.Mat(inputGrad, in))
}

// cellBack runs the cells of rows [from, to). What reached an absent step goes
// on to the step before it unchanged.
func (n *Network) cellBack(w *Workspace, cell *f32.CellBack, from, to, stride int) {
	h := n.Hidden
	if w.batch.Present == nil {
		cell.Run(0, to-from)
		return
	}
	for r, there := range w.batch.Present[from:to] {
		if there {
			cell.Run(r, r+1)
			continue
		}
		clear(cell.Gates[r*4*h : (r+1)*4*h])
		if from > 0 {
			at := (from + r - stride) * h
			f32.Axpy(1, cell.GradOut[r*h:(r+1)*h], w.up[at:at+h])
		}
	}
}

// transpose writes the transpose of m, rows by cols, to dst.
func transpose(dst, m []float32, rows, cols int) {
	for r := range rows {
		for c, v := range m[r*cols : (r+1)*cols] {
			dst[c*rows+r] = v
		}
	}
}
