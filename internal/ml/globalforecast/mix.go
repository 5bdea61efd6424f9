package globalforecast

import (
	"math"
	"slices"
)

const (
	// mostError bounds what one series adds to a mean: a history that hardly
	// moved before it exploded would decide alone.
	mostError = 10
	// mostPercent bounds the error in percent of one value, as a share.
	mostPercent = 2
)

// mixture is what the point forecasts are mixed of, by series and step.
type mixture struct {
	networks, theta [][]float64
	// variances are those of the networks' logarithms, 0 where they read
	// differences.
	variances [][]float64
}

// mixture lays out what the networks and the Theta model forecast after each past.
func (f *Frequency) mixture(j held, networks []Forecast, others [][]float64) mixture {
	m := mixture{theta: others}
	for i, one := range networks {
		v := make([]float64, len(one[middle]))
		for h := range v {
			if low := one[1][h]; !j.linear[i] && low > 0 {
				v[h] = variance(math.Log(one[quantiles-2][h] / low))
			}
		}
		m.networks, m.variances = append(m.networks, one[middle]), append(m.variances, v)
	}
	return m
}

// beside weighs the series of each set by the Theta model's error on it, so that
// a set that nobody forecasts well does not decide alone.
func (f *Frequency) beside(j held, m mixture) held {
	errors := map[string]float64{}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(j.sets))) {
		errors[name] = f.error(j.only(name), m, 0, func(int) float64 { return 0 })
	}
	j.weights = slices.Clone(j.weights)
	for i, name := range j.sets {
		if e := errors[name]; e > 0 {
			j.weights[i] /= e
		}
	}
	return j
}

// mix sets the networks' share in the blend, how much the errors on the series
// itself may move it, and the lean. Of the shares whose error is within hedge of
// the least the smallest is taken: the held-out ends flatter the networks, which
// saw related series at the same time.
func (f *Frequency) mix(j held, m mixture, said []evidence) {
	const grid, hedge = 20, 0.003
	least := math.Inf(1)
	type choice struct{ trust, lean float64 }
	errors := map[choice][]float64{}
	var best choice
	for _, lean := range []float64{0, 0.1, 0.2, 0.3} {
		for _, t := range []float64{0, 0.5, 1, 1.5, 2, 3, 4, 6} {
			for k := 1; k < grid; k++ {
				b := float64(k) / grid
				e := f.error(j, m, lean, func(i int) float64 { return said[i].share(b, t) })
				errors[choice{t, lean}] = append(errors[choice{t, lean}], e)
				if e < least {
					least, best = e, choice{t, lean}
				}
			}
		}
	}
	for k, e := range errors[best] {
		if e <= least*(1+hedge) {
			f.Blend, f.Trust, f.Lean = float64(k+1)/grid, best.trust, best.lean
			return
		}
	}
}

// error is the mean of the errors of a blend, with the networks' share of each
// series, as competitions measure them: sMAPE and, half as much, MAPE in the
// recipe's weight and MASE in its own. Relative errors mean nothing for series
// with zeros; there the scaled one stands for them.
func (f *Frequency) error(j held, m mixture, lean float64, share func(i int) float64) float64 {
	return j.mean(func(i int) (float64, bool) {
		y, w := j.next[i], share(i)
		both, percent, absolute := 0.0, 0.0, 0.0
		for h, a := range y {
			p := (w*m.networks[i][h] + (1-w)*m.theta[i][h]) * math.Exp(-w*lean*m.variances[i][h])
			if d := math.Abs(a-p) / float64(len(y)); d > 0 {
				both += 2 * d / (math.Abs(a) + math.Abs(p))
				percent += min(d/math.Abs(a), mostPercent/float64(len(y)))
				absolute += d
			}
		}
		scaled := 0.0
		if s := meanStep(j.past[i], f.Recipe.Scored); s > 0 {
			scaled = f.Recipe.ScaledShare * absolute / s
		}
		relative := f.Recipe.RelativeShare * (both + percent/2)
		if slices.Min(j.past[i]) <= 0 {
			relative = 1.5 * scaled
		}
		return min((relative+scaled)/2.5, mostError), true
	})
}

// meanStep is the mean absolute step of y over lag values, the denominator of
// the scaled errors.
func meanStep(y []float64, lag int) float64 {
	sum := 0.0
	for i := lag; i < len(y); i++ {
		sum += math.Abs(y[i] - y[i-lag])
	}
	return sum / float64(max(1, len(y)-lag))
}
