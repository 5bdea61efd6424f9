package aco

import "math/rand/v2"

// tabu improves the makespan of a graph by tabu search over the critical
// path: inside a lane, tasks of a critical block move to its ends and the ends
// into it (N6, Balas & Vazacopoulos 1998; N7, Zhang et al. 2007) judged by
// their estimate; between lanes, a critical task is inserted where it cannot
// close a circle (Mastrolilli & Gambardella 2000).
type tabu struct {
	g   *graph
	rng *rand.Rand
	// until[a*n+b mod len] is the step up to which putting a before b is tabu.
	until []int32
	// left[task*lanes+lane mod len] is the step up to which a task may not
	// return to a lane.
	left  []int32
	step  int32
	path  []int32
	best  arrangement
	moves []move
	heads []float64
	// units counts the nodes visited, the measure of effort.
	units int64
}

// move puts v into a lane behind after (none: first), in a mode.
type move struct {
	v, lane, after int32
	mode           int
	estimate       float64
	tabu           bool
}

const maxTabuTable = 1 << 20

// Steps for which a reversal stays tabu, drawn evenly. Short, because a move
// of N7 turns round many arcs and all of them are marked.
const (
	leastTenure  = 8
	spreadTenure = 5
)

func newTabu(g *graph, rng *rand.Rand) *tabu {
	return &tabu{
		g: g, rng: rng, best: g.clone(),
		until: make([]int32, min(g.n*g.n, maxTabuTable)),
		left:  make([]int32, min(g.n*len(g.first), maxTabuTable)),
		heads: make([]float64, g.n+1),
	}
}

func (t *tabu) pair(a, b int32) *int32 {
	return &t.until[(int(a)*t.g.n+int(b))%len(t.until)]
}

func (t *tabu) visit(v, lane int32) *int32 {
	return &t.left[(int(v)*len(t.g.first)+int(lane))%len(t.left)]
}

// run searches from the graph as it stands until patience steps brought
// nothing better, the goal is reached or stop says so. It leaves the best
// arrangement met in the graph.
func (t *tabu) run(goal float64, patience int, stop func(units int64) bool) {
	g := t.g
	t.best.copyFrom(&g.arrangement)
	bestMakespan := g.makespan
	for idle := 0; idle < patience && bestMakespan > goal; idle++ {
		t.step++
		t.neighbours()
		m, ok := t.choose(bestMakespan)
		if !ok {
			break // no block to change: the critical path is precedence alone
		}
		t.apply(m)
		t.units += int64(2 * g.n)
		if g.makespan < bestMakespan*(1-1e-12) {
			bestMakespan = g.makespan
			t.best.copyFrom(&g.arrangement)
			idle = 0
		}
		if t.step%64 == 0 {
			if stop(t.units) {
				t.units = 0
				break
			}
			t.units = 0
		}
	}
	g.copyFrom(&t.best)
	g.compute()
}

// shake makes some random moves, whatever they cost.
func (t *tabu) shake(moves int) {
	for range moves {
		t.neighbours()
		if len(t.moves) == 0 {
			return
		}
		t.apply(t.moves[t.rng.IntN(len(t.moves))])
		t.step++
		t.units += int64(2 * t.g.n)
	}
}

// choose takes the best move that is not tabu, or is but promises a new best;
// ties and, if all are tabu, everything, by lot.
func (t *tabu) choose(best float64) (move, bool) {
	if len(t.moves) == 0 {
		return move{}, false
	}
	chosen, ties := -1, 0
	for k := range t.moves {
		m := &t.moves[k]
		if m.tabu && m.estimate >= best {
			continue
		}
		switch {
		case chosen < 0 || m.estimate < t.moves[chosen].estimate:
			chosen, ties = k, 1
		case m.estimate == t.moves[chosen].estimate:
			if ties++; t.rng.IntN(ties) == 0 {
				chosen = k
			}
		}
	}
	if chosen < 0 {
		chosen = t.rng.IntN(len(t.moves))
	}
	return t.moves[chosen], true
}

// apply makes the move and forbids its undoing for a while. A move that would
// close a circle is taken back and itself forbidden.
func (t *tabu) apply(m move) {
	g := t.g
	until := t.step + int32(leastTenure+t.rng.IntN(spreadTenure))
	lane, before, mode := g.lane[m.v], g.prev[m.v], g.mode[m.v]
	if lane == m.lane {
		t.forbid(m, until)
	} else {
		*t.visit(m.v, lane) = until
	}
	g.remove(m.v)
	g.insert(m.v, m.lane, m.after)
	g.mode[m.v], g.time[m.v] = m.mode, g.in.Modes[m.v][m.mode].Time
	if g.update(m.v) {
		return
	}
	g.remove(m.v)
	g.insert(m.v, lane, before)
	g.mode[m.v], g.time[m.v] = mode, g.in.Modes[m.v][mode].Time
	if lane != m.lane {
		*t.visit(m.v, m.lane) = until
	}
}

// forbid marks the orders that a move inside a lane turns round.
func (t *tabu) forbid(m move, until int32) {
	g := t.g
	if forward := m.after != none && g.head[m.after] >= g.head[m.v]; forward {
		for x := g.next[m.v]; x != none; x = g.next[x] {
			*t.pair(m.v, x) = until
			if x == m.after {
				return
			}
		}
		return
	}
	for x := g.prev[m.v]; x != none && x != m.after; x = g.prev[x] {
		*t.pair(x, m.v) = until
	}
}
