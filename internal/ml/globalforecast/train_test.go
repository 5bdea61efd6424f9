package globalforecast

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestGradient compares the gradient with central differences of the loss.
func TestGradient(t *testing.T) {
	t.Parallel()
	for _, seasonal := range []bool{false, true} {
		r := Recipe{
			Shape:   Shape{Window: 8, Patch: 2, Tail: 4, Horizon: 3, Hidden: 5, Head: 6, Seasonal: seasonal},
			Seasons: []Season{{Period: 4, Count: 4, Echo: 4, Share: 1}}, Scored: 1, Near: 2, RelativeShare: 3, ScaledShare: 1, Batch: 6,
		}
		rng := rand.New(rand.NewPCG(1, 2))
		series := make([][]float64, 9)
		for i := range series {
			y := make([]float64, 20)
			level := 100.0
			for k := range y {
				level *= math.Exp(0.2 * rng.NormFloat64())
				y[k] = level * (1 + 0.2*math.Sin(float64(k)*math.Pi/2))
			}
			series[i] = y
		}
		n, err := NewNetwork(r.Shape, rng)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n.Weights {
			n.Weights[i] += float32(0.2 * rng.NormFloat64())
		}
		s, err := newSampler(r, corpus{series: series}, rng)
		if err != nil {
			t.Fatal(err)
		}
		batch := make([]*window, r.Batch)
		for i := range batch {
			batch[i] = &window{}
		}
		s.draw(batch)
		var w workspace
		// A smooth loss: half the squared distance from fixed targets.
		aim := make([]float32, r.Batch*r.Shape.Horizon*quantiles)
		for i := range aim {
			aim[i] = float32(rng.NormFloat64())
		}
		loss := func() (sum float64) {
			for i, v := range n.forward(&w, batch) {
				d := float64(v - aim[i])
				sum += d * d / 2
			}
			return sum
		}
		loss()
		gradOut := make([]float32, len(aim))
		for i, v := range w.out {
			gradOut[i] = v - aim[i]
		}
		grad := make([]float32, len(n.Weights))
		n.backward(&w, gradOut, grad)
		const eps = 1e-2
		for trial := 0; trial < 400; trial++ {
			i := rng.IntN(len(grad))
			was := n.Weights[i]
			n.Weights[i] = was + eps
			up := loss()
			n.Weights[i] = was - eps
			down := loss()
			n.Weights[i] = was
			want := (up - down) / (2 * eps)
			if math.Abs(want-float64(grad[i])) > 1e-2*(1+math.Abs(want)) {
				t.Errorf("seasonal %v: weight %d: gradient %v, differences say %v", seasonal, i, grad[i], want)
			}
		}
	}
}
