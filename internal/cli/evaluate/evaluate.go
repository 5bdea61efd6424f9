// Package evaluate compares forecasters, or detectors of anomalies, on files
// of which the truth is known: what omni eval does, without its words and
// pictures.
package evaluate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/omni-run/omni/internal/ml/accuracy"
)

// Group is the series of one kind: they share a step, a season and a horizon.
type Group struct {
	// Name is the frequency's, such as monthly, or the step's code where it
	// has no name; Freq is the step as the API takes it, empty if unknown.
	Name, Freq string
	// Season is the length that methods without a search of their own take.
	Season, Horizon int
	// Stated says that file or caller named the season, which then is told to
	// the service too.
	Stated bool
	IDs    []string
	Cases  []accuracy.Case
}

// Score is what one method got on one group.
type Score struct {
	Method string
	accuracy.Scores
	// OWA is relative to Naive2 on the same series.
	OWA float64
	// PerSecond is how many series a second were forecast, on every core.
	PerSecond float64
}

// Table is what came of one group. The first score is that of Naive2.
type Table struct {
	*Group
	Scores []Score
	// Failed counts series that a method could not forecast, which are left
	// out for all methods; Failure is the first reason.
	Failed  int
	Failure string
}

// chunk is the most series a method gets at once: enough that a call of them
// is a call of many, few enough that progress shows.
const chunk = 64

// Progress is told how far a method is, 0 to 1.
type Progress func(group, method string, share float64)

// Compare runs methods over a group.
func Compare(ctx context.Context, g *Group, methods []Method, progress Progress) (*Table, error) {
	answers := make([][]accuracy.Forecast, len(methods))
	speeds := make([]float64, len(methods))
	t := &Table{Group: g}
	failed := make([]bool, len(g.Cases))
	for k, m := range methods {
		start := time.Now()
		answers[k] = make([]accuracy.Forecast, len(g.Cases))
		for _, part := range parts(len(g.Cases)) {
			progress(g.Name, m.Name, float64(part[0])/float64(len(g.Cases)))
			list, err := m.forecast(ctx, g, part[0], part[1])
			if err != nil {
				return nil, fmt.Errorf("%s, %s series: %w", m.Name, g.Name, err)
			}
			for i, a := range list {
				answers[k][part[0]+i] = a.Forecast
				if a.problem != "" {
					failed[part[0]+i] = true
					t.Failure = cmp.Or(t.Failure, fmt.Sprintf("%s of %s: %s", m.Name, g.IDs[part[0]+i], a.problem))
				}
			}
		}
		progress(g.Name, m.Name, 1)
		speeds[k] = float64(len(g.Cases)) / max(time.Since(start).Seconds(), 1e-9)
	}
	t.score(methods, answers, speeds, failed)
	return t, nil
}

// parts cuts n series into calls of even size, so that none is a call of few
// where the others are calls of many.
func parts(n int) (out [][2]int) {
	calls := (n + chunk - 1) / chunk
	for k := range calls {
		out = append(out, [2]int{k * n / calls, (k + 1) * n / calls})
	}
	return out
}

// score measures every method on the series that all could forecast.
func (t *Table) score(methods []Method, answers [][]accuracy.Forecast, speeds []float64, failed []bool) {
	kept := *t.Group
	kept.IDs, kept.Cases = nil, nil
	naive := []accuracy.Forecast{}
	for i, c := range t.Cases {
		if failed[i] {
			t.Failed++
			continue
		}
		kept.IDs, kept.Cases = append(kept.IDs, t.IDs[i]), append(kept.Cases, c)
		naive = append(naive, accuracy.Forecast{Point: accuracy.Naive2(c.Train, c.Lag, len(c.Test))})
	}
	t.Group = &kept
	reference := accuracy.Measure(kept.Cases, naive)
	t.Scores = []Score{{Method: "naive2", Scores: reference, OWA: reference.OWA(reference)}}
	for k, m := range methods {
		own := answers[k][:0]
		for i, a := range answers[k] {
			if !failed[i] {
				own = append(own, a)
			}
		}
		s := accuracy.Measure(kept.Cases, own)
		t.Scores = append(t.Scores, Score{Method: m.Name, Scores: s, OWA: s.OWA(reference), PerSecond: speeds[k]})
	}
}

// Best is the method with the least MASE, Naive2 among them; "" if none has
// one.
func (t *Table) Best() string {
	best := ""
	least := 0.0
	for _, s := range t.Scores {
		if s.MASE == s.MASE && (best == "" || s.MASE < least) { //nolint:gocritic // NaN is not itself
			best, least = s.Method, s.MASE
		}
	}
	return best
}

// Interval returns how the intervals of a level, in (0, 1), did; false for a
// method without any.
func (s Score) Interval(level float64) (accuracy.Interval, bool) {
	i := slices.IndexFunc(s.Intervals, func(i accuracy.Interval) bool { return i.Level == level })
	if i < 0 {
		return accuracy.Interval{}, false
	}
	return s.Intervals[i], true
}
