package harmonic

import (
	"math"
	"math/cmplx"

	"github.com/omni-run/omni/internal/ml/fourier"
)

// spectrum is the discrete Fourier transform of x, of any length, up to the
// frequency of two steps (Bluestein, 1970): a convolution with a chirp.
func spectrum(x []float64) []complex128 {
	n, size := len(x), fourier.Size(len(x))
	plan := fourier.NewPlan(size)
	chirp := make([]complex128, n)
	for i := range chirp {
		// The square is taken modulo 2n, so that the angle stays exact.
		chirp[i] = cmplx.Rect(1, -math.Pi*float64(i*i%(2*n))/float64(n))
	}
	a, b := make([]complex128, size), make([]complex128, size)
	for i, v := range x {
		a[i] = complex(v, 0) * chirp[i]
		b[i] = cmplx.Conj(chirp[i])
		if i > 0 {
			b[size-i] = b[i]
		}
	}
	plan.Transform(a)
	plan.Transform(b)
	for i := range a {
		a[i] = cmplx.Conj(a[i] * b[i]) // a transform of the conjugate goes back
	}
	plan.Transform(a)
	out := make([]complex128, n/2+1)
	for k := range out {
		out[k] = cmplx.Conj(a[k]) * chirp[k] / complex(float64(size), 0)
	}
	return out
}
