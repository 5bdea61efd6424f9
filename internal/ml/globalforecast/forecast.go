package globalforecast

import (
	"context"
	"errors"
	"fmt"
	"math"

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

// Forecast continues a series: element q is level Quantiles[q], by step. The
// middle one is the point, which Lean puts a little below the median.
type Forecast [quantiles][]float64

// Median is the point forecast.
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
		beyond := f[middle][h] + (f[k][h]-f[middle][h])*normal(level)/deviates[k]
		if k == 0 {
			return min(f[k][h], beyond)
		}
		return max(f[k][h], beyond) // rounding must not pass the outermost one
	}
	for k := 1; ; k++ {
		if level <= Quantiles[k] {
			a, b := deviates[k-1], deviates[k]
			share := (normal(level) - a) / (b - a)
			return min(f[k][h], f[k-1][h]+share*(f[k][h]-f[k-1][h])) // rounding must not pass the next one
		}
	}
}

func normal(level float64) float64 { return math.Erfinv(2*level - 1) }

// deviates are normal of Quantiles.
var deviates = func() (out [quantiles]float64) {
	for k, level := range Quantiles {
		out[k] = normal(level)
	}
	return out
}()

const (
	// outermost bounds the levels: nothing is known of what is rarer.
	outermost = 1e-7
	// blendWindow is how many of the newest values the Theta model reads.
	blendWindow = 200
	// blendSeasons is how many seasons it reads at least.
	blendSeasons = 4
)

// Forecast continues every series by horizon steps. The answer for a series
// does not depend on the others.
func (f *Frequency) Forecast(ctx context.Context, series []Series, horizon int) ([]Forecast, error) {
	if horizon < 1 {
		return nil, fmt.Errorf("globalforecast: a horizon of %d steps", horizon)
	}
	return f.forecast(ctx, series, horizon, nil)
}

// forecast is Forecast with given factors on the width, series by series,
// unless they are nil.
func (f *Frequency) forecast(ctx context.Context, series []Series, horizon int, factors []float64) ([]Forecast, error) {
	questions := make([]Question, len(series))
	for i, s := range series {
		questions[i] = Question{Series: s, Horizon: horizon}
		if factors != nil {
			questions[i].factor = factors[i]
		}
	}
	replies, err := f.Ask(ctx, questions)
	if err != nil {
		return nil, err
	}
	out := make([]Forecast, len(series))
	for i, r := range replies {
		out[i] = *r.Forecast
	}
	return out, nil
}

// Medians is Forecast for callers who want no quantiles.
func (f *Frequency) Medians(ctx context.Context, series []Series, horizon int) ([][]float64, error) {
	list, err := f.Forecast(ctx, series, horizon)
	if err != nil {
		return nil, err
	}
	out := make([][]float64, len(list))
	for i := range list {
		out[i] = list[i].Median()
	}
	return out, nil
}

// read turns the networks' answer for window k into values, all quantiles or
// the median only. factor multiplies the quantiles' distance from the median.
func (f *Frequency) read(w *space, k, steps int, factor float64, all bool) (out Forecast) {
	view := w.looks[0].windows[k].view
	out[middle] = make([]float64, steps)
	if !all {
		for h := range steps {
			out[middle][h] = view.value(w.looks[0].sum[(k*f.Horizon()+h)*quantiles+middle])
		}
		return out
	}
	for k := range out {
		out[k] = make([]float64, steps)
	}
	stretch := f.stretches(view.demand)
	for h := range steps {
		q := w.looks[0].sum[(k*f.Horizon()+h)*quantiles:][:quantiles]
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
func (f *Frequency) blend(out *Forecast, view frame, history Series, share float64) {
	if share >= 1 || len(history.Values) < 5 {
		return
	}
	m, err := theta.FitQuick(recent(history.Values, history.Period), history.Period)
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
			if out[k] == nil {
				continue
			}
			moved := out[k][h] + (to - v)
			if !view.linear {
				moved = out[k][h] * (to / v)
			}
			out[k][h] = max(-mostAnswer, min(mostAnswer, moved))
		}
	}
}

// lean moves the point forecast at window k of the last pass below the median.
// Of a lognormal variable the median is best by absolute error, one variance
// below it by the error in percent. The quantiles stay.
func (f *Frequency) lean(w *space, k int, out *Forecast, share float64) {
	view := w.looks[0].windows[k].view
	if f.Lean == 0 || view.linear {
		return
	}
	for h := range out[middle] {
		q := w.looks[0].sum[(k*f.Horizon()+h)*quantiles:][:quantiles]
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

// extend appends a further piece, which has the same quantiles. They start from
// the point of the piece before, so they are spread by what that one already
// left open.
func (f *Forecast) extend(piece *Forecast) {
	n := len(f[middle])
	for k := range f {
		if n == 0 || piece[k] == nil {
			f[k] = append(f[k], piece[k]...)
			continue
		}
		open := f[k][n-1] - f[middle][n-1]
		for h, v := range piece[k] {
			d := v - piece[middle][h]
			f[k] = append(f[k], piece[middle][h]+math.Copysign(math.Hypot(d, open), float64(k-middle)))
		}
	}
}
