package detect

import (
	"math"
	"slices"
	"time"
)

// Grid places strictly increasing times on an even grid whose step is their
// median distance, so that gaps keep the phase of a season. It reports false
// when the times do not fit one (some distance is more than a tenth of a step
// off a multiple) or the grid would be more than four times as long as the
// series; the values are then best taken as they come.
func Grid(times []time.Time) (positions []int, step time.Duration, ok bool) {
	if len(times) < 2 {
		return nil, 0, false
	}
	distances := make([]time.Duration, len(times)-1)
	for i := range distances {
		distances[i] = times[i+1].Sub(times[i])
	}
	step = slices.Sorted(slices.Values(distances))[len(distances)/2]
	if step <= 0 {
		return nil, 0, false
	}
	positions = make([]int, len(times))
	for i, d := range distances {
		steps := float64(d) / float64(step)
		whole := math.Round(steps)
		if whole < 1 || math.Abs(steps-whole) > 0.1*whole || whole > float64(4*len(times)) {
			return nil, step, false
		}
		positions[i+1] = positions[i] + int(whole)
	}
	if positions[len(positions)-1] > 4*len(times) {
		return nil, step, false
	}
	return positions, step, true
}
