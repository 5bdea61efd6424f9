package detect

import (
	"math"
	"slices"
)

const (
	// leastTail is the fewest residuals whose tail says anything.
	leastTail = 100
	// mostLeftOut is the greatest share of residuals that may lie outside the
	// corridor and be left out as anomalies before the tail is looked at.
	mostLeftOut = 0.2
	// tailNear and tailFar are the shares of residuals below the two sizes that
	// tell the tail.
	tailNear, tailFar = 0.8, 0.95
)

// heavier says by how much the corridor would have to be wider than for normal
// noise, at least 1, for the noise itself to leave it as rarely; tailShare is how
// much of that is done. The sizes of
// residuals are taken for Weibull's, P(size > x) = exp(-(x/scale)^shape), whose
// two numbers follow from two quantiles of those inside the corridor: normal
// noise has a shape of about 1.5 there, Laplace's 1, heavier tails less.
// Leaving out what lies outside keeps anomalies from widening the corridor
// that is to find them. scores are the residuals in standard deviations,
// threshold is the corridor's half width for normal noise.
func heavier(scores []float64, threshold float64) float64 {
	if len(scores) < leastTail {
		return 1
	}
	size := make([]float64, len(scores))
	for i, z := range scores {
		size[i] = math.Abs(z)
	}
	slices.Sort(size)
	inside, _ := slices.BinarySearch(size, threshold)
	n := float64(max(inside, int((1-mostLeftOut)*float64(len(size)))))
	near, far := size[int(tailNear*n)], size[int(tailFar*n)]
	normalNear, normalFar := math.Sqrt2*math.Erfinv(tailNear), math.Sqrt2*math.Erfinv(tailFar)
	if near <= 0 || far <= normalFar {
		return 1
	}
	factor := rareAs(threshold, near, far) / rareAs(threshold, normalNear, normalFar)
	return max(1, math.Pow(factor, n/(n+leastTail))) // few residuals say little
}

// rareAs is the size that is as rare, by the Weibull distribution with the two
// quantiles, as threshold is by the normal one.
func rareAs(threshold, near, far float64) float64 {
	rare, a, b := -math.Log(math.Erfc(threshold/math.Sqrt2)), -math.Log(1-tailNear), -math.Log(1-tailFar)
	return near * math.Pow(rare/a, math.Log(far/near)/math.Log(b/a))
}
