package aco_test

import (
	"math"

	"github.com/omni-run/omni/internal/ml/schedule"
)

// exhaustive finds the best value of a small instance by trying every order of
// tasks with every choice of modes, each task as early as it fits. Some such
// schedule is optimal under every objective that never gains by waiting. It
// uses none of the code under test but the list of modes.
type exhaustive struct {
	in         *schedule.Instance
	start, end []float64
	mode       []int
	placed     []bool
	best       [2]float64
}

func optimum(in *schedule.Instance) float64 {
	n := len(in.Modes)
	e := &exhaustive{
		in: in, start: make([]float64, n), end: make([]float64, n), mode: make([]int, n), placed: make([]bool, n),
		best: [2]float64{math.Inf(1), math.Inf(1)},
	}
	e.extend(0)
	if in.Problem.Objective == schedule.Cost {
		return e.best[1]
	}
	return e.best[0]
}

func (e *exhaustive) extend(count int) {
	if count == len(e.placed) {
		if v := e.value(); v[0] < e.best[0]-1e-9 || v[0] < e.best[0]+1e-9 && v[1] < e.best[1] {
			e.best = v
		}
		return
	}
next:
	for i := range e.placed {
		if e.placed[i] {
			continue
		}
		ready := e.in.Problem.Tasks[i].Release
		for _, j := range e.in.Pred[i] {
			if !e.placed[j] {
				continue next
			}
			ready = max(ready, e.end[j])
		}
		for m := range e.in.Modes[i] {
			e.placed[i], e.mode[i] = true, m
			e.start[i] = e.earliest(i, ready)
			e.end[i] = e.start[i] + e.in.Modes[i][m].Time
			e.extend(count + 1)
			e.placed[i] = false
		}
	}
}

// earliest tries ready and the end of every task on the same worker.
func (e *exhaustive) earliest(i int, ready float64) float64 {
	best := math.Inf(1)
	if e.fits(i, ready) {
		return ready
	}
	for j := range e.placed {
		if j != i && e.placed[j] && e.end[j] >= ready && e.end[j] < best && e.fits(i, e.end[j]) {
			best = e.end[j]
		}
	}
	return best
}

// fits checks the load at the start and at every start inside the run.
func (e *exhaustive) fits(i int, start float64) bool {
	mode := e.in.Modes[i][e.mode[i]]
	end := start + mode.Time
	for k := -1; k < len(e.placed); k++ {
		at := start
		if k >= 0 {
			if at = e.start[k]; !e.placed[k] || k == i || at < start || at >= end {
				continue
			}
		}
		load := e.in.Demand[i]
		for j := range e.placed {
			if j != i && e.placed[j] && e.in.Modes[j][e.mode[j]].Worker == mode.Worker && e.start[j] <= at && at < e.end[j] {
				load += e.in.Demand[j]
			}
		}
		if load > e.in.Capacity[mode.Worker] && end > start {
			return false
		}
	}
	return true
}

func (e *exhaustive) value() [2]float64 {
	var makespan, tardiness, cost float64
	for i := range e.end {
		t := e.in.Problem.Tasks[i]
		makespan = max(makespan, e.end[i])
		tardiness += t.Weight * max(0, e.end[i]-t.Deadline)
		cost += e.in.Modes[i][e.mode[i]].Cost
	}
	switch e.in.Problem.Objective {
	case schedule.WeightedTardiness:
		return [2]float64{tardiness, makespan}
	case schedule.Cost:
		return [2]float64{tardiness, cost}
	default:
		return [2]float64{makespan, tardiness}
	}
}
