package schedule

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Mode is one way of doing a task: on which worker, in what time, at what cost.
type Mode struct {
	Worker int
	Time   float64
	Cost   float64
}

// Instance is a problem made ready for search: names resolved to indices,
// each task's modes listed, precedence sorted. It is read-only after Compile
// and safe for concurrent use.
type Instance struct {
	Problem *Problem
	// Modes lists every way of doing each task, in the order of the workers.
	Modes [][]Mode
	// Pred and Succ are the direct predecessors and successors of each task.
	Pred, Succ [][]int
	// Topo lists the tasks so that predecessors come first.
	Topo []int
	// Demand and Capacity are in units, at least 1.
	Demand, Capacity []int
	// MinTime is each task's time on its fastest worker.
	MinTime []float64
	// Head is the earliest start of each task were workers unlimited; Tail is
	// the least time between its end and the end of the whole.
	Head, Tail []float64
}

// Compile checks p and makes it ready for search. What is wrong with the
// problem is told as a *ProblemError.
func Compile(p *Problem) (*Instance, error) {
	if len(p.Tasks) == 0 {
		return nil, problemError("no_tasks", "tasks", "there are no tasks; send at least one")
	}
	if len(p.Workers) == 0 {
		return nil, problemError("no_workers", "workers", "there are no workers; send at least one")
	}
	switch p.Objective {
	case Makespan, WeightedTardiness, Cost:
	default:
		return nil, problemError("unknown_objective", "objective", "%.64q is none of makespan, weighted_tardiness, cost", string(p.Objective))
	}
	workers, err := workerIndex(p)
	if err != nil {
		return nil, err
	}
	in := &Instance{Problem: p}
	for i := range p.Workers {
		in.Capacity = append(in.Capacity, max(1, p.Workers[i].Capacity))
	}
	if err := in.resolve(p); err != nil {
		return nil, err
	}
	if err := in.sort(); err != nil {
		return nil, err
	}
	if err := in.listModes(workers); err != nil {
		return nil, err
	}
	in.paths()
	return in, nil
}

func at(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }

func workerIndex(p *Problem) (map[string]int, error) {
	index := make(map[string]int, len(p.Workers))
	for i := range p.Workers {
		w := &p.Workers[i]
		field := at("workers", i)
		if w.ID == "" {
			return nil, problemError("missing_id", field+".id", "is empty; give every worker an id")
		}
		if j, taken := index[w.ID]; taken {
			return nil, problemError("duplicate_id", field+".id", "%.64q is the id of workers[%d] too", w.ID, j)
		}
		index[w.ID] = i
		if err := w.check(field); err != nil {
			return nil, err
		}
	}
	return index, nil
}

// resolve checks the tasks and turns the names in DependsOn into indices.
func (in *Instance) resolve(p *Problem) error {
	n := len(p.Tasks)
	index := make(map[string]int, n)
	for i := range p.Tasks {
		t := &p.Tasks[i]
		field := at("tasks", i)
		if t.ID == "" {
			return problemError("missing_id", field+".id", "is empty; give every task an id")
		}
		if j, taken := index[t.ID]; taken {
			return problemError("duplicate_id", field+".id", "%.64q is the id of tasks[%d] too", t.ID, j)
		}
		index[t.ID] = i
		if err := t.check(field); err != nil {
			return err
		}
		in.Demand = append(in.Demand, max(1, t.Demand))
	}
	in.Pred, in.Succ = make([][]int, n), make([][]int, n)
	for i := range p.Tasks {
		for k, name := range p.Tasks[i].DependsOn {
			j, known := index[name]
			field := at(at("tasks", i)+".depends_on", k)
			if !known {
				return problemError("unknown_dependency", field, "%.64q is no task's id", name)
			}
			if j == i {
				return problemError("dependency_cycle", field, "task %.64q depends on itself", name)
			}
			if !slices.Contains(in.Pred[i], j) {
				in.Pred[i] = append(in.Pred[i], j)
				in.Succ[j] = append(in.Succ[j], i)
			}
		}
	}
	return nil
}

// sort orders the tasks topologically (Kahn 1962), first come first.
func (in *Instance) sort() error {
	n := len(in.Pred)
	missing := make([]int, n)
	in.Topo = make([]int, 0, n)
	for i := range in.Pred {
		missing[i] = len(in.Pred[i])
		if missing[i] == 0 {
			in.Topo = append(in.Topo, i)
		}
	}
	for k := 0; k < len(in.Topo); k++ {
		for _, s := range in.Succ[in.Topo[k]] {
			if missing[s]--; missing[s] == 0 {
				in.Topo = append(in.Topo, s)
			}
		}
	}
	if len(in.Topo) < n {
		return in.cycle(missing)
	}
	return nil
}

// cycle walks back from a task that never became ready until it meets a task
// twice, and names the tasks between.
func (in *Instance) cycle(missing []int) error {
	i := slices.IndexFunc(missing, func(m int) bool { return m > 0 })
	step := make(map[int]int)
	var path []int
	for {
		if first, met := step[i]; met {
			path = append(path[first:], i)
			break
		}
		step[i] = len(path)
		path = append(path, i)
		i = in.Pred[i][slices.IndexFunc(in.Pred[i], func(j int) bool { return missing[j] > 0 })]
	}
	const shown = 12
	names := make([]string, 0, shown+1)
	for k, j := range path {
		if k == shown && len(path) > shown+1 {
			names = append(names, "…", strconv.Quote(in.Problem.Tasks[path[0]].ID))
			break
		}
		names = append(names, strconv.Quote(in.Problem.Tasks[j].ID))
	}
	return problemError("dependency_cycle", at("tasks", path[0])+".depends_on",
		"the tasks wait for each other in a circle: %s", strings.Join(names, " needs "))
}

// workerSet has bit w%64 of word w/64 set for each worker w in it.
type workerSet []uint64

func (s workerSet) has(w int) bool { return s[w/64]>>(w%64)&1 == 1 }

// skilled returns for every skill the workers that have it.
func skilled(workers []Worker) map[string]workerSet {
	sets := make(map[string]workerSet)
	for w := range workers {
		for _, skill := range workers[w].Skills {
			if sets[skill] == nil {
				sets[skill] = make(workerSet, (len(workers)+63)/64)
			}
			sets[skill][w/64] |= 1 << (w % 64)
		}
	}
	return sets
}

// listModes finds the workers each task can go to.
func (in *Instance) listModes(workers map[string]int) error {
	p := in.Problem
	skills := skilled(p.Workers)
	able := make(workerSet, (len(p.Workers)+63)/64)
	in.Modes = make([][]Mode, len(p.Tasks))
	in.MinTime = make([]float64, len(p.Tasks))
	for i := range p.Tasks {
		t := &p.Tasks[i]
		if err := checkTimes(t, at("tasks", i), workers); err != nil {
			return err
		}
		for k := range able {
			able[k] = math.MaxUint64
		}
		for n, s := range t.Skills {
			if skills[s] == nil {
				return problemError("no_eligible_worker", at(at("tasks", i)+".skills", n), "task %.64q needs skill %.64q, which no worker has", t.ID, s)
			}
			for k := range able {
				able[k] &= skills[s][k]
			}
		}
		anyone := false
		for w := range p.Workers {
			if able.has(w) {
				anyone = true
				if mode, ok := in.mode(i, w); ok {
					in.Modes[i] = append(in.Modes[i], mode)
				}
			}
		}
		if len(in.Modes[i]) == 0 {
			return in.nobody(i, anyone)
		}
		in.MinTime[i] = slices.MinFunc(in.Modes[i], func(a, b Mode) int { return cmp.Compare(a.Time, b.Time) }).Time
	}
	return nil
}

func checkTimes(t *Task, field string, workers map[string]int) error {
	names := make([]string, 0, len(t.On))
	for name := range t.On {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		if _, known := workers[name]; !known {
			return problemError("unknown_worker", field+".durations", "%.64q is no worker's id", name)
		}
		if err := checkNumber(field+".durations["+strconv.Quote(name)+"]", t.On[name], 0, MaxTime); err != nil {
			return err
		}
	}
	return nil
}

func (in *Instance) mode(task, worker int) (Mode, bool) {
	t, w := &in.Problem.Tasks[task], &in.Problem.Workers[worker]
	time, listed := t.On[w.ID]
	if !listed {
		speed := w.Speed
		if speed == 0 {
			speed = 1
		}
		time = t.Duration / speed
	}
	fits := time == 0 || in.Demand[task] <= in.Capacity[worker]
	return Mode{Worker: worker, Time: time, Cost: w.Rate * time}, fits && !math.IsNaN(time)
}

// nobody says why no worker can do a task whose skills each exist.
func (in *Instance) nobody(task int, skilled bool) error {
	t := &in.Problem.Tasks[task]
	field := at("tasks", task)
	switch {
	case !skilled:
		return problemError("no_eligible_worker", field+".skills", "task %.64q needs skills that no single worker has together", t.ID)
	case math.IsNaN(t.Duration):
		return problemError("no_eligible_worker", field+".durations", "task %.64q names only workers that lack its skills or the capacity for its demand", t.ID)
	default:
		return problemError("no_eligible_worker", field+".demand", "task %.64q takes %d units, more than the capacity of any worker with its skills", t.ID, in.Demand[task])
	}
}

// paths fills Head and Tail by longest paths over the fastest times.
func (in *Instance) paths() {
	n := len(in.Pred)
	in.Head, in.Tail = make([]float64, n), make([]float64, n)
	for _, i := range in.Topo {
		in.Head[i] = in.Problem.Tasks[i].Release
		for _, j := range in.Pred[i] {
			in.Head[i] = max(in.Head[i], in.Head[j]+in.MinTime[j])
		}
	}
	for _, i := range slices.Backward(in.Topo) {
		for _, j := range in.Succ[i] {
			in.Tail[i] = max(in.Tail[i], in.MinTime[j]+in.Tail[j])
		}
	}
}
