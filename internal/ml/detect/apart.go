package detect

import (
	"cmp"
	"math"
	"slices"
)

const (
	// leastTailSpacings is the fewest sizes whose spacings say what is usual.
	leastTailSpacings = 10
	// chanceOfGap is how likely a gap is found in a tail without one.
	chanceOfGap = 1e-6
	// mostApart is the greatest share of points that may stand apart.
	mostApart = 0.125
	// nearCorridor is the share of the corridor's half width beyond which what
	// stands apart must begin.
	nearCorridor = 0.75
	// longestStray is the mean length of the runs of points that stand apart
	// above which they are something the series does rather than strays.
	longestStray = 1.5
)

// apart returns the size from which on residuals stand apart from the others,
// infinite where none do. In a tail that falls by some power the spacings of
// the logarithms of the j-th and next largest, times j, are independent
// exponentials of one mean (Rényi, 1953; Weissman, 1978; the test of stray,
// Talagala, Hyndman and Smith-Miles, 2021): the lowest spacing that is far too
// long for that is where strays begin. So single errors of measurement are
// found though they be a tenth of all points, while bursts, whose sizes go over
// into those of the noise, or come in runs, are put to the question of news.
func (s *series) apart(r *Result) float64 {
	half := s.halfWidth(DefaultSensitivity) // the same at every sensitivity
	var sizes []float64
	known := 0
	for i, z := range r.Score {
		if !r.Scored[i] {
			continue
		}
		if known++; math.Abs(z) > half/2 {
			sizes = append(sizes, math.Abs(z))
		}
	}
	if len(sizes) < leastTailSpacings {
		return math.Inf(1)
	}
	slices.SortFunc(sizes, func(a, b float64) int { return cmp.Compare(b, a) })
	spacings := make([]float64, len(sizes)-1)
	for j := range spacings {
		spacings[j] = float64(j+1) * math.Log(sizes[j]/sizes[j+1])
	}
	mean := median(slices.Clone(spacings)) / math.Ln2
	limit := mean * math.Log(float64(len(sizes))/chanceOfGap)
	for j := min(len(spacings), int(mostApart*float64(known))) - 1; j >= 0; j-- {
		if spacings[j] > limit && sizes[j] >= nearCorridor*half {
			if meanRun(r, sizes[j]) > longestStray {
				break
			}
			return sizes[j]
		}
	}
	return math.Inf(1)
}

// meanRun is the mean length of the runs of points whose score is at least
// size.
func meanRun(r *Result, size float64) float64 {
	points, runs, before := 0, 0, false
	for i, z := range r.Score {
		on := r.Scored[i] && math.Abs(z) >= size
		if on {
			points++
		}
		if on && !before {
			runs++
		}
		before = on
	}
	return float64(points) / float64(max(runs, 1))
}
