// Package aco searches for good schedules with a MAX-MIN ant system (Stützle &
// Hoos, "MAX-MIN Ant System", 2000). Ants build plans by serial generation,
// guided by trails and by urgency; each round's best is improved by local
// search, tabu search on the critical path where the plan is a graph of lanes
// and late acceptance over orders everywhere; the improved plan lays the trail.
package aco

import (
	"context"
	"math/rand/v2"

	"github.com/omni-run/omni/internal/ml/schedule"
)

// Reasons why a search ended.
const (
	StoppedOptimal = "optimal"    // the value meets the lower bound
	StoppedWork    = "iterations" // the agreed effort is spent
	StoppedTime    = "time_limit" // Options.Stop said so
)

// Options steer a search. The zero value of a field means its default.
type Options struct {
	// Work is the effort in visits of a task; default 4e6. A search that ends
	// by it, or at the optimum, gives the same plan for the same seed.
	Work int64
	// Ants build plans in each round; default 6.
	Ants int
	// Stop is asked about every 50 microseconds to milliseconds, depending on
	// size; true ends the search with the best plan so far.
	Stop func() bool
	// OnProgress receives the share of the work done, after each round.
	OnProgress func(fraction float64)
}

// DefaultWork is about 100 ms on one core of 2020.
const DefaultWork = 4_000_000

// Result is the best plan found and how far it was proved.
type Result struct {
	Plan  *schedule.Plan
	Value schedule.Value
	// Objective is the value of the problem's objective, Bound a number that
	// no plan's is below, Gap their distance as a share of Objective, 0 to 1.
	Objective, Bound, Gap float64
	// Rounds of the colony.
	Rounds int
	// Stopped is one of the Stopped constants.
	Stopped string
	// Optimal reports that the bound proves the objective optimal. Converged
	// reports that, or that the later half of the search found no better plan.
	Optimal, Converged bool
}

// Solve searches for the best plan of an instance. It returns ctx's error, and
// no plan, when ctx ends first.
func Solve(ctx context.Context, in *schedule.Instance, rng *rand.Rand, o Options) (*Result, error) {
	if o.Work <= 0 {
		o.Work = DefaultWork
	}
	if o.Ants <= 0 {
		o.Ants = 6
	}
	s := &search{ctx: ctx, in: in, rng: rng, o: o, bound: in.Bound()}
	s.run()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	in.Tidy(s.best)
	return s.result(), nil
}

// search is the state of one Solve.
type search struct {
	ctx   context.Context
	in    *schedule.Instance
	rng   *rand.Rand
	o     Options
	bound float64

	best     *schedule.Plan
	value    schedule.Value
	improved int64 // work spent when best was found
	spent    int64
	rounds   int
	ended    string
}

// stop accounts for work done and reports whether the search must end.
func (s *search) stop(units int64) bool {
	s.spent += units
	switch {
	case s.ended != "":
	case s.ctx.Err() != nil:
		s.ended = StoppedTime
	case s.o.Stop != nil && s.o.Stop():
		s.ended = StoppedTime
	case s.spent >= s.o.Work:
		s.ended = StoppedWork
	}
	return s.ended != ""
}

// offer keeps p if it is the best so far.
func (s *search) offer(p *schedule.Plan) {
	value := s.in.Value(p)
	if s.best == nil || value.Less(s.value) {
		// Only the objective itself counts as progress, not what breaks ties.
		if s.best == nil || s.primary(value) < s.primary(s.value) {
			s.improved = s.spent
		}
		s.best, s.value = p.Clone(), value
	}
}

func (s *search) primary(v schedule.Value) float64 {
	if s.in.Problem.Objective == schedule.Cost && v[0] == s.value[0] {
		return v[1]
	}
	return v[0]
}

// optimal reports whether the bound proves the best plan's objective.
func (s *search) optimal() bool {
	if s.in.Problem.Objective == schedule.Cost && s.value[0] > 0 {
		return false // cheaper might be possible, but not without being later
	}
	return reaches(s.in.Totals(s.best).Of(s.in.Problem.Objective), s.bound)
}

// reaches reports value <= bound up to rounding.
func reaches(value, bound float64) bool { return value <= bound*(1+1e-10) }

func (s *search) result() *Result {
	r := &Result{
		Plan: s.best, Value: s.value, Bound: s.bound, Rounds: s.rounds, Stopped: s.ended,
		Objective: s.in.Totals(s.best).Of(s.in.Problem.Objective),
	}
	if reaches(r.Objective, r.Bound) {
		r.Bound = r.Objective
	}
	if r.Objective > 0 {
		r.Gap = (r.Objective - r.Bound) / r.Objective
	}
	if r.Optimal = s.optimal(); r.Optimal {
		r.Stopped = StoppedOptimal
	}
	r.Converged = r.Optimal || r.Stopped == StoppedWork && s.improved <= s.spent/2
	return r
}
