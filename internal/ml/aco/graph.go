package aco

import (
	"slices"

	"github.com/omni-run/omni/internal/ml/schedule"
)

// none marks the absence of a neighbour or a lane.
const none = int32(-1)

// graph is a plan as a disjunctive graph (Roy & Sussmann 1964): a worker of
// capacity k is k lanes, every lane an order of tasks, and the makespan the
// longest path over precedence and lane arcs. It can state every plan in which
// tasks demand one unit each. Tasks that take no time are in no lane.
type graph struct {
	in      *schedule.Instance
	n       int
	release []float64
	pred    [][]int32 // precedence
	succ    [][]int32
	worker  []int     // of each lane
	lanes   [][]int32 // of each worker

	arrangement
	ready    []float64 // latest end of the precedence predecessors, or release
	head     []float64 // earliest start
	after    []float64 // longest path after the precedence arcs out of it
	tail     []float64 // longest path after its end
	order    []int32   // topological
	missing  []int32
	place    []int32 // of each task in order
	mark     []bool
	moved    []int32
	makespan float64
}

// arrangement is the part of a graph that moves change.
type arrangement struct {
	mode       []int
	time       []float64
	lane       []int32
	prev, next []int32 // neighbours in the lane
	first      []int32 // of each lane
}

func (a *arrangement) copyFrom(b *arrangement) {
	copy(a.mode, b.mode)
	copy(a.time, b.time)
	copy(a.lane, b.lane)
	copy(a.prev, b.prev)
	copy(a.next, b.next)
	copy(a.first, b.first)
}

func (a *arrangement) clone() arrangement {
	return arrangement{
		mode: slices.Clone(a.mode), time: slices.Clone(a.time), lane: slices.Clone(a.lane),
		prev: slices.Clone(a.prev), next: slices.Clone(a.next), first: slices.Clone(a.first),
	}
}

// maxLanes bounds the memory and the width of the neighbourhood.
const maxLanes = 4096

// newGraph returns nil when the instance cannot be stated as a graph of lanes.
func newGraph(in *schedule.Instance) *graph {
	n := len(in.Modes)
	g := &graph{in: in, n: n}
	for w, capacity := range in.Capacity {
		var lanes []int32
		for range min(capacity, n) {
			lanes = append(lanes, int32(len(g.worker)))
			g.worker = append(g.worker, w)
		}
		g.lanes = append(g.lanes, lanes)
		if len(g.worker) > maxLanes {
			return nil
		}
	}
	if slices.Max(in.Demand) > 1 {
		return nil
	}
	g.pred, g.succ = make([][]int32, n), make([][]int32, n)
	for i := range n {
		g.release = append(g.release, in.Problem.Tasks[i].Release)
		for _, j := range in.Pred[i] {
			g.pred[i] = append(g.pred[i], int32(j))
		}
		for _, j := range in.Succ[i] {
			g.succ[i] = append(g.succ[i], int32(j))
		}
	}
	g.arrangement = arrangement{
		mode: make([]int, n), time: make([]float64, n), lane: make([]int32, n),
		prev: make([]int32, n), next: make([]int32, n), first: make([]int32, len(g.worker)),
	}
	g.ready, g.head = make([]float64, n), make([]float64, n)
	g.after, g.tail = make([]float64, n), make([]float64, n)
	g.order, g.missing = make([]int32, 0, n), make([]int32, n)
	g.place, g.mark = make([]int32, n), make([]bool, n)
	return g
}

// load takes over a plan: each worker's tasks go, by start, to a lane that is
// free again, which exists because the plan keeps the capacity.
func (g *graph) load(p *schedule.Plan) {
	for l := range g.first {
		g.first[l] = none
	}
	last := make([]int32, len(g.first))
	for l := range last {
		last[l] = none
	}
	for _, i := range g.in.Order(p, nil) {
		v := int32(i)
		g.mode[i] = p.Mode[i]
		m := g.in.Modes[i][p.Mode[i]]
		g.time[i], g.lane[i], g.prev[i], g.next[i] = m.Time, none, none, none
		if m.Time <= 0 {
			continue
		}
		for _, l := range g.lanes[m.Worker] {
			if last[l] != none && p.End[last[l]] > p.Start[i] {
				continue
			}
			g.lane[i], g.prev[i] = l, last[l]
			if last[l] == none {
				g.first[l] = v
			} else {
				g.next[last[l]] = v
			}
			last[l] = v
			break
		}
	}
	g.compute()
}

// store writes the plan out: every task as early as its lane allows.
func (g *graph) store(p *schedule.Plan) {
	for i := range g.n {
		p.Mode[i], p.Start[i], p.End[i] = g.mode[i], g.head[i], g.head[i]+g.time[i]
	}
}

// compute sorts the graph and finds all longest paths; false if it is cyclic.
func (g *graph) compute() bool {
	g.order = g.order[:0]
	for i := range g.n {
		m := int32(len(g.pred[i]))
		if g.prev[i] != none {
			m++
		}
		if g.missing[i] = m; m == 0 {
			g.order = append(g.order, int32(i))
		}
	}
	for k := 0; k < len(g.order); k++ {
		v := g.order[k]
		g.place[v] = int32(k)
		for _, s := range g.succ[v] {
			if g.missing[s]--; g.missing[s] == 0 {
				g.order = append(g.order, s)
			}
		}
		if s := g.next[v]; s != none {
			if g.missing[s]--; g.missing[s] == 0 {
				g.order = append(g.order, s)
			}
		}
	}
	if len(g.order) < g.n {
		return false
	}
	g.makespan = 0
	for _, v := range g.order {
		g.renewHead(v)
		g.makespan = max(g.makespan, g.head[v]+g.time[v])
	}
	for k := g.n - 1; k >= 0; k-- {
		g.renewTail(g.order[k])
	}
	return true
}

// renewHead finds the longest path to v from those to its predecessors.
func (g *graph) renewHead(v int32) {
	ready := g.release[v]
	for _, j := range g.pred[v] {
		ready = max(ready, g.head[j]+g.time[j])
	}
	g.ready[v] = ready
	if j := g.prev[v]; j != none {
		ready = max(ready, g.head[j]+g.time[j])
	}
	g.head[v] = ready
}

// renewTail finds the longest path from v by those from its successors.
func (g *graph) renewTail(v int32) {
	var after float64
	for _, s := range g.succ[v] {
		after = max(after, g.time[s]+g.tail[s])
	}
	g.after[v] = after
	if s := g.next[v]; s != none {
		after = max(after, g.time[s]+g.tail[s])
	}
	g.tail[v] = after
}

// remove takes v out of its lane.
func (g *graph) remove(v int32) {
	p, s := g.prev[v], g.next[v]
	if p == none {
		g.first[g.lane[v]] = s
	} else {
		g.next[p] = s
	}
	if s != none {
		g.prev[s] = p
	}
}

// insert puts v into a lane after p, or first when p is none.
func (g *graph) insert(v, lane, p int32) {
	var s int32
	if p == none {
		s = g.first[lane]
		g.first[lane] = v
	} else {
		s = g.next[p]
		g.next[p] = v
	}
	if s != none {
		g.prev[s] = v
	}
	g.prev[v], g.next[v], g.lane[v] = p, s, lane
}
