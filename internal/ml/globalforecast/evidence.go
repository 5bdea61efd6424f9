package globalforecast

import (
	"math"
	"slices"

	"github.com/omni-run/omni/internal/ml/theta"
)

const (
	// trials is how many earlier ends of a history are forecast at most, to
	// see how wide its quantiles should have been and whether the networks or
	// the Theta model did better.
	trials = 6
	// trialShare is how much of a history one trial may hold back, trialsShare
	// all of them together.
	trialShare, trialsShare = 6, 2
	// meanPrior and tailPrior are how many errors as the networks expect them
	// count beside those that were seen.
	meanPrior, tailPrior = 10, 20
	// trustPrior is how many errors the blend that was learnt counts for.
	trustPrior = 12
	// mostOdds bounds by how much the errors on one history may be believed to
	// differ.
	mostOdds = 2
)

// expected is the mean of |z| over its 97.5 % quantile, z being normal: how
// far from the median values lie on average, as a share of the distance of the
// outer quantiles.
var expected = math.Sqrt(2/math.Pi) / (math.Sqrt2 * math.Erfinv(0.95))

// evidence is what earlier ends of a history said of the networks.
type evidence struct {
	// surprises are the distances of values from the medians, as shares of the
	// outer quantiles' distance.
	surprises []float64
	// networks and theta sum the absolute errors of either over tried values,
	// in units of the history.
	networks, theta, tried float64
}

// tried is how many trials a history of n allows.
func (f *Frequency) tried(n int) int {
	step := f.held(n)
	if step == 0 {
		return 0
	}
	return min(trials, n/(trialsShare*step))
}

// held is how many values one trial holds back of a history of n.
func (f *Frequency) held(n int) int { return min(f.Recipe.Near, f.Horizon(), n/trialShare) }

// surprise notes how far what came next lay from the medians of window k.
func (f *Frequency) surprise(w *space, k int, next []float64, e *evidence) {
	view := w.looks[0].windows[k].view
	for h, y := range next {
		q := w.looks[0].sum[(k*f.Horizon()+h)*quantiles:][:quantiles]
		d := view.of(y) - float64(q[middle])
		outer := float64(q[quantiles-1] - q[middle])
		if d < 0 {
			outer = float64(q[middle] - q[0])
		}
		if outer > 0 {
			e.surprises = append(e.surprises, min(math.Abs(d)/outer, 10))
		}
	}
}

// compare adds up the errors of the networks at window k and of the Theta model
// on what came next.
func (f *Frequency) compare(w *space, k int, rival *theta.Dynamic, next []float64, e *evidence) {
	view := w.looks[0].windows[k].view
	for h, v := range rival.Forecast(len(next)) {
		q := view.value(w.looks[0].sum[(k*f.Horizon()+h)*quantiles+middle])
		e.networks += math.Abs(next[h]-q) / view.unit
		e.theta += math.Abs(next[h]-v) / view.unit
		e.tried++
	}
}

// mean is the logarithm of how much further values lay from the medians, on
// average, than the networks' own quantiles say, drawn to 0 when few were seen.
func (e *evidence) mean() float64 {
	n := float64(len(e.surprises))
	if n == 0 {
		return 0
	}
	sum := 0.0
	for _, s := range e.surprises {
		sum += s
	}
	return n / (n + meanPrior) * math.Log(max(1./9, min(3, sum/n/expected)))
}

// tail is the same for the distance that 95 % of the values stay within: the
// quantile of the surprises together with tailPrior ones as they are expected.
// It sorts the surprises.
func (e *evidence) tail() float64 {
	slices.Sort(e.surprises)
	need := 0.95 * float64(len(e.surprises)+tailPrior)
	at, prior := 0, 0
	for float64(at+prior) < need {
		// The less of both comes next.
		if at == len(e.surprises) || (prior < tailPrior && expectedSurprise(prior) <= e.surprises[at]) {
			prior++
			if float64(at+prior) >= need {
				return math.Log(expectedSurprise(prior - 1))
			}
			continue
		}
		at++
	}
	return math.Log(max(e.surprises[at-1], 1e-3))
}

// expectedSurprise is the k-th smallest of tailPrior normal distances, as
// shares of the 97.5 % quantile's.
func expectedSurprise(k int) float64 {
	level := (float64(k) + 0.5) / tailPrior
	return math.Erfinv(level) / math.Erfinv(0.95)
}

// share is the networks' share in the median: the blend that was learnt,
// moved towards whichever did better on the series itself by trust times the
// logarithm of the ratio of their errors.
func (e evidence) share(blend, trust float64) float64 {
	if trust == 0 || e.tried == 0 || blend <= 0 || blend >= 1 || !(e.networks+e.theta > 0) {
		return blend
	}
	tiny := 1e-3 * (e.networks + e.theta)
	odds := max(-mostOdds, min(mostOdds, math.Log((e.theta+tiny)/(e.networks+tiny))))
	return 1 / (1 + (1-blend)/blend*math.Exp(-trust*odds*e.tried/(e.tried+trustPrior)))
}
