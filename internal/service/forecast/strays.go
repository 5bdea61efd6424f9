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
	sorted := slices.Clone(y)
	slices.Sort(sorted)
	// The largest and the smallest few do not count.
	few := max(1, len(y)/strayShare)
	low, high := sorted[few], sorted[len(sorted)-1-few]
	ratios := sorted[0] > 0
	outside := func(v float64) bool {
		return beyond(v, low, high) && (!ratios || beyond(math.Log(v), math.Log(low), math.Log(high)))
	}
	// The outermost tell whether any is outside.
	if !outside(sorted[0]) && !outside(sorted[len(sorted)-1]) {
		return y, nil
	}
	holes := slices.Clone(y)
	for i, v := range y {
		if outside(v) {
			holes[i] = math.NaN()
			strays = append(strays, v)
		}
	}
	return imputed(holes, "linear"), strays
}

// beyond says that a value lies far from others, which span from low to high;
// where those are all alike, nothing does.
func beyond(v, low, high float64) bool {
	span := strayReach * (high - low)
	return high > low && (v > high+span || v < low-span)
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
