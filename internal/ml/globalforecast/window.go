package globalforecast

import (
	"math"
	"slices"
)

const (
	// leastScale bounds a window's scale from below, as a share of its level;
	// leastTold is the least that the networks are told, who were not trained on
	// series that move less: a meter's reading moves little beside its level.
	leastScale, leastTold = 1e-10, 1e-4
	// seasonShare is how much of the raw values' movement the scale is at
	// least, for series that are nearly all season.
	seasonShare = 0.05
	// logRatio: a series whose least value is below this share of its mean
	// size is described by differences, others by ratios.
	logRatio   = 1e-3
	mostValue  = 60
	mostStep   = 12
	mostTarget = 1000
	// mostSteps is how many steps of the usual size an answer may lie beyond
	// twice the span of the values read.
	mostSteps = 8
	// mostAnswer bounds what is answered, so that differences of two answers
	// are finite.
	mostAnswer = math.MaxFloat64 / 8
	// mostHeld is the strength of a season, in units of the scale, from which
	// on a gate changes no more of it: its error would outweigh the rest.
	mostHeld = 5
)

// window is what a network reads of a series, and how to read its answer.
type window struct {
	values, bent, steps []float32 // by position, newest last
	known               []float32 // share of a patch that has values
	static              [statics]float32
	season, seasonBent  []float32 // by step ahead
	echo                []float32 // the values one season before each step ahead
	hold                float32   // how far a gate may hold the season back

	view frame
	// For training: what came next, in the answer's units, and what an error
	// counts.
	target []float32
	weight float32
}

// frame turns a network's answers back into values.
type frame struct {
	linear bool
	// demand says so of a series that is read so because it has values at or
	// next to 0 and none below.
	demand             bool
	unit, level, scale float64
	// low and high bound the answers: as far beyond the values read as those
	// span, and some steps more.
	low, high float64
}

// value undoes what newWindow did to a value, except for the season, which is
// part of a network's answer.
func (f frame) value(q float32) float64 {
	z := max(f.low, min(f.high, float64(q)*f.scale+f.level))
	if !f.linear {
		z = math.Exp(min(z, 700))
	}
	return max(-mostAnswer, min(mostAnswer, z*f.unit))
}

// of is the inverse of value.
func (f frame) of(y float64) float64 {
	z := y / f.unit
	if !f.linear {
		z = math.Log(max(z, 1e-300))
	}
	return max(-mostTarget, min(mostTarget, (z-f.level)/f.scale))
}

// reader makes windows, keeping its scratch space. It is not safe for
// concurrent use.
type reader struct {
	shape Shape
	z, d  []float64
	sum   []float64
	index []float64
	fold  []float64
	count []int
}

// span is how many of the newest values a window looks at.
func (r *reader) span(period, seasons int) int {
	if period <= 1 {
		return r.shape.Window + 1
	}
	return max(r.shape.Window+1, period*seasons)
}

// read makes the window at the end of y, which must have a value. smooth averages
// each with its neighbours. linear forces differences instead of ratios.
func (r *reader) read(w *window, y []float64, season Season, smooth, linear bool) {
	s, period, seasons := r.shape, season.Period, season.Count
	y = y[len(y)-min(len(y), r.span(period, seasons)):]
	n := len(y)
	r.transform(&w.view, y, linear)
	have := period > 1 && n >= 2*period && r.indices(period, smooth)
	d := r.d[:n]
	copy(d, r.z)
	power := 0.0
	if have {
		for i := range d {
			d[i] -= r.index[(i-n%period+period)%period]
		}
		for _, v := range r.index {
			power += v * v / float64(period)
		}
	}
	w.sized(s)
	last := d[n-1]
	m := min(n, s.Window+1) // values, so m-1 steps
	moves, raw := 0.0, 0.0
	for i := n - m + 1; i < n; i++ {
		moves += math.Abs(d[i] - d[i-1])
		raw += math.Abs(r.z[i] - r.z[i-1])
	}
	steps := float64(max(1, m-1))
	scale := max(moves/steps, seasonShare*raw/steps, leastScale)
	w.view.level, w.view.scale = last, scale
	low, high := slices.Min(r.z), slices.Max(r.z)
	reach := high - low + mostSteps*scale
	w.view.low, w.view.high = low-reach, high+reach
	for k := range s.Window {
		i := n - s.Window + k
		w.values[k], w.bent[k], w.steps[k] = 0, 0, 0
		if i >= 0 {
			x := max(-mostValue, min(mostValue, (d[i]-last)/scale))
			w.values[k], w.bent[k] = float32(x), float32(math.Asinh(x))
		}
		if i >= 1 {
			w.steps[k] = float32(max(-mostStep, min(mostStep, (d[i]-d[i-1])/scale)))
		}
	}
	for t := range w.known {
		have := min(max(n-s.Window+(t+1)*s.Patch, 0), s.Patch)
		w.known[t] = float32(have) / float32(s.Patch)
	}
	w.static = [statics]float32{
		float32((math.Log(max(scale, leastTold)) + 3) / 2), float32(math.Log(float64(n)) - 3), 0,
		float32(math.Log1p(math.Sqrt(power) / scale)), 0,
	}
	w.static[5] = w.reflect(min(n, s.Window), season.Echo)
	strength := math.Sqrt(power) / scale
	w.hold = float32(min(1, mostHeld/max(strength, 1e-9)))
	for h := range w.season {
		x := 0.0
		if have {
			x = r.index[h%period] / scale
		}
		w.season[h], w.seasonBent[h] = float32(x), float32(math.Asinh(x))
	}
	if have {
		w.static[2] = 1
	}
	if w.view.linear {
		w.static[4] = 1
	}
}

func (w *window) sized(s Shape) {
	sized(&w.values, s.Window)
	sized(&w.bent, s.Window)
	sized(&w.steps, s.Window)
	sized(&w.known, s.steps())
	sized(&w.season, s.Horizon)
	sized(&w.seasonBent, s.Horizon)
	sized(&w.echo, s.Horizon)
}

// reflect sets the echo from the newest n values, if they hold a season of it,
// and returns how far they are from repeating themselves.
func (w *window) reflect(n, period int) float32 {
	clear(w.echo)
	if period < 2 || n <= period {
		return float32(math.Log1p(mostStep))
	}
	end := len(w.values)
	for h := range w.echo {
		w.echo[h] = w.values[end-period+h%period]
	}
	sum := 0.0
	for k := end - n + period; k < end; k++ {
		sum += math.Abs(float64(w.values[k] - w.values[k-period]))
	}
	return float32(math.Log1p(sum / float64(n-period)))
}

// transform writes y's logarithms, or y itself, over its mean size, to r.z.
func (r *reader) transform(f *frame, y []float64, linear bool) {
	n := len(y)
	if cap(r.z) < n {
		r.z, r.d = make([]float64, n), make([]float64, n)
	}
	r.z = r.z[:n]
	low, mean := math.Inf(1), 0.0
	for _, v := range y {
		low = min(low, v)
		mean += math.Abs(v) / float64(n)
	}
	near := !(low > logRatio*mean)
	f.linear, f.demand, f.unit = linear || near, near && low >= 0, mean
	if !(mean > 0) {
		f.unit = 1
	}
	for i, v := range y {
		v /= f.unit
		if !f.linear {
			v = math.Log(v)
		}
		r.z[i] = v
	}
}

// indices decomposes r.z classically: index k is the mean distance from the
// centred moving average at the phase k steps after the end of z, less the mean of
// all. It reports false when a phase has no value.
func (r *reader) indices(period int, smooth bool) bool {
	n, half := len(r.z), period/2
	if cap(r.sum) < n+1 {
		r.sum = make([]float64, n+1)
	}
	if cap(r.index) < period {
		r.index, r.fold, r.count = make([]float64, period), make([]float64, period), make([]int, period)
	}
	r.sum, r.index, r.fold, r.count = r.sum[:n+1], r.index[:period], r.fold[:period], r.count[:period]
	clear(r.index)
	clear(r.count)
	for i, v := range r.z {
		r.sum[i+1] = r.sum[i] + v
	}
	for i := half; i < n-half; i++ {
		s := r.sum[i+half+1] - r.sum[i-half]
		if period%2 == 0 {
			s -= (r.z[i-half] + r.z[i+half]) / 2
		}
		k := (i - n%period + period) % period
		r.index[k] += r.z[i] - s/float64(period)
		r.count[k]++
	}
	mean := 0.0
	for k, c := range r.count {
		if c == 0 {
			return false
		}
		r.index[k] /= float64(c)
		mean += r.index[k] / float64(period)
	}
	copy(r.fold, r.index)
	for k := range r.index {
		if smooth {
			r.index[k] = (r.fold[(k+period-1)%period] + r.fold[k] + r.fold[(k+1)%period]) / 3
		}
		r.index[k] -= mean
	}
	return true
}
