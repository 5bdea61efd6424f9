// Package detect finds anomalies in one series of numbers: points that leave
// the corridor which season, trend, level and noise of the series itself span.
//
// The method: the season's length is found (stl.FindPeriod) unless given,
// lasting level shifts are located and taken out (changepoint.Shifts), season
// and trend are estimated robustly (stl), and what remains is measured in
// robust standard deviations: 1.4826 times the median absolute deviation, half
// of the whole series and half of the neighbourhood, so that a noisier stretch
// gets a wider corridor (Iglewicz and Hoaglin, "How to Detect and Handle
// Outliers", 1993, for the robust z-score), and noise of heavier tails a wider
// one too (tail.go). A point outside is an anomaly unless the series does the
// like elsewhere (novel.go).
package detect

import (
	"context"
	"math"
	"slices"

	"github.com/omni-run/omni/internal/ml/changepoint"
	"github.com/omni-run/omni/internal/ml/stl"
)

// MinPoints is the fewest known points a series needs.
const MinPoints = 6

// DefaultSensitivity is used where a caller states none.
const DefaultSensitivity = 60

// Threshold turns a sensitivity between 0 and 99 into robust standard
// deviations: 12 at 0, 4.6 at 60, 2.5 at 99, evenly in the logarithm.
func Threshold(sensitivity float64) float64 {
	return 12 * math.Pow(2.5/12, max(0, min(99, sensitivity))/99)
}

// tailShare is how much of the way, in logarithms, the corridor widens to where
// the noise's own tail leaves it as rarely as normal noise would.
const tailShare = 2. / 3

// Options of [Series] and [Last].
type Options struct {
	// Sensitivity is between 0 (only the grossest) and 99; see [Threshold].
	Sensitivity float64
	// Period is the season's length in points, at least 2 and at most half the
	// series; 0 finds it, 1 says that there is none.
	Period int
	// Positions places each value on an even grid, in increasing order; nil
	// for 0, 1, 2… See [Grid].
	Positions []int
}

// Result holds one entry a value. Where Scored is false (the value is NaN, or
// only the last was asked for) the numbers are NaN.
type Result struct {
	Expected, Upper, Lower []float64
	// Score is the distance from Expected in robust standard deviations,
	// signed, at most 1e6 in size.
	Score     []float64
	Scored    []bool
	IsAnomaly []bool
	// Period is 0 without a season.
	Period int
	// Shifts are the lasting level shifts, indexed like the values.
	Shifts []changepoint.Shift
	// Threshold is the Score beyond which a point is outside the corridor, and an
	// anomaly if it is new too: wider than that of the sensitivity where the
	// noise has heavy tails.
	Threshold float64
}

// Count returns how many points are anomalies.
func (r *Result) Count() int {
	n := 0
	for _, a := range r.IsAnomaly {
		if a {
			n++
		}
	}
	return n
}

// Series judges every point by the whole series. NaN is a missing value; the
// rest must be finite and number at least MinPoints, or it panics. It returns
// the context's cause when ctx ends first.
func Series(ctx context.Context, values []float64, o Options) (*Result, error) {
	s := prepare(values, o)
	if s.flat {
		return s.flatResult(), nil
	}
	if err := s.decompose(ctx); err != nil {
		return nil, err
	}
	r := s.blank()
	sigma := s.spread()
	half := s.threshold
	// Not all that the tail asks for: what recurs is for onlyNovel to tell.
	s.threshold *= math.Pow(heavier(s.deviations(sigma), half), tailShare)
	r.Threshold = s.threshold
	for i, at := range s.positions {
		if !s.known[at] {
			continue
		}
		s.set(r, i, s.trend[at]+s.season[at]+s.level[at], sigma[at])
	}
	s.onlyNovel(r, half)
	return r, nil
}

// deviations are the residuals in standard deviations.
func (s *series) deviations(sigma []float64) []float64 {
	out := make([]float64, 0, len(s.values))
	for i, at := range s.positions {
		if s.known[at] {
			out = append(out, (s.scaled(s.values[i])-s.trend[at]-s.season[at]-s.level[at])/max(sigma[at], s.floor))
		}
	}
	return out
}

// series is the values on their grid, in units of their own spread.
type series struct {
	values    []float64
	positions []int
	o         Options
	threshold float64
	number    int // of known values
	flat      bool

	// value = middle + unit * x
	middle, unit float64
	x            []float64 // gaps filled, clipped to ±limit
	known        []bool
	weights      []float64
	floor        float64 // the least standard deviation taken seriously

	season, trend, level []float64
	period               int
	own                  float64 // the weight of a point in its own expectation
	shifts               []changepoint.Shift
	index                []int // of the value at a grid position, or -1
}

// limit bounds x, so that one huge value cannot drown the arithmetic.
const limit = 1e6

func prepare(values []float64, o Options) *series {
	s := &series{values: values, positions: o.Positions, o: o}
	if s.positions == nil {
		s.positions = make([]int, len(values))
		for i := range s.positions {
			s.positions[i] = i
		}
	}
	known := make([]float64, 0, len(values))
	for _, v := range values {
		if !math.IsNaN(v) {
			known = append(known, v)
		}
	}
	if len(known) < MinPoints {
		panic("detect: fewer points than MinPoints")
	}
	s.number = len(known)
	s.threshold = s.halfWidth(o.Sensitivity)
	slices.Sort(known)
	s.middle = known[len(known)/2]
	s.unit = unitOf(known, s.middle)
	if s.flat = s.unit == 0; s.flat {
		return s
	}
	n := s.positions[len(s.positions)-1] + 1
	s.x, s.known, s.weights, s.index = make([]float64, n), make([]bool, n), make([]float64, n), make([]int, n)
	for i := range s.x {
		s.x[i], s.index[i] = math.NaN(), -1
	}
	for i, at := range s.positions {
		s.index[at] = i
		if v := values[i]; !math.IsNaN(v) {
			s.x[at], s.known[at], s.weights[at] = s.scaled(v), true, 1
		}
	}
	s.x = stl.Fill(s.x)
	s.floor = floorOf(known, s.middle, s.unit)
	return s
}

// halfWidth is the corridor's for normal noise, wider for few points.
func (s *series) halfWidth(sensitivity float64) float64 {
	return Threshold(sensitivity) * (1 + 6/float64(s.number))
}

func (s *series) scaled(v float64) float64 {
	return max(-limit, min(limit, v/s.unit-s.middle/s.unit))
}

// unitOf returns the typical distance from the middle: the median, or where
// half the points are alike, the first quantile above it that is not zero.
func unitOf(sorted []float64, middle float64) float64 {
	d := make([]float64, len(sorted))
	for i, v := range sorted {
		d[i] = math.Abs(v/2 - middle/2)
	}
	slices.Sort(d)
	for _, q := range []float64{0.5, 0.75, 0.9, 1} {
		if u := d[int(q*float64(len(d)-1))]; u > math.Abs(middle)*1e-13 && u > 1e-307 {
			return u * 2
		}
	}
	return 0
}

// floorOf is the least standard deviation, in units: a five-hundredth of the
// range that the middle four fifths of the points span, and rounding noise.
func floorOf(sorted []float64, middle, unit float64) float64 {
	n := float64(len(sorted) - 1)
	low, high := sorted[int(0.1*n)], sorted[int(math.Ceil(0.9*n))]
	if len(sorted) < 20 { // two outliers reach into the middle of so few points
		low, high = sorted[int(0.25*n)], sorted[int(math.Ceil(0.75*n))]
	}
	return max(0.002*(high/unit-low/unit), 1e-9*math.Abs(middle/unit), 1e-9)
}

func (s *series) blank() *Result {
	n := len(s.values)
	r := &Result{
		Expected: make([]float64, n), Upper: make([]float64, n), Lower: make([]float64, n), Score: make([]float64, n),
		Scored: make([]bool, n), IsAnomaly: make([]bool, n), Period: s.period, Shifts: s.shifts, Threshold: s.threshold,
	}
	for i := range n {
		r.Expected[i], r.Upper[i], r.Lower[i], r.Score[i] = math.NaN(), math.NaN(), math.NaN(), math.NaN()
	}
	return r
}

// set judges value i, given what was expected at its place.
func (s *series) set(r *Result, i int, expected, sigma float64) {
	sigma = max(sigma, s.floor)
	r.Scored[i] = true
	r.Expected[i] = s.original(expected)
	r.Upper[i] = s.original(expected + s.threshold*sigma)
	r.Lower[i] = s.original(expected - s.threshold*sigma)
	z := (s.scaled(s.values[i]) - expected) / sigma
	r.Score[i] = max(-limit, min(limit, z))
	r.IsAnomaly[i] = math.Abs(z) > s.threshold
}

func (s *series) original(x float64) float64 {
	v := s.middle + s.unit*x
	return max(-math.MaxFloat64, min(math.MaxFloat64, v))
}

// flatResult is the answer for a series that never changes.
func (s *series) flatResult() *Result {
	r := s.blank()
	for i, v := range s.values {
		if !math.IsNaN(v) {
			r.Scored[i] = true
			r.Expected[i], r.Upper[i], r.Lower[i], r.Score[i] = v, v, v, 0
		}
	}
	return r
}
