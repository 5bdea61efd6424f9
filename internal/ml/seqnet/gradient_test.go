package seqnet

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// shapes are networks that together use every part.
var shapes = []struct {
	name    string
	config  Config
	answers int
	masked  bool
}{
	{"plain", Config{Inputs: 1, Hidden: 3, Blocks: [][]int{{1}}, Outputs: 1}, 1, false},
	{"stacked", Config{Inputs: 2, Hidden: 4, Blocks: [][]int{{1, 1}}, Outputs: 3, Highway: 3}, 2, false},
	{"dilated", Config{Inputs: 3, Hidden: 5, Blocks: [][]int{{1, 2}, {3}}, Residual: true, Outputs: 2, Quantiles: []float64{0.1, 0.5, 0.9}}, 4, false},
	{"attentive", Config{Inputs: 2, Hidden: 4, Blocks: [][]int{{2}, {1, 4}}, Residual: true, Attention: 3, HeadHidden: 5, Outputs: 2, Highway: 1}, 3, false},
	{"ragged", Config{Inputs: 2, Hidden: 4, Blocks: [][]int{{1, 2}, {2}}, Residual: true, Attention: 4, HeadHidden: 3, Outputs: 1, Highway: 2}, 3, true},
	{"longer than the sequence", Config{Inputs: 2, Hidden: 3, Blocks: [][]int{{9}}, Attention: 20, Outputs: 1, Highway: 12}, 7, true},
}

// example is a network with a batch for it and random directions to weigh its
// answers with.
type example struct {
	net     *Network
	batch   Batch
	weights []float32
}

func newExample(t *testing.T, c Config, answers int, masked bool, seed uint64) example {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	net, err := New(c, rng)
	if err != nil {
		t.Fatal(err)
	}
	for i := range net.Weights {
		net.Weights[i] += float32(0.3 * rng.NormFloat64())
	}
	const size, steps = 3, 7
	e := example{net: net, batch: Batch{Size: size, Steps: steps, Answers: answers, X: normal(rng, size*steps*c.Inputs)}}
	if masked {
		e.batch.Present = make([]bool, size*steps)
		for i := range e.batch.Present {
			e.batch.Present[i] = rng.Float64() < 0.7
		}
	}
	e.weights = normal(rng, size*answers*c.Width())
	return e
}

func normal(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

// answers runs the reference over the batch; x overrides the inputs.
func (e example) answers(weights []float64, x []float64) []float64 {
	c, b := e.net.Config, e.batch
	ref := reference{c, weights}
	out := make([]float64, b.Size*b.answers()*c.Width())
	for s := range b.Size {
		sequence, present := make([][]float64, b.Steps), make([]bool, b.Steps)
		for t := range b.Steps {
			row := t*b.Size + s
			sequence[t] = x[row*c.Inputs : (row+1)*c.Inputs]
			present[t] = b.Present == nil || b.Present[row]
		}
		for a, answer := range ref.run(sequence, present, b.answers()) {
			copy(out[(a*b.Size+s)*c.Width():], answer)
		}
	}
	return out
}

func wide(x []float32) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

// TestForwardAgreesWithTheDefinition allows the rounding of float32.
func TestForwardAgreesWithTheDefinition(t *testing.T) {
	t.Parallel()
	for _, s := range shapes {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			e := newExample(t, s.config, s.answers, s.masked, 1)
			want := e.answers(wide(e.net.Weights), wide(e.batch.X))
			for i, got := range e.net.Forward(&Workspace{}, e.batch, nil) {
				if math.Abs(float64(got)-want[i]) > 5e-6*(1+math.Abs(want[i])) {
					t.Fatalf("answer %d is %v, want %v", i, got, want[i])
				}
			}
		})
	}
}

// TestGradient compares the gradient of every weight and every input with
// central differences of the float64 definition. Float32 is good for about
// five digits after a pass through time.
func TestGradient(t *testing.T) {
	t.Parallel()
	for _, s := range shapes {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			e := newExample(t, s.config, s.answers, s.masked, 2)
			var w Workspace
			e.net.Forward(&w, e.batch, nil)
			e.net.Backward(&w, e.weights)
			weights, x := wide(e.net.Weights), wide(e.batch.X)
			loss := func() (sum float64) {
				for i, v := range e.answers(weights, x) {
					sum += v * float64(e.weights[i])
				}
				return sum
			}
			compare(t, "weight", loss, weights, w.Grad())
			compare(t, "input", loss, x, w.InputGrad())
		})
	}
}

func compare(t *testing.T, what string, loss func() float64, at []float64, grad []float32) {
	t.Helper()
	const h = 1e-5
	for i, v := range at {
		at[i] = v + h
		up := loss()
		at[i] = v - h
		down := loss()
		at[i] = v
		want := (up - down) / (2 * h)
		if math.Abs(float64(grad[i])-want) > 1e-5+2e-5*math.Abs(want) {
			t.Fatalf("%s %d of %d: gradient %v, central difference %v", what, i, len(at), grad[i], want)
		}
	}
}

// TestGradientUnderDropout holds the dropped places fixed and checks the
// network's own forward pass, in float32, along random directions.
func TestGradientUnderDropout(t *testing.T) {
	t.Parallel()
	for _, s := range shapes {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			e := newExample(t, s.config, s.answers, s.masked, 3)
			var w Workspace
			forward := func() (sum float64) {
				drop := &Dropout{0.4, rand.New(rand.NewPCG(7, 7))}
				for i, v := range e.net.Forward(&w, e.batch, drop) {
					sum += float64(v) * float64(e.weights[i])
				}
				return sum
			}
			forward()
			e.net.Backward(&w, e.weights)
			rng, start := rand.New(rand.NewPCG(8, 8)), append([]float32(nil), e.net.Weights...)
			for range 5 {
				const h = 4e-3
				direction, want := normal(rng, len(start)), 0.0
				length := Clip(direction, 1)
				for i, d := range direction {
					want += float64(d) * float64(w.Grad()[i])
				}
				move := func(by float32) float64 {
					for i, d := range direction {
						e.net.Weights[i] = start[i] + by*d
					}
					return forward()
				}
				got := (move(h) - move(-h)) / (2 * h)
				move(0)
				if math.Abs(got-want) > 2e-3*(1+math.Abs(want)) {
					t.Fatalf("along a direction of length %v: gradient %v, central difference %v", length, want, got)
				}
				e.net.Backward(&w, e.weights)
			}
		})
	}
}

// TestPaddingInFrontChangesNothing compares a padded sequence with itself.
func TestPaddingInFrontChangesNothing(t *testing.T) {
	t.Parallel()
	for _, s := range shapes {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			e := newExample(t, s.config, 1, false, 4)
			var w Workspace
			want := append([]float32(nil), e.net.Forward(&w, e.batch, nil)...)
			const pad = 5
			b, in := e.batch, e.net.Inputs
			padded := Batch{Size: b.Size, Steps: b.Steps + pad}
			padded.X = append(normal(rand.New(rand.NewPCG(1, 1)), pad*b.Size*in), b.X...)
			padded.Present = append(make([]bool, pad*b.Size), make([]bool, b.Size*b.Steps)...)
			for i := pad * b.Size; i < len(padded.Present); i++ {
				padded.Present[i] = true
			}
			for i, got := range e.net.Forward(&w, padded, nil) {
				if got != want[i] {
					t.Fatalf("answer %d: %v padded, %v alone", i, got, want[i])
				}
			}
		})
	}
}

// TestASequenceAnswersAloneAsInABatch holds bit for bit.
func TestASequenceAnswersAloneAsInABatch(t *testing.T) {
	t.Parallel()
	for _, s := range shapes {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(5, 5))
			e := newExample(t, s.config, s.answers, false, 5)
			const size, steps = 70, 9
			b := Batch{Size: size, Steps: steps, Answers: s.answers, X: normal(rng, size*steps*e.net.Inputs)}
			var w, one Workspace
			all, width := e.net.Forward(&w, b, nil), e.net.Width()
			for s := range size {
				var alone Batch
				b.part(e.net.Config, s, s+1, &alone)
				for i, got := range e.net.Forward(&one, alone, nil) {
					if want := all[(i/width*size+s)*width+i%width]; got != want {
						t.Fatalf("sequence %d: %v alone, %v in the batch", s, got, want)
					}
				}
			}
		})
	}
}

func ExampleConfig_Parts() {
	c := Config{Inputs: 2, Hidden: 4, Blocks: [][]int{{1, 2}}, Outputs: 3, Quantiles: []float64{0.1, 0.9}}
	for _, p := range c.Parts() {
		fmt.Println(p.Name, p.Rows, p.Cols)
	}
	// Output:
	// layer0.input 2 16
	// layer0.recurrent 4 16
	// layer0.bias 1 16
	// layer1.input 4 16
	// layer1.recurrent 4 16
	// layer1.bias 1 16
	// head 4 6
	// head.bias 1 6
}

func TestForwardAllocatesNothing(t *testing.T) {
	for _, s := range shapes {
		e := newExample(t, s.config, s.answers, s.masked, 9)
		var w Workspace
		e.net.Forward(&w, e.batch, nil)
		if n := testing.AllocsPerRun(30, func() { e.net.Forward(&w, e.batch, nil) }); n > 0.5 {
			t.Errorf("%s: %v allocations a pass", s.name, n)
		}
	}
}
