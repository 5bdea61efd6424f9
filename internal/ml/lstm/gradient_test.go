package lstm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestGradient compares every parameter's gradient with central differences,
// for every combination of depth, highway and dropout.
func TestGradient(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		Config
		dropout, huber float64
	}{
		{Config: Config{Inputs: 1, Hidden: 3, Layers: 1, Outputs: 1}, huber: math.Inf(1)},
		{Config: Config{Inputs: 2, Hidden: 4, Layers: 2, Outputs: 3, Lags: 3}, huber: math.Inf(1)},
		{Config: Config{Inputs: 3, Hidden: 5, Layers: 3, Outputs: 2, Lags: 9}, huber: 0.5},
		{Config: Config{Inputs: 2, Hidden: 6, Layers: 2, Outputs: 1, Lags: 2}, dropout: 0.4, huber: math.Inf(1)},
	} {
		t.Run(fmt.Sprintf("%+v", c), func(t *testing.T) {
			t.Parallel()
			const batch, steps = 3, 6
			rng := rand.New(rand.NewPCG(1, 2))
			n, err := New(c.Config, rng)
			if err != nil {
				t.Fatal(err)
			}
			for i := range n.Weights {
				n.Weights[i] += 0.3 * rng.NormFloat64()
			}
			x, y := make([]float64, batch*steps*c.Inputs), make([]float64, batch*c.Outputs)
			for i := range x {
				x[i] = rng.NormFloat64()
			}
			for i := range y {
				y[i] = rng.NormFloat64()
			}
			w := NewWorkspace(c.Config, batch, steps)
			f := &fitting{net: n, opt: Training{Huber: c.huber}}
			loss := func() float64 {
				out := n.forward(w, x, batch, steps, c.dropout, rand.New(rand.NewPCG(9, 9)))
				return f.loss(out, y, w.dOut)
			}
			loss()
			n.backward(w, x)
			grad := append([]float64(nil), w.grad...)
			const h = 1e-5
			for i := range n.Weights {
				at := n.Weights[i]
				n.Weights[i] = at + h
				up := loss()
				n.Weights[i] = at - h
				down := loss()
				n.Weights[i] = at
				numeric := (up - down) / (2 * h)
				if math.Abs(numeric-grad[i]) > 1e-8+1e-6*math.Abs(numeric) {
					t.Fatalf("parameter %d of %d: gradient %.12g, central difference %.12g", i, len(grad), grad[i], numeric)
				}
			}
		})
	}
}
