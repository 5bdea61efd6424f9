package aco_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/omni-run/omni/internal/ml/aco"
	"github.com/omni-run/omni/internal/ml/schedule"
)

func ExampleSolve() {
	free := math.Inf(1)
	in, err := schedule.Compile(&schedule.Problem{
		Objective: schedule.Makespan,
		Tasks: []schedule.Task{
			{ID: "dig", Weight: 1, Duration: 4, Deadline: free},
			{ID: "pour", Weight: 1, Duration: 2, Deadline: free, DependsOn: []string{"dig"}, Skills: []string{"concrete"}},
		},
		Workers: []schedule.Worker{{ID: "ann", Speed: 2}, {ID: "bob", Skills: []string{"concrete"}}},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	r, err := aco.Solve(context.Background(), in, rand.New(rand.NewPCG(1, 0)), aco.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, a := range in.Assignments(r.Plan) {
		fmt.Println(a.Task, a.Worker, a.Start, a.End)
	}
	fmt.Println("makespan", r.Objective, "optimal", r.Optimal)
	// Output:
	// dig ann 0 2
	// pour bob 2 4
	// makespan 4 optimal true
}
