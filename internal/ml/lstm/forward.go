package lstm

import (
	"math"
	"math/rand/v2"

	"github.com/omni-run/omni/internal/ml/mat"
)

// Forward runs a batch of sequences through the network and returns batch by
// outputs, which stays valid until the next pass of w. x is time-major: step
// t of sequence b is x[(t*batch+b)*inputs:].
func (n *Network) Forward(w *Workspace, x []float64, batch, steps int) []float64 {
	return n.forward(w, x, batch, steps, 0, nil)
}

func (n *Network) forward(w *Workspace, x []float64, batch, steps int, dropout float64, rng *rand.Rand) []float64 {
	if len(x) != batch*steps*n.Inputs {
		panic("lstm: the input does not hold the batch it is said to")
	}
	w.size(batch, steps)
	v := n.view(n.Weights)
	input, width := x, n.Inputs
	for l := range v.layers {
		s := &w.layers[l]
		n.runLayer(w, s, v.layers[l], input, width)
		s.drop(batch*steps*n.Hidden, dropout, rng)
		input, width = s.masked[:batch*steps*n.Hidden], n.Hidden
	}
	n.attend(w, v, input)
	n.answer(w, v, x)
	return w.out[:batch*n.Outputs]
}

func (n *Network) runLayer(w *Workspace, s *layerSpace, p layerView, input []float64, width int) {
	h, b := n.Hidden, w.batch
	for t := range w.steps {
		gates := s.gates[t*b*4*h : (t+1)*b*4*h]
		for r := range b {
			copy(gates[r*4*h:(r+1)*4*h], p.bias)
		}
		mat.GemmNN(gates, input[t*b*width:(t+1)*b*width], p.input, b, width, 4*h)
		var before []float64
		if t > 0 {
			before = s.cell[(t-1)*b*h : t*b*h]
			mat.GemmNN(gates, s.hidden[(t-1)*b*h:t*b*h], p.recurrent, b, h, 4*h)
		}
		for r := range b {
			at := (t*b + r) * h
			g := gates[r*4*h : (r+1)*4*h]
			mat.Sigmoid(g[:3*h])
			mat.Tanh(g[3*h:], g[3*h:])
			cell := s.cell[at : at+h]
			for j := range cell {
				cell[j] = g[j] * g[3*h+j]
				if before != nil {
					cell[j] += g[h+j] * before[r*h+j]
				}
			}
			mat.Tanh(s.tanh[at:at+h], cell)
			for j := range cell {
				s.hidden[at+j] = g[2*h+j] * s.tanh[at+j]
			}
		}
	}
}

// drop applies inverted dropout to the first size hidden values.
func (s *layerSpace) drop(size int, rate float64, rng *rand.Rand) {
	s.masked, s.dropping = s.hidden, rate > 0
	if !s.dropping {
		return
	}
	if s.dropped.keep == nil {
		s.dropped.keep, s.dropped.product = make([]float64, len(s.hidden)), make([]float64, len(s.hidden))
	}
	s.masked = s.dropped.product
	for i := range size {
		s.dropped.keep[i] = 0
		if rng.Float64() >= rate {
			s.dropped.keep[i] = 1 / (1 - rate)
		}
		s.masked[i] = s.hidden[i] * s.dropped.keep[i]
	}
}

// attend scores every step against the last one, and joins the weighted mean
// of the states with the last state:
//
//	score(t) = last' A state(t) / sqrt(hidden)
func (n *Network) attend(w *Workspace, v view, states []float64) {
	h, b, steps := n.Hidden, w.batch, w.steps
	last := states[(steps-1)*b*h:]
	query := w.query[:b*h]
	clear(query)
	mat.GemmNN(query, last, v.attention, b, h, h)
	scale := 1 / math.Sqrt(float64(h))
	for r := range b {
		score := w.score[r*steps : (r+1)*steps]
		for t := range score {
			at := (t*b + r) * h
			score[t] = scale * mat.Dot(query[r*h:(r+1)*h], states[at:at+h])
		}
		mat.Softmax(score)
		joined := w.joined[r*2*h : (r+1)*2*h]
		clear(joined[:h])
		for t, a := range score {
			at := (t*b + r) * h
			mat.Axpy(a, states[at:at+h], joined[:h])
		}
		copy(joined[h:], last[r*h:(r+1)*h])
	}
}

func (n *Network) answer(w *Workspace, v view, x []float64) {
	b, o := w.batch, n.Outputs
	out := w.out[:b*o]
	for r := range b {
		copy(out[r*o:(r+1)*o], v.bias)
	}
	mat.GemmNN(out, w.joined[:b*2*n.Hidden], v.head, b, 2*n.Hidden, o)
	if n.Lags == 0 {
		return
	}
	span := n.Lags * n.Inputs
	recent := w.recent[:b*span]
	clear(recent)
	used := min(n.Lags, w.steps)
	for r := range b {
		for k := range used {
			from := ((w.steps-used+k)*b + r) * n.Inputs
			copy(recent[r*span+(n.Lags-used+k)*n.Inputs:], x[from:from+n.Inputs])
		}
	}
	mat.GemmNN(out, recent, v.linear, b, span, o)
}
