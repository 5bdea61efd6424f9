package agents

import "math"

// A late shift is a last stretch on another level. The detector asks for more
// points than a short series has after a shift; this rule is for those.
const (
	shiftBefore = 4 // points before a shift, at least
	shiftAfter  = 2 // points after it, at least, and fewer than before
	shiftTimes  = 4 // the step into it against the largest before
	// shiftFloor is the step, against the level before, that a series without
	// any movement must at least take.
	shiftFloor = 0.05
)

// lateShift returns the places of the last stretch of x if it begins with a
// step of shiftTimes the largest one before, and stays beyond all values
// before; nil otherwise, or where a value is missing.
func lateShift(x []float64) []int {
	for k := shiftBefore; k+shiftAfter <= len(x); k++ {
		if len(x)-k >= k || !leaps(x, k) {
			continue
		}
		out := make([]int, 0, len(x)-k)
		for i := k; i < len(x); i++ {
			out = append(out, i)
		}
		return out
	}
	return nil
}

// leaps reports whether x takes a step at k that is large against what went
// before, and does not come back.
func leaps(x []float64, k int) bool {
	low, high, largest := x[0], x[0], math.Abs(x[0])*shiftFloor/shiftTimes
	for i := 1; i < k; i++ {
		low, high = min(low, x[i]), max(high, x[i])
		largest = max(largest, math.Abs(x[i]-x[i-1]))
	}
	up := x[k] > x[k-1]
	if !(math.Abs(x[k]-x[k-1]) > shiftTimes*largest) {
		return false
	}
	for _, v := range x[k:] {
		if up && !(v > (high+x[k])/2) || !up && !(v < (low+x[k])/2) {
			return false
		}
	}
	return true
}
