package schedule

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Bound returns a number that no schedule's objective can be below.
//
//	makespan:           the largest of the path, work, pigeonhole and
//	                    one-worker bounds, rounded up if all times are whole
//	weighted_tardiness: each task's tardiness were workers unlimited
//	cost:               each task on its cheapest worker
func (in *Instance) Bound() float64 {
	switch in.Problem.Objective {
	case WeightedTardiness:
		return in.tardinessBound()
	case Cost:
		return in.costBound()
	}
	bound := in.pathBound()
	for _, class := range in.classes() {
		bound = max(bound, in.workBound(class), in.pigeonholeBound(class), in.oneWorkerBound(class))
	}
	if in.whole() && bound < 1<<50 {
		return math.Ceil(bound - 1e-3)
	}
	// The bounds sum the same times in another order than a plan does; without
	// this an optimal plan could come out below its bound by one rounding.
	return bound * (1 - 1e-12)
}

// whole reports whether all times are whole numbers: then so is every start in
// a plan without needless waiting, and the makespan.
func (in *Instance) whole() bool {
	for i, modes := range in.Modes {
		if r := in.Problem.Tasks[i].Release; r != math.Trunc(r) {
			return false
		}
		for _, m := range modes {
			if m.Time != math.Trunc(m.Time) {
				return false
			}
		}
	}
	return true
}

// pathBound: a task starts no sooner than its head, lasts no less than its
// fastest time, and its tail still follows.
func (in *Instance) pathBound() float64 {
	var bound float64
	for i := range in.Head {
		bound = max(bound, in.Head[i]+in.MinTime[i]+in.Tail[i])
	}
	return bound
}

func (in *Instance) tardinessBound() float64 {
	var sum float64
	for i := range in.Head {
		t := &in.Problem.Tasks[i]
		if late := in.Head[i] + in.MinTime[i] - t.Deadline; late > 0 {
			sum += t.Weight * late
		}
	}
	return sum * (1 - 1e-12)
}

func (in *Instance) costBound() float64 {
	var sum float64
	for _, modes := range in.Modes {
		sum += slices.MinFunc(modes, func(a, b Mode) int { return cmp.Compare(a.Cost, b.Cost) }).Cost
	}
	return sum * (1 - 1e-12)
}

// class is a set of workers together with all tasks that only they can do.
type class struct {
	workers []int
	tasks   []int
}

// maxClasses bounds the effort: more distinct sets of workers than this are
// cut to the largest by tasks.
const maxClasses = 256

// classes lists the distinct sets of eligible workers, each with the tasks
// whose own set lies inside it, and the set of all workers. Tasks that may
// take no time are left out: they may take no capacity either.
func (in *Instance) classes() []class {
	byKey := make(map[string]int)
	var own []class
	for _, i := range in.Topo {
		if in.MinTime[i] <= 0 {
			continue
		}
		var key strings.Builder
		workers := make([]int, len(in.Modes[i]))
		for k, m := range in.Modes[i] {
			workers[k] = m.Worker
			key.WriteString(strconv.Itoa(m.Worker))
			key.WriteByte(',')
		}
		at, known := byKey[key.String()]
		if !known {
			at = len(own)
			byKey[key.String()] = at
			own = append(own, class{workers: workers})
		}
		own[at].tasks = append(own[at].tasks, i)
	}
	slices.SortStableFunc(own, func(a, b class) int { return cmp.Compare(len(b.tasks), len(a.tasks)) })
	own = own[:min(len(own), maxClasses)]

	closed := make([]class, 0, len(own)+1)
	everyone := class{workers: make([]int, len(in.Capacity))}
	for w := range everyone.workers {
		everyone.workers[w] = w
	}
	for _, c := range own {
		everyone.tasks = append(everyone.tasks, c.tasks...)
		inside := class{workers: c.workers}
		for _, d := range own {
			if len(d.workers) <= len(c.workers) && subset(d.workers, c.workers) {
				inside.tasks = append(inside.tasks, d.tasks...)
			}
		}
		closed = append(closed, inside)
	}
	return append(closed, everyone)
}

// subset reports whether sorted a lies inside sorted b.
func subset(a, b []int) bool {
	k := 0
	for _, x := range a {
		for k < len(b) && b[k] < x {
			k++
		}
		if k == len(b) || b[k] != x {
			return false
		}
	}
	return true
}

// normalWork returns for each task of a class a number of units of work such
// that on worker w it takes at least work/speed[w]. With speeds it is the
// duration; with times listed per worker, the least over the workers.
func (in *Instance) normalWork(c class) (work []float64, speed []float64) {
	speed = make([]float64, len(in.Capacity))
	for w := range speed {
		if speed[w] = in.Problem.Workers[w].Speed; speed[w] == 0 {
			speed[w] = 1
		}
	}
	work = make([]float64, len(c.tasks))
	for k, i := range c.tasks {
		for m, mode := range in.Modes[i] {
			units := mode.Time * speed[mode.Worker]
			if m == 0 || units < work[k] {
				work[k] = units
			}
		}
	}
	return work, speed
}

// workBound: let every task of a set T run only on the workers W, no sooner
// than h and with at least q to follow. Within the window [h, C-q] worker w
// offers capacity_w * (C-h-q) units of capacity-time, of which a task takes
// demand * time >= demand * work / speed_w. Weighing each worker's share by
// its speed and summing,
//
//	sum over T of demand * work  <=  (C-h-q) * sum over W of speed * capacity,
//
// which bounds C from below. T runs through the tasks of the class with the
// latest heads and, in turn, those with the longest tails.
func (in *Instance) workBound(c class) float64 {
	work, speed := in.normalWork(c)
	var power float64
	for _, w := range c.workers {
		power += speed[w] * float64(in.Capacity[w])
	}
	order := make([]int, len(c.tasks))
	for k := range order {
		order[k] = k
	}
	var bound float64
	scan := func(by, other []float64) {
		slices.SortFunc(order, func(a, b int) int { return cmp.Compare(by[c.tasks[b]], by[c.tasks[a]]) })
		var total, least float64
		for n, k := range order {
			i := c.tasks[k]
			total += float64(in.Demand[i]) * work[k]
			if n == 0 || other[i] < least {
				least = other[i]
			}
			bound = max(bound, by[i]+total/power+least)
		}
	}
	scan(in.Head, in.Tail)
	scan(in.Tail, in.Head)
	return bound
}

// pigeonholeBound: the workers W run at most m = sum of capacities tasks at
// once, so their work splits into m sequences; of the k*m+1 largest tasks some
// sequence holds k+1, whose work is at least that of the k+1 smallest of them.
func (in *Instance) pigeonholeBound(c class) float64 {
	work, speed := in.normalWork(c)
	var fastest float64
	lanes := 0
	for _, w := range c.workers {
		fastest = max(fastest, speed[w])
		lanes += min(in.Capacity[w], len(work)) // more can never be busy
	}
	slices.SortFunc(work, func(a, b float64) int { return cmp.Compare(b, a) })
	var bound float64
	for k := 1; k*lanes < len(work); k++ {
		var sum float64
		for _, x := range work[k*lanes-k : k*lanes+1] {
			sum += x
		}
		bound = max(bound, sum/fastest)
	}
	return bound
}

// oneWorkerBound: for tasks that only one worker of capacity 1 can do, the
// optimum with heads and tails if tasks could be interrupted (Jackson's
// preemptive schedule, Carlier 1982): at any time the released task with the
// longest tail runs.
func (in *Instance) oneWorkerBound(c class) float64 {
	if len(c.workers) != 1 || in.Capacity[c.workers[0]] != 1 {
		return 0
	}
	tasks := slices.Clone(c.tasks)
	slices.SortFunc(tasks, func(a, b int) int { return cmp.Compare(in.Head[a], in.Head[b]) })
	queue := readyHeap{key: in.Tail}
	left := make(map[int]float64, len(tasks))
	var now, bound float64
	for next := 0; next < len(tasks) || len(queue.task) > 0; {
		if len(queue.task) == 0 {
			now = max(now, in.Head[tasks[next]])
		}
		for next < len(tasks) && in.Head[tasks[next]] <= now {
			left[tasks[next]] = in.MinTime[tasks[next]]
			queue.push(tasks[next])
			next++
		}
		i := queue.task[0]
		if next < len(tasks) && now+left[i] > in.Head[tasks[next]] {
			left[i] -= in.Head[tasks[next]] - now
			now = in.Head[tasks[next]]
			continue
		}
		now += left[i]
		queue.pop()
		bound = max(bound, now+in.Tail[i])
	}
	return bound
}
