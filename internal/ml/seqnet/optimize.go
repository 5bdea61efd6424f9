package seqnet

import (
	"math"

	"github.com/omni-run/omni/internal/ml/mat/f32"
)

// Adam is the optimiser of Kingma and Ba (2015); with a Decay it is AdamW
// (Loshchilov and Hutter, 2019). Zero fields take their defaults.
type Adam struct {
	// Beta1, Beta2 and Epsilon default to 0.9, 0.999 and 1e-8.
	Beta1, Beta2, Epsilon float64
	// Decay is the share of a weight that fades in each step, times the rate;
	// default none. Parts of one row, the biases, do not fade.
	Decay float64

	mean, square []float32
	steps        int
}

// Step moves the weights against the gradient.
func (a *Adam) Step(n *Network, grad []float32, rate float64) {
	if a.mean == nil {
		a.mean, a.square = make([]float32, len(grad)), make([]float32, len(grad))
		for _, d := range []struct {
			v  *float64
			to float64
		}{{&a.Beta1, 0.9}, {&a.Beta2, 0.999}, {&a.Epsilon, 1e-8}} {
			if *d.v == 0 {
				*d.v = d.to
			}
		}
	}
	a.steps++
	correct1 := 1 - math.Pow(a.Beta1, float64(a.steps))
	correct2 := 1 - math.Pow(a.Beta2, float64(a.steps))
	s := f32.Adam{
		Beta1: float32(a.Beta1), Beta2: float32(a.Beta2), Epsilon: float32(a.Epsilon * math.Sqrt(correct2)),
		Rate: float32(rate * math.Sqrt(correct2) / correct1),
	}
	for _, p := range n.parts {
		end := p.Offset + p.Rows*p.Cols
		s.Keep = 1
		if p.Rows > 1 {
			s.Keep = float32(1 - rate*a.Decay)
		}
		s.Run(n.Weights[p.Offset:end], grad[p.Offset:end], a.mean[p.Offset:end], a.square[p.Offset:end])
	}
}

// Clip scales a gradient down to the given norm, if it is longer (Pascanu,
// Mikolov and Bengio, 2013), and returns the norm it had. One that is not
// finite becomes zero. A norm of 0 or less only measures.
func Clip(grad []float32, norm float64) float64 {
	square := 0.0
	for _, g := range grad {
		square += float64(g) * float64(g)
	}
	had := math.Sqrt(square)
	switch {
	case math.IsNaN(had) || math.IsInf(had, 0):
		clear(grad)
	case norm > 0 && had > norm:
		scale := float32(norm / had)
		for i := range grad {
			grad[i] *= scale
		}
	}
	return had
}

// Schedule gives the learning rate of a step, counted from 0.
type Schedule func(step int) float64

// Constant is the same rate at every step.
func Constant(rate float64) Schedule { return func(int) float64 { return rate } }

// Cosine rises linearly to rate over warmup steps, then falls along half a
// cosine to floor*rate at step total, and stays there (Loshchilov and Hutter,
// 2017, without restarts).
func Cosine(rate, floor float64, warmup, total int) Schedule {
	return func(step int) float64 {
		if step < warmup {
			return rate * float64(step+1) / float64(warmup)
		}
		done := min(1, float64(step-warmup)/float64(max(1, total-warmup)))
		return rate * (floor + (1-floor)*0.5*(1+math.Cos(math.Pi*done)))
	}
}

// Steps multiplies rate by factor at each of the given steps.
func Steps(rate, factor float64, at ...int) Schedule {
	return func(step int) float64 {
		r := rate
		for _, s := range at {
			if step >= s {
				r *= factor
			}
		}
		return r
	}
}
