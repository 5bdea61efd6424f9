package textnet

import (
	"encoding/binary"
	"fmt"
	"math"
)

const (
	magic = "OMNT"
	// Classes is the number of outputs: negative, neutral, positive.
	Classes = 3
	// MaxTokens is how many tokens of a text are read.
	MaxTokens = 256
)

// Net is a trained network. It is safe for concurrent use.
type Net struct {
	rows, dim, filters int
	convolutions       []convolution
	scales             []float32 // one a row
	attention          []float32 // [dim]
	output             []float32 // [filters × widths + dim][Classes]
	bias               []float32 // [Classes]
	table              string    // int8 [rows][dim], read in place
	linear             *linear   // nil: the network alone
}

// linearShare is the linear model's part in the sum of the two models' scores
// before the softmax; 0.3 and 0.5 did equally well on SST-5 dev.
const linearShare = 0.4

type convolution struct {
	width   int
	weights []float32 // [width × dim][filters]
	bias    []float32 // [filters]
}

// New reads weights in the form that models/sentiment/train/train.py writes.
func New(weights string) (*Net, error) {
	r := &reader{s: weights}
	if r.take(4) != magic {
		return nil, fmt.Errorf("textnet: not a network")
	}
	if v := r.uint(); v != 1 {
		return nil, fmt.Errorf("textnet: version %d, this code reads 1", v)
	}
	n := &Net{rows: r.uint(), dim: r.uint(), filters: r.uint()}
	widths := make([]int, min(r.uint(), 16))
	for i := range widths {
		widths[i] = r.uint()
	}
	if n.rows < 3 || n.rows > 1<<24 || n.dim < 1 || n.dim > 4096 || n.filters < 1 || n.filters > 4096 || len(widths) == 0 {
		return nil, fmt.Errorf("textnet: a network of %d rows, %d dimensions, %d filters", n.rows, n.dim, n.filters)
	}
	n.scales = r.floats(n.rows)
	for _, w := range widths {
		if w < 1 || w > 16 {
			return nil, fmt.Errorf("textnet: a filter of width %d", w)
		}
		n.convolutions = append(n.convolutions, convolution{w, r.floats(w * n.dim * n.filters), r.floats(n.filters)})
	}
	n.attention = r.floats(n.dim)
	n.output = r.floats((len(widths)*n.filters + n.dim) * Classes)
	n.bias = r.floats(Classes)
	n.table = r.take(n.rows * n.dim)
	if r.short || r.s != "" {
		return nil, fmt.Errorf("textnet: the weights are cut short or too long")
	}
	return n, nil
}

// NewBlend is New with a linear model beside the network, in the form that
// models/sentiment/train/ngrams.py writes.
func NewBlend(weights, linear string) (*Net, error) {
	n, err := New(weights)
	if err != nil {
		return nil, err
	}
	n.linear, err = newLinear(linear)
	if err != nil {
		return nil, err
	}
	return n, nil
}

type reader struct {
	s     string
	short bool
}

func (r *reader) take(n int) string {
	if n > len(r.s) {
		r.short, r.s = true, ""
		return ""
	}
	out := r.s[:n]
	r.s = r.s[n:]
	return out
}

func (r *reader) uint() int {
	b := r.take(4)
	if r.short {
		return 0
	}
	return int(binary.LittleEndian.Uint32([]byte(b)))
}

func (r *reader) floats(n int) []float32 {
	b := r.take(4 * n)
	if r.short {
		return nil
	}
	out := make([]float32, n)
	for i := range out {
		out[i] = math.Float32frombits(binary.LittleEndian.Uint32([]byte(b[4*i : 4*i+4])))
	}
	return out
}

// Classify returns the probabilities of negative, neutral and positive for the
// ids of one text. Only the first MaxTokens are read; ids outside the table
// are passed over. No ids give the network's prior.
func (n *Net) Classify(ids []int32) [Classes]float64 {
	x := n.embed(ids)
	logits := [Classes]float64{}
	for c := range logits {
		logits[c] = float64(n.bias[c])
	}
	features := make([]float32, 0, len(n.convolutions)*n.filters+n.dim)
	for _, c := range n.convolutions {
		features = n.strongest(features, c, x)
	}
	features = n.attend(features, x)
	for i, f := range features {
		for c := range logits {
			logits[c] += float64(f) * float64(n.output[i*Classes+c])
		}
	}
	if n.linear != nil {
		for c, l := range n.linear.logits(ids) {
			logits[c] = (1-linearShare)*logits[c] + linearShare*l
		}
	}
	return softmax(logits)
}

// embed returns the tokens' vectors, [tokens][dim], flat.
func (n *Net) embed(ids []int32) []float32 {
	x := make([]float32, 0, min(len(ids), MaxTokens)*n.dim)
	for _, id := range ids[:min(len(ids), MaxTokens)] {
		if id <= PadID || int(id) >= n.rows {
			continue
		}
		scale, row := n.scales[id], n.table[int(id)*n.dim:(int(id)+1)*n.dim]
		for j := range n.dim {
			x = append(x, scale*float32(int8(row[j])))
		}
	}
	return x
}

// strongest appends each filter's largest response, after the ramp, over all
// windows that touch the text; outside the text lie zeros.
func (n *Net) strongest(dst []float32, c convolution, x []float32) []float32 {
	from := len(dst)
	dst = append(dst, make([]float32, n.filters)...)
	best, h := dst[from:], make([]float32, n.filters)
	tokens := len(x) / n.dim
	for start := 1 - c.width; start < tokens; start++ {
		copy(h, c.bias)
		first, last := max(start, 0), min(start+c.width, tokens)
		weights := c.weights[(first-start)*n.dim*n.filters:]
		window := x[first*n.dim : last*n.dim]
		for i, v := range window {
			axpy(v, weights[i*n.filters:(i+1)*n.filters], h)
		}
		for f, v := range h {
			best[f] = max(best[f], v)
		}
	}
	return dst
}

// attend appends the average of the tokens, weighted by a softmax of their
// attention.
func (n *Net) attend(dst, x []float32) []float32 {
	from := len(dst)
	dst = append(dst, make([]float32, n.dim)...)
	out, tokens := dst[from:], len(x)/n.dim
	if tokens == 0 {
		return dst
	}
	weights, top := make([]float64, tokens), math.Inf(-1)
	for t := range tokens {
		for j, a := range n.attention {
			weights[t] += float64(a) * float64(x[t*n.dim+j])
		}
		top = max(top, weights[t])
	}
	var sum float64
	for t := range weights {
		weights[t] = math.Exp(weights[t] - top)
		sum += weights[t]
	}
	for t, w := range weights {
		axpy(float32(w/sum), x[t*n.dim:(t+1)*n.dim], out)
	}
	return dst
}

// axpy adds a·x to y.
func axpy(a float32, x, y []float32) {
	y = y[:len(x)]
	for len(x) >= 8 {
		u, v := x[:8:8], y[:8:8]
		v[0] += a * u[0]
		v[1] += a * u[1]
		v[2] += a * u[2]
		v[3] += a * u[3]
		v[4] += a * u[4]
		v[5] += a * u[5]
		v[6] += a * u[6]
		v[7] += a * u[7]
		x, y = x[8:], y[8:]
	}
	for i := range x {
		y[i] += a * x[i]
	}
}

func softmax(logits [Classes]float64) (p [Classes]float64) {
	top := max(logits[0], logits[1], logits[2])
	var sum float64
	for c, l := range logits {
		p[c] = math.Exp(l - top)
		sum += p[c]
	}
	for c := range p {
		p[c] /= sum
	}
	return p
}
