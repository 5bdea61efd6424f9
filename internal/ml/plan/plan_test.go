package plan_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/omni-run/omni/internal/ml/plan"
)

// blocks builds the four-operator Blocksworld (Nilsson, 1980) with unit costs.
func blocks(names []string, initial, goals []string) *plan.Problem {
	p := &plan.Problem{Initial: initial, Goals: goals}
	for _, x := range names {
		p.Actions = append(p.Actions,
			plan.Action{Name: "pick " + x, Needs: []string{"clear " + x, "table " + x, "empty"}, Adds: []string{"hold " + x}, Delete: []string{"clear " + x, "table " + x, "empty"}, Cost: 1},
			plan.Action{Name: "put " + x, Needs: []string{"hold " + x}, Adds: []string{"clear " + x, "table " + x, "empty"}, Delete: []string{"hold " + x}, Cost: 1})
		for _, y := range names {
			if x == y {
				continue
			}
			on := x + " on " + y
			p.Actions = append(p.Actions,
				plan.Action{Name: "stack " + on, Needs: []string{"hold " + x, "clear " + y}, Adds: []string{on, "clear " + x, "empty"}, Delete: []string{"hold " + x, "clear " + y}, Cost: 1},
				plan.Action{Name: "unstack " + on, Needs: []string{on, "clear " + x, "empty"}, Adds: []string{"hold " + x, "clear " + y}, Delete: []string{on, "clear " + x, "empty"}, Cost: 1})
		}
	}
	return p
}

func TestSussmanAnomalyTakesSixSteps(t *testing.T) {
	t.Parallel()
	// Sussman (1975): C on A, B beside them; wanted A on B on C. Optimum 6.
	p := blocks([]string{"A", "B", "C"}, []string{"C on A", "table A", "table B", "clear C", "clear B", "empty"}, []string{"A on B", "B on C"})
	got, err := plan.Find(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Steps) != 6 || got.Cost != 6 {
		t.Fatalf("%d steps, cost %g; the optimum is 6", len(got.Steps), got.Cost)
	}
	if err := plan.Validate(p, got); err != nil {
		t.Fatal(err)
	}
}

func TestIndependentStepsAreUnordered(t *testing.T) {
	t.Parallel()
	p := &plan.Problem{
		Initial: []string{"series"}, Goals: []string{"forecast", "anomalies", "report"},
		Actions: []plan.Action{
			{Name: "forecast", Needs: []string{"series"}, Adds: []string{"forecast"}, Cost: 1},
			{Name: "detect", Needs: []string{"series"}, Adds: []string{"anomalies"}, Cost: 1},
			{Name: "report", Needs: []string{"forecast", "anomalies"}, Adds: []string{"report"}, Cost: 1},
			{Name: "irrelevant", Adds: []string{"noise"}, Cost: 0},
		},
	}
	got, err := plan.Find(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Steps) != 3 || len(got.Steps[0].After) != 0 || len(got.Steps[1].After) != 0 || !slices.Equal(got.Steps[2].After, []int{0, 1}) {
		t.Fatalf("%+v", got.Steps)
	}
}

func TestFindSaysWhyThereIsNoPlan(t *testing.T) {
	t.Parallel()
	var unreachable *plan.UnreachableError
	_, err := plan.Find(t.Context(), &plan.Problem{Goals: []string{"x"}})
	if !errors.As(err, &unreachable) || !slices.Equal(unreachable.Goals, []string{"x"}) {
		t.Fatalf("got %v", err)
	}
	one := &plan.Problem{
		Initial: []string{"coin"}, Goals: []string{"tea", "cake"},
		Actions: []plan.Action{
			{Name: "tea", Needs: []string{"coin"}, Adds: []string{"tea"}, Delete: []string{"coin"}, Cost: 1},
			{Name: "cake", Needs: []string{"coin"}, Adds: []string{"cake"}, Delete: []string{"coin"}, Cost: 1},
		},
	}
	if _, err := plan.Find(t.Context(), one); !errors.Is(err, plan.ErrNone) {
		t.Fatalf("got %v", err)
	}
	var names, initial []string
	for i := range 7 {
		names = append(names, string(rune('A'+i)))
		initial = append(initial, "table "+names[i], "clear "+names[i])
	}
	hard := blocks(names, append(initial, "empty"), []string{"A on B", "B on C", "C on D", "D on E", "E on F", "F on G"})
	hard.MaxExpansions = 5
	if _, err := plan.Find(t.Context(), hard); !errors.Is(err, plan.ErrLimit) {
		t.Fatalf("got %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	cancel(gone)
	hard.MaxExpansions = 0
	if _, err := plan.Find(ctx, hard); !errors.Is(err, gone) {
		t.Fatalf("got %v", err)
	}
}

func TestValidateRefusesBrokenPlans(t *testing.T) {
	t.Parallel()
	p := &plan.Problem{
		Initial: []string{"a"}, Goals: []string{"c"},
		Actions: []plan.Action{
			{Name: "ab", Needs: []string{"a"}, Adds: []string{"b"}, Cost: 1},
			{Name: "bc", Needs: []string{"b"}, Adds: []string{"c"}, Cost: 1},
			{Name: "drop", Delete: []string{"b"}, Cost: 1},
		},
	}
	for name, broken := range map[string]*plan.Plan{
		"goal missing":     {Steps: []plan.Step{{Action: 0}}, Cost: 1},
		"need missing":     {Steps: []plan.Step{{Action: 1}}, Cost: 1},
		"order missing":    {Steps: []plan.Step{{Action: 0}, {Action: 1}}, Cost: 2},
		"waits for later":  {Steps: []plan.Step{{Action: 0, After: []int{1}}, {Action: 1}}, Cost: 2},
		"unknown action":   {Steps: []plan.Step{{Action: 9}}},
		"false cost":       {Steps: []plan.Step{{Action: 0}, {Action: 1, After: []int{0}}}, Cost: 7},
		"unordered clash":  {Steps: []plan.Step{{Action: 0}, {Action: 1, After: []int{0}}, {Action: 2}}, Cost: 3},
		"deleted and used": {Steps: []plan.Step{{Action: 0}, {Action: 2, After: []int{0}}, {Action: 1, After: []int{0, 1}}}, Cost: 3},
	} {
		if err := plan.Validate(p, broken); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if err := plan.Validate(p, &plan.Plan{Steps: []plan.Step{{Action: 0}, {Action: 1, After: []int{0}}}, Cost: 2}); err != nil {
		t.Error(err)
	}
}

// draw makes a random problem of a few facts and actions.
func draw(t *rapid.T) *plan.Problem {
	facts := func(label string, n int) []string {
		var out []string
		for _, f := range rapid.SliceOfN(rapid.IntRange(0, 7), 0, n).Draw(t, label) {
			out = append(out, fmt.Sprint("f", f))
		}
		return out
	}
	p := &plan.Problem{Initial: facts("initial", 3), Goals: facts("goals", 3)}
	for range rapid.IntRange(1, 8).Draw(t, "actions") {
		p.Actions = append(p.Actions, plan.Action{
			Needs: facts("needs", 2), Adds: facts("adds", 2), Delete: facts("deletes", 2),
			Cost: float64(rapid.IntRange(1, 4).Draw(t, "cost")),
		})
	}
	return p
}

// cheapest is Dijkstra over all states, written apart from the search.
func cheapest(p *plan.Problem) (float64, bool) {
	type state = string
	encode := func(m map[string]bool) state {
		var on []string
		for f, v := range m {
			if v {
				on = append(on, f)
			}
		}
		slices.Sort(on)
		return fmt.Sprint(on)
	}
	start := map[string]bool{}
	for _, f := range p.Initial {
		start[f] = true
	}
	cost, sets, done := map[state]float64{encode(start): 0}, map[state]map[string]bool{encode(start): start}, map[state]bool{}
	for {
		at, best := "", -1.0
		for s, c := range cost {
			if !done[s] && (best < 0 || c < best) {
				at, best = s, c
			}
		}
		if best < 0 {
			return 0, false
		}
		done[at] = true
		if !slices.ContainsFunc(p.Goals, func(g string) bool { return !sets[at][g] }) {
			return best, true
		}
		for _, a := range p.Actions {
			if slices.ContainsFunc(a.Needs, func(f string) bool { return !sets[at][f] }) {
				continue
			}
			next := map[string]bool{}
			for f, v := range sets[at] {
				next[f] = v
			}
			for _, f := range a.Delete {
				delete(next, f)
			}
			for _, f := range a.Adds {
				next[f] = true
			}
			key := encode(next)
			if c, ok := cost[key]; !ok || best+a.Cost < c {
				cost[key], sets[key] = best+a.Cost, next
			}
		}
	}
}

func TestEveryPlanValidatesAndIsCheapest(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := draw(t)
		got, err := plan.Find(context.Background(), p)
		want, exists := cheapest(p)
		if exists != (err == nil) {
			t.Fatalf("exists %v, found %v", exists, err)
		}
		if err != nil {
			return
		}
		if err := plan.Validate(p, got); err != nil {
			t.Fatal(err)
		}
		if got.Cost != want {
			t.Fatalf("cost %g, cheapest %g", got.Cost, want)
		}
	})
}

// TestAnyAllowedOrderRuns executes plans in random orders that respect After.
func TestAnyAllowedOrderRuns(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := draw(t)
		got, err := plan.Find(context.Background(), p)
		if err != nil {
			return
		}
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		holds, done := map[string]bool{}, map[int]bool{}
		for _, f := range p.Initial {
			holds[f] = true
		}
		for len(done) < len(got.Steps) {
			var ready []int
			for j, s := range got.Steps {
				if !done[j] && !slices.ContainsFunc(s.After, func(i int) bool { return !done[i] }) {
					ready = append(ready, j)
				}
			}
			j := ready[random.IntN(len(ready))]
			a := p.Actions[got.Steps[j].Action]
			for _, f := range a.Needs {
				if !holds[f] {
					t.Fatalf("step %d starts without %s", j, f)
				}
			}
			for _, f := range a.Delete {
				delete(holds, f)
			}
			for _, f := range a.Adds {
				holds[f] = true
			}
			done[j] = true
		}
		for _, g := range p.Goals {
			if !holds[g] {
				t.Fatalf("goal %s lost", g)
			}
		}
	})
}
