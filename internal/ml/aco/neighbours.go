package aco

import "math"

// criticalPath writes one longest path into t.path, by lot where several.
func (t *tabu) criticalPath() {
	g := t.g
	last, ties := none, 0
	for i := range g.n {
		if g.head[i]+g.time[i] == g.makespan {
			if ties++; t.rng.IntN(ties) == 0 {
				last = int32(i)
			}
		}
	}
	t.path = t.path[:0]
	for v := last; v != none; {
		t.path = append(t.path, v)
		before, ways := none, 0
		if p := g.prev[v]; p != none && g.head[p]+g.time[p] == g.head[v] {
			before, ways = p, 1
		}
		if g.ready[v] == g.head[v] {
			for _, p := range g.pred[v] {
				if g.head[p]+g.time[p] == g.head[v] {
					if ways++; ways == 1 || t.rng.IntN(ways) == 0 {
						before = p
					}
				}
			}
		}
		v = before
	}
	for i, j := 0, len(t.path)-1; i < j; i, j = i+1, j-1 {
		t.path[i], t.path[j] = t.path[j], t.path[i]
	}
}

// neighbours lists the moves of one critical path.
func (t *tabu) neighbours() {
	g := t.g
	t.criticalPath()
	t.moves = t.moves[:0]
	for from := 0; from < len(t.path); {
		to := from + 1
		for to < len(t.path) && g.prev[t.path[to]] == t.path[to-1] {
			to++
		}
		t.block(t.path[from:to])
		from = to
	}
	width := max(leastChoice, widestStep/len(t.path))
	for _, v := range t.path {
		t.elsewhere(v, width)
	}
}

// widestBlock bounds the moves inside one block: of a longer one only the
// ends are searched.
const widestBlock = 40

func (t *tabu) block(b []int32) {
	if len(b) < 2 {
		return
	}
	last := len(b) - 1
	for k := range last {
		if k > widestBlock && last-k > widestBlock {
			continue
		}
		t.forward(b[k : last+1]) // k to behind the end
		if k > 0 && last-k <= widestBlock {
			t.backward(b[k:]) // the end to before k
		}
		if k+1 < last {
			t.backward(b[:k+2]) // k+1 to before the front
			t.forward(b[:k+2])  // the front to behind k+1
		}
	}
	if last > 1 {
		t.backward(b)
	}
}

// forward proposes moving the first of a run of neighbours behind its last. It
// closes no circle if no precedence successor of the first leads to the last.
func (t *tabu) forward(run []int32) {
	g := t.g
	u, v := run[0], run[len(run)-1]
	reach := g.time[v] + g.tail[v]
	for _, s := range g.succ[u] {
		if x := g.time[s] + g.tail[s]; x > reach || x == reach && g.time[s] <= 0 {
			return
		}
	}
	m := move{v: u, lane: g.lane[u], after: v, mode: g.mode[u]}
	end := 0.0
	if p := g.prev[u]; p != none {
		end = g.head[p] + g.time[p]
	}
	for k, x := range run[1:] {
		t.heads[k+1] = max(g.ready[x], end)
		end = t.heads[k+1] + g.time[x]
		m.tabu = m.tabu || *t.pair(x, u) >= t.step
	}
	headU := max(g.ready[u], end)
	after := 0.0
	if s := g.next[v]; s != none {
		after = g.time[s] + g.tail[s]
	}
	after = g.time[u] + max(g.after[u], after)
	m.estimate = headU + after
	for k := len(run) - 1; k >= 1; k-- {
		after = g.time[run[k]] + max(g.after[run[k]], after)
		m.estimate = max(m.estimate, t.heads[k]+after)
	}
	t.units += int64(len(run))
	t.moves = append(t.moves, m)
}

// backward proposes moving the last of a run before its first. It closes no
// circle if no precedence predecessor of the last comes after the first.
func (t *tabu) backward(run []int32) {
	g := t.g
	if len(run) == 2 {
		return // the same as forward
	}
	u, v := run[0], run[len(run)-1]
	reach := g.head[u] + g.time[u]
	for _, p := range g.pred[v] {
		if x := g.head[p] + g.time[p]; x > reach || x == reach && g.time[p] <= 0 {
			return
		}
	}
	m := move{v: v, lane: g.lane[v], after: g.prev[u], mode: g.mode[v]}
	end := 0.0
	if p := g.prev[u]; p != none {
		end = g.head[p] + g.time[p]
	}
	headV := max(g.ready[v], end)
	end = headV + g.time[v]
	for k, x := range run[:len(run)-1] {
		t.heads[k] = max(g.ready[x], end)
		end = t.heads[k] + g.time[x]
		m.tabu = m.tabu || *t.pair(v, x) >= t.step
	}
	after := 0.0
	if s := g.next[v]; s != none {
		after = g.time[s] + g.tail[s]
	}
	for k := len(run) - 2; k >= 0; k-- {
		after = g.time[run[k]] + max(g.after[run[k]], after)
		m.estimate = max(m.estimate, t.heads[k]+after)
	}
	m.estimate = max(m.estimate, headV+g.time[v]+max(g.after[v], after))
	t.units += int64(len(run))
	t.moves = append(t.moves, m)
}

// widestStep bounds the lanes tried for all tasks in one step, leastChoice is
// what each task may try at least.
const (
	widestStep  = 160
	leastChoice = 3
)

// elsewhere proposes moving v to at most width other lanes, by lot if there are
// more.
func (t *tabu) elsewhere(v int32, width int) {
	g := t.g
	if g.lane[v] == none {
		return
	}
	modes := g.in.Modes[v]
	first := 0
	if len(modes) > width {
		first = t.rng.IntN(len(modes))
	}
	tried := 0
	for k := range modes {
		mode := (first + k) % len(modes)
		m := modes[mode]
		if m.Time <= 0 {
			continue
		}
		for _, lane := range g.lanes[m.Worker] {
			if lane == g.lane[v] {
				continue
			}
			if tried++; tried > width {
				return
			}
			t.insertion(v, lane, mode, m.Time)
			if g.first[lane] == none {
				break // all further lanes of this worker are as good
			}
		}
	}
}

// insertion proposes the best place for v in a lane. With ready and after the
// longest paths up to and from v without its lane, every task that may end
// after ready cannot lead to v, and every task with more than after to come
// cannot be led to by v: v goes behind the last that is only the latter and
// before the first that is only the former.
func (t *tabu) insertion(v, lane int32, mode int, time float64) {
	g := t.g
	ready, after := g.ready[v], g.after[v]
	best := move{v: v, lane: lane, after: none, mode: mode, estimate: math.Inf(1), tabu: *t.visit(v, lane) >= t.step}
	behind := none
	for x := g.first[lane]; ; x = g.next[x] {
		from, to := 0.0, 0.0
		late, early := false, false
		if x != none {
			late = g.head[x]+g.time[x] > ready
			early = g.tail[x]+g.time[x] > after
			to = g.time[x] + g.tail[x]
		}
		if x == none || late {
			if behind != none {
				from = g.head[behind] + g.time[behind]
			}
			if e := max(ready, from) + time + max(after, to); e < best.estimate {
				best.estimate, best.after = e, behind
			}
		}
		t.units++
		if x == none || late && !early {
			break
		}
		behind = x
	}
	t.moves = append(t.moves, best)
}
