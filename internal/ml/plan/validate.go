package plan

import "fmt"

// Validate returns nil when every order of execution that respects Step.After
// has each step's needs fulfilled when it starts and ends with all goals true.
// It simulates the listed order and then shows that unordered steps cannot
// disturb one another: a needed fact must come from the initial facts or from
// a step that is certain to be over, and no step that may run meanwhile may
// delete it.
func Validate(problem *Problem, p *Plan) error {
	if err := wellFormed(problem, p); err != nil {
		return err
	}
	before := closure(p)
	holds := map[string]bool{}
	for _, f := range problem.Initial {
		holds[f] = true
	}
	cost := 0.0
	for j, step := range p.Steps {
		a := problem.Actions[step.Action]
		for _, need := range a.Needs {
			if !holds[need] {
				return fmt.Errorf("plan: step %d (%s) needs %q, which does not hold when it starts", j, a.Name, need)
			}
			if err := supported(problem, p, before, j, need); err != nil {
				return err
			}
		}
		for _, f := range a.Delete {
			delete(holds, f)
		}
		for _, f := range a.Adds {
			holds[f] = true
		}
		cost += max(0, a.Cost)
	}
	for _, g := range problem.Goals {
		if !holds[g] {
			return fmt.Errorf("plan: goal %q does not hold at the end", g)
		}
	}
	if diff := cost - p.Cost; diff > 1e-9*(1+cost) || diff < -1e-9*(1+cost) {
		return fmt.Errorf("plan: states cost %g, its steps cost %g", p.Cost, cost)
	}
	return undisturbed(problem, p, before)
}

func wellFormed(problem *Problem, p *Plan) error {
	for j, step := range p.Steps {
		if step.Action < 0 || step.Action >= len(problem.Actions) {
			return fmt.Errorf("plan: step %d names action %d of %d", j, step.Action, len(problem.Actions))
		}
		for _, i := range step.After {
			if i < 0 || i >= j {
				return fmt.Errorf("plan: step %d waits for step %d, which is not before it", j, i)
			}
		}
	}
	return nil
}

// closure tells for each pair whether i is certain to be over when j starts.
func closure(p *Plan) [][]bool {
	before := make([][]bool, len(p.Steps))
	for j, step := range p.Steps {
		before[j] = make([]bool, len(p.Steps))
		for _, i := range step.After {
			before[j][i] = true
			for k := range i {
				if before[i][k] {
					before[j][k] = true
				}
			}
		}
	}
	return before
}

// supported checks that the fact comes from a source step j is certain to see.
func supported(problem *Problem, p *Plan, before [][]bool, j int, fact string) error {
	for _, f := range problem.Initial {
		if f == fact {
			return nil
		}
	}
	for i := range j {
		if before[j][i] && has(problem.Actions[p.Steps[i].Action].Adds, fact) {
			return nil
		}
	}
	return fmt.Errorf("plan: step %d needs %q but does not wait for the step that gives it", j, fact)
}

// undisturbed checks that no two unordered steps clash through a deletion.
func undisturbed(problem *Problem, p *Plan, before [][]bool) error {
	for j := range p.Steps {
		for i := range j {
			if before[j][i] {
				continue
			}
			a, b := problem.Actions[p.Steps[i].Action], problem.Actions[p.Steps[j].Action]
			for _, f := range a.Delete {
				if has(b.Needs, f) || has(b.Adds, f) {
					return fmt.Errorf("plan: steps %d and %d are unordered but clash over %q", i, j, f)
				}
			}
			for _, f := range b.Delete {
				if has(a.Needs, f) || has(a.Adds, f) {
					return fmt.Errorf("plan: steps %d and %d are unordered but clash over %q", i, j, f)
				}
			}
		}
	}
	return nil
}

func has(list []string, x string) bool {
	for _, y := range list {
		if x == y {
			return true
		}
	}
	return false
}
