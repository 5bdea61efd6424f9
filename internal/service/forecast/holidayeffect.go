package forecast

import (
	"time"

	"github.com/omni-run/omni/internal/ml/regress"
)

// holidayEffects returns what the holidays add to each of the dates, of which
// the first len(y) are those of y, and the rest its future; nil where the
// history knows no holiday or tells of none that matters.
//
// Each holiday is estimated on its own, beside errors with a memory, then drawn
// towards the mean of all, and that towards 0, as far as chance can explain the
// difference (empirical Bayes: Efron and Morris, 1973). A holiday that the
// history does not know takes the mean.
//
// week is the season taken out of days and holidays alike before the one is
// compared with the other.
func holidayEffects(y []float64, dates []time.Time, week int, holiday func(time.Time) string) []float64 {
	names := make([]string, len(dates))
	number, times := map[string]int{}, []float64(nil)
	for i, d := range dates {
		names[i] = holiday(d)
		if names[i] == "" || i >= len(y) || i == 0 { // the first has no error before it
			continue
		}
		k, known := number[names[i]]
		if !known {
			k = len(times)
			number[names[i]], times = k, append(times, 0)
		}
		times[k]++
	}
	if len(times) == 0 || len(y) < leastCalendarDays {
		return nil
	}
	// The ends of months have a column of their own: what they add is no
	// holiday's, though New Year is one of them.
	columns := make([][]float64, len(times)+monthFeatures)
	for k := range columns {
		columns[k] = make([]float64, len(y))
	}
	for i := range y {
		if names[i] != "" && i > 0 {
			columns[number[names[i]]][i] = 1
		}
		if d := dates[i]; d.Day() == 1 {
			columns[len(times)][i] = 1
		} else if d.Day() == lastDay(d) {
			columns[len(times)+1][i] = 1
		}
	}
	fit, err := regress.Fit(y, columns, week)
	if err != nil {
		return nil // more holidays than such a short series can tell apart
	}
	// A day apart costs its own error and that of the next, which remembers it.
	own, mean := shrunk(fit.Slopes[:len(times)], times, fit.Noise/(1+fit.Memory*fit.Memory))
	if mean == 0 && len(own) == 0 {
		return nil
	}
	out := make([]float64, len(dates))
	for i, name := range names {
		if name == "" {
			continue
		}
		if k, known := number[name]; known {
			out[i] = own[k]
		} else {
			out[i] = mean
		}
	}
	return out
}

// shrunk draws effects, each the mean of so many days with the given variance,
// towards their common mean, and that towards 0. It returns no effects where
// nothing is left of any.
func shrunk(effects, times []float64, variance float64) (own []float64, mean float64) {
	days, raw := 0.0, 0.0
	for k, n := range times {
		days += n
		raw += n * effects[k]
	}
	raw /= days
	between, chance := 0.0, 0.0
	for k, n := range times {
		d := effects[k] - raw
		between += n * d * d
		chance += variance
	}
	// What the effects differ by beyond chance, a day's weight each.
	apart := max(0, between-chance) / days
	if square := raw * raw; square > 0 {
		mean = raw * max(0, 1-(variance+apart)/days/square)
	}
	if mean == 0 && apart == 0 {
		return nil, 0
	}
	own = make([]float64, len(effects))
	for k, n := range times {
		own[k] = mean
		if apart > 0 {
			own[k] += (effects[k] - mean) * n / (n + variance/apart)
		}
	}
	return own, mean
}
