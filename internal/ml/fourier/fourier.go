// Package fourier transforms between values and frequencies.
package fourier

import (
	"math"
	"math/bits"
)

// Size returns the least power of two that holds n values and as many zeros,
// which correlations of n values need so as not to wrap around; 2 at least.
func Size(n int) int { return 1 << bits.Len(uint(max(2*n-1, 1))) }

// Plan holds what transforms of one length share. It does not change, so any
// number of goroutines may use it.
type Plan struct {
	turns []complex128
	shift int
}

// NewPlan is for transforms of n values. It panics unless n is a power of two,
// 2 at least.
func NewPlan(n int) *Plan {
	if n < 2 || n&(n-1) != 0 {
		panic("fourier: the length is no power of two")
	}
	p := &Plan{turns: make([]complex128, n/2), shift: 64 - bits.Len(uint(n-1))}
	for k := range p.turns {
		sine, cosine := math.Sincos(-2 * math.Pi * float64(k) / float64(n))
		p.turns[k] = complex(cosine, sine)
	}
	return p
}

// Transform replaces c by its discrete Fourier transform
//
//	C[k] = sum over i of c[i] * exp(-2*pi*j*i*k/n)
//
// in place (Cooley and Tukey, 1965, radix 2). It panics unless c has the plan's
// length. A second transform of a real even sequence gives it back n times as
// large.
func (p *Plan) Transform(c []complex128) {
	n := len(c)
	if n != 2*len(p.turns) {
		panic("fourier: not the length of the plan")
	}
	for i := range c {
		if j := int(bits.Reverse64(uint64(i)) >> p.shift); j > i {
			c[i], c[j] = c[j], c[i]
		}
	}
	for at := 0; at < n; at += 2 { // nothing turns
		c[at], c[at+1] = c[at]+c[at+1], c[at]-c[at+1]
	}
	for width := 4; width <= n; width *= 2 {
		half, stride := width/2, n/width
		for at := 0; at < n; at += width {
			low, high := c[at:at+half], c[at+half:at+width]
			for k, a := range low {
				b := high[k] * p.turns[k*stride]
				low[k], high[k] = a+b, a-b
			}
		}
	}
}
