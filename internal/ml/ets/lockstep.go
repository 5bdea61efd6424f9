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
	// foreseen are values at points that the search may ask for next.
	foreseen []foreseen
}

type foreseen struct {
	x []float64
	passed
}

// passed is what a pass over the series returned.
type passed struct{ sse, logs float64 }

func newSearch(m *Model, p *parameters, start []float64, evaluations int) *search {
	s := neldermead.New(start, neldermead.Options{Evaluations: evaluations, Step: 0.4, Tolerance: 1e-7})
	return &search{Search: s, model: m, parameters: p}
}

// objective is the likelihood over n values, times -2 and without its
// constants.
func (s *search) objective(p passed, n float64) float64 {
	v := n * math.Log(max(p.sse, 1e-300))
	if s.model.Error == Multiplicative {
		v += 2 * p.logs
	}
	return v
}

// hear takes the value that the search waits for, and those that are known
// beyond.
func (s *search) hear(p passed, n float64) {
	s.Tell(s.objective(p, n))
	for _, f := range s.foreseen {
		if x, more := s.Next(); more && slices.Equal(x, f.x) {
			s.Tell(s.objective(f.passed, n))
		}
	}
	s.foreseen = s.foreseen[:0]
}

// lockstep takes searches on one series forward side by side. A pass over the
// series waits for one number after the other; the passes of several models
// wait at the same time.
type lockstep struct {
	y      []float64
	going  []*search
	points []point
	lanes  *lanes // nil where every model runs alone
}

// leastLanes is from how many points on they are tried side by side.
const leastLanes = 2

// point is where a search wants, or may want, a value; guess is its index among
// the search's foreseen ones, or -1.
type point struct {
	*search
	guess int
	passed
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
		_, more := s.Next()
		return !more
	})
	l.points = l.points[:0]
	for _, s := range l.going {
		l.points = append(l.points, point{search: s, guess: -1})
	}
	if l.lanes == nil || len(l.points) < leastLanes {
		for i := range l.points {
			p := &l.points[i]
			x, _ := p.Next()
			p.parameters.apply(p.model, x)
			p.sse, p.logs = p.model.run(l.y, nil)
		}
	} else {
		l.foresee()
		for rest := l.points; len(rest) > 0; {
			count := min(len(rest), width)
			l.pass(rest[:count])
			rest = rest[count:]
		}
	}
	for i := len(l.points) - 1; i >= 0; i-- { // the guesses first
		if p := &l.points[i]; p.guess >= 0 {
			p.foreseen[p.guess].passed = p.passed
		} else {
			p.hear(p.passed, float64(len(l.y)))
		}
	}
	return len(l.points) > 0
}

// foresee fills the lanes that are left with points that may be asked for next.
func (l *lockstep) foresee() {
	spare := width - 1 - (len(l.points)-1)%width
	for k := 0; k < neldermead.MostFurther; k++ {
		for _, s := range l.going {
			if spare == 0 {
				return
			}
			x := s.Further(k)
			if x == nil {
				continue
			}
			if len(s.foreseen) < cap(s.foreseen) {
				s.foreseen = s.foreseen[:len(s.foreseen)+1]
			} else {
				s.foreseen = append(s.foreseen, foreseen{})
			}
			f := &s.foreseen[len(s.foreseen)-1]
			f.x = append(f.x[:0], x...)
			l.points = append(l.points, point{search: s, guess: len(s.foreseen) - 1})
			spare--
		}
	}
}

// pass runs the models of up to width points over the series side by side.
func (l *lockstep) pass(group []point) {
	for i := range group {
		p := &group[i]
		var x []float64
		if p.guess >= 0 {
			x = p.foreseen[p.guess].x
		} else {
			x, _ = p.Next()
		}
		p.parameters.apply(p.model, x)
		l.lanes.set(i, p.model, p.parameters.searchesSeason)
	}
	for i := len(group); i < width; i++ {
		l.lanes.idle(i)
	}
	l.lanes.run(l.y)
	for i := range group {
		group[i].sse, group[i].logs = l.lanes.result(i)
	}
}
