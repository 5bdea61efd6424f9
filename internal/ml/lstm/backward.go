package lstm

import (
	"math"

	"github.com/omni-run/omni/internal/ml/mat"
)

// backward fills w.grad with the gradient of a loss whose gradient with
// respect to the last forward pass's answer is in w.dOut.
func (n *Network) backward(w *Workspace, x []float64) {
	clear(w.grad)
	v, b, h := n.view(n.Weights), w.batch, n.Hidden
	dOut := w.dOut[:b*n.Outputs]
	for r := range b {
		mat.Axpy(1, dOut[r*n.Outputs:(r+1)*n.Outputs], w.view.bias)
	}
	if n.Lags > 0 {
		mat.GemmTN(w.view.linear, w.recent[:b*n.Lags*n.Inputs], dOut, b, n.Lags*n.Inputs, n.Outputs)
	}
	mat.GemmTN(w.view.head, w.joined[:b*2*h], dOut, b, 2*h, n.Outputs)
	dJoined := w.dJoined[:b*2*h]
	clear(dJoined)
	mat.GemmNT(dJoined, dOut, v.head, b, n.Outputs, 2*h)
	n.attendBack(w, v)

	for l := n.Layers - 1; l >= 0; l-- {
		s := &w.layers[l]
		if s.dropping {
			for i := range b * w.steps * h {
				s.dOut[i] *= s.dropped.keep[i]
			}
		}
		input, width, dInput := x, n.Inputs, []float64(nil)
		if l > 0 {
			below := &w.layers[l-1]
			input, width, dInput = below.masked[:b*w.steps*h], h, below.dOut[:b*w.steps*h]
		}
		n.runLayerBack(w, s, v.layers[l], w.view.layers[l], input, width, dInput)
	}
}

// attendBack leaves the gradient with respect to the top layer's states in its
// dOut.
func (n *Network) attendBack(w *Workspace, v view) {
	top, h, b, steps := &w.layers[n.Layers-1], n.Hidden, w.batch, w.steps
	states, dStates := top.masked[:steps*b*h], top.dOut[:steps*b*h]
	dQuery := w.dQuery[:b*h]
	clear(dStates)
	clear(dQuery)
	scale := 1 / math.Sqrt(float64(h))
	for r := range b {
		dContext := w.dJoined[r*2*h : r*2*h+h]
		score, dScore := w.score[r*steps:(r+1)*steps], w.dScore[r*steps:(r+1)*steps]
		mean := 0.0
		for t, a := range score {
			at := (t*b + r) * h
			dScore[t] = mat.Dot(dContext, states[at:at+h])
			mean += a * dScore[t]
		}
		for t, a := range score {
			at := (t*b + r) * h
			d := scale * a * (dScore[t] - mean)
			mat.Axpy(a, dContext, dStates[at:at+h])
			mat.Axpy(d, w.query[r*h:(r+1)*h], dStates[at:at+h])
			mat.Axpy(d, states[at:at+h], dQuery[r*h:(r+1)*h])
		}
		last := ((steps-1)*b + r) * h
		mat.Axpy(1, w.dJoined[r*2*h+h:(r+1)*2*h], dStates[last:last+h])
	}
	last := (steps - 1) * b * h
	mat.GemmTN(w.view.attention, states[last:], dQuery, b, h, h)
	mat.GemmNT(dStates[last:], dQuery, v.attention, b, h, h)
}

// runLayerBack goes back through time. The gates' activations are replaced by
// the gradient with respect to their sums, which the forward pass no longer
// needs.
func (n *Network) runLayerBack(w *Workspace, s *layerSpace, p, g layerView, input []float64, width int, dInput []float64) {
	h, b := n.Hidden, w.batch
	dHidden, dCell := w.dHidden[:b*h], w.dCell[:b*h]
	clear(dHidden)
	clear(dCell)
	if dInput != nil {
		clear(dInput)
	}
	for t := w.steps - 1; t >= 0; t-- {
		gates := s.gates[t*b*4*h : (t+1)*b*4*h]
		for r := range b {
			at := (t*b + r) * h
			var before []float64
			if t > 0 {
				before = s.cell[at-b*h : at-b*h+h]
			}
			gateBack(gates[r*4*h:(r+1)*4*h], s.tanh[at:at+h], before, s.dOut[at:at+h], dHidden[r*h:(r+1)*h], dCell[r*h:(r+1)*h])
			mat.Axpy(1, gates[r*4*h:(r+1)*4*h], g.bias)
		}
		mat.GemmTN(g.input, input[t*b*width:(t+1)*b*width], gates, b, width, 4*h)
		if dInput != nil {
			mat.GemmNT(dInput[t*b*width:(t+1)*b*width], gates, p.input, b, 4*h, width)
		}
		if t > 0 {
			mat.GemmTN(g.recurrent, s.hidden[(t-1)*b*h:t*b*h], gates, b, h, 4*h)
			clear(dHidden)
			mat.GemmNT(dHidden, gates, p.recurrent, b, 4*h, h)
		}
	}
}

// gateBack is one cell of one sequence, backwards.
func gateBack(gates, tanh, before, dOut, dHidden, dCell []float64) {
	h := len(tanh)
	in, forget, out, candidate := gates[:h:h], gates[h:2*h:2*h], gates[2*h:3*h:3*h], gates[3*h:4*h:4*h]
	for j, tc := range tanh {
		i, f, o, c := in[j], forget[j], out[j], candidate[j]
		d := dHidden[j] + dOut[j]
		dc := dCell[j] + d*o*(1-tc*tc)
		in[j] = dc * c * i * (1 - i)
		candidate[j] = dc * i * (1 - c*c)
		out[j] = d * tc * o * (1 - o)
		forget[j] = 0
		if before != nil {
			forget[j] = dc * before[j] * f * (1 - f)
		}
		dCell[j] = dc * f
	}
}
