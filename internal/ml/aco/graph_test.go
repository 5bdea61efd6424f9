package aco

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/omni-run/omni/internal/ml/schedule"
)

// shop draws a problem with chains, choices of workers and whole times.
func shop(t *rapid.T) *schedule.Instance {
	p := &schedule.Problem{Objective: schedule.Makespan}
	for w := range rapid.IntRange(1, 3).Draw(t, "workers") {
		p.Workers = append(p.Workers, schedule.Worker{ID: fmt.Sprint(w), Capacity: rapid.IntRange(1, 2).Draw(t, "capacity")})
	}
	for i := range rapid.IntRange(2, 14).Draw(t, "tasks") {
		x := schedule.Task{
			ID: fmt.Sprint(i), Weight: 1, Duration: math.NaN(), Deadline: math.Inf(1), On: map[string]float64{},
			Release: float64(rapid.IntRange(0, 3).Draw(t, "release")),
		}
		for range 2 {
			w := rapid.IntRange(0, len(p.Workers)-1).Draw(t, "worker")
			x.On[fmt.Sprint(w)] = float64(rapid.IntRange(0, 6).Draw(t, "time"))
		}
		if i > 0 && rapid.Bool().Draw(t, "chained") {
			x.DependsOn = []string{fmt.Sprint(rapid.IntRange(0, i-1).Draw(t, "needs"))}
		}
		p.Tasks = append(p.Tasks, x)
	}
	in, err := schedule.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// After any moves of the neighbourhood the graph is free of circles, its
// updated paths are those found anew.
func TestMovesKeepTheGraphSound(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		in := shop(t)
		g := newGraph(in)
		plan := schedule.NewPlan(g.n)
		gen := schedule.NewGenerator(in)
		gen.Dispatch(plan, make([]float64, g.n), func(task int, _ float64) int {
			return rapid.IntRange(0, len(in.Modes[task])-1).Draw(t, "mode")
		})
		g.load(plan)
		if want := in.Totals(plan).Makespan; g.makespan > want {
			t.Fatalf("loaded makespan %g, the plan's is %g", g.makespan, want)
		}
		s := newTabu(g, rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0)))
		for range 12 {
			s.neighbours()
			if len(s.moves) == 0 {
				return
			}
			m := s.moves[rapid.IntRange(0, len(s.moves)-1).Draw(t, "move")]
			before := slices.Clone(g.prev)
			s.apply(m)
			if slices.Equal(before, g.prev) && g.lane[m.v] != m.lane {
				t.Fatalf("a move that cannot close a circle was taken back: %+v", m)
			}
			heads, tails, makespan := slices.Clone(g.head), slices.Clone(g.tail), g.makespan
			if !g.compute() {
				t.Fatal("the graph has a circle")
			}
			if !slices.Equal(heads, g.head) || !slices.Equal(tails, g.tail) || makespan != g.makespan {
				t.Fatalf("updated paths differ from those found anew after %+v", m)
			}
		}
	})
}

// A circle that is linked on purpose is noticed and leaves order and paths.
func TestUpdateRefusesCircles(t *testing.T) {
	t.Parallel()
	p := &schedule.Problem{Objective: schedule.Makespan, Workers: []schedule.Worker{{ID: "w"}}}
	for i, needs := range [][]string{nil, {"0"}, {"1"}} {
		p.Tasks = append(p.Tasks, schedule.Task{ID: fmt.Sprint(i), Weight: 1, Duration: 1, Deadline: math.Inf(1), DependsOn: needs})
	}
	in, err := schedule.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ v, behind int32 }{{0, 2}, {0, 1}, {2, none}, {2, 0}} {
		g, plan := newGraph(in), schedule.NewPlan(3)
		schedule.NewGenerator(in).Follow(plan, []int{0, 1, 2}, []int{0, 0, 0})
		g.load(plan)
		order := slices.Clone(g.order)
		g.remove(c.v)
		g.insert(c.v, 0, c.behind)
		if g.update(c.v) || !slices.Equal(order, g.order) || g.makespan != 3 {
			t.Errorf("moving %d behind %d: order %v, makespan %g", c.v, c.behind, g.order, g.makespan)
		}
	}
}
