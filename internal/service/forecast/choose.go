package forecast

import (
	"fmt"
	"math"
)

// Contestants whose error is within a factor of the least share the answer.
// The fewer errors were measured, the more of a difference between two of them
// is chance, and the wider the factor.
const (
	marginOfMany = 1.15
	marginOfOne  = 20 // divided by how many errors were measured
	widestMargin = 2
)

func blendMargin(errors int) float64 {
	return min(widestMargin, marginOfMany+marginOfOne/float64(errors))
}

// choose sets the weights and says why.
func (t task) choose(r *race) string {
	if len(r.entrants) == 1 {
		r.entrants[0].weight = 1
		return fmt.Sprintf("the mode asks for %s", r.entrants[0].name)
	}
	tested := false
	for _, e := range r.entrants {
		tested = tested || e.problem == "" && len(e.windows) > 0
	}
	switch {
	case !tested:
		return chooseUntested(r.entrants)
	case r.features == nil:
		return chooseByTest(r.entrants, r.plan)
	default:
		return t.chooseLearned(r)
	}
}

// chooseByTest lets the best by MASE answer, together with those close behind
// it, each by the inverse square of its error.
func chooseByTest(entrants []*entrant, plan plan) string {
	best, points := math.Inf(1), 0
	for _, e := range entrants {
		if e.problem == "" && len(e.windows) > 0 {
			best, points = min(best, e.errors.MASE), e.errors.Points
		}
	}
	count, margin := 0, blendMargin(points)
	for _, e := range entrants {
		if e.problem != "" || len(e.windows) == 0 || e.errors.MASE > best*margin+1e-12 {
			continue
		}
		e.weight = 1 / ((e.errors.MASE + 1e-9) * (e.errors.MASE + 1e-9))
		count++
	}
	if count > 1 {
		return fmt.Sprintf("least error over %d back-test windows: %d models within %.0f %% of the best (MASE %.3f), weighted by inverse squared error",
			len(plan.origins), count, (margin-1)*100, best)
	}
	return fmt.Sprintf("least error over %d back-test windows (MASE %.3f)", len(plan.origins), best)
}

// chooseUntested is for the two or three values of which none can be held back.
func chooseUntested(entrants []*entrant) string {
	for _, e := range entrants {
		if e.name == modelNaive {
			e.weight = 1
		}
	}
	return "the series is too short for a back-test; its last value is repeated"
}
