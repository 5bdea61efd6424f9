package schedule_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/omni-run/omni/internal/ml/schedule"
)

func task(id string, duration float64, needs ...string) schedule.Task {
	return schedule.Task{ID: id, Weight: 1, Duration: duration, Deadline: math.Inf(1), DependsOn: needs}
}

func two(tasks ...schedule.Task) *schedule.Problem {
	return &schedule.Problem{
		Objective: schedule.Makespan, Tasks: tasks,
		Workers: []schedule.Worker{{ID: "v", Skills: []string{"weld"}}, {ID: "w", Skills: []string{"paint"}}},
	}
}

func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	with := func(change func(t *schedule.Task)) *schedule.Problem {
		p := two(task("a", 1), task("b", 2))
		change(&p.Tasks[1])
		return p
	}
	for name, c := range map[string]struct {
		problem           *schedule.Problem
		code, field, says string
	}{
		"no tasks":       {two(), "no_tasks", "tasks", "at least one"},
		"no workers":     {&schedule.Problem{Objective: schedule.Makespan, Tasks: []schedule.Task{task("a", 1)}}, "no_workers", "workers", "at least one"},
		"objective":      {&schedule.Problem{Objective: "speed", Tasks: []schedule.Task{task("a", 1)}, Workers: []schedule.Worker{{ID: "w"}}}, "unknown_objective", "objective", "speed"},
		"no id":          {two(task("", 1)), "missing_id", "tasks[0].id", "empty"},
		"same id":        {two(task("a", 1), task("a", 1)), "duplicate_id", "tasks[1].id", "tasks[0]"},
		"NaN":            {with(func(t *schedule.Task) { t.Duration = math.NaN() }), "invalid_number", "tasks[1].duration", "NaN"},
		"negative":       {with(func(t *schedule.Task) { t.Duration = -1 }), "out_of_range", "tasks[1].duration", "-1"},
		"huge":           {with(func(t *schedule.Task) { t.Duration = 1e300 }), "out_of_range", "tasks[1].duration", "1e+300"},
		"release":        {with(func(t *schedule.Task) { t.Release = -1 }), "out_of_range", "tasks[1].release", "-1"},
		"deadline":       {with(func(t *schedule.Task) { t.Deadline = math.NaN() }), "invalid_number", "tasks[1].deadline", "NaN"},
		"weight":         {with(func(t *schedule.Task) { t.Weight = 0 }), "out_of_range", "tasks[1].priority", "0"},
		"unknown":        {with(func(t *schedule.Task) { t.DependsOn = []string{"a", "x"} }), "unknown_dependency", "tasks[1].depends_on[1]", `"x"`},
		"self":           {with(func(t *schedule.Task) { t.DependsOn = []string{"b"} }), "dependency_cycle", "tasks[1].depends_on[0]", "itself"},
		"cycle":          {two(task("z", 1), task("a", 1, "c"), task("b", 1, "a"), task("c", 1, "b"), task("d", 1, "c")), "dependency_cycle", "tasks[1].depends_on", `"a" needs "c" needs "b" needs "a"`},
		"skill":          {with(func(t *schedule.Task) { t.Skills = []string{"weld", "fly"} }), "no_eligible_worker", "tasks[1].skills[1]", `"fly"`},
		"skills apart":   {with(func(t *schedule.Task) { t.Skills = []string{"weld", "paint"} }), "no_eligible_worker", "tasks[1].skills", "together"},
		"demand":         {with(func(t *schedule.Task) { t.Demand = 2 }), "no_eligible_worker", "tasks[1].demand", "2 units"},
		"negative units": {with(func(t *schedule.Task) { t.Demand = -2 }), "out_of_range", "tasks[1].demand", "-2"},
		"unknown worker": {with(func(t *schedule.Task) { t.On = map[string]float64{"x": 1} }), "unknown_worker", "tasks[1].durations", `"x"`},
		"listed NaN":     {with(func(t *schedule.Task) { t.On = map[string]float64{"v": math.NaN()} }), "invalid_number", `tasks[1].durations["v"]`, "NaN"},
		"listed without skill": {with(func(t *schedule.Task) {
			t.Duration, t.On, t.Skills = math.NaN(), map[string]float64{"v": 1}, []string{"paint"}
		}), "no_eligible_worker", "tasks[1].durations", "only workers"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := schedule.Compile(c.problem)
			var wrong *schedule.ProblemError
			if !errors.As(err, &wrong) {
				t.Fatalf("got %v, want a ProblemError", err)
			}
			if wrong.Code != c.code || wrong.Field != c.field || !strings.Contains(wrong.Message, c.says) {
				t.Errorf("got %+v", wrong)
			}
		})
	}
	for name, w := range map[string]schedule.Worker{
		"workers[0].speed":    {ID: "w", Speed: -1},
		"workers[0].capacity": {ID: "w", Capacity: -1},
		"workers[0].cost":     {ID: "w", Rate: math.Inf(1)},
		"workers[0].id":       {},
	} {
		p := &schedule.Problem{Objective: schedule.Makespan, Tasks: []schedule.Task{task("a", 1)}, Workers: []schedule.Worker{w}}
		_, err := schedule.Compile(p)
		var wrong *schedule.ProblemError
		if !errors.As(err, &wrong) || wrong.Field != name {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestModes(t *testing.T) {
	t.Parallel()
	listed := schedule.Task{ID: "l", Weight: 1, Duration: math.NaN(), Deadline: math.Inf(1), On: map[string]float64{"w": 7}}
	p := two(task("a", 6), listed)
	p.Workers[0].Speed, p.Workers[0].Rate = 2, 10
	in, err := schedule.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	if got := in.Modes[0]; len(got) != 2 || got[0] != (schedule.Mode{Worker: 0, Time: 3, Cost: 30}) || got[1] != (schedule.Mode{Worker: 1, Time: 6}) {
		t.Errorf("modes of a: %+v", got)
	}
	if got := in.Modes[1]; len(got) != 1 || got[0] != (schedule.Mode{Worker: 1, Time: 7}) {
		t.Errorf("modes of l: %+v", got)
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	many := func(durations ...float64) (list []schedule.Task) {
		for k, d := range durations {
			list = append(list, task(string(rune('a'+k)), d))
		}
		return list
	}
	welded := func(id string, d, release float64) schedule.Task {
		x := task(id, d)
		x.Release, x.Skills = release, []string{"weld"}
		return x
	}
	for name, c := range map[string]struct {
		tasks []schedule.Task
		want  float64
	}{
		"path":       {[]schedule.Task{task("a", 3), task("b", 4, "a"), task("c", 1)}, 7},
		"work":       {many(4, 4, 4, 4), 8},
		"pigeonhole": {many(5, 5, 5), 10},
		"one worker": {[]schedule.Task{welded("a", 5, 0), welded("b", 5, 2)}, 10},
		"idle first": {[]schedule.Task{welded("a", 5, 10), welded("b", 5, 12)}, 20},
	} {
		in, err := schedule.Compile(two(c.tasks...))
		if err != nil {
			t.Fatal(err)
		}
		if got := in.Bound(); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%s: bound %g, want %g", name, got, c.want)
		}
	}
}
