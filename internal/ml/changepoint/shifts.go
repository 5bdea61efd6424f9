package changepoint

import (
	"context"
	"math"
	"slices"
)

// Shift is a lasting change of level.
type Shift struct {
	// Index is the first point of the new level.
	Index int
	// Before and After are the medians of the points on either side.
	Before, After float64
	// Step is the jump itself: the medians of the MinSize points on either
	// side compared, less the series' usual drift over that distance.
	Step float64
	// Confidence is the chance that no point of a series without shifts would
	// look like this, between 0 and 1.
	Confidence float64
	// Score is the size of the step in robust standard deviations of all the
	// steps of this width in the series.
	Score float64
}

// Options of [Shifts]. The zero value of a field stands for its default.
type Options struct {
	// MinSize is the fewest points of a level; 10 by default, and never below 3.
	MinSize int
	// Threshold is the least Score; 6 by default.
	Threshold float64
}

// maxCells bounds PELT's quadratic case: longer series are cut into that many
// blocks, and each change is then placed within its blocks point by point.
const maxCells = 3000

// Shifts returns the lasting level shifts of y (finite, season taken out) in
// order. PELT proposes them; a proposal stands when the step between the
// medians of the MinSize points before and after it is an outlier among the
// steps measured all along the series. A slope has the same step everywhere
// and a wandering series has many large ones, so neither is reported. A short
// visit to another level and back is no shift.
func Shifts(ctx context.Context, y []float64, o Options) ([]Shift, error) {
	if o.MinSize <= 0 {
		o.MinSize = 10
	}
	o.MinSize = max(3, o.MinSize)
	if o.Threshold <= 0 {
		o.Threshold = 6
	}
	if len(y) < 2*o.MinSize {
		return nil, nil
	}
	steps := steps(y, o.MinSize)
	middle, scale := center(steps)
	if scale == 0 { // most steps are exactly alike: judge by the noise instead
		scale = noise(y)
	}
	if scale == 0 {
		scale = math.SmallestNonzeroFloat64
	}
	starts, err := propose(ctx, y, o.MinSize)
	if err != nil {
		return nil, err
	}
	var out []Shift
	for _, at := range starts {
		if at < o.MinSize || len(y)-at < o.MinSize {
			continue
		}
		step := steps[at-o.MinSize]
		z := math.Min(math.Abs(step-middle)/scale, 1e6)
		// Against a neighbour that is as strong, the stronger step stays.
		if z < o.Threshold || math.Abs(step) < o.Threshold/2*noise(y[at-o.MinSize:at+o.MinSize]) {
			continue
		}
		p := math.Erfc(z/math.Sqrt2) * float64(len(y))
		out = append(out, Shift{Index: at, Step: step - middle, Confidence: math.Max(0, 1-p), Score: z})
	}
	return dropVisits(y, levels(y, out), o.MinSize), nil
}

// propose runs PELT on y with outliers pulled in, in units of its noise.
func propose(ctx context.Context, y []float64, minSize int) ([]int, error) {
	block := (len(y) + maxCells - 1) / maxCells
	cells := make([]float64, 0, len(y)/block+1)
	for i := 0; i < len(y); i += block {
		cells = append(cells, median(slices.Clone(y[i:min(len(y), i+block)])))
	}
	scale := noise(cells)
	middle, spread := center(slices.Clone(cells))
	if scale == 0 {
		scale = spread / 10
	}
	if scale == 0 {
		_, scale = meanDeviation(cells, middle)
		scale /= 10
	}
	if scale == 0 {
		return nil, nil
	}
	for i, v := range cells {
		cells[i] = max(-1e4, min(1e4, (v-middle)/scale))
	}
	pullIn(cells)
	starts, err := PELT(ctx, cells, 6*math.Log(float64(len(cells))+2), max(2, (minSize+block-1)/block))
	if err != nil {
		return nil, err
	}
	for i, s := range starts {
		starts[i] = place(y, s*block, max(2, block), minSize)
	}
	return slices.Compact(starts), nil
}

// pullIn replaces what sticks out of the running median of seven cells, so
// that a spike is no segment of its own.
func pullIn(x []float64) {
	source := slices.Clone(x)
	window := make([]float64, 0, 7)
	for i := range x {
		window = append(window[:0], source[max(0, i-3):min(len(x), i+4)]...)
		m := median(window)
		x[i] = max(m-3, min(m+3, source[i]))
	}
}

// place moves a start by at most reach points to where the absolute deviations
// from the medians of both sides are least.
func place(y []float64, at, reach, minSize int) int {
	low, high := max(0, at-reach-minSize), min(len(y), at+reach+minSize)
	best, bestCost := at, math.Inf(1)
	for s := max(low+1, at-reach); s <= min(high-1, at+reach); s++ {
		_, a := meanDeviation(y[low:s], median(slices.Clone(y[low:s])))
		_, b := meanDeviation(y[s:high], median(slices.Clone(y[s:high])))
		if c := a*float64(s-low) + b*float64(high-s); c < bestCost {
			best, bestCost = s, c
		}
	}
	return best
}

// steps returns, for every index with m points on both sides, the median of
// the m points from it on minus that of the m points before it.
func steps(y []float64, m int) []float64 {
	medians := make([]float64, len(y)-m+1)
	window := slices.Sorted(slices.Values(y[:m]))
	medians[0] = window[m/2]/2 + window[(m-1)/2]/2
	for i := 1; i < len(medians); i++ {
		at, _ := slices.BinarySearch(window, y[i-1])
		window = slices.Delete(window, at, at+1)
		at, _ = slices.BinarySearch(window, y[i+m-1])
		window = slices.Insert(window, at, y[i+m-1])
		medians[i] = window[m/2]/2 + window[(m-1)/2]/2
	}
	out := make([]float64, len(y)-2*m+1)
	for i := range out {
		out[i] = medians[i+m] - medians[i]
	}
	return out
}

// levels fills in the medians of the segments between shifts.
func levels(y []float64, shifts []Shift) []Shift {
	from := 0
	for i := range shifts {
		to := len(y)
		if i+1 < len(shifts) {
			to = shifts[i+1].Index
		}
		shifts[i].Before = median(slices.Clone(y[from:shifts[i].Index]))
		shifts[i].After = median(slices.Clone(y[shifts[i].Index:to]))
		from = shifts[i].Index
	}
	return shifts
}

// dropVisits removes pairs of shifts that enclose a short stay (below three
// times minSize and a twentieth of the series) after which the level is
// back: an anomaly that lasts, not a new level.
func dropVisits(y []float64, shifts []Shift, minSize int) []Shift {
	short := max(3*minSize, len(y)/20)
	for i := 0; i+1 < len(shifts); {
		a, b := shifts[i], shifts[i+1]
		if b.Index-a.Index < short && math.Abs(b.After-a.Before) < 0.5*math.Abs(a.After-a.Before) {
			shifts = levels(y, slices.Delete(shifts, i, i+2))
			i = 0
			continue
		}
		i++
	}
	return shifts
}

// noise is the robust standard deviation of y judged by first differences, so
// that levels and slopes do not count.
func noise(y []float64) float64 {
	if len(y) < 2 {
		return 0
	}
	d := make([]float64, len(y)-1)
	for i := range d {
		d[i] = y[i+1] - y[i]
	}
	_, s := center(d)
	return s / math.Sqrt2
}

// center returns the median of x and 1.4826 times the median absolute
// deviation from it. It does not change x.
func center(x []float64) (middle, scale float64) {
	x = slices.Clone(x)
	middle = median(x)
	for i, v := range x {
		x[i] = math.Abs(v - middle)
	}
	return middle, 1.4826 * median(x)
}

func meanDeviation(x []float64, middle float64) (float64, float64) {
	var s float64
	for _, v := range x {
		s += math.Abs(v - middle)
	}
	return middle, s / float64(len(x))
}

// median sorts x.
func median(x []float64) float64 {
	slices.Sort(x)
	k := len(x)
	return x[k/2]/2 + x[(k-1)/2]/2
}
