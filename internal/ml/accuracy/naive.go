package accuracy

import "github.com/omni-run/omni/internal/ml/season"

// Naive2 is the M competitions' yardstick: the last value of the series
// without its season, with the season put back, where a test finds one.
// Only a positive series of three seasons can have one.
func Naive2(y []float64, period, horizon int) []float64 {
	if period > 1 && len(y) >= 3*period && season.Present(y, period) {
		if indices, ok := season.Indices(y, period, true); ok {
			out := season.Naive(season.Remove(y, indices, true), 1, horizon)
			season.Restore(out, indices, len(y)%period, true)
			return out
		}
	}
	return season.Naive(y, 1, horizon)
}

// Frequency is what a step of a kind of series means for its scores.
type Frequency struct {
	Name string
	// Season is the usual length of a season, Lag what the competitions scale
	// errors by, Horizon how far M4 looked ahead (for daily and weekly series,
	// two weeks and a quarter).
	Season, Lag, Horizon int
}

// Frequencies lists the kinds of series the competitions have, slowest first.
func Frequencies() []Frequency {
	return []Frequency{
		{"yearly", 1, 1, 6},
		{"quarterly", 4, 4, 8},
		{"monthly", 12, 12, 18},
		{"weekly", 52, 1, 13},
		{"daily", 7, 1, 14},
		{"hourly", 168, 24, 48},
	}
}

// FrequencyOf finds a frequency by its name.
func FrequencyOf(name string) (Frequency, bool) {
	for _, f := range Frequencies() {
		if f.Name == name {
			return f, true
		}
	}
	return Frequency{}, false
}
