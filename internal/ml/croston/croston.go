// Package croston forecasts demand that comes now and then: Croston's method
// (1972), which smooths the sizes of demands and the intervals between them
// apart; its correction by Syntetos and Boylan (SBA, 2005), which takes out
// most of its bias; and the method of Teunter, Syntetos and Babai (TSB, 2011),
// which smooths the probability of a demand in every period, so that a product
// that stops selling is noticed.
package croston

import "errors"

// ErrNoDemand says that every value is 0, so there is no size to smooth.
var ErrNoDemand = errors.New("croston: the series holds no demand")

// Model is a method with its parameters and its state at the end of the data.
type Model struct {
	// Alpha smooths the sizes; Beta the intervals (Croston, SBA) or the
	// probability (TSB). Both are above 0 and at most 1.
	Alpha, Beta float64
	// Rate is the forecast: the mean demand a period, the same at every step.
	Rate float64
	// MSE is the mean squared error of the one-step forecasts after the first
	// demand.
	MSE float64
}

// Forecast continues the series: the rate, step after step.
func (m Model) Forecast(horizon int) []float64 {
	out := make([]float64, horizon)
	for i := range out {
		out[i] = m.Rate
	}
	return out
}

// Croston runs the method of 1972. A demand is a value other than 0. Sizes and
// intervals start at their first observations; the first interval counts from
// the start of the series.
func Croston(y []float64, alpha, beta float64) (Model, error) { return intervals(y, alpha, beta, 1) }

// SBA is Croston's forecast times 1 - beta/2.
func SBA(y []float64, alpha, beta float64) (Model, error) {
	return intervals(y, alpha, beta, 1-beta/2)
}

func intervals(y []float64, alpha, beta, factor float64) (Model, error) {
	m := Model{Alpha: alpha, Beta: beta}
	var errs meanSquare
	size, gap, since, seen := 0.0, 0.0, 0, false
	for _, v := range y {
		since++
		if seen {
			errs.add(v - factor*size/gap)
		}
		if v == 0 {
			continue
		}
		if !seen {
			size, gap, seen = v, float64(since), true
		} else {
			size += alpha * (v - size)
			gap += beta * (float64(since) - gap)
		}
		since = 0
	}
	if !seen {
		return m, ErrNoDemand
	}
	m.Rate, m.MSE = factor*size/gap, errs.mean()
	return m, nil
}

// TSB smooths the probability of a demand in every period and its size at
// each demand.
func TSB(y []float64, alpha, beta float64) (Model, error) {
	m := Model{Alpha: alpha, Beta: beta}
	var errs meanSquare
	size, chance, seen := 0.0, 0.0, false
	for i, v := range y {
		if seen {
			errs.add(v - chance*size)
		}
		now := 0.0
		if v != 0 {
			now = 1
			if !seen {
				size, seen = v, true
			} else {
				size += alpha * (v - size)
			}
		}
		if i == 0 {
			chance = now
		} else {
			chance += beta * (now - chance)
		}
	}
	if !seen {
		return m, ErrNoDemand
	}
	m.Rate, m.MSE = chance*size, errs.mean()
	return m, nil
}

// Method is one of the functions of this package.
type Method func(y []float64, alpha, beta float64) (Model, error)

// grid holds the smoothing parameters that the literature uses for sparse
// demand (Syntetos and Boylan, 2005: 0.05 to 0.2), and one beyond.
var grid = [...]float64{0.05, 0.1, 0.2, 0.3}

// Fit runs a method with every pair of parameters of a small grid and returns
// the one of the least mean squared one-step error.
func Fit(method Method, y []float64) (best Model, err error) {
	for i, alpha := range grid {
		for k, beta := range grid {
			m, err := method(y, alpha, beta)
			if err != nil {
				return m, err
			}
			if i == 0 && k == 0 || m.MSE < best.MSE {
				best = m
			}
		}
	}
	return best, nil
}

type meanSquare struct {
	sum float64
	n   int
}

func (s *meanSquare) add(e float64) {
	s.sum += e * e
	s.n++
}

func (s *meanSquare) mean() float64 {
	if s.n == 0 {
		return 0
	}
	return s.sum / float64(s.n)
}
