package reason

import (
	"math"

	"github.com/omni-run/omni/internal/ml/calc"
	"github.com/omni-run/omni/internal/tool/catalog"
)

// backtests compares, cheaply, forecasting the series as it is with forecasting
// it after replacing points far from a running median: the last values are held
// out and predicted by the robust drift of what precedes them. The result is
// the mean absolute error as a share of the mean absolute value.
func backtests(series []float64, horizon int) (raw, tidy float64) {
	x := append([]float64{}, series...)
	catalog.Fill(x)
	hold := min(horizon, max(1, len(x)/4))
	past, future := x[:len(x)-hold], x[len(x)-hold:]
	return relativeError(past, future), relativeError(tidied(past), future)
}

func relativeError(past, future []float64) float64 {
	last, slope := calc.Mean(past[max(0, len(past)-3):]), catalog.Slope(past)
	miss, scale := 0.0, 0.0
	for i, v := range future {
		miss += math.Abs(last + slope*float64(i+1) - v)
		scale += math.Abs(v)
	}
	if scale == 0 {
		scale = 1
	}
	if e := miss / scale; !math.IsNaN(e) && !math.IsInf(e, 0) {
		return min(e, 10)
	}
	return 10
}

// tidied replaces the values further from the running median of seven than four
// scaled median deviations (Hampel, 1974).
func tidied(x []float64) []float64 {
	out := append([]float64{}, x...)
	middle := make([]float64, len(x))
	off := make([]float64, len(x))
	for i := range x {
		middle[i] = calc.Median(x[max(0, i-3):min(len(x), i+4)])
		off[i] = math.Abs(x[i] - middle[i])
	}
	limit := 4 * 1.4826 * calc.Median(off)
	if limit == 0 {
		limit = 4 * calc.Mean(off) // most values are their own median
	}
	for i := range x {
		if limit > 0 && off[i] > limit {
			out[i] = middle[i]
		}
	}
	return out
}
