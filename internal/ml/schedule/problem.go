// Package schedule states the problem of giving tasks to workers (who does
// what, and when), builds schedules from orders of tasks, bounds from below
// what any schedule can reach, and checks a finished schedule without using
// any of the code that made it.
//
// The problem is that of unrelated parallel workers with skills, capacities,
// precedence, release times and due times; job shops, flexible job shops and
// resource-constrained projects with one resource per task are special cases.
package schedule

import (
	"fmt"
	"math"
)

// Objective is what a schedule is judged by.
type Objective string

// The objectives. Deadlines are soft under all three; see [Value] for what
// breaks ties.
const (
	// Makespan is the time at which the last task ends.
	Makespan Objective = "makespan"
	// WeightedTardiness is the sum over tasks of weight * max(0, end - deadline).
	WeightedTardiness Objective = "weighted_tardiness"
	// Cost is the sum over tasks of the worker's rate * time, among the
	// schedules with the least weighted tardiness found.
	Cost Objective = "cost"
)

// Task is one piece of work, done in one go by one worker.
type Task struct {
	ID string
	// Weight is the task's priority: how much its tardiness counts. Positive.
	Weight float64
	// Duration is the time at speed 1, at least 0. NaN means that only the
	// workers listed in On can do the task.
	Duration float64
	// On holds the time the task takes on certain workers, by worker id,
	// whatever their speed.
	On map[string]float64
	// Release is the earliest start, at least 0.
	Release float64
	// Deadline is when the task should have ended; +Inf for none.
	Deadline float64
	// Demand is how many units of its worker's capacity the task takes while
	// it runs; 0 means 1. A task that takes no time takes no capacity.
	Demand int
	// DependsOn names the tasks that must have ended before this one starts.
	DependsOn []string
	// Skills are those its worker must have, all of them.
	Skills []string
}

// Worker does tasks.
type Worker struct {
	ID     string
	Skills []string
	// Speed divides a task's duration. Positive; 0 means 1.
	Speed float64
	// Capacity is how many units of demand fit at the same time; 0 means 1.
	Capacity int
	// Rate is the cost per unit of time of one task in progress. At least 0.
	Rate float64
}

// Problem is a set of tasks for a set of workers.
type Problem struct {
	Tasks     []Task
	Workers   []Worker
	Objective Objective
}

// ProblemError says why a problem cannot be scheduled.
type ProblemError struct {
	// Code is stable snake_case, such as "dependency_cycle".
	Code string
	// Field is the path of what is wrong, such as "tasks[3].depends_on[0]".
	Field string
	// Message says what to change.
	Message string
}

// Error implements error.
func (e *ProblemError) Error() string { return e.Code + ": " + e.Field + ": " + e.Message }

func problemError(code, field, format string, args ...any) *ProblemError {
	return &ProblemError{Code: code, Field: field, Message: fmt.Sprintf(format, args...)}
}

// Largest magnitude of any time or rate, and the range of speeds: with these
// no sum over a million tasks overflows or loses its order of magnitude.
const (
	MaxTime  = 1e12
	MinSpeed = 1e-6
	MaxSpeed = 1e6
)

func checkNumber(field string, x, low, high float64) error {
	switch {
	case math.IsNaN(x):
		return problemError("invalid_number", field, "is NaN or null; send a number")
	case x < low || x > high:
		return problemError("out_of_range", field, "is %g; it takes %g to %g", x, low, high)
	}
	return nil
}

func (t *Task) check(field string) error {
	if !math.IsNaN(t.Duration) || len(t.On) == 0 {
		if err := checkNumber(field+".duration", t.Duration, 0, MaxTime); err != nil {
			return err
		}
	}
	if err := checkNumber(field+".priority", t.Weight, math.SmallestNonzeroFloat64, MaxTime); err != nil {
		return err
	}
	if err := checkNumber(field+".release", t.Release, 0, MaxTime); err != nil {
		return err
	}
	if !math.IsInf(t.Deadline, 1) {
		if err := checkNumber(field+".deadline", t.Deadline, -MaxTime, MaxTime); err != nil {
			return err
		}
	}
	if t.Demand < 0 || t.Demand > math.MaxInt32 {
		return problemError("out_of_range", field+".demand", "is %d; it takes 1 to %d", t.Demand, math.MaxInt32)
	}
	return nil
}

func (w *Worker) check(field string) error {
	if w.Speed != 0 {
		if err := checkNumber(field+".speed", w.Speed, MinSpeed, MaxSpeed); err != nil {
			return err
		}
	}
	if w.Capacity < 0 || w.Capacity > math.MaxInt32 {
		return problemError("out_of_range", field+".capacity", "is %d; it takes 1 to %d", w.Capacity, math.MaxInt32)
	}
	return checkNumber(field+".cost", w.Rate, 0, MaxTime)
}
