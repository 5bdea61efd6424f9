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
	mostDoubt               = 3
	// doubtPrior is how many errors the networks' own width counts for.
	doubtPrior = 20
	// tailPrior is how many errors must be known for the tail among them to
	// count as much as their mean.
	tailPrior = 40
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

// gather lets the networks forecast the last values of each history from
// earlier ends. rivals lets the Theta model do so too.
func (f *Frequency) gather(w *space, series []Series, histories [][]float64, rivals bool) {
	for i := range w.evidence {
		w.evidence[i] = evidence{surprises: w.evidence[i].surprises[:0]}
	}
	var list []Series
	var ends [][]float64
	var of []int
	for i, y := range histories {
		for trial := f.tried(len(y)); trial > 0; trial-- { // the earliest end first
			list, ends, of = append(list, series[i]), append(ends, y[:len(y)-trial*f.held(len(y))]), append(of, i)
		}
	}
	if len(list) == 0 {
		return
	}
	f.pass(w, list, ends)
	var rival *theta.Dynamic
	var from int
	for k, i := range of {
		next := histories[i][len(ends[k]):]
		next = next[:f.held(len(histories[i]))]
		f.surprise(w, k, next, &w.evidence[i])
		if !rivals {
			continue
		}
		if k == 0 || of[k-1] != i {
			var err error
			read := recent(ends[k], list[k].Period)
			from = len(ends[k]) - len(read)
			if rival, err = theta.FitQuick(read, list[k].Period); err != nil {
				rival = nil // too short for it: no evidence
			}
		} else if rival != nil {
			rival = rival.Extend(ends[k][from:])
		}
		if rival != nil {
			f.compare(w, k, rival, next, &w.evidence[i])
		}
	}
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

func (f *Frequency) compare(w *space, k int, rival *theta.Dynamic, next []float64, e *evidence) {
	view := w.looks[0].windows[k].view
	for h, v := range rival.Forecast(len(next)) {
		q := view.value(w.looks[0].sum[(k*f.Horizon()+h)*quantiles+middle])
		e.networks += math.Abs(next[h]-q) / view.unit
		e.theta += math.Abs(next[h]-v) / view.unit
		e.tried++
	}
}

// doubt is by how much a series' quantiles are stretched: where values lay
// further from the medians than the quantiles said, it is above 1. It joins
// what the mean distance says, which a few values tell, and what the one does
// that 95 % stay within, which takes many but knows heavy tails. How much of
// the finding is believed is belief, learnt like the blend. It sorts the
// surprises.
func (e evidence) doubt(belief float64) float64 {
	n := float64(len(e.surprises))
	if n == 0 || belief == 0 {
		return 1
	}
	sum := 0.0
	for _, s := range e.surprises {
		sum += s
	}
	ratio := math.Log(max(sum/n/expected, 1/mostDoubt))
	if at := int(math.Ceil((n+1)*0.95)) - 1; at < len(e.surprises) {
		slices.Sort(e.surprises)
		tail := n / (n + tailPrior)
		ratio += tail * (math.Log(max(e.surprises[at], 1/mostDoubt)) - ratio)
	}
	limit := math.Log(mostDoubt)
	return math.Exp(max(-limit, min(limit, ratio)) * belief * n / (n + doubtPrior))
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
