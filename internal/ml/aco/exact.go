package aco

import "github.com/omni-run/omni/internal/ml/schedule"

// exactLeaves is the most combinations of an order and modes that are tried
// one by one: a few tens of milliseconds.
const exactLeaves = 50_000

// enumerable reports whether every order of the tasks with every choice of
// modes can be tried. Precedence only makes them fewer.
func (s *search) enumerable() bool {
	leaves := 1
	for i, modes := range s.in.Modes {
		if leaves *= (i + 1) * len(modes); leaves > exactLeaves {
			return false
		}
	}
	return true
}

// enumerate tries them all. Serial generation reaches an optimal plan from
// some order for every objective that never gains by a later end (Kolisch
// 1996), and ours are such, so what it finds is the optimum.
func (s *search) enumerate() {
	n := len(s.in.Modes)
	e := &enumeration{search: s, generator: schedule.NewGenerator(s.in), plan: schedule.NewPlan(n), modes: make([]int, n), placed: make([]bool, n)}
	e.extend()
	if e.whole && (s.in.Problem.Objective != schedule.Cost || s.value[0] == 0) {
		// Nothing is better than the best of all, which makes it a bound.
		s.bound = max(s.bound, s.in.Totals(s.best).Of(s.in.Problem.Objective))
	}
}

type enumeration struct {
	*search
	generator *schedule.Generator
	plan      *schedule.Plan
	order     []int
	modes     []int
	placed    []bool
	whole     bool // it was not cut short
}

// extend tries every task that can come next, in every mode.
func (e *enumeration) extend() {
	if len(e.order) == len(e.placed) {
		e.generator.Follow(e.plan, e.order, e.modes)
		e.offer(e.plan)
		return
	}
	e.whole = true
	for i := range e.placed {
		if e.placed[i] || !e.ready(i) {
			continue
		}
		e.placed[i] = true
		e.order = append(e.order, i)
		for m := range e.in.Modes[i] {
			e.modes[i] = m
			e.extend()
			if e.ctx.Err() != nil {
				e.whole = false
				return
			}
		}
		e.order = e.order[:len(e.order)-1]
		e.placed[i] = false
	}
}

func (e *enumeration) ready(task int) bool {
	for _, j := range e.in.Pred[task] {
		if !e.placed[j] {
			return false
		}
	}
	return true
}
