// Package plan finds and checks plans: which actions, in which order, lead
// from the facts that hold to the facts that are wanted. Actions are STRIPS
// operators (Fikes and Nilsson, 1971): facts needed, facts added, facts
// deleted, a cost. The search is A* (Hart, Nilsson, Raphael, 1968) forward
// from the initial facts with the admissible h-max heuristic (Bonet and
// Geffner, 2001), so that the plan found is one of least cost. Validate checks
// a plan by simulating it, sharing no code with the search.
package plan

import (
	"errors"
	"fmt"
	"slices"
)

// Action is a grounded operator.
type Action struct {
	Name   string
	Needs  []string
	Adds   []string
	Delete []string
	// Cost is at least 0; use positive costs for plans without idle steps.
	Cost float64
}

// Problem is what to plan for.
type Problem struct {
	Initial []string
	Goals   []string
	Actions []Action
	// MaxExpansions bounds the search; 0 means 50,000.
	MaxExpansions int
}

// Step is one action of a plan.
type Step struct {
	// Action indexes Problem.Actions.
	Action int
	// After lists the earlier steps, by their index in the plan, that must
	// have ended before this one starts. Steps not ordered by it may run side
	// by side.
	After []int
}

// Plan is a sequence of steps, in an order in which they can run.
type Plan struct {
	Steps []Step
	Cost  float64
	// Expanded counts the states the search looked at.
	Expanded int
}

// ErrLimit says that the search gave up at MaxExpansions.
var ErrLimit = errors.New("plan: search limit reached")

// UnreachableError says which goals no sequence of actions can reach, even
// when deletions are ignored.
type UnreachableError struct{ Goals []string }

// Error implements error.
func (e *UnreachableError) Error() string { return fmt.Sprintf("plan: unreachable goals %q", e.Goals) }

// ErrNone says that each goal is reachable by itself but not all together.
var ErrNone = errors.New("plan: no plan reaches all goals together")

// order gives the steps their partial order: a step waits for the last
// producer of each fact it needs, for the readers of facts it deletes, and for
// earlier steps whose additions and deletions clash with its own.
func order(problem *Problem, actions []int) []Step {
	steps := make([]Step, len(actions))
	for j, a := range actions {
		late := &problem.Actions[a]
		steps[j].Action = a
		after := map[int]bool{}
		for _, fact := range late.Needs {
			for i := j - 1; i >= 0; i-- {
				if slices.Contains(problem.Actions[actions[i]].Adds, fact) {
					after[i] = true
					break
				}
			}
		}
		for i := range j {
			if clash(&problem.Actions[actions[i]], late) {
				after[i] = true
			}
		}
		for i := range j {
			if after[i] {
				steps[j].After = append(steps[j].After, i)
			}
		}
	}
	return steps
}

// clash reports whether swapping the two actions could change the outcome
// through a deletion.
func clash(early, late *Action) bool {
	return overlap(late.Delete, early.Needs) || overlap(late.Delete, early.Adds) ||
		overlap(early.Delete, late.Adds) || overlap(early.Delete, late.Needs)
}

func overlap(a, b []string) bool {
	for _, x := range a {
		if slices.Contains(b, x) {
			return true
		}
	}
	return false
}
