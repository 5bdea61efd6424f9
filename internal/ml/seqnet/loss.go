package seqnet

import "math"

// Targets is what a batch should have been answered: that of output o at
// answered step a of sequence b is Values[(a*Size+b)*Outputs+o]. NaN means that
// nobody knows: it costs nothing.
type Targets struct {
	Values []float32
	// Weights, if not nil, is one weight for each answer, at a*Size+b.
	Weights []float32
}

func (t Targets) weight(answer int) float32 {
	if t.Weights == nil {
		return 1
	}
	return t.Weights[answer]
}

// mass is the sum of the weights of all known values.
func (t Targets) mass(outputs int) float64 {
	sum := 0.0
	for i, v := range t.Values {
		if v == v {
			sum += float64(t.weight(i / outputs))
		}
	}
	return sum
}

// Loss judges answers. It writes to grad the gradient with respect to each
// answer, times scale, and returns the weighted sum of the costs, not divided
// by anything. It must be safe for concurrent use on different slices.
type Loss func(answers []float32, t Targets, scale float32, grad []float32) float64

// Pinball is the quantile loss of Koenker and Bassett (1978), the mean over
// the quantiles of each output; without quantiles in the shape, give it {0.5},
// which is half the absolute error.
func Pinball(quantiles []float64) Loss {
	n := len(quantiles)
	return func(answers []float32, t Targets, scale float32, grad []float32) float64 {
		outputs, sum := outputsOf(answers, t, n), 0.0
		for i, y := range t.Values {
			w := t.weight(i / outputs)
			out, g := answers[i*n:(i+1)*n], grad[i*n:(i+1)*n]
			if y != y || w == 0 {
				clear(g)
				continue
			}
			for q, level := range quantiles {
				slope := -level
				if out[q] > y {
					slope = 1 - level
				}
				share := float64(w) / float64(n)
				sum += share * slope * float64(out[q]-y)
				g[q] = scale * float32(share*slope)
			}
		}
		return sum
	}
}

// Huber is half the squared error up to delta and linear beyond (Huber, 1964).
// An infinite delta leaves half the squared error.
func Huber(delta float64) Loss {
	return func(answers []float32, t Targets, scale float32, grad []float32) float64 {
		outputs, sum := outputsOf(answers, t, 1), 0.0
		for i, y := range t.Values {
			w := float64(t.weight(i / outputs))
			grad[i] = 0
			if y != y || w == 0 {
				continue
			}
			e := float64(answers[i] - y)
			if a := math.Abs(e); a <= delta {
				sum += w * 0.5 * e * e
			} else {
				sum += w * delta * (a - 0.5*delta)
				e = math.Copysign(delta, e)
			}
			grad[i] = scale * float32(w*e)
		}
		return sum
	}
}

// outputsOf returns how many values belong to one weight.
func outputsOf(answers []float32, t Targets, quantiles int) int {
	if len(answers) != quantiles*len(t.Values) {
		panic("seqnet: the targets do not fit the answers")
	}
	if len(t.Weights) == 0 {
		return max(1, len(t.Values))
	}
	return len(t.Values) / len(t.Weights)
}
