package audit_test

import (
	"math"
	"strings"
	"testing"

	"github.com/omni-run/omni/internal/ml/schedule"
	"github.com/omni-run/omni/internal/ml/schedule/audit"
)

func problem() *schedule.Problem {
	free := math.Inf(1)
	return &schedule.Problem{
		Objective: schedule.Makespan,
		Tasks: []schedule.Task{
			{ID: "a", Weight: 1, Duration: 4, Deadline: free},
			{ID: "b", Weight: 2, Duration: 2, Deadline: 5, DependsOn: []string{"a"}, Skills: []string{"weld"}},
			{ID: "c", Weight: 1, Duration: 3, Deadline: free, Release: 1, Demand: 2},
			{ID: "d", Weight: 1, Duration: 0, Deadline: free},
		},
		Workers: []schedule.Worker{
			{ID: "v", Skills: []string{"weld"}, Speed: 2, Rate: 3},
			{ID: "w", Capacity: 2, Rate: 1},
		},
	}
}

func good() []schedule.Assignment {
	return []schedule.Assignment{
		{Task: "a", Worker: "w", Start: 0, End: 4},
		{Task: "b", Worker: "v", Start: 4.5, End: 5.5},
		{Task: "c", Worker: "w", Start: 4, End: 7},
		{Task: "d", Worker: "v", Start: 5, End: 5},
	}
}

func TestCheckAcceptsAndSums(t *testing.T) {
	t.Parallel()
	sums, err := audit.Check(problem(), good())
	if err != nil {
		t.Fatal(err)
	}
	want := audit.Sums{Makespan: 7, WeightedTardiness: 1, Cost: 10}
	if sums != want {
		t.Errorf("sums %+v, want %+v", sums, want)
	}
}

func TestCheckRefuses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(a []schedule.Assignment) []schedule.Assignment
		says   string
	}{
		"missing":     {func(a []schedule.Assignment) []schedule.Assignment { return a[:3] }, `"d" is not done`},
		"twice":       {func(a []schedule.Assignment) []schedule.Assignment { return append(a, a[0]) }, "twice"},
		"unknown":     {func(a []schedule.Assignment) []schedule.Assignment { a[0].Worker = "x"; return a }, "not there"},
		"unskilled":   {func(a []schedule.Assignment) []schedule.Assignment { a[1].Worker = "w"; return a }, "lacks"},
		"too short":   {func(a []schedule.Assignment) []schedule.Assignment { a[2].End = 6; return a }, "takes 3"},
		"backwards":   {func(a []schedule.Assignment) []schedule.Assignment { a[2].End = 1; return a }, "runs from"},
		"NaN":         {func(a []schedule.Assignment) []schedule.Assignment { a[2].Start = math.NaN(); return a }, "runs from"},
		"infinite":    {func(a []schedule.Assignment) []schedule.Assignment { a[2].End = math.Inf(1); return a }, "runs from"},
		"unreleased":  {func(a []schedule.Assignment) []schedule.Assignment { a[2].Start, a[2].End = 0.5, 3.5; return a }, "release"},
		"precedence":  {func(a []schedule.Assignment) []schedule.Assignment { a[1].Start, a[1].End = 3, 4; return a }, `before "a" ends`},
		"over demand": {func(a []schedule.Assignment) []schedule.Assignment { a[2].Start, a[2].End = 3, 6; return a }, "capacity 2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := audit.Check(problem(), c.change(good()))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("got %v, want an error saying %q", err, c.says)
			}
		})
	}
}
