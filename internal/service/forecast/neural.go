package forecast

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/omni-run/omni/internal/ml/lstm"
	"github.com/omni-run/omni/internal/ml/season"
)

const (
	// rateScale turns the caller's learning rate, given for data of any
	// scale, into the step on the scaled data the network sees: 0.001 becomes
	// 0.01, with which 50 epochs of a few updates each are enough.
	rateScale = 10
	mostRate  = 0.05
	// workBudget bounds one training: windows times epochs times steps.
	workBudget   = 120_000
	leastWindows = 24
	// leastEpochs is what a network of a call of many series trains for at
	// least.
	leastEpochs = 10
	mostWindows = 512
	// longestLookback bounds what the network reads; longer sequences gain
	// nothing and cost in proportion.
	longestLookback = 256
	// rolloutBudget bounds the steps computed to forecast one long horizon.
	rolloutBudget = 400_000
	patience      = 8
)

// neural is the settings of a local network.
type neural struct {
	lookback, epochs int
	// asked says that lookback is the caller's wish, not the default, which
	// gives way to a short series.
	asked  bool
	rate   float64
	seed   int64
	period int
	// share divides workBudget among the series of a call; 0 counts as 1.
	share int
}

// fitting is n with a default lookback no longer than a series can feed.
func (n neural) fitting(points int) neural {
	if !n.asked {
		n.lookback = min(n.lookback, max(1, points-2))
	}
	return n
}

// transform takes what a network need not learn out of a series: growth by
// ratios, through the logarithm, and the season.
type transform struct {
	log     bool
	indices []float64
}

// A positive series that spreads so far, over at least so many values, is
// better described by ratios than by differences. On shorter ones a step
// misjudged in ratios grows into an absurd forecast.
const (
	logRatio  = 4
	leastLogs = 60
)

func newTransform(y []float64, period int) transform {
	var t transform
	if low := slices.Min(y); low > 0 && len(y) >= leastLogs && slices.Max(y)/low > logRatio {
		t.log = true
	}
	if period > 1 {
		t.indices, _ = season.Indices(t.logged(y), period, false)
	}
	return t
}

func (t transform) logged(y []float64) []float64 {
	if !t.log {
		return y
	}
	out := make([]float64, len(y))
	for i, v := range y {
		out[i] = math.Log(max(v, math.SmallestNonzeroFloat64))
	}
	return out
}

func (t transform) apply(y []float64) []float64 {
	y = t.logged(y)
	if t.indices != nil {
		y = season.Remove(y, t.indices, false)
	}
	return y
}

// restore undoes apply on values that follow n others.
func (t transform) restore(y []float64, n int) {
	if t.indices != nil {
		season.Restore(y, t.indices, n%len(t.indices), false)
	}
	if t.log {
		for i, v := range y {
			y[i] = math.Exp(v)
		}
	}
}

// trained is a network and how it came to be.
type trained struct {
	net       *lstm.Forecaster
	report    lstm.Report
	transform transform
}

// train fits a network to y, which must be longer than its lookback.
func (n neural) train(ctx context.Context, y []float64, progress func(float64)) (*trained, error) {
	lookback := min(n.lookback, longestLookback, len(y)-1)
	t := newTransform(y, n.period)
	budget := workBudget / max(1, n.share) / lookback
	windows := max(leastWindows, min(mostWindows, budget/n.epochs))
	epochs := n.epochs
	if n.share > 1 {
		epochs = max(min(leastEpochs, epochs), min(epochs, budget/windows))
	}
	net, report, err := lstm.TrainSeries(ctx, [][]float64{t.apply(y)}, lstm.SeriesConfig{
		Lookback: lookback, MaxWindows: windows,
		Training: lstm.Training{Epochs: epochs, Rate: min(mostRate, rateScale*n.rate), Patience: patience},
	}, rand.New(rand.NewPCG(uint64(n.seed), uint64(lookback))), progress)
	if err != nil {
		return nil, err
	}
	return &trained{net, report, t}, nil
}

// predict continues a history with a trained network.
func (t *trained) predict(ctx context.Context, history []float64, horizon int) ([]float64, error) {
	lookback := min(t.net.Lookback, max(8, rolloutBudget/horizon))
	out, err := t.net.Forecast(ctx, t.transform.apply(history), horizon, lookback)
	if err != nil {
		return nil, err
	}
	t.transform.restore(out, len(history))
	return out, nil
}

// local is the contestant that trains on the series itself.
func (n neural) local() contestant {
	return contestant{name: modelLSTM, fit: func(ctx context.Context, y []float64) (predictor, string, error) {
		if len(y) < 3 {
			return nil, "", fmt.Errorf("%w: needs at least 3 values", errUnfit)
		}
		t, err := n.train(ctx, y, nil)
		if err != nil {
			return nil, "", err
		}
		return t.predict, "", nil
	}}
}

// global is the contestant that a tenant trained over many series.
func global(net *lstm.Forecaster, period int) contestant {
	return contestant{name: modelGlobal, fit: func(_ context.Context, y []float64) (predictor, string, error) {
		if len(y) < 2 {
			return nil, "", fmt.Errorf("%w: needs at least 2 values", errUnfit)
		}
		t := &trained{net: net, transform: newTransform(y, period)}
		return t.predict, "", nil
	}}
}
