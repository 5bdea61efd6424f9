package lstm

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/omni-run/omni/internal/ml/mat"
	"github.com/omni-run/omni/internal/ml/seqnet"
)

// ErrTooShort says that no series is long enough for one training window.
var ErrTooShort = errors.New("lstm: no series is longer than the lookback plus one")

// Forecaster is a network that continues a series of numbers.
//
// A window of Lookback values ending in y(n) becomes, for each of its values,
// two features: (y - y(n)) / change and (y - mean) / spread, where change is
// the series' mean absolute step, and mean and spread are its mean and
// standard deviation. The target is (y(n+1) - y(n)) / change. So one set of
// weights serves series of any level and scale.
type Forecaster struct {
	Network *seqnet.Network
	// Lookback is the number of past values a forecast reads.
	Lookback int
	// Limit is the largest step, in units of the mean absolute step, that a
	// forecast may take: half as much again as the largest seen in training.
	Limit float64
}

// SeriesConfig says how to train a Forecaster.
type SeriesConfig struct {
	// Lookback is the length of a window, at least 1.
	Lookback int
	// Hidden and Layers shape the network; defaults 12 and 1.
	Hidden, Layers int
	// MaxLags bounds the linear highway; default 32.
	MaxLags int
	// MaxWindows bounds the training set: when there are more, half of the
	// room goes to the newest windows and the rest to evenly spaced older
	// ones. Default 512.
	MaxWindows int
	// Training is passed to Fit.
	Training Training
}

const (
	features = 2
	// featureLimit keeps one spike from saturating the gates.
	featureLimit = 20
	// highwayPenalty is the ridge penalty of the highway's starting point,
	// relative to the mean squared feature.
	highwayPenalty = 0.02
	// highwayPrior is a further penalty, worth so many samples: with few of
	// them the highway hardly leaves the mean step.
	highwayPrior = 60
)

// scaling is what makes a series' windows comparable to another's.
type scaling struct{ change, mean, spread float64 }

func scalingOf(y []float64) scaling {
	var s scaling
	n := float64(len(y))
	for i, v := range y {
		s.mean += v / n
		if i > 0 {
			s.change += math.Abs(v-y[i-1]) / (n - 1)
		}
	}
	for _, v := range y {
		s.spread += (v - s.mean) * (v - s.mean) / n
	}
	s.spread = math.Sqrt(s.spread)
	if !(s.spread > 0) {
		s.spread = s.change
	}
	return s
}

// flat says that the series holds no movement to learn from.
func (s scaling) flat() bool { return !(s.change > 0) || math.IsInf(s.change, 0) }

func clamp(x, limit float64) float64 { return max(-limit, min(limit, x)) }

// encode writes the features of window, steps by 2, to dst.
func (s scaling) encode(dst []float32, window []float64) {
	last := window[len(window)-1]
	for t, v := range window {
		dst[t*features] = float32(clamp((v-last)/s.change, featureLimit))
		dst[t*features+1] = float32(clamp((v-s.mean)/s.spread, featureLimit))
	}
}

// TrainSeries trains one network over all series. Series shorter than
// lookback+1 contribute nothing; if none is left the error is ErrTooShort. Nor
// do series without movement, unless none moves: then the network learns that. Values must be finite and small enough that their
// squares do not overflow.
func TrainSeries(ctx context.Context, series [][]float64, cfg SeriesConfig, rng *rand.Rand, progress func(float64)) (*Forecaster, Report, error) {
	for _, d := range []struct {
		v  *int
		to int
	}{{&cfg.Hidden, 12}, {&cfg.Layers, 1}, {&cfg.MaxLags, 32}, {&cfg.MaxWindows, 512}} {
		if *d.v == 0 {
			*d.v = d.to
		}
	}
	chosen := shape{hidden: cfg.Hidden, layers: cfg.Layers, lags: min(cfg.Lookback, cfg.MaxLags), lookback: cfg.Lookback}
	if err := chosen.validate(); err != nil {
		return nil, Report{}, err
	}
	samples := windows(series, cfg)
	if samples.count == 0 {
		return nil, Report{}, ErrTooShort
	}
	net, err := seqnet.New(chosen.config(), rng)
	if err != nil {
		return nil, Report{}, fmt.Errorf("%w: %w", ErrShape, err)
	}
	opt := cfg.Training.withDefaults()
	startHighway(net, samples, samples.count-int(float64(samples.count)*max(opt.Validation, 0)))
	report, err := fit(ctx, net, samples, opt, rng, progress)
	if err != nil {
		return nil, report, err
	}
	if !math.IsNaN(report.Validation) {
		// The held-out windows are the newest, which matter most: once they
		// have chosen the epoch, a short slow pass learns from them too.
		opt.Epochs, opt.Rate, opt.Validation = max(1, report.Epochs/5), opt.Rate/4, -1
		if _, err := fit(ctx, net, samples, opt, rng, nil); err != nil {
			return nil, report, err
		}
	}
	top := 0.0
	for _, y := range samples.y {
		top = max(top, math.Abs(float64(y)))
	}
	return &Forecaster{Network: net, Lookback: cfg.Lookback, Limit: 1.5 * top}, report, nil
}

// startHighway sets the linear highway and the head's bias to the ridge
// regression of the first train samples; the network then learns what is left.
func startHighway(n *seqnet.Network, s samples, train int) {
	span := n.Highway * n.Inputs
	x, y, centre, mean := make([]float64, train*span), make([]float64, train), make([]float64, span), 0.0
	for i := range train {
		end := (i + 1) * s.steps * n.Inputs
		row := x[i*span : (i+1)*span]
		for k, v := range s.x[end-span : end] {
			row[k] = float64(v)
		}
		mat.Axpy(1/float64(train), row, centre)
		mean += float64(s.y[i]) / float64(train)
	}
	for i := range y {
		y[i] = float64(s.y[i]) - mean
		mat.Axpy(-1, centre, x[i*span:(i+1)*span])
	}
	w, err := mat.Ridge(x, y, train, span, highwayPenalty+highwayPrior/float64(train))
	if err != nil {
		return
	}
	for i, v := range w {
		n.HighwayWeights()[i] = float32(v)
	}
	n.Bias()[0] = float32(mean - mat.Dot(centre, w))
}

// windows cuts the training windows: of each series the older ones first, then
// the newest fifth of every series, which Fit holds out.
func windows(series [][]float64, cfg SeriesConfig) samples {
	scales, total, still := make([]scaling, len(series)), 0, true
	for i, y := range series {
		scales[i] = scalingOf(y)
		still = still && (len(y) <= cfg.Lookback || scales[i].flat())
	}
	use := make([]bool, len(series))
	for i, y := range series {
		if use[i] = len(y) > cfg.Lookback && (still || !scales[i].flat()); use[i] {
			total += len(y) - cfg.Lookback
		}
		if scales[i].flat() {
			scales[i].change, scales[i].spread = 1, 1
		}
	}
	s := samples{steps: cfg.Lookback}
	type window struct{ series, end int }
	var old, recent []window
	for i, y := range series {
		if !use[i] {
			continue
		}
		count := len(y) - cfg.Lookback
		ends := pick(cfg.Lookback, count, max(1, min(count, count*cfg.MaxWindows/max(total, 1))))
		cut := len(ends) - len(ends)/5
		for k, end := range ends {
			if k < cut {
				old = append(old, window{i, end})
			} else {
				recent = append(recent, window{i, end})
			}
		}
	}
	for _, w := range append(old, recent...) {
		y, scale := series[w.series], scales[w.series]
		s.x = append(s.x, make([]float32, cfg.Lookback*features)...)
		scale.encode(s.x[len(s.x)-cfg.Lookback*features:], y[w.end-cfg.Lookback:w.end])
		s.y = append(s.y, float32(clamp((y[w.end]-y[w.end-1])/scale.change, featureLimit)))
		s.count++
	}
	return s
}

// pick chooses room of count consecutive window ends starting at first.
func pick(first, count, room int) []int {
	ends := make([]int, 0, room)
	newest := (room + 1) / 2
	for k := range room - newest {
		ends = append(ends, first+k*(count-newest)/(room-newest))
	}
	for k := count - newest; k < count; k++ {
		ends = append(ends, first+k)
	}
	return ends
}

// Forecast continues history by horizon values, feeding each one back as if it
// had been observed. lookback, when positive, reads fewer past values than the
// network was trained with. A history without movement is continued as it is.
// It returns nil for an empty history, and ctx's error when that ends first.
func (f *Forecaster) Forecast(ctx context.Context, history []float64, horizon, lookback int) ([]float64, error) {
	if len(history) == 0 {
		return nil, nil
	}
	out := make([]float64, horizon)
	scale, last := scalingOf(history), history[len(history)-1]
	if scale.flat() {
		for i := range out {
			out[i] = last
		}
		return out, nil
	}
	if lookback <= 0 || lookback > f.Lookback {
		lookback = f.Lookback
	}
	window := append([]float64(nil), history[max(0, len(history)-lookback):]...)
	x := make([]float32, lookback*features)
	var w seqnet.Workspace
	for i := range out {
		if i%64 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		scale.encode(x, window)
		y := float64(f.Network.Forward(&w, seqnet.Batch{Size: 1, Steps: len(window), X: x[:len(window)*features]}, nil)[0])
		last += clamp(y, f.Limit) * scale.change
		out[i] = last
		if len(window) < lookback {
			window = append(window, last)
			continue
		}
		copy(window, window[1:])
		window[len(window)-1] = last
	}
	return out, nil
}
