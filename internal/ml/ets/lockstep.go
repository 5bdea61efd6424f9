package ets

import (
	"math"
	"slices"

	"github.com/omni-run/omni/internal/ml/neldermead"
)

// search is one search for a model's parameters.
type search struct {
	*neldermead.Search
	model      *Model // of the point that is tried
	parameters *parameters
}

func newSearch(m *Model, p *parameters, start []float64, evaluations int) *search {
	s := neldermead.New(start, neldermead.Options{Evaluations: evaluations, Step: 0.4, Tolerance: 1e-7})
	return &search{Search: s, model: m, parameters: p}
}

// hear takes what a pass over n values returned. What is searched for is the
// likelihood, times -2 and without its constants.
func (s *search) hear(sse, logs float64, n int) {
	v := float64(n) * math.Log(max(sse, 1e-300))
	if s.model.Error == Multiplicative {
		v += 2 * logs
	}
	s.Tell(v)
}

// lockstep takes searches on one series forward side by side. A pass over the
// series waits for one number after the other; the passes of several models
// wait at the same time.
type lockstep struct {
	y     []float64
	going []*search
	lanes *lanes // nil where every model runs alone
}

func newLockstep(y []float64, searches []*search) *lockstep {
	l := &lockstep{y: y, going: slices.Clone(searches)}
	// Those that divide by a season come last, so that the others' groups need
	// not.
	slices.SortStableFunc(l.going, func(a, b *search) int { return ratioRank(a) - ratioRank(b) })
	period := 1
	for _, s := range searches {
		if m := s.model; m.Spec.Season != None && m.Period != period {
			if period != 1 {
				return l // seasons of two lengths do not turn side by side
			}
			period = m.Period
		}
	}
	if sideBySide {
		l.lanes = newLanes(period)
	}
	return l
}

func ratioRank(s *search) int {
	if s.model.Spec.Season == Multiplicative {
		return 1
	}
	return 0
}

// step tries the next point of every search; it reports false when none is
// left.
func (l *lockstep) step() bool {
	l.going = slices.DeleteFunc(l.going, func(s *search) bool {
		x, more := s.Next()
		if more {
			s.parameters.apply(s.model, x)
		}
		return !more
	})
	for rest := l.going; len(rest) > 0; {
		if l.lanes == nil || len(rest) == 1 {
			sse, logs := rest[0].model.run(l.y, nil)
			rest[0].hear(sse, logs, len(l.y))
			rest = rest[1:]
			continue
		}
		count := min(len(rest), width)
		l.pass(rest[:count])
		rest = rest[count:]
	}
	return len(l.going) > 0
}

// pass runs the models of up to width searches over the series side by side.
func (l *lockstep) pass(group []*search) {
	for i, s := range group {
		l.lanes.set(i, s.model, s.parameters.searchesSeason)
	}
	for i := len(group); i < width; i++ {
		l.lanes.idle(i)
	}
	l.lanes.run(l.y)
	for i, s := range group {
		sse, logs := l.lanes.result(i)
		s.hear(sse, logs, len(l.y))
	}
}
