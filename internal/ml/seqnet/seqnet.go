// Package seqnet is a recurrent network for batches of sequences: blocks of
// dilated LSTM layers with residual connections (Chang et al., 2017, "Dilated
// recurrent neural networks"; Smyl, 2020, ES-RNN), attention over the last
// states (the "general" score of Luong, Pham and Manning, 2015), an optional
// hidden layer in the head, and a linear highway from the last inputs (Lai,
// Chang, Yang and Liu, 2018, LSTNet). It answers at one or many steps of a
// sequence, with one number or several quantiles for each output.
//
// Everything is float32 on the kernels of internal/ml/mat/f32, and time-major:
// the row of step t and sequence b is t*size+b. Training goes through full
// back-propagation through time; Trainer repeats bit for bit from a seed at
// any GOMAXPROCS.
package seqnet

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
)

// Limits on the shape of a network; Validate enforces them.
const (
	MaxInputs    = 4096
	MaxHidden    = 4096
	MaxLayers    = 64
	MaxDilation  = 4096
	MaxOutputs   = 65536
	MaxQuantiles = 101
	MaxSpan      = 65536
)

// ErrShape says that a Config is outside the limits.
var ErrShape = errors.New("seqnet: the network's shape is out of range")

// Config is the shape of a network.
type Config struct {
	// Inputs is the number of features a step, at least 1.
	Inputs int `json:"inputs"`
	// Hidden is the width of every layer, at least 1.
	Hidden int `json:"hidden"`
	// Blocks holds the dilation of each layer, by block, lowest first:
	// {{1, 2}, {4, 8}} is two blocks of two layers. A layer of dilation d reads
	// its own state of d steps ago. {{1}, {1}} is a plain LSTM of two layers.
	Blocks [][]int `json:"blocks"`
	// Residual adds the input of each block but the first to its output.
	Residual bool `json:"residual"`
	// Attention is how many last steps, the present one included, an answer
	// looks back over; 0 leaves attention out.
	Attention int `json:"attention"`
	// HeadHidden is the width of a tanh layer before the outputs; 0 leaves it
	// out.
	HeadHidden int `json:"head_hidden"`
	// Highway is how many last steps' inputs reach the outputs linearly; 0
	// leaves it out.
	Highway int `json:"highway"`
	// Outputs is how many numbers an answer holds for each quantile, such as
	// the length of a horizon; at least 1.
	Outputs int `json:"outputs"`
	// Quantiles are the levels of each output, rising within (0, 1). None
	// means one number each.
	Quantiles []float64 `json:"quantiles,omitempty"`
}

// Width is the length of an answer: output o's quantile q is at
// o*len(Quantiles)+q.
func (c Config) Width() int { return c.Outputs * max(1, len(c.Quantiles)) }

// Layers is the number of recurrent layers.
func (c Config) Layers() int {
	n := 0
	for _, b := range c.Blocks {
		n += len(b)
	}
	return n
}

// Validate reports a shape outside the limits.
func (c Config) Validate() error {
	for _, f := range []struct {
		name       string
		v, lo, top int
	}{
		{"inputs", c.Inputs, 1, MaxInputs},
		{"hidden", c.Hidden, 1, MaxHidden},
		{"layers", c.Layers(), 1, MaxLayers},
		{"attention", c.Attention, 0, MaxSpan},
		{"head_hidden", c.HeadHidden, 0, MaxHidden},
		{"highway", c.Highway, 0, MaxSpan},
		{"outputs", c.Outputs, 1, MaxOutputs},
		{"quantiles", len(c.Quantiles), 0, MaxQuantiles},
	} {
		if f.v < f.lo || f.v > f.top {
			return fmt.Errorf("%w: %s = %d, must be in [%d, %d]", ErrShape, f.name, f.v, f.lo, f.top)
		}
	}
	for i, b := range c.Blocks {
		if len(b) == 0 {
			return fmt.Errorf("%w: block %d has no layer", ErrShape, i)
		}
		for _, d := range b {
			if d < 1 || d > MaxDilation {
				return fmt.Errorf("%w: a dilation of block %d is %d, must be in [1, %d]", ErrShape, i, d, MaxDilation)
			}
		}
	}
	last := 0.0
	for i, q := range c.Quantiles {
		if !(q > last && q < 1) {
			return fmt.Errorf("%w: quantile %d is %v; they must rise within (0, 1)", ErrShape, i, q)
		}
		last = q
	}
	return nil
}

// Network is a shape with its weights. It is safe for concurrent reading, not
// for reading beside training.
type Network struct {
	Config
	// Weights holds every parameter; Parts says where each is.
	Weights []float32
	view    view
	parts   []Part
}

// layerView names the weights (or gradients) of one layer.
type layerView struct{ input, recurrent, bias []float32 }

// view names the parts of a flat parameter (or gradient) slice.
type view struct {
	layers             []layerView
	attention          []float32
	hidden, hiddenBias []float32
	head, headBias     []float32
	highway            []float32
}

// Part is a matrix among the weights.
type Part struct {
	Name       string
	Rows, Cols int
	// Offset is where it begins in Network.Weights.
	Offset int
}

// Parts lists the matrices of the weights in their order. The gates' columns
// are in the order input, forget, output, candidate.
func (c Config) Parts() []Part {
	var list []Part
	at := 0
	add := func(name string, rows, cols int) {
		list = append(list, Part{name, rows, cols, at})
		at += rows * cols
	}
	h := c.Hidden
	for l := range c.Layers() {
		add(fmt.Sprintf("layer%d.input", l), c.layerInputs(l), 4*h)
		add(fmt.Sprintf("layer%d.recurrent", l), h, 4*h)
		add(fmt.Sprintf("layer%d.bias", l), 1, 4*h)
	}
	if c.Attention > 0 {
		add("attention", h, h)
	}
	if c.HeadHidden > 0 {
		add("head.hidden", c.joined(), c.HeadHidden)
		add("head.hidden.bias", 1, c.HeadHidden)
	}
	add("head", c.headInputs(), c.Width())
	add("head.bias", 1, c.Width())
	if c.Highway > 0 {
		add("highway", c.Highway*c.Inputs, c.Width())
	}
	return list
}

// Parameters returns how many weights the shape has.
func (c Config) Parameters() int {
	parts := c.Parts()
	last := parts[len(parts)-1]
	return last.Offset + last.Rows*last.Cols
}

func (c Config) layerInputs(layer int) int {
	if layer == 0 {
		return c.Inputs
	}
	return c.Hidden
}

// joined is the width of what the head reads: the attended context, then the
// last state.
func (c Config) joined() int {
	if c.Attention > 0 {
		return 2 * c.Hidden
	}
	return c.Hidden
}

func (c Config) headInputs() int {
	if c.HeadHidden > 0 {
		return c.HeadHidden
	}
	return c.joined()
}

func (c Config) view(flat []float32) view {
	v := view{layers: make([]layerView, c.Layers())}
	parts := c.Parts()
	next := func() []float32 {
		p := parts[0]
		parts = parts[1:]
		end := p.Offset + p.Rows*p.Cols
		return flat[p.Offset:end:end]
	}
	for l := range v.layers {
		v.layers[l] = layerView{next(), next(), next()}
	}
	if c.Attention > 0 {
		v.attention = next()
	}
	if c.HeadHidden > 0 {
		v.hidden, v.hiddenBias = next(), next()
	}
	v.head, v.headBias = next(), next()
	if c.Highway > 0 {
		v.highway = next()
	}
	return v
}

// With makes a network of given weights, which it keeps. They may lie in
// read-only memory as long as the network is not trained.
func With(c Config, weights []float32) (*Network, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if n := c.Parameters(); len(weights) != n {
		return nil, fmt.Errorf("%w: %d weights, the shape has %d", ErrShape, len(weights), n)
	}
	return &Network{Config: c, Weights: weights, view: c.view(weights), parts: c.Parts()}, nil
}

// New makes a network with fresh weights: uniform within 1/sqrt(hidden), the
// forget gates' biases 1 (Jozefowicz, Zaremba and Sutskever, 2015), the head
// small and the highway zero, so that an untrained network answers near 0.
func New(c Config, rng *rand.Rand) (*Network, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	n, err := With(c, make([]float32, c.Parameters()))
	if err != nil {
		return nil, err
	}
	bound := 1 / math.Sqrt(float64(c.Hidden))
	fill := func(x []float32, bound float64) {
		for i := range x {
			x[i] = float32((2*rng.Float64() - 1) * bound)
		}
	}
	for _, l := range n.view.layers {
		fill(l.input, bound)
		fill(l.recurrent, bound)
		for i := c.Hidden; i < 2*c.Hidden; i++ {
			l.bias[i] = 1
		}
	}
	fill(n.view.attention, bound)
	fill(n.view.hidden, 1/math.Sqrt(float64(c.joined())))
	fill(n.view.head, 0.1/math.Sqrt(float64(c.headInputs())))
	return n, nil
}

// Bias returns the head's bias, which a caller may set before training, for
// instance to the targets' quantiles.
func (n *Network) Bias() []float32 { return n.view.headBias }

// HighwayWeights returns the highway, Highway*Inputs by Width, newest step
// last; nil without one. Writing to it changes the network.
func (n *Network) HighwayWeights() []float32 { return n.view.highway }
