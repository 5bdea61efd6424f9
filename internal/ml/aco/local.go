package aco

import (
	"math/rand/v2"

	"github.com/omni-run/omni/internal/ml/schedule"
)

// local improves a plan under any objective by late acceptance hill climbing
// (Burke & Bykov 2017) over the order of tasks and their modes: a task moves
// to another place or another mode, or two tasks change places or modes, and
// the plan is generated anew.
type local struct {
	in       *schedule.Instance
	rng      *rand.Rand
	gen      *schedule.Generator
	order    []int
	modes    []int
	trial    *schedule.Plan
	history  []schedule.Value
	flexible []int // tasks with more than one mode
}

// memory is how many steps back a candidate is compared with.
const memory = 40

func newLocal(in *schedule.Instance, rng *rand.Rand) *local {
	n := len(in.Modes)
	l := &local{
		in: in, rng: rng, gen: schedule.NewGenerator(in), modes: make([]int, n),
		trial: schedule.NewPlan(n), history: make([]schedule.Value, memory),
	}
	for i := range n {
		if len(in.Modes[i]) > 1 {
			l.flexible = append(l.flexible, i)
		}
	}
	return l
}

// run searches from p for the given number of steps and leaves the best plan
// met in p, never a worse one.
func (l *local) run(p *schedule.Plan, steps int, stop func(units int64) bool) {
	n := len(l.modes)
	if n < 2 && len(l.flexible) == 0 {
		return
	}
	best := l.in.Value(p)
	l.order = l.in.Order(p, l.order)
	copy(l.modes, p.Mode)
	l.gen.Follow(l.trial, l.order, l.modes)
	current := l.in.Value(l.trial)
	if current.Less(best) {
		best = current
		p.CopyFrom(l.trial)
	}
	for k := range l.history {
		l.history[k] = current
	}
	for step := range steps {
		if step%16 == 15 && stop(int64(16*4*n)) {
			return
		}
		undo := l.change()
		if undo == nil {
			continue
		}
		l.gen.Follow(l.trial, l.order, l.modes)
		value := l.in.Value(l.trial)
		slot := step % memory
		if current.Less(value) && !value.Less(l.history[slot]) {
			undo()
		} else {
			current = value
			if value.Less(best) {
				best = value
				p.CopyFrom(l.trial)
			}
		}
		if current.Less(l.history[slot]) {
			l.history[slot] = current
		}
	}
}

// change alters order or modes and returns how to take it back; nil when the
// alteration drawn is not possible.
func (l *local) change() func() {
	n := len(l.order)
	kind := l.rng.IntN(4)
	if len(l.flexible) == 0 && kind >= 2 {
		kind -= 2
	}
	if n < 2 {
		kind = 2
	}
	switch kind {
	case 2:
		return l.remode()
	case 3:
		return l.exchange()
	default:
		from, to := l.rng.IntN(n), l.rng.IntN(n)
		if kind == 0 { // near by
			reach := 1 + n/8
			to = min(n-1, max(0, from+l.rng.IntN(2*reach+1)-reach))
		}
		if from == to || !l.movable(from, to) {
			return nil
		}
		shift(l.order, from, to)
		return func() { shift(l.order, to, from) }
	}
}

func (l *local) remode() func() {
	i := l.flexible[l.rng.IntN(len(l.flexible))]
	old := l.modes[i]
	m := l.rng.IntN(len(l.in.Modes[i]) - 1)
	if m >= old {
		m++
	}
	l.modes[i] = m
	return func() { l.modes[i] = old }
}

// exchange lets two tasks swap workers.
func (l *local) exchange() func() {
	i, j := l.flexible[l.rng.IntN(len(l.flexible))], l.flexible[l.rng.IntN(len(l.flexible))]
	oldI, oldJ := l.modes[i], l.modes[j]
	newI := l.modeOn(i, l.in.Modes[j][oldJ].Worker)
	newJ := l.modeOn(j, l.in.Modes[i][oldI].Worker)
	if newI < 0 || newJ < 0 || newI == oldI {
		return nil
	}
	l.modes[i], l.modes[j] = newI, newJ
	return func() { l.modes[i], l.modes[j] = oldI, oldJ }
}

func (l *local) modeOn(task, worker int) int {
	// Modes are in the order of the workers.
	for m := min(worker, len(l.in.Modes[task])-1); m >= 0; m-- {
		if l.in.Modes[task][m].Worker == worker {
			return m
		}
	}
	return -1
}

// movable reports whether the task at place from can go to place to without
// passing one that it must follow or precede.
func (l *local) movable(from, to int) bool {
	i := l.order[from]
	passed := l.order[min(from, to) : max(from, to)+1]
	related := l.in.Succ[i]
	if to < from {
		related = l.in.Pred[i]
	}
	if len(related) == 0 {
		return true
	}
	for _, j := range passed {
		for _, r := range related {
			if j == r {
				return false
			}
		}
	}
	return true
}

// shift moves the element at from to place to; those between make room.
func shift(order []int, from, to int) {
	i := order[from]
	if from < to {
		copy(order[from:to], order[from+1:to+1])
	} else {
		copy(order[to+1:from+1], order[to:from])
	}
	order[to] = i
}
