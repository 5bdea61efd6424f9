// Package selector decides how much each of a team of forecasting methods
// counts for one series. A combiner (gbdt) learned from many series whose
// future was known: it reads the features of the series, how each member did
// in a rolling back-test on it, and how far the members' forecasts lie apart.
// After FFORMA (Montero-Manso, Athanasopoulos, Hyndman and Talagala, 2020),
// with the back-test as further features. A table beside it says by how much
// intervals measured on a back-test must widen to hold on what comes after.
package selector

import (
	"math"
	"slices"

	"github.com/omni-run/omni/internal/ml/features"
	"github.com/omni-run/omni/internal/ml/gbdt"
)

// Members lists the methods a model weighs, in the order of its outputs.
func Members() []string {
	return []string{
		"naive", "seasonal_naive", "drift", "theta", "dynamic_theta", "damped_trend", "ets", "autoregression", "croston", "sba", "tsb", "global_lstm", "lstm",
	}
}

// Member is what is known of one method on one series.
type Member struct {
	// Forecast is nil for a method that cannot take part.
	Forecast []float64
	// MASE is its error in the back-test, NaN without one.
	MASE float64
}

// Case is a series as the combiner reads it.
type Case struct {
	// Features are those of package features.
	Features []float64
	Period   int
	Horizon  int
	// Scale is the size of a step of the series: the MASE denominator.
	Scale float64
	// Tested is how many errors the back-test measured, TestHorizon how far
	// ahead.
	Tested, TestHorizon int
	// Members are in the order of Members().
	Members []Member
}

// Width is how many numbers Row returns.
func Width() int { return features.Count + 5 + 3*len(Members()) }

// Row lays the case out for the combiner.
func (c Case) Row() []float64 {
	row := append(make([]float64, 0, Width()), c.Features...)
	best, middle := math.NaN(), math.NaN()
	var known []float64
	for _, m := range c.Members {
		if m.Forecast != nil && !math.IsNaN(m.MASE) {
			known = append(known, m.MASE)
		}
	}
	if len(known) > 0 {
		slices.Sort(known)
		best, middle = known[0], known[len(known)/2]
	}
	row = append(row, float64(c.Horizon), float64(c.Horizon)/float64(max(c.Period, 1)), float64(c.Tested),
		float64(c.TestHorizon)/float64(max(c.Horizon, 1)), clip(math.Log(best+1e-6), 5))
	for _, m := range c.Members {
		evidence, towards := math.NaN(), math.NaN()
		if m.Forecast != nil && !math.IsNaN(m.MASE) {
			evidence, towards = clip(math.Log((m.MASE+1e-6)/(middle+1e-6)), 3), clip(math.Log((m.MASE+1e-6)/(best+1e-6)), 3)
		}
		row = append(row, evidence, towards)
	}
	centre := c.centre()
	for _, m := range c.Members {
		apart := math.NaN()
		if m.Forecast != nil && c.Scale > 0 {
			apart = 0
			for i, v := range m.Forecast {
				apart += (v - centre[i]) / c.Scale / float64(len(m.Forecast))
			}
			apart = clip(apart, 20)
		}
		row = append(row, apart)
	}
	return row
}

func clip(v, limit float64) float64 { return max(-limit, min(limit, v)) }

// centre is the median forecast at each step.
func (c Case) centre() []float64 {
	out := make([]float64, c.Horizon)
	values := make([]float64, 0, len(c.Members))
	for i := range out {
		values = values[:0]
		for _, m := range c.Members {
			if m.Forecast != nil {
				values = append(values, m.Forecast[i])
			}
		}
		if len(values) > 0 {
			slices.Sort(values)
			out[i] = values[len(values)/2]/2 + values[(len(values)-1)/2]/2
		}
	}
	return out
}

// Available says which members have a forecast.
func (c Case) Available() []bool {
	out := make([]bool, len(c.Members))
	for k, m := range c.Members {
		out[k] = m.Forecast != nil
	}
	return out
}

// Model is a trained selector.
type Model struct {
	// Members and Features name what the model was trained with; both must be
	// those of the code that reads it.
	Members     []string
	Features    []string
	Combiner    gbdt.Combiner
	Calibration Calibration
}

// least is the smallest weight kept: less only lengthens the answer.
const least = 0.02

// floor is the smallest weight a member that can take part has before its error
// on this very series is looked at: what the trees say of a series unlike any
// they learned from must not rule out the one member that fits it.
const floor = 1e-2

// far is how many times the best member's error leaves a weight as learned;
// beyond, it falls with the fourth power of the error. What was learned from
// other series must not overrule what this one plainly shows, such as a member
// that makes no error at all, or one that is far worse than all.
const far = 1.5

// Weights returns the members' weights, which sum to one unless no member is
// available.
func (m *Model) Weights(c Case) []float64 {
	w := m.Combiner.Weights(c.Row(), c.Available())
	best := math.Inf(1)
	for _, one := range c.Members {
		if one.Forecast != nil && one.MASE < best {
			best = one.MASE
		}
	}
	sum := 0.0
	for k, one := range c.Members {
		if one.Forecast != nil {
			w[k] = max(w[k], floor)
		}
		if limit := far * (best + 1e-9); one.MASE > limit {
			w[k] *= math.Pow(limit/one.MASE, 4)
		}
		sum += w[k]
	}
	kept := 0.0
	for k := range w {
		if w[k] < least*sum {
			w[k] = 0
		}
		kept += w[k]
	}
	for k := range w {
		if kept > 0 {
			w[k] /= kept
		}
	}
	return w
}
