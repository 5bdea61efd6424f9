package season

import (
	"math"

	"github.com/omni-run/omni/internal/ml/fourier"
)

const (
	// coarser is the ratio of one level's frequencies to the next one's.
	coarser = 3
	// leastCoarse is how many values' worth of frequencies a level needs.
	leastCoarse = 24
	// leastParts is how many coarse steps a season needs on a coarse level: two
	// frequencies of its own, as one alone is any slow swing.
	leastParts = 4
	// surest bounds a share, as not even that makes it exact.
	surest = 0.998
)

// level is the whitened series with the frequencies up to 1/(2*coarse) alone.
type level struct {
	coarse int
	n      float64 // values' worth of frequencies
	// share is the part of the variance that the phases of each length explain.
	share []float64
}

// levels are the finest one and as many coarser ones as the series has room
// for.
func levels(x []float64, top int) (out []*level) {
	c := make([]complex128, fourier.Size(len(x)))
	plan := fourier.NewPlan(len(c))
	w := whitened(x, plan, c)
	for q := 1; q == 1 || top >= leastParts*q && len(x) >= leastCoarse*q; q *= coarser {
		out = append(out, &level{coarse: q, n: float64(len(x)) / float64(q), share: shares(w, plan, c, len(x), q, top)})
	}
	return out
}

// shares returns, for lengths up to top, the sum of squares between the phases
// over the total sum of squares of the series with spectrum w. With r the
// autocorrelation it is m/n (1 + 2 sum r(k m)), as the square of a phase's sum is
// the sum of the products of its members; here over what it would be for a
// series that repeats exactly, as the phases differ in number by one. c is room
// for the transform.
func shares(w []float64, plan *fourier.Plan, c []complex128, n, coarse, top int) []float64 {
	clear(c)
	for i := 1; i < len(w) && i*coarse <= len(c)/2; i++ {
		c[i] = complex(w[i], 0)
		c[len(c)-i] = c[i]
	}
	plan.Transform(c)
	out := make([]float64, top+1)
	for m := 2; m <= top; m++ {
		sum, pairs := real(c[0])/2, float64(n)/2
		for k := m; k < n; k += m {
			sum, pairs = sum+real(c[k]), pairs+float64(n-k)
		}
		out[m] = max(0, min(surest, sum/real(c[0])*float64(n)/pairs))
	}
	return out
}

// freedom is how many numbers a season of length m has on the level.
func (l *level) freedom(m int) float64 {
	if l.coarse == 1 {
		return float64(m - 1)
	}
	return float64(2 * (m / (2 * l.coarse)))
}

// evidence is what speaks for a season.
type evidence struct {
	// extra is the share of the variance it explains, left what it leaves, own
	// its degrees of freedom; 0 where the level cannot tell.
	extra, left, own float64
	// deviate is its F statistic as a normal deviate, 0 if not above 1.
	deviate float64
	n       float64
}

// evidence weighs a season of length m beside one of length base, of which it
// is a multiple; base 1 is none.
func (l *level) evidence(m, base int) (e evidence) {
	if l.coarse > 1 && m < leastParts*l.coarse {
		return e
	}
	known := 0.0
	if base > 1 {
		known = l.share[base]
	}
	own, free := l.freedom(m)-l.freedom(base), l.n-1-l.freedom(m)
	if own < 1 || free < 3 {
		return e
	}
	e = evidence{extra: max(0, l.share[m]-known), left: 1 - l.share[m], own: own, n: l.n}
	if f := e.extra / own / (e.left / free); f > 1 { // less is chance
		e.deviate = normal(f, own, free)
	}
	return e
}

// gain is half the fall of Schwarz's criterion.
func (e evidence) gain() float64 { return e.n/2*math.Log(1+e.extra/e.left) - e.price() }

func (e evidence) price() float64 { return e.own * math.Log(e.n) / 2 }

// normal turns an F statistic into a normal deviate (Paulson, 1942).
func normal(f, above, below float64) float64 {
	a, b, root := 2/(9*above), 2/(9*below), math.Cbrt(f)
	return ((1-b)*root - (1 - a)) / math.Sqrt(b*root*root+a)
}
