package f32

import "math"

// Adam is one step of the optimiser for a run of weights (Kingma and Ba,
// 2015):
//
//	m = Beta1*m + (1-Beta1)*g
//	v = Beta2*v + (1-Beta2)*g*g
//	w = Keep*w - Rate*m/(sqrt(v)+Epsilon)
//
// The corrections for the first steps are the caller's, in Rate and Epsilon.
type Adam struct{ Beta1, Beta2, Epsilon, Rate, Keep float32 }

// Run takes the step. All slices are of one length.
func (a *Adam) Run(w, g, m, v []float32) {
	if len(g) != len(w) || len(m) != len(w) || len(v) != len(w) {
		panic(errLength)
	}
	use.adam(*a, w, g, m, v)
}

//go:norace
func plainAdam(a Adam, w, g, m, v []float32) {
	for i, d := range g {
		m[i] = a.Beta1*m[i] + (1-a.Beta1)*d
		v[i] = a.Beta2*v[i] + (1-a.Beta2)*(d*d)
		w[i] = a.Keep*w[i] - a.Rate*m[i]/(float32(math.Sqrt(float64(v[i])))+a.Epsilon)
	}
}
