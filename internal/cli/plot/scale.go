package plot

import (
	"math"
	"strconv"

	"gonum.org/v1/plot"
)

// scale maps values to 0..1, so that drawing never meets a number it cannot
// count with: ranges of 1e300 and of the last digit are drawn like any other.
type scale struct{ low, high, size float64 }

// newScale takes in every finite value of the figure.
func (f *Figure) newScale() (s scale, points int) {
	s = scale{math.Inf(1), math.Inf(-1), 1}
	take := func(values []float64) {
		for _, v := range values {
			if finite(v) {
				s.low, s.high = min(s.low, v), max(s.high, v)
				points++
			}
		}
	}
	for _, l := range f.Lines {
		take(l.Values)
	}
	for _, b := range f.Bands {
		take(b.Lower)
		take(b.Upper)
	}
	for _, m := range f.Marks {
		take([]float64{m.Value})
	}
	// Sizes are compared after division, where their difference is finite.
	if s.size = max(math.Abs(s.low), math.Abs(s.high)); s.size == 0 || points == 0 {
		s.size = 1
	}
	s.low, s.high = s.low/s.size, s.high/s.size
	if s.high-s.low < 1e-12 {
		s.low, s.high = s.low-0.5, s.high+0.5
	}
	return s, points
}

func (s scale) to(v float64) float64 { return (v/s.size - s.low) / (s.high - s.low) }

// Ticks are at round values of the true scale: 1, 2 or 5 times a power of ten
// apart (Heckbert 1990, nice numbers for graph labels).
func (s scale) Ticks(_, _ float64) (out []plot.Tick) {
	step := nice((s.high - s.low) * s.size / 5)
	if !finite(step) || step <= 0 {
		return []plot.Tick{{Value: s.to(s.low * s.size), Label: label(s.low * s.size)}, {Value: 1, Label: label(s.high * s.size)}}
	}
	for k := math.Ceil(s.low * s.size / step); k*step <= s.high*s.size*(1+1e-9)+step*1e-9 && len(out) < 20; k++ {
		out = append(out, plot.Tick{Value: s.to(k * step), Label: label(k * step)})
	}
	return out
}

// counts marks an axis of points, which has no halves.
type counts struct{}

// Ticks implements plot.Ticker.
func (counts) Ticks(low, high float64) (out []plot.Tick) {
	step := max(nice((high-low)/8), 1)
	if !finite(step) {
		return nil
	}
	for v := math.Ceil(low/step) * step; v <= high && len(out) < 20; v += step {
		out = append(out, plot.Tick{Value: v, Label: label(v)})
	}
	return out
}

// label writes a round number without the noise of its last digits.
func label(v float64) string {
	if a := math.Abs(v); a != 0 && (a >= 1e9 || a < 1e-4) {
		return strconv.FormatFloat(v, 'g', 4, 64)
	}
	return strconv.FormatFloat(math.Round(v*1e6)/1e6, 'f', -1, 64)
}

func nice(x float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(x)))
	switch f := x / power; {
	case f <= 1:
		return power
	case f <= 2:
		return 2 * power
	case f <= 5:
		return 5 * power
	}
	return 10 * power
}
