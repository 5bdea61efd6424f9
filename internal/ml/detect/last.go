package detect

import (
	"context"
	"math"
)

// Last judges only the newest value, by the values before it: the rest of the
// history after season and level shifts is forecast one step ahead by a moving
// median, whose width is the one with the smallest errors in the history, and
// the newest value's error is compared with those. The history must hold at
// least MinPoints known values besides, or it panics.
func Last(ctx context.Context, values []float64, o Options) (*Result, error) {
	n := len(values) - 1
	history := o
	if o.Positions != nil {
		history.Positions = o.Positions[:n]
	}
	s := prepare(values[:n], history)
	if s.flat {
		return s.flatLast(values), nil
	}
	if err := s.decompose(ctx); err != nil {
		return nil, err
	}
	s.values = values
	r := s.blank()
	if math.IsNaN(values[n]) {
		return r, nil
	}
	at := n
	if o.Positions != nil {
		at = o.Positions[n]
	}
	expected, sigma := s.ahead(at)
	s.set(r, n, expected, sigma)
	return r, nil
}

// ahead forecasts position at, past the end of the grid.
func (s *series) ahead(at int) (expected, sigma float64) {
	var rest []float64
	for i, k := range s.known {
		if k {
			rest = append(rest, s.x[i]-s.season[i])
		}
	}
	const enough = 2000
	rest = rest[max(0, len(rest)-enough):]
	best := math.Inf(1)
	for _, width := range []int{1, 3, 7, 15, 31} {
		if width > len(rest)/2 {
			break
		}
		errors := make([]float64, 0, len(rest))
		part := make([]float64, 0, width)
		for i := width; i < len(rest); i++ {
			part = append(part[:0], rest[i-width:i]...)
			errors = append(errors, rest[i]-median(part))
		}
		drift, scale := center(errors)
		typical := 0.0
		for i := range errors {
			errors[i] -= drift
			typical += min(math.Abs(errors[i]), 4*scale+s.floor) / float64(len(errors))
		}
		if typical < best {
			best = typical
			part = append(part[:0], rest[len(rest)-width:]...)
			expected, sigma = median(part)+drift, scaleOf(errors, s.floor)
		}
	}
	if s.period > 0 {
		from := len(s.x) - s.period
		expected += s.season[from+(at-from)%s.period]
	}
	return expected, sigma
}

// flatLast judges the newest value against a history that never changed: any
// change beyond rounding is an anomaly.
func (s *series) flatLast(values []float64) *Result {
	s.values = values
	r := s.blank()
	n := len(values) - 1
	if v := values[n]; !math.IsNaN(v) {
		r.Scored[n] = true
		r.Expected[n], r.Upper[n], r.Lower[n], r.Score[n] = s.middle, s.middle, s.middle, 0
		if math.Abs(v/2-s.middle/2) > math.Max(math.Abs(s.middle)*1e-9, 1e-307) {
			r.Score[n] = math.Copysign(limit, v-s.middle)
			r.IsAnomaly[n] = true
		}
	}
	return r
}
