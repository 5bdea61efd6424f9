package forecast

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

const (
	// leastStray is the shortest series in which one value can be told from a
	// new level.
	leastStray = 20
	// strayShare is one in how many values may be a stray, on either side.
	strayShare = 50
	// strayReach is how many spreads of the others away a stray lies.
	strayReach = 3
)

// withoutStrays replaces the few values that lie further from all others than
// three times the spread of those, on the scale of differences and, where all
// are positive, on that of ratios too: mistyped or one-off values, after which
// every model would run. The line between their neighbours stands in for them;
// strays are the values left out.
func withoutStrays(y []float64) (out, strays []float64) {
	if len(y) < leastStray {
		return y, nil
	}
	outside := reach(y)
	if slices.Min(y) > 0 {
		ratio, logs := outside, make([]float64, len(y))
		for i, v := range y {
			logs[i] = math.Log(v)
		}
		far := reach(logs)
		outside = func(v float64) bool { return ratio(v) && far(math.Log(v)) }
	}
	holes := slices.Clone(y)
	for i, v := range y {
		if outside(v) {
			holes[i] = math.NaN()
			strays = append(strays, v)
		}
	}
	if len(strays) == 0 {
		return y, nil
	}
	return imputed(holes, "linear"), strays
}

// reach returns whether a value lies beyond what the others span. The largest
// and the smallest few do not count; where the others are all alike, nothing
// lies beyond.
func reach(y []float64) func(float64) bool {
	sorted := slices.Sorted(slices.Values(y))
	few := max(1, len(y)/strayShare)
	low, high := sorted[few], sorted[len(sorted)-1-few]
	span := strayReach * (high - low)
	return func(v float64) bool { return high > low && (v > high+span || v < low-span) }
}

// strayText words a warning.
func strayText(strays []float64) string {
	shown := make([]string, 0, 3)
	for _, v := range strays[:min(len(strays), cap(shown))] {
		shown = append(shown, fmt.Sprintf("%g", v))
	}
	more := ""
	if n := len(strays) - len(shown); n > 0 {
		more = fmt.Sprintf(" and %d more", n)
	}
	return fmt.Sprintf("left out as far beyond all other values: %s%s", strings.Join(shown, ", "), more)
}
