package globalforecast

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/omni-run/omni/internal/ml/mat/f32"
)

// ErrNoSeries says that no series is long enough to learn from.
var ErrNoSeries = errors.New("globalforecast: no series is long enough to learn from")

// Season is a season that the windows of a frequency may have.
type Season struct {
	// Period is its length, 1 for none.
	Period int
	// Count is how many of the newest seasons its indices are averaged over.
	Count int
	// Echo is the step after which the newest values may repeat themselves, 0
	// for none.
	Echo int
	// Share is how much of the training windows assume it.
	Share float64
}

// Recipe says how the networks of one frequency are trained.
type Recipe struct {
	Shape Shape
	// Seasons are the lengths of season that windows are read with; the first
	// is the one that Forecast assumes when it is told of none.
	Seasons []Season
	// Smooth averages each index of the season with its neighbours.
	Smooth bool
	// Scored is the step whose lag scales errors, as MASE does.
	Scored int
	// Near is how many steps count in full; later ones count half.
	Near int
	// RelativeShare and ScaledShare weigh an error as a share of the value and
	// as a share of the mean step, which is how sMAPE and MASE see it.
	RelativeShare, ScaledShare float64
	// Steps is how many batches of Batch windows are learnt from.
	Steps, Batch int
	// Rate is the largest step of Adam; it rises over the first 50 batches and
	// falls along half a cosine to a fiftieth.
	Rate float64
	// Synthetic is the share of batches made of invented series.
	Synthetic float64
	// Linear is the share of batches that describe any series by differences.
	Linear float64
}

const (
	// shortShare of the windows see only a short piece of their history.
	shortShare = 0.2
	leastStart = 3
	mostWeight = 8
	// usualTarget is how many steps of the usual size a series may move within
	// the horizon, its season aside, before its windows count less, in proportion, and further
	// moves are taken for as many: one that explodes teaches nothing about
	// others and would drown them.
	usualTarget = 40
	warmUp      = 50
	finalRate   = 0.02
	decay       = 1e-3
	mostNorm    = 1
	// averageFrom is the share of the training after which weights are
	// averaged, averaging how much of the average stays from batch to batch.
	averageFrom = 0.7
	averaging   = 0.99
)

// quantileWeights is how much each quantile counts in the loss.
var quantileWeights = func() (w [quantiles]float32) {
	raw := [quantiles]float32{.4, .4, .5, .6, 2.5, .6, .5, .4, .4}
	sum := float32(0)
	for _, v := range raw {
		sum += v
	}
	for i, v := range raw {
		w[i] = v / sum
	}
	return w
}()

// Report says how a training went.
type Report struct {
	// Loss is the running mean of the loss at the end.
	Loss float64
	// Windows is how many windows were learnt from.
	Windows int
}

// train makes a network of fresh weights learn from series. seed decides
// everything that is random. invented are synthetic series and may be nil.
// progress, which may be nil, receives the share done.
func train(ctx context.Context, r Recipe, known corpus, invented [][]float64, seed uint64, progress func(float64)) (*Network, Report, error) {
	rng := rand.New(rand.NewPCG(seed, 0x6f6d6e69))
	n, err := NewNetwork(r.Shape, rng)
	if err != nil {
		return nil, Report{}, err
	}
	report, err := r.adapt(ctx, n, known, invented, rng, progress)
	return n, report, err
}

// adapt trains n further.
func (r Recipe) adapt(ctx context.Context, n *Network, known corpus, invented [][]float64, rng *rand.Rand, progress func(float64)) (Report, error) {
	source, err := newSampler(r, known, rng)
	if err != nil {
		return Report{}, err
	}
	var other *sampler
	if r.Synthetic > 0 && len(invented) > 0 {
		if other, err = newSampler(r, corpus{series: invented}, rng); err != nil {
			return Report{}, err
		}
	}
	var w workspace
	adam := newAdam(len(n.Weights))
	grad := make([]float32, len(n.Weights))
	var average []float32
	batch := make([]*window, r.Batch)
	for i := range batch {
		batch[i] = &window{}
	}
	var gradOut []float32
	running := math.NaN()
	for step := range r.Steps {
		if ctx.Err() != nil {
			return Report{}, fmt.Errorf("training a network: %w", context.Cause(ctx))
		}
		from := source
		if other != nil && rng.Float64() < r.Synthetic {
			from = other
		}
		from.draw(batch)
		out := n.forward(&w, batch)
		sized(&gradOut, len(out))
		loss := r.loss(batch, out, gradOut)
		clear(grad)
		n.backward(&w, gradOut, grad)
		clip(grad)
		share := float64(step) / float64(r.Steps)
		adam.step(n.Weights, grad, r.rate(step))
		average = averaged(average, n.Weights, share)
		if running = 0.99*running + 0.01*loss; math.IsNaN(running) {
			running = loss
		}
		if progress != nil {
			progress(share)
		}
	}
	if average != nil {
		copy(n.Weights, average)
	}
	return Report{Loss: running, Windows: r.Steps * r.Batch}, nil
}

func (r Recipe) rate(step int) float64 {
	share := float64(step) / float64(r.Steps)
	return r.Rate * min(1, float64(step+1)/warmUp) * (finalRate + (1-finalRate)*0.5*(1+math.Cos(math.Pi*share)))
}

func averaged(average, weights []float32, share float64) []float32 {
	if share < averageFrom {
		return nil
	}
	if average == nil {
		return append([]float32(nil), weights...)
	}
	for i, v := range weights {
		average[i] += (1 - averaging) * (v - average[i])
	}
	return average
}

func clip(grad []float32) {
	sum := 0.0
	for _, g := range grad {
		sum += float64(g) * float64(g)
	}
	if norm := math.Sqrt(sum); norm > mostNorm {
		k := float32(mostNorm / norm)
		for i := range grad {
			grad[i] *= k
		}
	}
}

// loss is the mean pinball loss of the quantiles (Koenker and Bassett, 1978),
// weighted by window, step and quantile; it writes its gradient.
func (r Recipe) loss(batch []*window, out, gradOut []float32) float64 {
	total := 0.0
	horizon := r.Shape.Horizon
	for b, w := range batch {
		known := len(w.target)
		count := float32(min(known, r.Near)) + 0.5*float32(max(0, known-r.Near))
		for h := range horizon {
			at := (b*horizon + h) * quantiles
			grad := gradOut[at : at+quantiles]
			if h >= known {
				clear(grad)
				continue
			}
			share := w.weight / count / float32(len(batch))
			if h >= r.Near {
				share /= 2
			}
			for k, q := range out[at : at+quantiles] {
				tau, e := float32(Quantiles[k]), w.target[h]-q
				slope := -tau
				if e < 0 {
					slope = 1 - tau
				}
				f := 2 * share * quantileWeights[k]
				total += float64(-f * slope * e)
				grad[k] = f * slope
			}
		}
	}
	return total
}

// adam is AdamW (Loshchilov and Hutter, 2019).
type adam struct {
	mean, square []float32
	steps        int
}

func newAdam(n int) *adam { return &adam{mean: make([]float32, n), square: make([]float32, n)} }

func (a *adam) step(weights, grad []float32, rate float64) {
	const beta1, beta2, tiny = 0.9, 0.999, 1e-8
	a.steps++
	one := 1 - math.Pow(beta1, float64(a.steps))
	two := math.Sqrt(1 - math.Pow(beta2, float64(a.steps)))
	k := f32.Adam{Beta1: beta1, Beta2: beta2, Epsilon: float32(tiny * two), Rate: float32(rate * two / one), Keep: float32(1 - rate*decay)}
	k.Run(weights, grad, a.mean, a.square)
}
