package reason

import (
	"math"

	"github.com/omni-run/omni/internal/ml/calc"
	"github.com/omni-run/omni/internal/tool/catalog"
)

// backtests compares, cheaply, forecasting the series as it is with forecasting
// it after replacing points far from a running median. From up to a dozen
// origins in the second half, the values that follow are predicted by the drift
// of what precedes them. The result is the mean absolute error as a share of
// the mean absolute value, averaged over the origins.
func backtests(series []float64, horizon int) (raw, tidy float64) {
	x := append([]float64{}, series...)
	catalog.Fill(x)
	x = x[max(0, len(x)-longestBacktest):]
	hold := min(horizon, max(1, len(x)/4))
	first, last := max(2, len(x)/2), len(x)-hold
	count := 0.0
	for origin := last; origin >= first || count == 0; origin -= max(1, (last-first)/12) {
		raw += relativeError(x[:origin], x[origin:origin+hold])
		tidy += relativeError(tidied(x[:origin]), x[origin:origin+hold])
		count++
	}
	return raw / count, tidy / count
}

// longestBacktest bounds the work on long series.
const longestBacktest = 2_000

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
// scaled median deviations (Hampel, 1974), and than four ordinary steps, by
// which a trend is off at the ends.
func tidied(x []float64) []float64 {
	out := append([]float64{}, x...)
	middle := make([]float64, len(x))
	off, steps := make([]float64, len(x)), make([]float64, max(1, len(x)-1))
	for i := range x {
		middle[i] = calc.Median(x[max(0, i-3):min(len(x), i+4)])
		off[i] = math.Abs(x[i] - middle[i])
		if i > 0 {
			steps[i-1] = math.Abs(x[i] - x[i-1])
		}
	}
	limit := max(4*1.4826*calc.Median(off), 4*calc.Median(steps))
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
