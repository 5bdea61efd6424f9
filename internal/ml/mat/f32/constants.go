package f32

import "math"

// The exponential: x = n*ln 2 + r with |r| <= ln(2)/2, and exp(r) by the
// polynomial of Cephes' expf (Moshier, 1989).
const (
	// expTop and expLow lie just beyond where the result overflows to infinity
	// and rounds to zero.
	expTop = 89
	expLow = -104.5
	log2e  = math.Log2E
	// roundUp, added and taken away again, rounds to the nearest whole number.
	roundUp = 3 << 22
	ln2High = 0.693359375
	ln2Low  = -2.12194440e-4
	exp0    = 5.0000001201e-1
	exp1c   = 1.6666665459e-1
	exp2    = 4.1665795894e-2
	exp3    = 8.3334519073e-3
	exp4    = 1.3981999507e-3
	exp5    = 1.9875691500e-4
)

// The hyperbolic tangent: x*P(x*x)/Q(x*x), the rational approximation of the
// Eigen library (generic_fast_tanh_float), beyond tanhTop as at tanhTop.
const (
	tanhTop = 7.90531110763549805
	tanh1c  = 4.89352455891786e-03
	tanh3   = 6.37261928875436e-04
	tanh5   = 1.48572235717979e-05
	tanh7   = 5.12229709037114e-08
	tanh9   = -8.60467152213735e-11
	tanh11  = 2.00018790482477e-13
	tanh13  = -2.76076847742355e-16
	tanhQ0  = 4.89352518554385e-03
	tanhQ2  = 2.26843463243900e-03
	tanhQ4  = 1.18534705686654e-04
	tanhQ6  = 1.19825839466702e-06
)
