package season

import (
	"cmp"
	"math"
	"slices"
)

const (
	// longest is how many of the newest values a search for a season looks at.
	longest = 10_000
	// shortest is the fewest values in which a season is looked for.
	shortest = 10
	// cycles is how often a season must have been there.
	cycles = 3
	// most is how many seasons Find returns.
	most = 3
	// chance is how likely, about, a usual season is found where there is none;
	// likewise any other one.
	chance = 0.005
	// chanceOfTwo is that of the season of two steps, which has one degree of
	// freedom and sits where the background is known worst.
	chanceOfTwo = 1e-6
)

// usual are lengths that seasons often have: quarters and months of a year,
// days and hours of a week, weeks and days of a year, and a day or a week in
// steps of an hour, a half, a quarter, ten, five and one minutes.
var usual = []int{4, 7, 12, 24, 48, 52, 60, 96, 144, 168, 288, 336, 365, 672, 1008, 1440, 2016}

// Find returns the lengths of the seasons of y, the strongest first, at most
// three and none where there is none: the clearest one and multiples of it that
// explain more (the week of hours beside the day). Lengths are at most limit and
// a third of the series. Where a value is not finite, or steps overflow, it finds none.
//
// The steps of y (of its logarithm, where that varies by a factor) are
// whitened: their spectrum is divided by its own smooth course, so that
// neither a trend nor a walk nor an autoregression looks like a season; that
// leaves lines. The share of the white variance that the mean of every phase
// explains, which follows from the autocorrelations at the multiples of a
// length, is put to the F test of an analysis of variance, with a chance that
// allows for the number of lengths tried: usual lengths share one half of it,
// all others the other. If none passes, the test is repeated on the slower
// frequencies alone, where a long smooth season is not lost among the degrees
// of freedom of its many phases. Among lengths that pass, Schwarz's criterion
// decides, which weighs a length's phases against what they explain, and a
// usual length wins where it explains about as much.
//
// The whole costs O(n log n). Sources: Vlachos, Yu and Castelli, "On Periodicity
// Detection and Structural Periodic Similarity" (2005), for spectrum and
// autocorrelation together; Toller, Santos and Kern, "SAZED" (2019), for the
// trial over many processes.
func Find(y []float64, limit int) []int {
	y = y[max(0, len(y)-longest):]
	n := len(y) - 1
	top := min(limit, n/cycles)
	if top < 2 || len(y) < shortest {
		return nil
	}
	x := steps(y)
	if x == nil {
		return nil
	}
	s := newSearch(x, top)
	for _, l := range s.levels {
		if m := s.strongest(l); m > 0 {
			return byStrength(y, s.withMultiples(s.familiar(s.refined(m))))
		}
	}
	return nil
}

// byStrength sorts seasons, each a multiple of the one before, by what each
// explains of y, less its moving mean, beyond the shorter ones. What is
// clearest need not be: a job that runs every hour leaves the sharpest line and
// moves little beside the day.
func byStrength(y []float64, seasons []int) []int {
	if len(seasons) < 2 {
		return seasons
	}
	trend := movingAverage(y, seasons[len(seasons)-1])
	extra, before := map[int]float64{}, 0.0
	for _, m := range seasons {
		sum, count := make([]float64, m), make([]float64, m)
		for i, t := range trend {
			if !math.IsNaN(t) {
				sum[i%m], count[i%m] = sum[i%m]+(y[i]-t), count[i%m]+1
			}
		}
		explained := 0.0
		for p, k := range count {
			if k > 0 {
				explained += sum[p] / k * sum[p]
			}
		}
		extra[m], before = explained-before, explained
	}
	slices.SortStableFunc(seasons, func(a, b int) int { return cmp.Compare(extra[b], extra[a]) })
	return seasons
}

// search is one series' search.
type search struct {
	n, top int
	levels []*level
	needed []float64 // normal deviates by length
}

func newSearch(x []float64, top int) *search {
	s := &search{n: len(x), top: top, levels: levels(x, top), needed: make([]float64, top+1)}
	number := 0
	for _, u := range usual {
		if u <= top {
			number++
		}
	}
	for i, other := 0, deviate(chance/float64(top*len(s.levels))); i <= top; i++ {
		s.needed[i] = other
	}
	for _, u := range usual[:number] {
		s.needed[u] = deviate(chance / float64((number+2)*len(s.levels)))
	}
	s.needed[2] = deviate(chanceOfTwo)
	return s
}

// strongest is the best length that passes on a level, 0 if none does.
func (s *search) strongest(l *level) int {
	best, score := 0, 0.0
	for m := 2; m <= s.top; m++ {
		if e := l.evidence(m, 1); e.deviate > s.needed[m] && (best == 0 || e.gain() > score) {
			best, score = m, e.gain()
		}
	}
	for k := 4; best > 0 && k > 1; k-- {
		if s.hides(best, k*best) {
			return k * best
		}
	}
	return best
}

// hides says that a part of season m was taken for the whole: m explains at
// least a quarter as much again.
func (s *search) hides(part, m int) bool {
	if m > s.top {
		return false
	}
	for _, l := range s.levels {
		e := l.evidence(m, part)
		if e.deviate > s.needed[m] && e.gain() > 0 && e.extra > l.share[part]/4 {
			return true
		}
	}
	return false
}

// refined moves a long season to the neighbour with the most evidence, as far
// as drifting by half a cycle over the series would carry.
func (s *search) refined(m int) int {
	reach := m * m / (2 * s.n)
	if reach == 0 {
		return m
	}
	clearest, score := s.levels[0], math.Inf(-1)
	for _, l := range s.levels {
		if e := l.evidence(m, 1); e.own > 0 && e.gain() > score {
			clearest, score = l, e.gain()
		}
	}
	best := m
	for k := max(2, m-reach); k <= min(s.top, m+reach); k++ {
		if e := clearest.evidence(k, 1); e.own > 0 && e.gain() > score {
			best, score = k, e.gain()
		}
	}
	return best
}

// familiar prefers a usual season that passes and gains half as much, each of
// its phases weighed at half of Schwarz's price.
func (s *search) familiar(m int) int {
	if slices.Contains(usual, m) {
		return m
	}
	gain := func(k int) (highest float64) {
		for _, l := range s.levels {
			if e := l.evidence(k, 1); e.deviate > s.needed[k] {
				highest = max(highest, e.gain()+e.price()/2)
			}
		}
		return highest
	}
	best, score := m, gain(m)/2
	for _, u := range usual {
		if u > min(s.top, 4*m) {
			break
		}
		if g := gain(u); g > score && (u%m != 0 || s.adds(u, m)) {
			best, score = u, g
		}
	}
	return best
}

// adds says that season m explains more than the part of it does.
func (s *search) adds(m, part int) bool {
	return slices.ContainsFunc(s.levels, func(l *level) bool { return l.evidence(m, part).deviate > 0 })
}

// withMultiples adds the multiples of m that explain more than m does.
func (s *search) withMultiples(m int) []int {
	found := []int{m}
	for len(found) < most {
		next, score := 0, 0.0
		for k := 2 * m; k <= s.top; k += m {
			for _, l := range s.levels {
				if e := l.evidence(k, m); e.deviate-s.needed[k] > score {
					next, score = k, e.deviate-s.needed[k]
				}
			}
		}
		if next == 0 {
			break
		}
		found = append(found, next)
		m = next
	}
	return found
}

// deviate is the normal deviate that is passed with the given chance.
func deviate(chance float64) float64 { return math.Sqrt2 * math.Erfcinv(2*chance) }
