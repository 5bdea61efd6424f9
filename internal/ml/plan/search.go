package plan

import (
	"container/heap"
	"context"
	"math"
	"slices"
)

// Find returns a plan of least cost. It fails with *UnreachableError, ErrNone,
// ErrLimit, or the context's error. The same problem gives the same plan.
func Find(ctx context.Context, problem *Problem) (*Plan, error) {
	s := newSearch(problem)
	if missing := s.unreachable(); len(missing) > 0 {
		return nil, &UnreachableError{Goals: missing}
	}
	return s.run(ctx)
}

// bits is a set of fact numbers.
type bits []uint64

func (b bits) has(i int) bool { return b[i/64]&(1<<(i%64)) != 0 }
func (b bits) set(i int)      { b[i/64] |= 1 << (i % 64) }
func (b bits) clear(i int)    { b[i/64] &^= 1 << (i % 64) }

func (b bits) holds(facts []int) bool {
	for _, f := range facts {
		if !b.has(f) {
			return false
		}
	}
	return true
}

func (b bits) key() string {
	raw := make([]byte, 0, len(b)*8)
	for _, w := range b {
		for i := range 8 {
			raw = append(raw, byte(w>>(8*i)))
		}
	}
	return string(raw)
}

type operator struct {
	index              int
	needs, adds, drops []int
	cost               float64
}

type search struct {
	problem   *Problem
	facts     map[string]int
	names     []string
	operators []operator
	initial   bits
	goals     []int
	limit     int
	// A useful action costs at least cheapest and adds at most width goals.
	cheapest float64
	width    int
}

func newSearch(problem *Problem) *search {
	s := &search{problem: problem, facts: map[string]int{}, limit: problem.MaxExpansions}
	if s.limit <= 0 {
		s.limit = 50_000
	}
	initial, goals := s.number(problem.Initial), s.number(problem.Goals)
	for i := range problem.Actions {
		a := &problem.Actions[i]
		s.operators = append(s.operators, operator{index: i, needs: s.number(a.Needs), adds: s.number(a.Adds), drops: s.number(a.Delete), cost: max(0, a.Cost)})
	}
	s.goals = goals
	s.relevant()
	s.initial = make(bits, (len(s.names)+63)/64)
	for _, f := range initial {
		s.initial.set(f)
	}
	s.cheapest, s.width = math.Inf(1), 1
	for _, o := range s.operators {
		n := 0
		for _, f := range o.adds {
			if slices.Contains(goals, f) {
				n++
			}
		}
		if n > 0 {
			s.cheapest, s.width = min(s.cheapest, o.cost), max(s.width, n)
		}
	}
	return s
}

func (s *search) number(names []string) []int {
	out := make([]int, 0, len(names))
	for _, name := range names {
		i, ok := s.facts[name]
		if !ok {
			i = len(s.names)
			s.facts[name] = i
			s.names = append(s.names, name)
		}
		if !slices.Contains(out, i) {
			out = append(out, i)
		}
	}
	return out
}

// relevant keeps the operators that can, by some chain of needs, serve a goal.
func (s *search) relevant() {
	wanted := map[int]bool{}
	for _, g := range s.goals {
		wanted[g] = true
	}
	used := make([]bool, len(s.operators))
	for changed := true; changed; {
		changed = false
		for i, o := range s.operators {
			if used[i] || !slices.ContainsFunc(o.adds, func(f int) bool { return wanted[f] }) {
				continue
			}
			used[i], changed = true, true
			for _, f := range o.needs {
				wanted[f] = true
			}
		}
	}
	kept := s.operators[:0]
	for i, o := range s.operators {
		if used[i] {
			kept = append(kept, o)
		}
	}
	s.operators = kept
}

// levels gives each fact the h-max cost of reaching it from the state when
// deletions are ignored.
func (s *search) levels(state bits) []float64 {
	cost := make([]float64, len(s.names))
	for f := range cost {
		if !state.has(f) {
			cost[f] = math.Inf(1)
		}
	}
	for changed := true; changed; {
		changed = false
		for i := range s.operators {
			o := &s.operators[i]
			worst := 0.0
			for _, f := range o.needs {
				worst = max(worst, cost[f])
			}
			if math.IsInf(worst, 1) {
				continue
			}
			for _, f := range o.adds {
				if worst+o.cost < cost[f] {
					cost[f], changed = worst+o.cost, true
				}
			}
		}
	}
	return cost
}

func (s *search) unreachable() []string {
	cost := s.levels(s.initial)
	var out []string
	for _, g := range s.goals {
		if math.IsInf(cost[g], 1) {
			out = append(out, s.names[g])
		}
	}
	return out
}

// estimate is admissible: the larger of h-max and the open goals shared out
// over the best action.
func (s *search) estimate(state bits) float64 {
	cost := s.levels(state)
	worst, open := 0.0, 0
	for _, g := range s.goals {
		worst = max(worst, cost[g])
		if !state.has(g) {
			open++
		}
	}
	if open > 0 && !math.IsInf(s.cheapest, 1) {
		worst = max(worst, s.cheapest*math.Ceil(float64(open)/float64(s.width)))
	}
	return worst
}

type node struct {
	state    bits
	operator int
	parent   *node
	g, f     float64
	serial   int
}

type frontier []*node

func (q frontier) Len() int      { return len(q) }
func (q frontier) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q frontier) Less(i, j int) bool {
	if q[i].f != q[j].f {
		return q[i].f < q[j].f
	}
	if q[i].g != q[j].g {
		return q[i].g > q[j].g // deeper first: closer to the goal
	}
	return q[i].serial < q[j].serial
}
func (q *frontier) Push(x any) { *q = append(*q, x.(*node)) }
func (q *frontier) Pop() any {
	old := *q
	n := old[len(old)-1]
	*q = old[:len(old)-1]
	return n
}

func (s *search) run(ctx context.Context) (*Plan, error) {
	start := &node{state: s.initial, operator: -1, f: s.estimate(s.initial)}
	open := &frontier{start}
	best := map[string]float64{start.state.key(): 0}
	serial, expanded := 0, 0
	for open.Len() > 0 {
		n := heap.Pop(open).(*node)
		if n.g > best[n.state.key()] {
			continue
		}
		if n.state.holds(s.goals) {
			return s.plan(n, expanded), nil
		}
		expanded++
		if expanded > s.limit {
			return nil, ErrLimit
		}
		if expanded%64 == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		for i := range s.operators {
			o := &s.operators[i]
			if !n.state.holds(o.needs) || n.state.holds(o.adds) && len(o.drops) == 0 {
				continue
			}
			next := slices.Clone(n.state)
			for _, f := range o.drops {
				next.clear(f)
			}
			for _, f := range o.adds {
				next.set(f)
			}
			g, key := n.g+o.cost, next.key()
			if known, ok := best[key]; ok && known <= g {
				continue
			}
			h := s.estimate(next)
			if math.IsInf(h, 1) {
				continue
			}
			best[key] = g
			serial++
			heap.Push(open, &node{state: next, operator: i, parent: n, g: g, f: g + h, serial: serial})
		}
	}
	return nil, ErrNone
}

func (s *search) plan(n *node, expanded int) *Plan {
	out := &Plan{Cost: n.g, Expanded: expanded}
	var actions []int
	for ; n.parent != nil; n = n.parent {
		actions = append(actions, s.operators[n.operator].index)
	}
	slices.Reverse(actions)
	out.Steps = order(s.problem, actions)
	return out
}
