package aco

import (
	"slices"

	"github.com/omni-run/omni/internal/ml/schedule"
)

// Shares of the effort.
const (
	// polishShare of the work goes to what breaks ties once the objective is
	// settled: urgent tasks first.
	polishShare = 20
	// patience of the tabu search, in steps per task, and its limits.
	patiencePerTask = 40
	leastPatience   = 1500
	mostPatience    = 12000
	// Of shakeEvery rounds all but one start from the best plan, shaken by
	// shakeMoves random moves; one starts from the ants.
	shakeEvery = 2
	shakeMoves = 12
)

// run is the whole search: seeds, rounds of ants, polish.
func (s *search) run() {
	n := len(s.in.Modes)
	keys := s.seed()
	reserve := s.o.Work / polishShare
	s.o.Work -= reserve
	if !s.optimal() && !s.stop(0) {
		s.colony(keys)
	}
	if s.ended == StoppedTime {
		return
	}
	if !s.optimal() && s.enumerable() {
		s.enumerate()
	}
	// The ties: a short climb from the best plan, never worse by the objective.
	s.ended = ""
	s.o.Work = s.spent + reserve
	p := s.best.Clone()
	newLocal(s.in, s.rng).run(p, int(min(2000, max(50, reserve/int64(4*n)))), s.stop)
	s.offer(p)
	if s.ended == "" {
		s.ended = StoppedWork
	}
}

// colony runs rounds of ants until the work is spent or the bound is met.
func (s *search) colony(keys [][]float64) {
	n := len(s.in.Modes)
	c, climb := newColony(s.in, s.rng), newLocal(s.in, s.rng)
	var critical *tabu
	if s.in.Problem.Objective == schedule.Makespan {
		if g := newGraph(s.in); g != nil {
			critical = newTabu(g, s.rng)
		}
	}
	ant, champion := schedule.NewPlan(n), schedule.NewPlan(n)
	var order []int
	stale := 0
	for total := s.o.Work; s.ended == "" && !s.optimal(); {
		s.rounds++
		again := critical != nil && s.rounds%shakeEvery != 0
		if again {
			champion.CopyFrom(s.best)
		} else {
			s.march(c, keys, ant, champion)
		}
		before := s.value
		s.improve(champion, critical, climb, again)
		s.offer(champion)
		if stale++; s.value.Less(before) {
			stale = 0
		}
		// The best of all lays the trail every third round, else the round's.
		layer := champion
		if s.rounds%3 == 0 {
			layer = s.best
		}
		order = s.in.Order(layer, order)
		c.reinforce(layer, order)
		if stale > 60 {
			c.reset()
			stale = 0
		}
		if s.o.OnProgress != nil {
			s.o.OnProgress(min(1, float64(s.spent)/float64(total)))
		}
	}
}

// march lets the ants of one round build plans and leaves the best of them in
// champion.
func (s *search) march(c *colony, keys [][]float64, ant, champion *schedule.Plan) {
	var value schedule.Value
	for k := range s.o.Ants {
		c.build(ant, keys[(s.rounds+k)%len(keys)])
		if v := s.in.Value(ant); k == 0 || v.Less(value) {
			value = v
			champion.CopyFrom(ant)
		}
		if s.stop(int64(4 * len(s.in.Modes))) {
			return
		}
	}
}

// improve applies the local searches to a plan.
func (s *search) improve(p *schedule.Plan, critical *tabu, climb *local, shaken bool) {
	n := len(s.in.Modes)
	if critical == nil {
		climb.run(p, 400+20*n, s.stop)
		return
	}
	critical.g.load(p)
	if shaken {
		critical.shake(shakeMoves)
	}
	patience := min(mostPatience, max(leastPatience, patiencePerTask*n))
	critical.run(s.bound*(1+1e-10), patience, s.stop)
	critical.g.store(p)
	if len(climb.flexible) > 0 && s.ended == "" {
		climb.run(p, 100+n, s.stop)
	}
}

// seed builds plans by list scheduling with several rules, so that the result
// is never worse than any of them, and returns the rules' keys in [0, 1] for
// the ants to use.
func (s *search) seed() [][]float64 {
	n := len(s.in.Modes)
	gen, p := schedule.NewGenerator(s.in), schedule.NewPlan(n)
	rules := s.rules()
	for k, key := range rules {
		gen.Dispatch(p, key, gen.Earliest)
		s.offer(p)
		if s.in.Problem.Objective == schedule.Cost {
			gen.Dispatch(p, key, gen.Cheapest)
			s.offer(p)
		}
		normalise(key)
		if s.stop(int64(8*n)) && s.ended == StoppedTime {
			return rules[:k+1]
		}
	}
	return rules
}

// rules returns the priority rules: larger is more urgent.
func (s *search) rules() [][]float64 {
	in := s.in
	n := len(in.Modes)
	rule := func(f func(i int) float64) []float64 {
		key := make([]float64, n)
		for i := range key {
			key[i] = f(i)
		}
		return key
	}
	task := func(i int) *schedule.Task { return &in.Problem.Tasks[i] }
	rank := rule(func(i int) float64 { return in.MinTime[i] + in.Tail[i] })
	longest := rule(func(i int) float64 { return in.MinTime[i] })
	urgent := rule(func(i int) float64 { return task(i).Weight })
	ratio := rule(func(i int) float64 { return task(i).Weight / max(1e-9, in.MinTime[i]) })
	due := rule(func(i int) float64 { return -min(task(i).Deadline, 1e15) })
	slack := s.latestStarts()
	if in.Problem.Objective == schedule.Makespan {
		return [][]float64{rank, longest, urgent, slack}
	}
	return [][]float64{slack, due, ratio, rank, urgent}
}

// latestStarts ranks tasks by the latest start that keeps their own and all
// their successors' deadlines, were workers unlimited.
func (s *search) latestStarts() []float64 {
	in := s.in
	latest := make([]float64, len(in.Modes))
	key := make([]float64, len(in.Modes))
	for k := len(in.Topo) - 1; k >= 0; k-- {
		i := in.Topo[k]
		end := min(in.Problem.Tasks[i].Deadline, 1e15)
		for _, j := range in.Succ[i] {
			end = min(end, latest[j])
		}
		latest[i] = end - in.MinTime[i]
		key[i] = -latest[i]
	}
	return key
}

// normalise replaces values by their rank among the distinct values, scaled to
// [0, 1]: a rule's scale, or one huge value, then says nothing.
func normalise(key []float64) {
	sorted := sortedDistinct(key)
	if len(sorted) == 1 {
		for i := range key {
			key[i] = 1
		}
		return
	}
	for i, x := range key {
		key[i] = float64(rankOf(sorted, x)) / float64(len(sorted)-1)
	}
}

// sortedDistinct returns the distinct values of x, ascending.
func sortedDistinct(x []float64) []float64 {
	sorted := slices.Clone(x)
	slices.Sort(sorted)
	return slices.Compact(sorted)
}

// rankOf returns the place of x, which is there, in sorted.
func rankOf(sorted []float64, x float64) int {
	k, _ := slices.BinarySearch(sorted, x)
	return k
}
