// Package lstm is a recurrent network for sequences: stacked LSTM layers
// (Hochreiter and Schmidhuber, 1997), attention over the hidden states (the
// "general" score of Luong, Pham and Manning, 2015), and a linear head with an
// autoregressive highway from the last inputs (Lai, Chang, Yang and Liu, 2018,
// LSTNet). It trains by full back-propagation through time with Adam.
//
// Every number is a float64 in one flat slice, and one goroutine does the
// work, so a seed gives the same network at any GOMAXPROCS.
package lstm

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
)

// Limits on the shape of a network; Validate enforces them.
const (
	MaxInputs  = 64
	MaxHidden  = 512
	MaxLayers  = 8
	MaxOutputs = 512
	MaxLags    = 1024
)

// ErrShape says that a Config is outside the limits.
var ErrShape = errors.New("lstm: the network's shape is out of range")

// Config is the shape of a network.
type Config struct {
	// Inputs is the number of features a step, at least 1.
	Inputs int
	// Hidden is the width of every layer, at least 1.
	Hidden int
	// Layers is the number of stacked layers, at least 1.
	Layers int
	// Outputs is the length of the answer, at least 1.
	Outputs int
	// Lags is how many of the last steps feed the linear highway; 0 leaves it
	// out. A sequence shorter than Lags uses the steps it has.
	Lags int
}

// Validate reports a shape outside the limits.
func (c Config) Validate() error {
	for _, f := range []struct {
		name       string
		v, lo, top int
	}{
		{"inputs", c.Inputs, 1, MaxInputs},
		{"hidden", c.Hidden, 1, MaxHidden},
		{"layers", c.Layers, 1, MaxLayers},
		{"outputs", c.Outputs, 1, MaxOutputs},
		{"lags", c.Lags, 0, MaxLags},
	} {
		if f.v < f.lo || f.v > f.top {
			return fmt.Errorf("%w: %s = %d, must be in [%d, %d]", ErrShape, f.name, f.v, f.lo, f.top)
		}
	}
	return nil
}

// Network is a set of weights. It is safe for concurrent reading, not for
// reading beside training.
type Network struct {
	Config
	// Weights holds every parameter. Layout: for each layer the input weights
	// (inputs by 4*hidden), the recurrent weights (hidden by 4*hidden) and the
	// biases (4*hidden), gates in the order input, forget, output, candidate;
	// then the attention matrix (hidden by hidden), the head (2*hidden by
	// outputs, attended context first), its biases, and the highway
	// (lags*inputs by outputs, newest step last).
	Weights []float64
}

// view names the parts of a flat parameter (or gradient) slice.
type view struct {
	layers                        []layerView
	attention, head, bias, linear []float64
}

type layerView struct{ input, recurrent, bias []float64 }

func (c Config) layerInputs(layer int) int {
	if layer == 0 {
		return c.Inputs
	}
	return c.Hidden
}

// Parameters returns how many weights the shape has.
func (c Config) Parameters() int {
	n := c.Hidden*c.Hidden + 2*c.Hidden*c.Outputs + c.Outputs + c.Lags*c.Inputs*c.Outputs
	for l := range c.Layers {
		n += 4 * c.Hidden * (c.layerInputs(l) + c.Hidden + 1)
	}
	return n
}

func (c Config) view(flat []float64) view {
	next := func(n int) []float64 {
		part := flat[:n:n]
		flat = flat[n:]
		return part
	}
	v := view{layers: make([]layerView, c.Layers)}
	for l := range v.layers {
		v.layers[l] = layerView{
			input:     next(c.layerInputs(l) * 4 * c.Hidden),
			recurrent: next(c.Hidden * 4 * c.Hidden),
			bias:      next(4 * c.Hidden),
		}
	}
	v.attention = next(c.Hidden * c.Hidden)
	v.head = next(2 * c.Hidden * c.Outputs)
	v.bias = next(c.Outputs)
	v.linear = next(c.Lags * c.Inputs * c.Outputs)
	return v
}

// New makes a network with fresh weights: uniform within 1/sqrt(hidden), the
// forget gates' biases 1 (Jozefowicz, Zaremba and Sutskever, 2015), the head
// small and the highway zero, so that an untrained network answers near 0.
func New(c Config, rng *rand.Rand) (*Network, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	n := &Network{Config: c, Weights: make([]float64, c.Parameters())}
	v := c.view(n.Weights)
	bound := 1 / math.Sqrt(float64(c.Hidden))
	fill := func(x []float64, bound float64) {
		for i := range x {
			x[i] = (2*rng.Float64() - 1) * bound
		}
	}
	for _, l := range v.layers {
		fill(l.input, bound)
		fill(l.recurrent, bound)
		for i := c.Hidden; i < 2*c.Hidden; i++ {
			l.bias[i] = 1
		}
	}
	fill(v.attention, bound)
	fill(v.head, 0.1*bound)
	return n, nil
}

// Highway returns the weights of the linear highway, lags*inputs by outputs,
// for a caller who starts them from a least-squares fit. Writing to it changes
// the network.
func (n *Network) Highway() []float64 { return n.view(n.Weights).linear }
