package forecast

import (
	"math"
	"slices"
)

const (
	// leastSince is how many values must follow a change of level.
	leastSince = 10
	// shiftSize is how many times the mean of the other steps the one that
	// changes the level is.
	shiftSize = 20
	// shiftStays is the share of that step by which the medians before and
	// after it must differ: a spike comes back, a change of level does not.
	shiftStays = 0.8
)

// sinceShift returns where the values after a single, plain change of level
// begin, 0 without one. What lay before says nothing of where the series is,
// and every model with a memory would see a trend in the jump.
func sinceShift(y []float64) int {
	if len(y) < 2*leastSince {
		return 0
	}
	unit := unitOf(y)
	at, largest, total := 0, 0.0, 0.0
	for i := 1; i < len(y); i++ {
		d := math.Abs(y[i]/unit - y[i-1]/unit)
		total += d
		if d >= largest {
			at, largest = i, d
		}
	}
	others := (total - largest) / float64(len(y)-2)
	if at < leastSince || len(y)-at < leastSince || !(largest > shiftSize*others) {
		return 0
	}
	if moved := math.Abs(middle(y[at:])/unit - middle(y[:at])/unit); moved < shiftStays*largest {
		return 0
	}
	return at
}

func middle(y []float64) float64 {
	s := slices.Sorted(slices.Values(y))
	return s[len(s)/2]/2 + s[(len(s)-1)/2]/2
}
