package detect

import (
	"cmp"
	"math"
	"slices"
)

const (
	// likeResiduals and likeValues are how many other events must be like a
	// point, in its residual and in its value, for it to be nothing new.
	likeResiduals, likeValues = 5, 3
	// news is how far from those a point must lie, both distances together, as
	// a share of the corridor's half width.
	news = 0.3
	// farthest bounds the distance in places within which points are of one
	// event, and so the work.
	farthest = 500
)

// onlyNovel calls off the alarms on points whose like occurs elsewhere: a
// machine that starts up every night leaves the corridor each time, and that is
// not news. A point is new by its distance to the residuals of five other
// events and to the values of three, in standard deviations. What stands apart
// from all other residuals (see apart) is left alone, however much of it there
// is. half is the corridor's half width for normal noise.
func (s *series) onlyNovel(r *Result, half float64) {
	n := len(s.values)
	zone := min(max(n/100, min(20, n/20)), farthest)
	standing := s.apart(r)
	residuals, values := rank(r.Score), rank(s.values)
	for i, alarm := range r.IsAnomaly {
		if !alarm || math.Abs(r.Score[i]) >= standing {
			continue
		}
		sigma := (r.Upper[i]/2 - r.Lower[i]/2) / r.Threshold
		unlike := residuals.distance(i, likeResiduals, zone) + values.distance(i, likeValues, zone)/sigma
		r.IsAnomaly[i] = unlike > news*half
	}
}

// ranked is numbers in order, and their places.
type ranked struct {
	values []float64
	places []int
	rank   []int // by place; unused where the number is NaN
}

func rank(numbers []float64) *ranked {
	r := &ranked{rank: make([]int, len(numbers))}
	for i, v := range numbers {
		if !math.IsNaN(v) {
			r.places = append(r.places, i)
		}
	}
	slices.SortStableFunc(r.places, func(a, b int) int { return cmp.Compare(numbers[a], numbers[b]) })
	r.values = make([]float64, len(r.places))
	for k, i := range r.places {
		r.values[k], r.rank[i] = numbers[i], k
	}
	return r
}

// distance is that from the number at a place to the count-th nearest among
// those that lie more than zone places from it and from each other; infinite
// where there are fewer.
func (r *ranked) distance(place, count, zone int) float64 {
	at := r.rank[place]
	own, low, high := r.values[at], at-1, at+1
	taken := append(make([]int, 0, 1+max(likeResiduals, likeValues)), place)
	for low >= 0 || high < len(r.values) {
		next := high
		if high >= len(r.values) || low >= 0 && own/2-r.values[low]/2 <= r.values[high]/2-own/2 {
			next = low
			low--
		} else {
			high++
		}
		near := func(t int) bool { return max(r.places[next]-t, t-r.places[next]) <= zone }
		if slices.ContainsFunc(taken, near) {
			continue
		}
		if taken = append(taken, r.places[next]); len(taken) > count {
			return math.Abs(r.values[next] - own)
		}
	}
	return math.Inf(1)
}
