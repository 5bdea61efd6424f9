package globalforecast

import (
	"math"

	"github.com/omni-run/omni/internal/ml/mat/f32"
)

// backward adds the gradient of a loss to flat, which is laid out like the
// weights. gradOut is the loss's gradient with respect to what forward just
// answered from w.
func (n *Network) backward(w *workspace, gradOut, flat []float32) {
	w.sizeGrad(n.Shape)
	g, v, p := &w.grad, n.view(flat), n.view(n.Weights)
	b, h, wide, outputs := w.batch, n.Hidden, n.joint(), n.outputs()
	n.unbend(w, gradOut)
	f32.Gemm(n.Window, n.Horizon, b, 1, f32.Mat(w.window, n.Window).T(), f32.Mat(g.medians, n.Horizon), 1, f32.Mat(v.highway, n.Horizon))
	undense(g.raw, w.hid, p.answer, v.answer, v.answerBias, g.head, b, n.Head, outputs)
	for i, d := range g.head {
		gate := w.headGate[i]
		g.head[i] = d * gate * (1 + w.headSum[i]*(1-gate))
	}
	undense(g.head, w.joint, p.head, v.head, v.headBias, g.joint, b, wide, n.Head)
	clear(g.top)
	last := g.top[(n.steps()-1)*b*h:]
	n.unattend(w, p, v)
	for r := range b {
		f32.Axpy(1, g.joint[r*wide:r*wide+h], last[r*h:(r+1)*h])
	}
	clear(g.below)
	n.unrun(w, &w.layers[1], p.layers[1], v.layers[1], w.layers[0].hidden, h, g.top, g.below)
	f32.Axpy(1, g.top, g.below)
	n.unrun(w, &w.layers[0], p.layers[0], v.layers[0], w.in, n.stepWide(), g.below, nil)
}

// undense adds the gradients of a dense layer's weights and bias and sets that
// of its input, given grad, that of its output.
func undense(grad, x, weights, gradWeights, gradBias, gradX []float32, rows, in, out int) {
	f32.Gemm(in, out, rows, 1, f32.Mat(x, in).T(), f32.Mat(grad, out), 1, f32.Mat(gradWeights, out))
	for r := range rows {
		f32.Axpy(1, grad[r*out:(r+1)*out], gradBias)
	}
	if gradX != nil {
		f32.Gemm(rows, in, out, 1, f32.Mat(grad, out), f32.Mat(weights, out).T(), 0, f32.Mat(gradX, in))
	}
}

func (n *Network) unbend(w *workspace, gradOut []float32) {
	outputs := n.outputs()
	for r := range w.batch {
		raw, grad := w.raw[r*outputs:(r+1)*outputs], w.grad.raw[r*outputs:(r+1)*outputs]
		var inSeason, inEcho float32
		for h := range n.Horizon {
			at := (r*n.Horizon + h) * quantiles
			d, o, to := gradOut[at:at+quantiles], raw[h*quantiles:(h+1)*quantiles], grad[h*quantiles:(h+1)*quantiles]
			up, down := float32(0), float32(0)
			for k := middle; k >= 1; k-- {
				up += d[middle+k]
				down += d[middle-k]
				to[middle+k] = up * positiveSlope(o[middle+k])
				to[middle-k] = -down * positiveSlope(o[middle-k])
			}
			median := up + down + d[middle]
			to[middle] = median
			w.grad.medians[r*n.Horizon+h] = median
			if n.Seasonal {
				inSeason += median * w.season[r*n.Horizon+h]
				inEcho += median * w.echo[r*n.Horizon+h]
			}
		}
		grad[outputs-2], grad[outputs-1] = 0, 0
		if n.Seasonal {
			s, e := sigmoid(raw[outputs-2]), sigmoid(raw[outputs-1])
			grad[outputs-2], grad[outputs-1] = w.hold[r]*gateScale*inSeason*s*(1-s), gateScale*inEcho*e*(1-e)
		}
	}
}

// unattend adds the gradient that comes through the attended context to that
// of the top states and the attention matrix.
func (n *Network) unattend(w *workspace, p, v view) {
	b, t, h, wide := w.batch, n.steps(), n.Hidden, n.joint()
	scale := float32(1 / math.Sqrt(float64(h)))
	g := &w.grad
	clear(g.query)
	for r := range b {
		context := g.joint[r*wide+h : r*wide+2*h]
		query, gradQuery := w.query[r*h:(r+1)*h], g.query[r*h:(r+1)*h]
		mean := float32(0)
		for k := range t {
			d := f32.Dot(context, w.top[(k*b+r)*h:(k*b+r+1)*h])
			g.score[k*b+r] = d
			mean += d * w.score[k*b+r]
		}
		for k := range t {
			a := w.score[k*b+r]
			d := scale * a * (g.score[k*b+r] - mean)
			state, grad := w.top[(k*b+r)*h:(k*b+r+1)*h], g.top[(k*b+r)*h:(k*b+r+1)*h]
			f32.Axpy(a, context, grad)
			f32.Axpy(d, query, grad)
			f32.Axpy(d, state, gradQuery)
		}
	}
	last := (t - 1) * b * h
	f32.Gemm(h, h, b, 1, f32.Mat(w.top[last:], h).T(), f32.Mat(g.query, h), 1, f32.Mat(v.attention, h))
	f32.Gemm(b, h, h, 1, f32.Mat(g.query, h), f32.Mat(p.attention, h).T(), 1, f32.Mat(g.top[last:], h))
}

// unrun goes back through one layer: grad is the gradient of its hidden
// states, gradIn (nil for none) receives that of its input. The layer's gates
// are overwritten with the gradient of their sums.
func (n *Network) unrun(w *workspace, s *layerSpace, p, v layerView, input []float32, in int, grad, gradIn []float32) {
	h, b, t := n.Hidden, w.batch, n.steps()
	g := &w.grad
	clear(g.cell)
	for k := t - 1; k >= 0; k-- {
		gates := s.gates[k*b*4*h : (k+1)*b*4*h]
		copy(g.hidden, grad[k*b*h:(k+1)*b*h])
		if k < t-1 {
			f32.Gemm(b, h, 4*h, 1, f32.Mat(s.gates[(k+1)*b*4*h:(k+2)*b*4*h], 4*h), f32.Mat(p.recurrent, 4*h).T(), 1, f32.Mat(g.hidden, h))
		}
		cell := f32.CellBack{Hidden: h, Gates: gates, Tanh: s.tanh[k*b*h:], GradOut: g.hidden, GradCell: g.cell, GradBefore: g.cell}
		if k > 0 {
			cell.Before = s.cell[(k-1)*b*h:]
		}
		cell.Run(0, b)
	}
	undense(s.gates, input, p.input, v.input, v.bias, gradIn, t*b, in, 4*h)
	if t > 1 {
		f32.Gemm(h, 4*h, (t-1)*b, 1, f32.Mat(s.hidden[:(t-1)*b*h], h).T(), f32.Mat(s.gates[b*4*h:], 4*h), 1, f32.Mat(v.recurrent, 4*h))
	}
}
