package schedule

import (
	"cmp"
	"slices"
)

// Generator builds plans by serial generation (Kelley 1963): tasks are taken
// one after another and each is put at the earliest time at which its
// predecessors have ended and its worker has room, gaps included. For every
// makespan problem some order leads to an optimal plan. A Generator reuses its
// memory and is not safe for concurrent use.
type Generator struct {
	in    *Instance
	lines []timeline
}

// NewGenerator returns a generator for one instance.
func NewGenerator(in *Instance) *Generator {
	g := &Generator{in: in, lines: make([]timeline, len(in.Capacity))}
	g.Reset()
	return g
}

// Reset empties all workers.
func (g *Generator) Reset() {
	for w := range g.lines {
		g.lines[w].reset(g.in.Capacity[w])
	}
}

// Ready returns when the predecessors of a task, already placed in p, have
// ended and it is released.
func (g *Generator) Ready(p *Plan, task int) float64 {
	ready := g.in.Problem.Tasks[task].Release
	for _, j := range g.in.Pred[task] {
		ready = max(ready, p.End[j])
	}
	return ready
}

// End returns when a task would end in a mode if placed now.
func (g *Generator) End(task, mode int, ready float64) float64 {
	m := &g.in.Modes[task][mode]
	return g.lines[m.Worker].fit(ready, m.Time, g.in.Demand[task]) + m.Time
}

// Place puts a task into the plan in a mode, as early as it fits.
func (g *Generator) Place(p *Plan, task, mode int, ready float64) {
	m := &g.in.Modes[task][mode]
	start := g.lines[m.Worker].fit(ready, m.Time, g.in.Demand[task])
	p.Mode[task], p.Start[task], p.End[task] = mode, start, start+m.Time
	g.lines[m.Worker].place(start, start+m.Time, g.in.Demand[task])
}

// Follow builds the plan of an order (predecessors first) with the given modes
// into p. modes may be p.Mode itself.
func (g *Generator) Follow(p *Plan, order, modes []int) {
	g.Reset()
	for _, i := range order {
		g.Place(p, i, modes[i], g.Ready(p, i))
	}
}

// Order writes into dst the tasks of a plan by start, predecessors first even
// among tasks that take no time.
func (in *Instance) Order(p *Plan, dst []int) []int {
	dst = append(dst[:0], in.Topo...)
	// Stable: equal starts keep the topological order.
	slices.SortStableFunc(dst, func(a, b int) int { return cmp.Compare(p.Start[a], p.Start[b]) })
	return dst
}

// Dispatch builds a plan by list scheduling: of the tasks whose predecessors
// are placed, the one with the largest key goes next, in the mode that choose
// returns. With upward ranks as keys and earliest ends it is HEFT (Topcuoglu,
// Hariri & Wu 2002); with durations as keys, LPT (Graham 1969).
func (g *Generator) Dispatch(p *Plan, key []float64, choose func(task int, ready float64) int) {
	g.Reset()
	missing := make([]int, len(key))
	var queue readyHeap
	queue.key = key
	for i := range key {
		if missing[i] = len(g.in.Pred[i]); missing[i] == 0 {
			queue.push(i)
		}
	}
	for len(queue.task) > 0 {
		i := queue.pop()
		ready := g.Ready(p, i)
		g.Place(p, i, choose(i, ready), ready)
		for _, s := range g.in.Succ[i] {
			if missing[s]--; missing[s] == 0 {
				queue.push(s)
			}
		}
	}
}

// Earliest returns the mode in which a task ends first; the cheaper, then the
// earlier listed, on ties.
func (g *Generator) Earliest(task int, ready float64) int {
	best, bestEnd := 0, g.End(task, 0, ready)
	for m := 1; m < len(g.in.Modes[task]); m++ {
		end := g.End(task, m, ready)
		if end < bestEnd || end == bestEnd && g.in.Modes[task][m].Cost < g.in.Modes[task][best].Cost {
			best, bestEnd = m, end
		}
	}
	return best
}

// Cheapest returns the mode of least cost; the one that ends first on ties.
func (g *Generator) Cheapest(task int, ready float64) int {
	best, bestEnd := 0, g.End(task, 0, ready)
	for m := 1; m < len(g.in.Modes[task]); m++ {
		switch c := cmp.Compare(g.in.Modes[task][m].Cost, g.in.Modes[task][best].Cost); {
		case c < 0:
			best, bestEnd = m, g.End(task, m, ready)
		case c == 0:
			if end := g.End(task, m, ready); end < bestEnd {
				best, bestEnd = m, end
			}
		}
	}
	return best
}

// readyHeap is a binary heap of tasks, largest key first, lower index on ties.
type readyHeap struct {
	key  []float64
	task []int
}

func (h *readyHeap) before(a, b int) bool {
	if h.key[a] != h.key[b] {
		return h.key[a] > h.key[b]
	}
	return a < b
}

func (h *readyHeap) push(i int) {
	h.task = append(h.task, i)
	for k := len(h.task) - 1; k > 0; {
		parent := (k - 1) / 2
		if !h.before(h.task[k], h.task[parent]) {
			return
		}
		h.task[k], h.task[parent] = h.task[parent], h.task[k]
		k = parent
	}
}

func (h *readyHeap) pop() int {
	top, last := h.task[0], len(h.task)-1
	h.task[0] = h.task[last]
	h.task = h.task[:last]
	for k := 0; ; {
		child := 2*k + 1
		if child >= last {
			return top
		}
		if child+1 < last && h.before(h.task[child+1], h.task[child]) {
			child++
		}
		if !h.before(h.task[child], h.task[k]) {
			return top
		}
		h.task[k], h.task[child] = h.task[child], h.task[k]
		k = child
	}
}
