// Package harmonic estimates a season of many phases as a sum of a few waves:
// the mean of every phase, as of the days of a year, would be mostly noise.
package harmonic

import (
	"math"
	"math/cmplx"

	"github.com/omni-run/omni/internal/ml/season"
)

const (
	// mostCycles is how many of the newest cycles are read: a season changes.
	mostCycles = 14
	// neighbours is how many frequencies on either side of a wave tell what the
	// series would hold at it by chance.
	neighbours = 3
	// presence is how likely a season is found where there is none, and wave how
	// many waves are kept by chance, on average, once there is a season.
	presence = 0.01
	wave     = 0.2
	// few is the share of the waves that a season consists of at most. One of
	// more, such as spikes, is as well told by the mean of each phase.
	few = 0.25
	// rounding is the least power that is anything, beside another one.
	rounding = 1e-12
)

// Fit returns the season of y of the given period: element h belongs to the
// value h steps after the end of y, to the one a period before that, and so
// on. They sum to 0. Seasons of the lengths in others are left in y, as far as
// they are shorter. It returns nil where y has no such season, or not two of
// them, or is not finite.
//
// The newest whole cycles, freed of a line through the means of the first and
// the last, are put through a Fourier transform. A wave of the season is kept
// where its power stands out (the F test of Thomson, "Spectrum estimation and
// harmonic analysis", 1982, without tapers) against the frequencies beside
// it, which belong to no season of this length; so neither a walk nor an
// autoregression looks like one. What is kept is shrunk by what of it is
// chance. There is a season where the clearest wave would come by chance once
// in a hundred series; of the many waves, slow ones get more of that chance.
func Fit(y []float64, period int, others []int) []float64 {
	if period < 2 || len(y) < 2*period {
		return nil
	}
	cycles := min(mostCycles, len(y)/period)
	x := append([]float64(nil), y[len(y)-cycles*period:]...)
	left := func(int) bool { return false }
	for _, o := range others {
		if o < 2 || o >= period {
			continue
		}
		if indices, ok := season.Indices(x, o, false); ok {
			x = season.Remove(x, indices, false)
		}
		if before := left; period%o == 0 {
			left = func(k int) bool { return before(k) || k*o%period == 0 }
		}
	}
	level(x, period)
	return compose(spectrum(x), period, cycles, left)
}

// level takes out the line through the means of the first and the last cycle,
// which the season does not bend.
func level(x []float64, period int) {
	n, first, last := len(x), 0.0, 0.0
	for i := range period {
		first += x[i] / float64(period)
		last += x[n-period+i] / float64(period)
	}
	slope := (last - first) / float64(n-period)
	for i := range x {
		x[i] -= first + slope*(float64(i)-float64(period-1)/2)
	}
}

// compose adds up the waves that stand out of the spectrum of so many cycles.
func compose(c []complex128, period, cycles int, left func(k int) bool) []float64 {
	waves := period / 2
	shares, found, kept, tried := make([]float64, waves+1), false, 0, 0
	harmonics := math.Log(float64(waves)) + 1 // about the sum of 1/k
	for k := 1; k <= waves; k++ {
		if left(k) {
			continue
		}
		tried++
		f, degrees := ratio(c, k*cycles, cycles)
		p := math.Pow(1+2*f/degrees, -degrees/2) // of F with 2 and so many degrees
		p *= float64(k) * harmonics
		found = found || p < presence
		if p < wave {
			shares[k] = 1 - 1/f
			kept++
		}
	}
	if !found || float64(kept) > few*float64(tried) {
		return nil
	}
	out := make([]float64, period)
	for k, share := range shares {
		if share == 0 {
			continue
		}
		factor := 2 / float64(period*cycles)
		if 2*k == period {
			factor /= 2
		}
		for h := range out {
			angle := 2 * math.Pi * float64(k*h%period) / float64(period)
			out[h] += share * factor * real(c[k*cycles]*cmplx.Rect(1, angle))
		}
	}
	return out
}

// ratio is the power at a frequency over what the ones beside it suggest, and
// the degrees of freedom of the latter. The two sides' means are joined by
// their geometric mean, which follows a spectrum that falls by any power.
func ratio(c []complex128, at, cycles int) (f, degrees float64) {
	side := func(step int) (mean float64, count int) {
		for i := at + step; i > 0 && i < len(c) && count < neighbours; i += step {
			if i%cycles != 0 {
				mean += power(c[i])
				count++
			}
		}
		return mean / float64(max(1, count)), count
	}
	below, lower := side(-1)
	above, upper := side(+1)
	if upper == 0 {
		above, upper = below, lower // the fastest wave has nothing above it
	}
	own := power(c[at])
	if lower == 0 || !(own > 0) {
		return 0, 2
	}
	// Where there is nothing but the season, the rest is rounding.
	background := max(math.Sqrt(below*above), rounding*own)
	return own / background, float64(4 * min(lower, upper))
}

func power(v complex128) float64 { return real(v)*real(v) + imag(v)*imag(v) }
