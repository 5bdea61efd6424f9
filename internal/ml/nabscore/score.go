package nabscore

import (
	"fmt"
	"math"
	"slices"
)

// Counts are rows by outcome, the probationary ones left out.
type Counts struct {
	TP, TN, FP, FN int
}

// Result is what one threshold earns.
type Result struct {
	Threshold float64
	Raw       float64 // the total before Normalize
	Counts    Counts
}

// Score sums what one series earns when every row with a score of at least
// threshold counts as detected. A NaN score is never detected. It panics if
// scores has not one value a row.
func Score(s Series, scores []float64, p Profile, threshold float64) Result {
	match(s, scores)
	r := Result{Threshold: threshold}
	found := make([]float64, len(s.Windows)) // the best worth seen in each window
	scored := make([]bool, len(s.Windows))   // some row of it is past probation
	for i := range found {
		found[i] = -p.FN
	}
	for i, w := range worths(s, p) {
		if w.window == probation {
			continue
		}
		hit := scores[i] >= threshold
		if w.window >= 0 {
			scored[w.window] = true
		}
		switch {
		case hit && w.window >= 0:
			r.Counts.TP++
			found[w.window] = max(found[w.window], w.worth)
		case hit:
			r.Counts.FP++
			r.Raw += w.worth
		case w.window >= 0:
			r.Counts.FN++
		default:
			r.Counts.TN++
		}
	}
	for i, f := range found {
		if scored[i] {
			r.Raw += f
		}
	}
	return r
}

// event is one scored row of a corpus in the sweep.
type event struct {
	score float64
	row
}

// Optimize returns the threshold at which the corpus as a whole earns most
// under the profile, and what it earns there. Every score that occurs is
// tried, and +Inf: nothing detected. scores[i] belongs to corpus[i].
func Optimize(corpus []Series, scores [][]float64, p Profile) (Result, error) {
	if len(corpus) != len(scores) {
		return Result{}, fmt.Errorf("%d series and %d score lists", len(corpus), len(scores))
	}
	var events []event
	found := make([]float64, 0, Windows(corpus))
	now := Result{Threshold: math.Inf(1)}
	for k, s := range corpus {
		if err := s.Validate(); err != nil {
			return Result{}, err
		}
		if len(scores[k]) != s.Rows {
			return Result{}, fmt.Errorf("series %q: %d scores for %d rows", s.Name, len(scores[k]), s.Rows)
		}
		base := Score(s, scores[k], p, math.Inf(1))
		now.Raw += base.Raw
		now.Counts.TN += base.Counts.TN
		now.Counts.FN += base.Counts.FN
		for i, w := range worths(s, p) {
			if w.window == probation || math.IsNaN(scores[k][i]) {
				continue
			}
			if w.window >= 0 {
				w.window += len(found)
			}
			events = append(events, event{scores[k][i], w})
		}
		for range s.Windows {
			found = append(found, -p.FN)
		}
	}
	return sweep(events, found, now), nil
}

// sweep lowers the threshold past one score after another. found holds what
// each window earns so far, now what the corpus earns with nothing detected.
func sweep(events []event, found []float64, now Result) Result {
	slices.SortStableFunc(events, func(a, b event) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return 0
	})
	best := now
	for i, e := range events {
		if e.window >= 0 {
			now.Counts.TP++
			now.Counts.FN--
			if e.worth > found[e.window] {
				now.Raw += e.worth - found[e.window]
				found[e.window] = e.worth
			}
		} else {
			now.Counts.FP++
			now.Counts.TN--
			now.Raw += e.worth
		}
		// Rows of equal score are detected together.
		if i+1 < len(events) && events[i+1].score == e.score {
			continue
		}
		now.Threshold = e.score
		if now.Raw > best.Raw {
			best = now
		}
	}
	return best
}

func match(s Series, scores []float64) {
	if len(scores) != s.Rows {
		panic("nabscore: one score a row wanted")
	}
}
