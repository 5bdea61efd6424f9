// Package backtest measures forecasts where they count, on values the model
// has not seen: rolling origins, scaled and relative errors, and intervals
// whose width comes from the errors themselves (split conformal prediction:
// Vovk, Gammerman and Shafer, 2005), with their coverage.
package backtest

import "math"

// Window is one origin of a rolling evaluation: the values up to Origin were
// known, Actual came after, Forecast was made for it.
type Window struct {
	Origin           int
	Actual, Forecast []float64
}

// Origins returns where to cut a series of n values: windows cuts, step
// apart, the last one horizon before the end, none leaving fewer than least
// values before it. It may return fewer, or none.
func Origins(n, horizon, windows, step, least int) []int {
	var out []int
	for k := windows - 1; k >= 0; k-- {
		if at := n - horizon - k*step; at >= least && at > 0 && at < n {
			out = append(out, at)
		}
	}
	return out
}

// Scale is the denominator of MASE: the mean absolute error, within train, of
// the seasonal naive forecast. It is 0 for a series that repeats exactly, and
// falls back to period 1 when train is no longer than period.
func Scale(train []float64, period int) float64 {
	if period < 1 || len(train) <= period {
		period = 1
	}
	if len(train) <= period {
		return 0
	}
	sum := 0.0
	for i := period; i < len(train); i++ {
		sum += math.Abs(train[i] - train[i-period])
	}
	return sum / float64(len(train)-period)
}

// Errors sums up the accuracy of some windows.
type Errors struct {
	// MAE and RMSE are in the unit of the series.
	MAE, RMSE float64
	// MASE is MAE over Scale (Hyndman and Koehler, 2006), SMAPE the symmetric
	// percentage error of the M4 competition, 0 to 200.
	MASE, SMAPE float64
	// Points is how many forecasts were compared.
	Points int
}

// Measure compares forecasts with what came. scale is MASE's denominator; when
// it is 0, MASE is 0 for exact forecasts, and otherwise the error relative to
// the mean size of the actual values.
func Measure(windows []Window, scale float64) Errors {
	var e Errors
	size := 0.0
	for _, w := range windows {
		for i, a := range w.Actual {
			d := math.Abs(w.Forecast[i] - a)
			e.Points++
			e.MAE += d
			e.RMSE += d * d
			size += math.Abs(a)
			if total := math.Abs(a) + math.Abs(w.Forecast[i]); total > 0 {
				e.SMAPE += 200 * d / total
			}
		}
	}
	if e.Points == 0 {
		return Errors{}
	}
	n := float64(e.Points)
	e.MAE, e.RMSE, e.SMAPE = e.MAE/n, math.Sqrt(e.RMSE/n), e.SMAPE/n
	switch {
	case scale > 0:
		e.MASE = e.MAE / scale
	case e.MAE > 0 && size > 0:
		e.MASE = e.MAE / (size / n)
	case e.MAE > 0:
		e.MASE = 1
	}
	return e
}
