package fourier_test

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"testing"

	"github.com/omni-run/omni/internal/ml/fourier"
)

func TestTransformIsTheDefinition(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 1))
	for n := 2; n <= 256; n *= 2 {
		c, want := make([]complex128, n), make([]complex128, n)
		for i := range c {
			c[i] = complex(rng.NormFloat64(), rng.NormFloat64())
		}
		for k := range want {
			for i, v := range c {
				want[k] += v * cmplx.Rect(1, -2*math.Pi*float64(i*k%n)/float64(n))
			}
		}
		fourier.NewPlan(n).Transform(c)
		for k := range c {
			if cmplx.Abs(c[k]-want[k]) > 1e-12*float64(n) {
				t.Fatalf("%d values, frequency %d: %v, want %v", n, k, c[k], want[k])
			}
		}
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	for n := range 1000 {
		if s := fourier.Size(n); s < 2*n || s > max(2, 4*n) || s&(s-1) != 0 {
			t.Fatalf("%d for %d values", s, n)
		}
	}
}

func TestTransformRefusesOtherLengths(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(){
		"no values":  func() { fourier.NewPlan(0) },
		"one":        func() { fourier.NewPlan(1) },
		"twelve":     func() { fourier.NewPlan(12) },
		"not so few": func() { fourier.NewPlan(8).Transform(make([]complex128, 4)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			do()
		}()
	}
}
