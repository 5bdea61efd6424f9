package seqnet

import (
	"math/rand/v2"
	"testing"
)

// BenchmarkStep is one training step of a network of the size of the global
// forecaster.
func BenchmarkStep(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	c := Config{Inputs: 24, Hidden: 64, Blocks: [][]int{{1, 2}, {4, 8}}, Residual: true, Outputs: 18, Quantiles: []float64{0.025, 0.1, 0.5, 0.9, 0.975}}
	n, err := New(c, rng)
	if err != nil {
		b.Fatal(err)
	}
	const size, steps, answers = 128, 40, 20
	t := NewTrainer(n, Training{Loss: Pinball(c.Quantiles), Rate: Constant(1e-3), ClipNorm: 1, Dropout: 0.1})
	batch := Batch{Size: size, Steps: steps, Answers: answers, X: normal(rng, size*steps*c.Inputs), Present: make([]bool, size*steps)}
	for i := range batch.Present {
		batch.Present[i] = i/size >= (i%size)/8 // Sequences of 24 to 40 steps.
	}
	y := Targets{Values: normal(rng, size*answers*c.Outputs)}
	for b.Loop() {
		t.Step(batch, y)
	}
	b.ReportMetric(size*float64(b.N)/b.Elapsed().Seconds(), "sequences/s")
}

// BenchmarkForward is inference of a batch by the same network.
func BenchmarkForward(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	c := Config{Inputs: 24, Hidden: 64, Blocks: [][]int{{1, 2}, {4, 8}}, Residual: true, Outputs: 18, Quantiles: []float64{0.025, 0.1, 0.5, 0.9, 0.975}}
	n, err := New(c, rng)
	if err != nil {
		b.Fatal(err)
	}
	const size, steps = 64, 40
	var w Workspace
	batch := Batch{Size: size, Steps: steps, X: normal(rng, size*steps*c.Inputs)}
	b.ReportAllocs()
	for b.Loop() {
		n.Forward(&w, batch, nil)
	}
	b.ReportMetric(size*float64(b.N)/b.Elapsed().Seconds(), "sequences/s")
}
