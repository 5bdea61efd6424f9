package swarm

import (
	"errors"
	"fmt"
	"math"
	"strconv"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/schedule"
)

// refuse turns what is wrong with a problem into an answer to the caller.
func refuse(err error) error {
	var wrong *schedule.ProblemError
	if !errors.As(err, &wrong) {
		return err
	}
	field := wrong.Field
	return api.Unprocessable(wrong.Code, "context.%s: %s", field, wrong.Message).At("context."+field, "%s", wrong.Message)
}

func refuseAt(code, field, format string, args ...any) error {
	problem := fmt.Sprintf(format, args...)
	return api.Unprocessable(code, "%s: %s", field, problem).At(field, "%s", problem)
}

// problem reads a request within the limits. What a problem must satisfy by
// itself, Compile checks.
func (s *Service) problem(req *api.SwarmRequest) (*schedule.Problem, error) {
	objective, err := objective(req)
	if err != nil {
		return nil, err
	}
	if len(req.Goal) > s.limits.Goal {
		return nil, refuseAt("text_too_long", "goal", "has %d bytes; at most %d", len(req.Goal), s.limits.Goal)
	}
	p := &schedule.Problem{Objective: objective}
	// Tasks first: an empty problem is told as such, whoever the workers are.
	if err := s.tasks(p, req.Context.Tasks); err != nil {
		return nil, err
	}
	if err := s.workers(p, &req.Context.Workers); err != nil {
		return nil, err
	}
	if pairs := len(p.Tasks) * len(p.Workers); pairs > s.limits.Choices {
		return nil, refuseAt("too_many_choices", "context", "%d tasks times %d workers is %d; at most %d",
			len(p.Tasks), len(p.Workers), pairs, s.limits.Choices)
	}
	return p, nil
}

func objective(req *api.SwarmRequest) (schedule.Objective, error) {
	in, top := req.Context.Objective, req.Objective
	if in != "" && top != "" && in != top {
		return "", refuseAt("conflicting_objective", "objective", "is %.64q, but context.objective is %.64q; send one", top, in)
	}
	field := "context.objective"
	if in == "" {
		in, field = top, "objective"
	}
	switch o := schedule.Objective(in); o {
	case "":
		return schedule.Makespan, nil
	case schedule.Makespan, schedule.WeightedTardiness, schedule.Cost:
		return o, nil
	}
	return "", refuseAt("unknown_objective", field, "%.64q is none of makespan, weighted_tardiness, cost", in)
}

func (s *Service) workers(p *schedule.Problem, workers *api.SwarmWorkers) error {
	n := len(workers.List)
	if workers.Number != nil {
		if n = *workers.Number; n < 1 {
			return refuseAt("no_workers", "context.workers", "is %d; at least 1 worker is needed", n)
		}
	}
	if n == 0 {
		return refuseAt("no_workers", "context.workers", "is missing or empty; send a number of workers or a list of workers")
	}
	if n > s.limits.Workers {
		return refuseAt("too_many_workers", "context.workers", "has %d workers; at most %d", n, s.limits.Workers)
	}
	if workers.Number != nil {
		for w := range n {
			p.Workers = append(p.Workers, schedule.Worker{ID: "worker_" + strconv.Itoa(w+1)})
		}
		return nil
	}
	links := 0
	for i := range workers.List {
		w := &workers.List[i]
		field := "context.workers[" + strconv.Itoa(i) + "]"
		if err := s.texts(field, w.ID, "skills", w.Skills); err != nil {
			return err
		}
		if links += len(w.Skills); links > s.limits.Links {
			return refuseAt("too_many_links", field+".skills", "the workers have more than %d skills together", s.limits.Links)
		}
		if w.Speed != nil && !(*w.Speed > 0) {
			return refuseAt("out_of_range", field+".speed", "is %g; it takes %g to %g", *w.Speed, schedule.MinSpeed, schedule.MaxSpeed)
		}
		if w.Capacity != nil && (*w.Capacity < 1 || *w.Capacity > math.MaxInt32) {
			return refuseAt("out_of_range", field+".capacity", "is %d; it takes 1 to %d", *w.Capacity, math.MaxInt32)
		}
		p.Workers = append(p.Workers, schedule.Worker{
			ID: w.ID, Skills: w.Skills, Speed: or(w.Speed, 0), Capacity: or(w.Capacity, 0), Rate: or(w.Cost, 0),
		})
	}
	return nil
}

func (s *Service) tasks(p *schedule.Problem, tasks []api.SwarmTask) error {
	if len(tasks) == 0 {
		return refuseAt("no_tasks", "context.tasks", "is missing or empty; send at least one task")
	}
	if len(tasks) > s.limits.Tasks {
		return refuseAt("too_many_tasks", "context.tasks", "has %d tasks; at most %d", len(tasks), s.limits.Tasks)
	}
	links := 0
	for i := range tasks {
		t := &tasks[i]
		field := "context.tasks[" + strconv.Itoa(i) + "]"
		if err := s.texts(field, t.ID, "skills", t.Skills); err != nil {
			return err
		}
		if err := s.texts(field, t.ID, "depends_on", t.DependsOn); err != nil {
			return err
		}
		if links += len(t.Skills) + len(t.DependsOn) + len(t.Durations); links > s.limits.Links {
			return refuseAt("too_many_links", field, "the tasks have more than %d dependencies, skills and durations together", s.limits.Links)
		}
		task, err := readTask(t, field)
		if err != nil {
			return err
		}
		p.Tasks = append(p.Tasks, task)
	}
	return nil
}

func readTask(t *api.SwarmTask, field string) (schedule.Task, error) {
	task := schedule.Task{
		ID: t.ID, Weight: or(t.Priority, 1), Duration: or(t.Duration, math.NaN()),
		Release: or(t.Release, 0), Deadline: or(t.Deadline, math.Inf(1)), Demand: or(t.Demand, 1),
		DependsOn: t.DependsOn, Skills: t.Skills,
	}
	if !(task.Weight >= 1 && task.Weight <= 10) {
		return task, refuseAt("out_of_range", field+".priority", "is %g; it takes 1 to 10, 10 the most urgent", task.Weight)
	}
	if t.Duration == nil && len(t.Durations) == 0 {
		return task, refuseAt("missing_duration", field+".duration", "is missing; send a duration, or durations by worker")
	}
	if task.Demand < 1 {
		return task, refuseAt("out_of_range", field+".demand", "is %d; it takes 1 to %d", task.Demand, math.MaxInt32)
	}
	if len(t.Durations) > 0 {
		task.On = make(map[string]float64, len(t.Durations))
		for worker, time := range t.Durations {
			task.On[worker] = or(time, math.NaN())
		}
	}
	return task, nil
}

// texts checks the lengths of an id and of a list of names.
func (s *Service) texts(field, id, list string, names []string) error {
	if len(id) > s.limits.Text {
		return refuseAt("text_too_long", field+".id", "has %d bytes; at most %d", len(id), s.limits.Text)
	}
	for k, name := range names {
		if len(name) > s.limits.Text {
			return refuseAt("text_too_long", field+"."+list+"["+strconv.Itoa(k)+"]", "has %d bytes; at most %d", len(name), s.limits.Text)
		}
	}
	return nil
}

// or returns *p, or the value when p is nil.
func or[T any](p *T, value T) T {
	if p == nil {
		return value
	}
	return *p
}
