package globalforecast

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"

	"github.com/omni-run/omni/internal/ml/theta"
)

// ErrTooShort says that a series has no value.
var ErrTooShort = errors.New("globalforecast: a series needs at least one value")

// Series is what to continue.
type Series struct {
	// Values is the history, finite, newest last.
	Values []float64
	// Period is the length of its season, 1 or less for none.
	Period int
}

// Forecast continues a series: Quantiles[q] is level q of Quantiles, by step.
type Forecast [quantiles][]float64

// Median is the forecast itself.
func (f *Forecast) Median() []float64 { return f[middle] }

// At returns the quantile of any level in (0, 1), by step: interpolated
// between the levels known, and beyond the outermost continued in proportion
// to the normal distribution's.
func (f *Forecast) At(level float64) []float64 {
	out := make([]float64, len(f[middle]))
	for h := range out {
		out[h] = f.AtStep(level, h)
	}
	return out
}

// AtStep is At for one step, from 0.
func (f *Forecast) AtStep(level float64, h int) float64 {
	level = max(outermost, min(1-outermost, level))
	if level <= Quantiles[0] || level >= Quantiles[quantiles-1] {
		k := 0
		if level > 0.5 {
			k = quantiles - 1
		}
		beyond := f[middle][h] + (f[k][h]-f[middle][h])*normal(level)/normal(Quantiles[k])
		if k == 0 {
			return min(f[k][h], beyond)
		}
		return max(f[k][h], beyond) // rounding must not pass the outermost one
	}
	for k := 1; ; k++ {
		if level <= Quantiles[k] {
			a, b := normal(Quantiles[k-1]), normal(Quantiles[k])
			share := (normal(level) - a) / (b - a)
			return min(f[k][h], f[k-1][h]+share*(f[k][h]-f[k-1][h])) // rounding must not pass the next one
		}
	}
}

func normal(level float64) float64 { return math.Erfinv(2*level - 1) }

const (
	// outermost bounds the levels: nothing is known of what is rarer.
	outermost = 1e-7
	// chunk is how many series pass through a network at once.
	chunk = 64
	// blendWindow is how many of the newest values the Theta model reads.
	blendWindow = 200
	// blendSeasons is how many seasons it reads at least.
	blendSeasons = 4
)

// spaces lets calls reuse their scratch memory.
var spaces = sync.Pool{New: func() any { return &space{} }}

type space struct {
	workspace
	reader
	looks    [2]look
	evidence [chunk]evidence
}

// Forecast continues every series by horizon steps. The answer for a series
// does not depend on the others.
func (f *Frequency) Forecast(ctx context.Context, series []Series, horizon int) ([]Forecast, error) {
	return f.forecast(ctx, series, horizon, asked{quantiles: true})
}

// Medians is Forecast for callers who want no quantiles.
func (f *Frequency) Medians(ctx context.Context, series []Series, horizon int) ([][]float64, error) {
	return medians(f.forecast(ctx, series, horizon, asked{}))
}

// Windows is Medians for the beginnings of one history, the shortest first, as
// a back-test asks for them. What the shortest says of the networks and the
// Theta model on this series counts for all: to try both anew at every end
// costs several times the forecasts themselves and says nearly the same.
func (f *Frequency) Windows(ctx context.Context, beginnings []Series, horizon int) ([][]float64, error) {
	return medians(f.forecast(ctx, beginnings, horizon, asked{oneHistory: true}))
}

func medians(list []Forecast, err error) ([][]float64, error) {
	if err != nil {
		return nil, err
	}
	out := make([][]float64, len(list))
	for i := range list {
		out[i] = list[i].Median()
	}
	return out, nil
}

// asked is how a forecast gathers evidence: quantiles says that their width is
// wanted, factors gives it series by series, oneHistory says that the first
// series' evidence serves all.
type asked struct {
	quantiles, oneHistory bool
	factors               []float64
}

func (f *Frequency) forecast(ctx context.Context, series []Series, horizon int, how asked) ([]Forecast, error) {
	if horizon < 1 {
		return nil, fmt.Errorf("globalforecast: a horizon of %d steps", horizon)
	}
	for i, s := range series {
		if len(s.Values) == 0 {
			return nil, fmt.Errorf("%w: series %d", ErrTooShort, i)
		}
	}
	out := make([]Forecast, len(series))
	w := spaces.Get().(*space)
	defer spaces.Put(w)
	for from := 0; from < len(series); from += chunk {
		to := min(from+chunk, len(series))
		part := how
		if how.factors != nil {
			part.factors = how.factors[from:to]
		}
		if err := f.part(ctx, w, series[from:to], out[from:to], horizon, part); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// part forecasts up to chunk series.
func (f *Frequency) part(ctx context.Context, w *space, series []Series, out []Forecast, horizon int, how asked) error {
	histories := make([][]float64, len(series))
	for i, s := range series {
		histories[i] = s.Values
	}
	for done := 0; done < horizon; done += f.Horizon() {
		if ctx.Err() != nil {
			return fmt.Errorf("forecasting: %w", context.Cause(ctx))
		}
		steps := min(f.Horizon(), horizon-done)
		widths := how.quantiles && f.Width != nil
		if done == 0 && (widths || f.Trust > 0) {
			f.witness(w, series, histories, how)
		}
		f.pass(w, series, histories)
		for i := range series {
			e := &w.evidence[i]
			switch {
			case how.factors != nil:
				e.factor = how.factors[i]
			case !widths:
				e.factor = 1
			case done == 0:
				t := f.tell(w, i, histories[i])
				e.factor = f.Width.factor(&t)
			}
			piece := f.read(w, i, steps, e.factor)
			share := e.share(f.Blend, f.Trust)
			f.blend(&piece, w.looks[0].windows[i].view, histories[i], series[i].Period, share)
			f.lean(w, i, &piece, share)
			out[i].extend(&piece)
			if done+steps < horizon {
				histories[i] = append(histories[i][:len(histories[i]):len(histories[i])], piece[middle]...)
			}
		}
	}
	return nil
}

// witness gathers the evidence on every series.
func (f *Frequency) witness(w *space, series []Series, histories [][]float64, how asked) {
	if !how.oneHistory {
		f.gather(w, series, histories, f.Trust > 0)
		return
	}
	f.gather(w, series[:1], histories[:1], f.Trust > 0)
	first := w.evidence[0]
	for i := 1; i < len(series); i++ {
		// The surprises stay each one's own memory; medians need none.
		e := &w.evidence[i]
		e.networks, e.theta, e.tried = first.networks, first.theta, first.tried
	}
}

// read turns the networks' answer for series i into values. factor multiplies
// the quantiles' distance from the median.
func (f *Frequency) read(w *space, i, steps int, factor float64) (out Forecast) {
	view := w.looks[0].windows[i].view
	stretch := f.stretches(view.linear)
	for k := range out {
		out[k] = make([]float64, steps)
	}
	for h := range steps {
		q := w.looks[0].sum[(i*f.Horizon()+h)*quantiles:][:quantiles]
		for k, v := range q {
			stretched := q[middle] + (v-q[middle])*float32(stretch[h][k]*factor)
			out[k][h] = view.value(stretched)
		}
		for k := middle + 1; k < quantiles; k++ {
			out[k][h] = max(out[k][h], out[k-1][h])
			out[quantiles-1-k][h] = min(out[quantiles-1-k][h], out[quantiles-k][h])
		}
	}
	return out
}

// blend moves the forecast towards the Theta model's; the quantiles keep their
// distance from the median, as a ratio where the networks read ratios.
func (f *Frequency) blend(out *Forecast, view frame, history []float64, period int, share float64) {
	if share >= 1 || len(history) < 5 {
		return
	}
	m, err := theta.FitQuick(recent(history, period), period)
	if err != nil {
		return
	}
	other := m.Forecast(len(out[middle]))
	for h, v := range out[middle] {
		to := share*v + (1-share)*other[h]
		if !(math.Abs(to) < mostAnswer) || (!view.linear && !(to > 0 && v > 0)) {
			continue
		}
		for k := range out {
			moved := out[k][h] + (to - v)
			if !view.linear {
				moved = out[k][h] * (to / v)
			}
			out[k][h] = max(-mostAnswer, min(mostAnswer, moved))
		}
	}
}

// lean moves the point forecast of series i of the last pass below the median.
// Of a lognormal variable the median is best by absolute error, one variance
// below it by the error in percent. The quantiles stay.
func (f *Frequency) lean(w *space, i int, out *Forecast, share float64) {
	view := w.looks[0].windows[i].view
	if f.Lean == 0 || view.linear {
		return
	}
	for h := range out[middle] {
		q := w.looks[0].sum[(i*f.Horizon()+h)*quantiles:][:quantiles]
		out[middle][h] *= math.Exp(-share * f.Lean * variance(float64(q[quantiles-2]-q[1])*view.scale))
	}
}

// variance is that of a normal variable whose 5 % and 95 % quantiles lie so far
// apart, within reason.
func variance(width float64) float64 { return min(mostVariance, width*width/(ninety*ninety)) }

const (
	// ninety is the distance of the 5 % and the 95 % quantile of the normal
	// distribution, in standard deviations.
	ninety       = 2 * 1.6448536269514722
	mostVariance = 0.5
)

// recent is the end of y that the Theta model reads.
func recent(y []float64, period int) []float64 {
	return y[len(y)-min(len(y), max(blendWindow, blendSeasons*period)):]
}

// extend appends a further piece. Its quantiles start from the median of the
// piece before, so they are spread by what that one already left open.
func (f *Forecast) extend(piece *Forecast) {
	n := len(f[middle])
	for k := range f {
		if n == 0 {
			f[k] = piece[k]
			continue
		}
		open := f[k][n-1] - f[middle][n-1]
		for h, v := range piece[k] {
			d := v - piece[middle][h]
			f[k] = append(f[k], piece[middle][h]+math.Copysign(math.Hypot(d, open), float64(k-middle)))
		}
	}
}
