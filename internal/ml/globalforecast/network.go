package globalforecast

import (
	"math"
	"math/rand/v2"
)

// Network is a set of weights. It is safe for concurrent reading, not for
// reading beside training.
type Network struct {
	Shape
	// Weights holds every parameter. Layout: for each layer the input weights
	// (inputs by 4*hidden), the recurrent weights (hidden by 4*hidden) and the
	// biases (4*hidden), gates in the order input, forget, output, candidate;
	// the attention matrix (hidden by hidden); the head's two layers, each
	// weights (inputs by outputs) and biases; and the highway from the window
	// to the medians (window by horizon).
	Weights []float32
}

// view names the parts of a flat parameter (or gradient) slice.
type view struct {
	layers                             [layers]layerView
	attention                          []float32
	head, headBias, answer, answerBias []float32
	highway                            []float32
}

type layerView struct{ input, recurrent, bias []float32 }

func (s Shape) view(flat []float32) (v view) {
	next := func(n int) []float32 {
		part := flat[:n:n]
		flat = flat[n:]
		return part
	}
	for l := range v.layers {
		v.layers[l] = layerView{
			input:     next(s.layerInputs(l) * 4 * s.Hidden),
			recurrent: next(s.Hidden * 4 * s.Hidden),
			bias:      next(4 * s.Hidden),
		}
	}
	v.attention = next(s.Hidden * s.Hidden)
	v.head, v.headBias = next(s.joint()*s.Head), next(s.Head)
	v.answer, v.answerBias = next(s.Head*s.outputs()), next(s.outputs())
	v.highway = next(s.Window * s.Horizon)
	return v
}

// NewNetwork makes a network with fresh weights: uniform within
// 1/sqrt(inputs), the forget gates' biases 1 (Jozefowicz, Zaremba and
// Sutskever, 2015), the highway zero, and the answer's biases such that an
// untrained network repeats the last value (in season) with the spread of a
// random walk.
func NewNetwork(s Shape, rng *rand.Rand) (*Network, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	n := &Network{Shape: s, Weights: make([]float32, s.Parameters())}
	v := s.view(n.Weights)
	fill := func(x []float32, bound float64) {
		for i := range x {
			x[i] = float32((2*rng.Float64() - 1) * bound)
		}
	}
	recurrent := 1 / math.Sqrt(float64(s.Hidden))
	for _, l := range v.layers {
		fill(l.input, recurrent)
		fill(l.recurrent, recurrent)
		for i := s.Hidden; i < 2*s.Hidden; i++ {
			l.bias[i] = 1
		}
	}
	fill(v.attention, recurrent)
	fill(v.head, 1/math.Sqrt(float64(s.joint())))
	fill(v.answer, 0.3/math.Sqrt(float64(s.Head)))
	for h := range s.Horizon {
		width := 0.4 * math.Sqrt(float64(h+1))
		spread := width - 1/width // positive(spread) = width
		for q := range quantiles {
			if q != middle {
				v.answerBias[h*quantiles+q] = float32(spread)
			}
		}
	}
	v.answerBias[s.Horizon*quantiles] = float32(math.Log(1 / (gateScale - 1))) // a gate of 1
	v.answerBias[s.Horizon*quantiles+1] = -2
	return n, nil
}
