package globalforecast

import (
	"math"

	"github.com/omni-run/omni/internal/ml/mat/f32"
)

// forward answers a batch of windows: out is batch by horizon by quantiles, in
// units of each window's scale from its level, and stays valid until the next
// pass of w.
func (n *Network) forward(w *workspace, windows []*window) []float32 {
	w.size(n.Shape, len(windows))
	w.load(n.Shape, windows)
	v := n.view(n.Weights)
	b, t, h := w.batch, n.steps(), n.Hidden
	n.run(w, &w.layers[0], v.layers[0], w.in, n.stepWide())
	n.run(w, &w.layers[1], v.layers[1], w.layers[0].hidden, h)
	for i := range w.top {
		w.top[i] = w.layers[0].hidden[i] + w.layers[1].hidden[i]
	}
	last := w.top[(t-1)*b*h:]
	f32.Gemm(b, h, h, 1, f32.Mat(last, h), f32.Mat(v.attention, h), 0, f32.Mat(w.query, h))
	n.attend(w)
	wide := n.joint()
	for r := range b {
		copy(w.joint[r*wide:], last[r*h:(r+1)*h])
		copy(w.joint[r*wide+h:], w.context[r*h:(r+1)*h])
	}
	dense(w.headSum, w.joint, v.head, v.headBias, b, wide, n.Head)
	f32.Sigmoid(w.headGate, w.headSum)
	for i, g := range w.headGate {
		w.hid[i] = g * w.headSum[i]
	}
	dense(w.raw, w.hid, v.answer, v.answerBias, b, n.Head, n.outputs())
	f32.Gemm(b, n.Horizon, n.Window, 1, f32.Mat(w.window, n.Window), f32.Mat(v.highway, n.Horizon), 0, f32.Mat(w.medians, n.Horizon))
	n.bend(w)
	return w.out
}

// dense sets dst to x W + bias.
func dense(dst, x, weights, bias []float32, rows, in, out int) {
	for r := range rows {
		copy(dst[r*out:(r+1)*out], bias)
	}
	f32.Gemm(rows, out, in, 1, f32.Mat(x, in), f32.Mat(weights, out), 1, f32.Mat(dst, out))
}

// load lays the windows out as the layers read them.
func (w *workspace) load(s Shape, windows []*window) {
	b, wide, joint := w.batch, s.stepWide(), s.joint()
	for r, x := range windows {
		for t := range s.steps() {
			row := w.in[(t*b+r)*wide : (t*b+r+1)*wide]
			copy(row, x.bent[t*s.Patch:(t+1)*s.Patch])
			copy(row[s.Patch:], x.steps[t*s.Patch:(t+1)*s.Patch])
			row[2*s.Patch] = x.known[t]
		}
		copy(w.window[r*s.Window:(r+1)*s.Window], x.values)
		row := w.joint[r*joint : (r+1)*joint]
		rest := row[2*s.Hidden:]
		copy(rest, x.static[:])
		copy(rest[statics:], x.bent[s.Window-s.Tail:])
		if s.Seasonal {
			copy(rest[statics+s.Tail:], x.seasonBent)
			copy(w.season[r*s.Horizon:(r+1)*s.Horizon], x.season)
			copy(w.echo[r*s.Horizon:(r+1)*s.Horizon], x.echo)
			w.hold[r] = x.hold
		}
	}
}

// run passes a sequence through one layer.
func (n *Network) run(w *workspace, s *layerSpace, p layerView, input []float32, in int) {
	h, b := n.Hidden, w.batch
	f32.Gemm(n.steps()*b, 4*h, in, 1, f32.Mat(input, in), f32.Mat(p.input, 4*h), 0, f32.Mat(s.gates, 4*h))
	for t := range n.steps() {
		gates := s.gates[t*b*4*h : (t+1)*b*4*h]
		cell := f32.Cell{Hidden: h, Gates: gates, Bias: p.bias, After: s.cell[t*b*h:], Tanh: s.tanh[t*b*h:], Out: s.hidden[t*b*h:]}
		if t > 0 {
			f32.Gemm(b, 4*h, h, 1, f32.Mat(s.hidden[(t-1)*b*h:t*b*h], h), f32.Mat(p.recurrent, 4*h), 1, f32.Mat(gates, 4*h))
			cell.Before = s.cell[(t-1)*b*h:]
		}
		cell.Run(0, b)
	}
}

// attend weighs the steps by how they match the query and sums them.
func (n *Network) attend(w *workspace) {
	b, t, h := w.batch, n.steps(), n.Hidden
	scale := float32(1 / math.Sqrt(float64(h)))
	clear(w.context)
	for r := range b {
		query, context := w.query[r*h:(r+1)*h], w.context[r*h:(r+1)*h]
		highest := float32(math.Inf(-1))
		for k := range t {
			s := scale * f32.Dot(query, w.top[(k*b+r)*h:(k*b+r+1)*h])
			w.score[k*b+r] = s
			highest = max(highest, s)
		}
		sum := float32(0)
		for k := range t {
			e := float32(math.Exp(float64(w.score[k*b+r] - highest)))
			w.score[k*b+r] = e
			sum += e
		}
		for k := range t {
			w.score[k*b+r] /= sum
			f32.Axpy(w.score[k*b+r], w.top[(k*b+r)*h:(k*b+r+1)*h], context)
		}
	}
}

// gateScale is the most of a season's indices, and of the last season's
// remainder, that goes into an answer.
const gateScale = 1.2

// bend makes quantiles that never cross out of the head's sums: the median is
// free, and each quantile away from it adds a positive step.
func (n *Network) bend(w *workspace) {
	outputs := n.outputs()
	for r := range w.batch {
		raw := w.raw[r*outputs : (r+1)*outputs]
		var gate, echoed float32
		if n.Seasonal {
			gate, echoed = 1+w.hold[r]*(gateScale*sigmoid(raw[outputs-2])-1), gateScale*sigmoid(raw[outputs-1])
		}
		for h := range n.Horizon {
			o, q := raw[h*quantiles:(h+1)*quantiles], w.out[(r*n.Horizon+h)*quantiles:][:quantiles]
			median := o[middle] + w.medians[r*n.Horizon+h]
			if n.Seasonal {
				median += gate*w.season[r*n.Horizon+h] + echoed*w.echo[r*n.Horizon+h]
			}
			q[middle] = median
			for k := 1; k <= middle; k++ {
				q[middle+k] = q[middle+k-1] + positive(o[middle+k])
				q[middle-k] = q[middle-k+1] - positive(o[middle-k])
			}
		}
	}
}

func sigmoid(x float32) float32 { return float32(1 / (1 + math.Exp(-float64(x)))) }

// positive maps any number to a positive one, as softplus does but without an
// exponential (Barron, 2021): x for large x, -1/x for small.
func positive(x float32) float32 {
	return 0.5 * (x + float32(math.Sqrt(float64(x*x+4))))
}

// positiveSlope is the derivative of positive.
func positiveSlope(x float32) float32 {
	return 0.5 * (1 + x/float32(math.Sqrt(float64(x*x+4))))
}
