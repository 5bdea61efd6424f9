package aco

// update renews order and paths after v alone was moved to other neighbours,
// which must be linked already, or changed its time. It is compute for the part
// of the graph that can differ: the topological order changes only between v's
// old place and its new neighbour (as in Pearce & Kelly 2006), heads only from
// there on and tails only up to there. It returns false, with nothing but the
// links changed, if they close a circle.
func (g *graph) update(v int32) bool {
	from, to := g.place[v], g.place[v]
	if p := g.prev[v]; p != none && g.place[p] > from {
		to = g.place[p]
		if !g.putBehind(v, from, to) {
			return false
		}
	} else if s := g.next[v]; s != none && g.place[s] < from {
		from = g.place[s]
		if !g.putBefore(v, from, to) {
			return false
		}
	}
	for k := from; k < int32(g.n); k++ {
		g.renewHead(g.order[k])
	}
	for k := to; k >= 0; k-- {
		g.renewTail(g.order[k])
	}
	g.makespan = 0
	for i := range g.n {
		g.makespan = max(g.makespan, g.head[i]+g.time[i])
	}
	return true
}

// putBehind moves v, at place from, and all that must follow it behind the
// task at place to.
func (g *graph) putBehind(v, from, to int32) bool {
	g.moved = append(g.moved[:0], v)
	g.mark[v] = true
	for k := from + 1; k <= to; k++ {
		w := g.order[k]
		follows := g.prev[w] != none && g.mark[g.prev[w]]
		for _, p := range g.pred[w] {
			follows = follows || g.mark[p]
		}
		if follows {
			g.mark[w] = true
			g.moved = append(g.moved, w)
		}
	}
	ok := !g.mark[g.order[to]]
	if ok {
		at := from
		for k := from; k <= to; k++ {
			if w := g.order[k]; !g.mark[w] {
				g.order[at], g.place[w] = w, at
				at++
			}
		}
		for _, w := range g.moved {
			g.order[at], g.place[w] = w, at
			at++
		}
	}
	g.unmark()
	return ok
}

// putBefore moves v, at place to, and all that must precede it before the task
// at place from.
func (g *graph) putBefore(v, from, to int32) bool {
	g.moved = append(g.moved[:0], v)
	g.mark[v] = true
	for k := to - 1; k >= from; k-- {
		w := g.order[k]
		leads := g.next[w] != none && g.mark[g.next[w]]
		for _, s := range g.succ[w] {
			leads = leads || g.mark[s]
		}
		if leads {
			g.mark[w] = true
			g.moved = append(g.moved, w)
		}
	}
	ok := !g.mark[g.order[from]]
	if ok {
		at := to
		for k := to; k >= from; k-- {
			if w := g.order[k]; !g.mark[w] {
				g.order[at], g.place[w] = w, at
				at--
			}
		}
		for _, w := range g.moved {
			g.order[at], g.place[w] = w, at
			at--
		}
	}
	g.unmark()
	return ok
}

func (g *graph) unmark() {
	for _, w := range g.moved {
		g.mark[w] = false
	}
}
