// Package audit checks a finished schedule against the problem as it was
// stated. It shares the problem's types with package schedule and none of its
// code: what builds schedules and what judges them fail independently.
package audit

import (
	"fmt"
	"math"
	"sort"

	"github.com/omni-run/omni/internal/ml/schedule"
)

// Sums are the figures of a schedule, counted from its assignments alone.
type Sums struct {
	Makespan, WeightedTardiness, Cost float64
}

// slack allowed where two times must agree, relative to their size: the
// rounding of one division and a few thousand additions.
const slack = 1e-9

// before reports a <= b, up to rounding.
func before(a, b float64) bool {
	return a <= b+slack*math.Max(1, math.Max(math.Abs(a), math.Abs(b)))
}

// Check returns the sums of a schedule, or what is wrong with it: a task
// missing or done twice, a worker lacking a skill, a wrong time, a start
// before the release or before the end of a dependency, more in progress at
// once than a worker's capacity.
func Check(p *schedule.Problem, plan []schedule.Assignment) (Sums, error) {
	tasks := map[string]*schedule.Task{}
	for i := range p.Tasks {
		tasks[p.Tasks[i].ID] = &p.Tasks[i]
	}
	workers := map[string]*schedule.Worker{}
	for i := range p.Workers {
		workers[p.Workers[i].ID] = &p.Workers[i]
	}
	var sums Sums
	done := map[string]schedule.Assignment{}
	for _, a := range plan {
		t, w := tasks[a.Task], workers[a.Worker]
		if t == nil || w == nil {
			return Sums{}, fmt.Errorf("assignment of %q to %q names a task or worker that is not there", a.Task, a.Worker)
		}
		if _, twice := done[a.Task]; twice {
			return Sums{}, fmt.Errorf("task %q is done twice", a.Task)
		}
		done[a.Task] = a
		if err := checkAlone(t, w, a); err != nil {
			return Sums{}, err
		}
		sums.Makespan = math.Max(sums.Makespan, a.End)
		sums.Cost += w.Rate * (a.End - a.Start)
		if a.End > t.Deadline {
			sums.WeightedTardiness += t.Weight * (a.End - t.Deadline)
		}
	}
	for i := range p.Tasks {
		t := &p.Tasks[i]
		a, assigned := done[t.ID]
		if !assigned {
			return Sums{}, fmt.Errorf("task %q is not done", t.ID)
		}
		for _, name := range t.DependsOn {
			if first := done[name]; !before(first.End, a.Start) {
				return Sums{}, fmt.Errorf("task %q starts at %g, before %q ends at %g", t.ID, a.Start, name, first.End)
			}
		}
	}
	return sums, checkCapacity(tasks, workers, plan)
}

// checkAlone checks what can be seen from one assignment by itself.
func checkAlone(t *schedule.Task, w *schedule.Worker, a schedule.Assignment) error {
	if !(a.Start >= 0) || math.IsInf(a.Start, 0) || !(a.End >= a.Start) || math.IsInf(a.End, 0) {
		return fmt.Errorf("task %q runs from %g to %g", t.ID, a.Start, a.End)
	}
	if !before(t.Release, a.Start) {
		return fmt.Errorf("task %q starts at %g, before its release at %g", t.ID, a.Start, t.Release)
	}
	for _, need := range t.Skills {
		has := false
		for _, s := range w.Skills {
			has = has || s == need
		}
		if !has {
			return fmt.Errorf("task %q needs skill %q, which worker %q lacks", t.ID, need, w.ID)
		}
	}
	want, listed := t.On[w.ID]
	if !listed {
		want = t.Duration
		if w.Speed != 0 {
			want /= w.Speed
		}
	}
	if !(math.Abs(a.End-a.Start-want) <= slack*math.Max(1, math.Max(want, a.End))) {
		return fmt.Errorf("task %q takes %g on worker %q, not %g", t.ID, want, w.ID, a.End-a.Start)
	}
	return nil
}

// checkCapacity sweeps each worker's starts and ends in order of time.
func checkCapacity(tasks map[string]*schedule.Task, workers map[string]*schedule.Worker, plan []schedule.Assignment) error {
	type change struct {
		time  float64
		units int
	}
	changes := map[string][]change{}
	for _, a := range plan {
		units := tasks[a.Task].Demand
		if units == 0 {
			units = 1
		}
		// Ends are drawn in by the slack, so that rounding is no overlap.
		end := a.End - slack*math.Max(1, a.End)
		if end > a.Start {
			changes[a.Worker] = append(changes[a.Worker], change{a.Start, units}, change{end, -units})
		}
	}
	for id, list := range changes {
		sort.Slice(list, func(i, j int) bool {
			if list[i].time != list[j].time {
				return list[i].time < list[j].time
			}
			return list[i].units < list[j].units
		})
		capacity := workers[id].Capacity
		if capacity == 0 {
			capacity = 1
		}
		used := 0
		for _, c := range list {
			if used += c.units; used > capacity {
				return fmt.Errorf("worker %q has %d units in progress at %g, more than its capacity %d", id, used, c.time, capacity)
			}
		}
	}
	return nil
}
