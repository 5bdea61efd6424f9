package globalforecast

import "math"

const (
	// trials is how many earlier ends of a history are forecast to see how
	// wide its quantiles should have been.
	trials = 3
	// trialShare is how much of a history one trial may hold back.
	trialShare = 6
	mostDoubt  = 3
	// doubtPrior is how many errors the networks' own width counts for.
	doubtPrior = 20
)

// expected is the mean of |z| over its 97.5 % quantile, z being normal: how
// far from the median values lie on average, as a share of the distance of the
// outer quantiles.
var expected = math.Sqrt(2/math.Pi) / (math.Sqrt2 * math.Erfinv(0.95))

// doubt sets, for each series, by how much its quantiles are stretched: the
// networks forecast its last values from earlier ends, and where these lay
// further from the medians than the quantiles said, the doubt is above 1. How
// much of that finding is believed is Frequency.Belief, learnt like the blend.
func (f *Frequency) doubt(w *space, series []Series, histories [][]float64, belief float64) {
	sums, counts := [chunk]float64{}, [chunk]float64{}
	for i := range series {
		w.doubts[i] = 1
	}
	if belief == 0 {
		return
	}
	var list []Series
	var ends [][]float64
	var of []int
	for i, y := range histories {
		step := f.held(len(y))
		for trial := 1; trial <= trials && step > 0; trial++ {
			list, ends, of = append(list, series[i]), append(ends, y[:len(y)-trial*step]), append(of, i)
		}
	}
	if len(list) == 0 {
		return
	}
	f.pass(w, list, ends)
	for k, i := range of {
		next := histories[i][len(ends[k]):]
		s, n := f.surprise(w, k, next[:f.held(len(histories[i]))])
		sums[i], counts[i] = sums[i]+s, counts[i]+n
	}
	for i := range series {
		if counts[i] > 0 {
			ratio := sums[i] / counts[i] / expected
			power := belief * counts[i] / (counts[i] + doubtPrior)
			w.doubts[i] = math.Pow(max(1/mostDoubt, min(mostDoubt, ratio)), power)
		}
	}
}

// held is how many values one trial holds back of a history of n.
func (f *Frequency) held(n int) int { return min(f.Recipe.Near, f.Horizon(), n/trialShare) }

// surprise sums the distances of next from the medians, as shares of the
// outer quantiles' distance.
func (f *Frequency) surprise(w *space, k int, next []float64) (sum, count float64) {
	view := w.looks[0].windows[k].view
	for h, y := range next {
		q := w.looks[0].sum[(k*f.Horizon()+h)*quantiles:][:quantiles]
		d := view.of(y) - float64(q[middle])
		outer := float64(q[quantiles-1] - q[middle])
		if d < 0 {
			outer = float64(q[middle] - q[0])
		}
		if outer > 0 {
			sum += min(math.Abs(d)/outer, 10)
			count++
		}
	}
	return sum, count
}
