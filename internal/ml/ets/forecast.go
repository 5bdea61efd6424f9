package ets

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Forecast returns the point forecasts from the final states: the mean for
// additive errors, and what a path without errors would be otherwise.
func (m *Model) Forecast(horizon int) []float64 {
	out := make([]float64, horizon)
	slope, damp := 0.0, 1.0
	for h := range out {
		damp *= m.Phi
		slope += damp * m.slope
		out[h] = m.level + slope
		switch m.Spec.Season {
		case Additive:
			out[h] += m.season[h%m.Period]
		case Multiplicative:
			out[h] *= m.season[h%m.Period]
		}
	}
	return out
}

// Variance returns the variance of the forecast errors at steps 1 to horizon:
// analytic for additive errors (Hyndman et al., 2008, table 6.1),
//
//	sigma2 * (1 + sum over j < h of c(j)^2),  c(j) = alpha + beta*(phi + ... + phi^j) [+ gamma at whole seasons]
//
// and from paths simulated paths of the model itself otherwise.
func (m *Model) Variance(horizon, paths int, rng *rand.Rand) []float64 {
	if m.Error == Multiplicative || m.Spec.Season == Multiplicative {
		return m.simulatedVariance(horizon, paths, rng)
	}
	out := make([]float64, horizon)
	sum, damp, power := 1.0, 0.0, 1.0
	for h := range out {
		out[h] = m.Sigma2 * sum
		power *= m.Phi
		damp += power
		c := m.Alpha + m.Beta*damp
		if m.Spec.Season == Additive && (h+1)%m.Period == 0 {
			c += m.Gamma
		}
		sum += c * c
	}
	return out
}

func (m *Model) simulatedVariance(horizon, paths int, rng *rand.Rand) []float64 {
	sigma := math.Sqrt(m.Sigma2)
	sum, square := make([]float64, horizon), make([]float64, horizon)
	seasonal := make([]float64, len(m.season))
	// Differences from the point forecasts keep the sums well conditioned.
	centre := m.Forecast(horizon)
	for range paths {
		level, slope := m.level, m.slope
		copy(seasonal, m.season)
		for h := range horizon {
			base := level + m.Phi*slope
			forecast, s, at := base, 1.0, 0
			if m.Spec.Season != None {
				at = h % m.Period
			}
			switch m.Spec.Season {
			case Additive:
				forecast += seasonal[at]
			case Multiplicative:
				s = seasonal[at]
				forecast *= s
			}
			e := sigma * rng.NormFloat64()
			if m.Error == Multiplicative {
				e = forecast * max(e, -0.99)
			}
			d := forecast + e - centre[h]
			sum[h] += d
			square[h] += d * d
			step := e
			switch m.Spec.Season {
			case Additive:
				seasonal[at] += m.Gamma * e
			case Multiplicative:
				step = e / s
				seasonal[at] += m.Gamma * e / base
			}
			level, slope = base+m.Alpha*step, m.Phi*slope+m.Beta*step
		}
	}
	n := float64(paths)
	for h := range sum {
		mean := sum[h] / n
		sum[h] = max(0, square[h]/n-mean*mean)
	}
	return sum
}

// Clone returns a copy with states of its own, to filter other data with.
func (m *Model) Clone() *Model {
	c := *m
	c.Season, c.season = slices.Clone(m.Season), slices.Clone(m.season)
	return &c
}
