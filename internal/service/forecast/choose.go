package forecast

import (
	"fmt"
	"math"
)

// blendMargin: contestants within this factor of the least error share the
// answer.
const blendMargin = 1.15

// choose sets the weights and says why. The best by MASE answers, together
// with those close behind it, each by the inverse square of its error.
func choose(entrants []*entrant, plan plan) string {
	if len(entrants) == 1 {
		entrants[0].weight = 1
		return fmt.Sprintf("the mode asks for %s", entrants[0].name)
	}
	best := math.Inf(1)
	for _, e := range entrants {
		if e.problem == "" && len(e.windows) > 0 {
			best = min(best, e.errors.MASE)
		}
	}
	if math.IsInf(best, 1) {
		return chooseUntested(entrants)
	}
	count := 0
	for _, e := range entrants {
		if e.problem != "" || len(e.windows) == 0 || e.errors.MASE > best*blendMargin+1e-12 {
			continue
		}
		e.weight = 1 / ((e.errors.MASE + 1e-9) * (e.errors.MASE + 1e-9))
		count++
	}
	if count > 1 {
		return fmt.Sprintf("least error over %d back-test windows: %d models within %.0f %% of the best (MASE %.3f), weighted by inverse squared error",
			len(plan.origins), count, (blendMargin-1)*100, best)
	}
	return fmt.Sprintf("least error over %d back-test windows (MASE %.3f)", len(plan.origins), best)
}

// chooseUntested is for series too short to hold anything back: the simplest
// trustworthy model.
func chooseUntested(entrants []*entrant) string {
	for _, name := range []string{modelTheta, modelNaive} {
		for _, e := range entrants {
			if e.name == name && e.problem == "" {
				e.weight = 1
				return "the series is too short for a back-test; the model with the fewest parameters answers"
			}
		}
	}
	return "no model fits the series"
}
