package schedule_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"github.com/omni-run/omni/internal/ml/schedule"
	"github.com/omni-run/omni/internal/ml/schedule/audit"
)

// Any order with any modes gives a plan that passes the audit, and following a
// plan's own order never ends any task later.
func TestFollowIsFeasibleAndShiftsLeft(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := &schedule.Problem{Objective: schedule.WeightedTardiness}
		for w := range rapid.IntRange(1, 3).Draw(t, "workers") {
			p.Workers = append(p.Workers, schedule.Worker{ID: fmt.Sprint(w), Capacity: 3, Speed: rapid.Float64Range(0.1, 9).Draw(t, "speed")})
		}
		n := rapid.IntRange(1, 20).Draw(t, "tasks")
		key := make([]float64, n)
		for i := range n {
			x := task(fmt.Sprint(i), rapid.SampledFrom([]float64{0, 0.01, 0.3, 1, 1.7, 4, 10}).Draw(t, "duration"))
			x.Demand = rapid.IntRange(1, 3).Draw(t, "demand")
			x.Release = rapid.Float64Range(0, 5).Draw(t, "release")
			if i > 0 && rapid.Bool().Draw(t, "chained") {
				x.DependsOn = []string{fmt.Sprint(rapid.IntRange(0, i-1).Draw(t, "needs"))}
			}
			p.Tasks = append(p.Tasks, x)
			key[i] = rapid.Float64().Draw(t, "key")
		}
		in, err := schedule.Compile(p)
		if err != nil {
			t.Fatal(err)
		}
		gen, first, second := schedule.NewGenerator(in), schedule.NewPlan(n), schedule.NewPlan(n)
		gen.Dispatch(first, key, func(i int, _ float64) int { return rapid.IntRange(0, len(in.Modes[i])-1).Draw(t, "mode") })
		if _, err := audit.Check(p, in.Assignments(first)); err != nil {
			t.Fatal(err)
		}
		gen.Follow(second, in.Order(first, nil), first.Mode)
		if _, err := audit.Check(p, in.Assignments(second)); err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if second.End[i] > first.End[i]+1e-9 {
				t.Fatalf("task %d ended at %g, now at %g", i, first.End[i], second.End[i])
			}
		}
	})
}

func TestTidyMovesMilestonesToIdleWorkers(t *testing.T) {
	t.Parallel()
	long, point := task("long", 10), task("point", 0)
	point.Release = 4
	in, err := schedule.Compile(two(long, point))
	if err != nil {
		t.Fatal(err)
	}
	p := &schedule.Plan{Mode: []int{0, 0}, Start: []float64{0, 4}, End: []float64{10, 4}}
	in.Tidy(p)
	if p.Mode[0] != 0 || p.Mode[1] != 1 {
		t.Errorf("modes %v, want [0 1]", p.Mode)
	}
}

func TestValueOrder(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b schedule.Value
		less bool
	}{
		{schedule.Value{1, 9, 9}, schedule.Value{2, 0, 0}, true},
		{schedule.Value{1, 1, 9}, schedule.Value{1, 2, 0}, true},
		{schedule.Value{1, 1, 1}, schedule.Value{1, 1, 1}, false},
		{schedule.Value{0.1 + 0.2, 1, 0}, schedule.Value{0.3, 2, 0}, true}, // equal but for rounding
		{schedule.Value{2, 0, 0}, schedule.Value{1, 9, 9}, false},
	} {
		if c.a.Less(c.b) != c.less {
			t.Errorf("%v < %v is not %v", c.a, c.b, c.less)
		}
	}
}
