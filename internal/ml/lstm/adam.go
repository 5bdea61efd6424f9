package lstm

import (
	"math"

	"github.com/omni-run/omni/internal/ml/mat"
)

// adam is the optimiser of Kingma and Ba (2015) with their constants.
type adam struct {
	mean, square []float64
	t            int
}

const (
	adamBeta1   = 0.9
	adamBeta2   = 0.999
	adamEpsilon = 1e-8
)

func newAdam(n int) adam { return adam{mean: make([]float64, n), square: make([]float64, n)} }

func (a *adam) step(weights, grad []float64, rate float64) {
	a.t++
	correct1 := 1 - math.Pow(adamBeta1, float64(a.t))
	correct2 := 1 - math.Pow(adamBeta2, float64(a.t))
	size, root := rate/correct1, 1/math.Sqrt(correct2)
	mean, square := a.mean[:len(weights)], a.square[:len(weights)]
	for i, g := range grad {
		m := adamBeta1*mean[i] + (1-adamBeta1)*g
		s := adamBeta2*square[i] + (1-adamBeta2)*g*g
		mean[i], square[i] = m, s
		weights[i] -= size * m / (math.Sqrt(s)*root + adamEpsilon)
	}
}

// clip scales a gradient down to the given norm (Pascanu, Mikolov and Bengio,
// 2013). A gradient that is not finite becomes zero: that update is skipped.
func clip(grad []float64, norm float64) {
	square := mat.Dot(grad, grad)
	switch {
	case math.IsNaN(square) || math.IsInf(square, 0):
		clear(grad)
	case square > norm*norm:
		mat.Scale(norm/math.Sqrt(square), grad)
	}
}
