package profile

import (
	"math"
	"slices"
)

// Discord is a stretch whose shape stands alone.
type Discord struct {
	// Start of the stretch, and of the one most like it.
	Start, Neighbor int
	Distance        float64
	// Score is by how many robust standard deviations of the profile Distance
	// exceeds its median.
	Score float64
}

const (
	// ordinary is how far apart, per sqrt(2 Window), shapes may always be: a
	// correlation of 0.98. What is nearer is no discord in the most regular
	// series.
	ordinary = 0.141
	// steady is the least share of its median that the profile is taken to
	// vary by, so that a series of near-perfect repetition does not call its
	// rounding strange.
	steady = 0.1
)

// Discords returns the stretches whose Score is at least threshold, the
// strangest first, none overlapping another, at most limit.
func (p *Profile) Discords(threshold float64, limit int) (out []Discord) {
	known := make([]float64, 0, len(p.Distance))
	for _, d := range p.Distance {
		if !math.IsNaN(d) {
			known = append(known, d)
		}
	}
	if len(known) == 0 {
		return nil
	}
	center := median(known)
	for i, d := range known {
		known[i] = math.Abs(d - center)
	}
	least := ordinary * math.Sqrt(2*float64(p.Window))
	scale := max(1.4826*median(known), steady*center, least/10)
	order := make([]int, 0, len(p.Distance))
	for i, d := range p.Distance {
		if d >= least && (d-center)/scale >= threshold {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case p.Distance[a] > p.Distance[b]:
			return -1
		case p.Distance[a] < p.Distance[b]:
			return 1
		}
		return 0
	})
	for _, i := range order {
		if len(out) == limit {
			break
		}
		if slices.ContainsFunc(out, func(d Discord) bool { return max(d.Start-i, i-d.Start) < p.Window }) {
			continue
		}
		out = append(out, Discord{Start: i, Neighbor: p.Neighbor[i], Distance: p.Distance[i], Score: (p.Distance[i] - center) / scale})
	}
	return out
}

// median sorts x.
func median(x []float64) float64 {
	slices.Sort(x)
	if n := len(x); n%2 == 0 {
		return x[n/2-1]/2 + x[n/2]/2
	}
	return x[len(x)/2]
}

// Expected writes into dst what the neighbour's shape would be at the mean and
// deviation of the discord's own stretch. dst has the length of the window.
func (d Discord) Expected(dst, values []float64) {
	w := len(dst)
	own, other := values[d.Start:d.Start+w], values[d.Neighbor:d.Neighbor+w]
	m1, s1 := meanDeviation(own)
	m2, s2 := meanDeviation(other)
	for i, v := range other {
		dst[i] = m1
		if s2 > 0 {
			dst[i] += (v - m2) / s2 * s1
		}
	}
}

func meanDeviation(x []float64) (mean, deviation float64) {
	largest := 0.0
	for _, v := range x {
		largest = max(largest, math.Abs(v))
	}
	if largest == 0 {
		return 0, 0
	}
	for _, v := range x {
		mean += v / largest / float64(len(x))
	}
	for _, v := range x {
		e := v/largest - mean
		deviation += e * e / float64(len(x))
	}
	return mean * largest, math.Sqrt(deviation) * largest
}
