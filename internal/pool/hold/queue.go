// Package hold is the queue in which calls wait for a worker. It is a plain
// data structure: no goroutines, no clock and no locks of its own, so that the
// order it hands calls out in can be tested by itself.
//
// Tenants share what the queue hands out by self-clocked fair queueing (Golestani,
// 1994), each in proportion to its weight; one tenant's calls for one lane leave
// in the order they came. A tenant that comes anew waits for its share like the
// rest: a stream of new tenants starves nobody. One that used less than its
// share while the queue never ran empty has credit for some calls (borrowed
// virtual time; Duda and Cheriton, 1999): a cluster of them overtakes the
// backlog of a tenant that floods. Credit is spent by running and not earned by
// others' spending theirs, so what a backlog can be kept waiting for is bounded
// by the credit of all. A lane is a set of calls that can
// be served by the same workers: the pool uses one lane per service. The
// virtual time a tenant has used is counted over all lanes together, so a
// tenant gains nothing by spreading its calls over services.
package hold

import (
	"container/heap"
	"errors"
	"math"
)

// Reasons for which Push refuses an entry.
var (
	ErrQueueCount  = errors.New("hold queue: too many calls held")
	ErrQueueBytes  = errors.New("hold queue: too many bytes held")
	ErrTenantCount = errors.New("hold queue: too many calls held for this tenant")
	ErrTenantBytes = errors.New("hold queue: too many bytes held for this tenant")
)

// Weights outside this range are brought into it; a weight that is not a
// positive number counts as 1.
const (
	minWeight = 1.0 / 1024
	maxWeight = 1 << 20
)

// Limits caps what a queue holds. Zero or less means no cap.
type Limits struct {
	Count, TenantCount int
	Bytes, TenantBytes int64
}

// Entry is one held call. The caller fills the exported fields and does not
// change them while the entry is held.
type Entry[T any] struct {
	Lane   string
	Tenant string
	// Weight is the tenant's share; the latest one pushed counts.
	Weight float64
	Bytes  int64
	// Again marks a call that was handed out before but could not run. It goes
	// to the front of its tenant's calls and no cap applies: there are no more
	// of these than workers have slots.
	Again bool
	Value T

	seq        uint64
	flow       *flow[T]
	prev, next *Entry[T]
}

// Held reports whether e is in a queue.
func (e *Entry[T]) Held() bool { return e.flow != nil }

// Queue holds entries. Every operation costs O(log n) in the number of tenants
// waiting, times the number of lanes, which is small. Not safe for concurrent
// use.
type Queue[T any] struct {
	limits Limits
	count  int
	bytes  int64
	seq    uint64
	// now is the virtual time: the finish tag of the entry handed out last.
	now     float64
	credit  float64
	idle    memory
	tenants map[string]*tenant[T]
	lanes   map[string]*lane[T]
}

// SetLimits replaces the caps. What is held stays, though it may exceed them.
func (q *Queue[T]) SetLimits(limits Limits) { q.limits = limits }

// SetCredit sets how many calls of its own a tenant can be ahead; 0 gives none.
func (q *Queue[T]) SetCredit(calls float64) { q.credit = max(0, calls) }

// New makes an empty queue.
func New[T any](limits Limits) *Queue[T] {
	return &Queue[T]{
		limits:  limits,
		credit:  Credit,
		tenants: map[string]*tenant[T]{},
		lanes:   map[string]*lane[T]{},
	}
}

// Len is the number of entries held.
func (q *Queue[T]) Len() int { return q.count }

// Bytes is the sum of the bytes held.
func (q *Queue[T]) Bytes() int64 { return q.bytes }

// LaneLen is the number of entries held in one lane.
func (q *Queue[T]) LaneLen(name string) int {
	if l := q.lanes[name]; l != nil {
		return l.count
	}
	return 0
}

// Lanes calls yield for each lane that holds something, until it returns
// false. The queue must not be changed meanwhile.
func (q *Queue[T]) Lanes(yield func(name string) bool) {
	for name := range q.lanes {
		if !yield(name) {
			return
		}
	}
}

// Push holds e, or says which limit forbids it.
func (q *Queue[T]) Push(e *Entry[T]) error {
	if e.Held() {
		panic("hold: entry pushed twice")
	}
	t := q.tenants[e.Tenant]
	if err := q.admit(t, e.Bytes); err != nil && !e.Again {
		return err
	}
	weight := sanitize(e.Weight)
	if t == nil {
		used, known := q.idle.take(e.Tenant)
		if !known {
			used = q.now
		}
		t = &tenant[T]{name: e.Tenant, pass: q.used(used, weight) + 1/weight, flows: map[string]*flow[T]{}}
		q.tenants[e.Tenant] = t
	}
	t.weight = weight
	t.count++
	t.bytes += e.Bytes
	q.count++
	q.bytes += e.Bytes
	q.seq++
	e.seq = q.seq
	q.lane(e.Lane).push(t, e)
	return nil
}

func (q *Queue[T]) admit(t *tenant[T], bytes int64) error {
	l := q.limits
	switch {
	case l.Count > 0 && q.count >= l.Count:
		return ErrQueueCount
	case l.Bytes > 0 && q.bytes+bytes > l.Bytes:
		return ErrQueueBytes
	}
	var count int
	var held int64
	if t != nil {
		count, held = t.count, t.bytes
	}
	switch {
	case l.TenantCount > 0 && count >= l.TenantCount:
		return ErrTenantCount
	case l.TenantBytes > 0 && held+bytes > l.TenantBytes:
		return ErrTenantBytes
	}
	return nil
}

// Pop takes out the entry whose turn it is among the lanes for which open
// returns true, or returns nil.
func (q *Queue[T]) Pop(open func(lane string) bool) *Entry[T] {
	var best *flow[T]
	for name, l := range q.lanes {
		head := l.flows[0]
		if best != nil && !head.before(best) {
			continue
		}
		if open(name) {
			best = head
		}
	}
	if best == nil {
		return nil
	}
	e, t := best.head, best.tenant
	q.now = math.Max(t.pass, q.now)
	t.pass = q.used(t.pass, t.weight) + 1/t.weight
	q.drop(e)
	for _, f := range t.flows {
		heap.Fix(f.lane, f.index)
	}
	return e
}

// Remove takes e out, wherever it stands, and reports whether it was held.
func (q *Queue[T]) Remove(e *Entry[T]) bool {
	if !e.Held() {
		return false
	}
	q.drop(e)
	return true
}

// drop unlinks e and everything that is empty without it.
func (q *Queue[T]) drop(e *Entry[T]) {
	f := e.flow
	t, l := f.tenant, f.lane
	f.unlink(e)
	if f.head == nil {
		heap.Remove(l, f.index)
		delete(t.flows, l.name)
	} else {
		heap.Fix(l, f.index)
	}
	l.count--
	if l.count == 0 {
		delete(q.lanes, l.name)
	}
	t.count--
	t.bytes -= e.Bytes
	q.count--
	q.bytes -= e.Bytes
	if t.count == 0 {
		delete(q.tenants, t.name)
		q.idle.keep(t.name, t.pass-1/t.weight)
	}
	if q.count == 0 { // nobody waits: nobody is owed anything
		q.now = 0
		q.idle.clear()
	}
}

// used is the virtual time up to which a tenant counts as served: no further
// behind than its credit allows. A tenant that stayed away, or whose lane was
// shut for long, is not paid back more.
func (q *Queue[T]) used(served, weight float64) float64 {
	return math.Max(served, q.now-q.credit/weight)
}

func (q *Queue[T]) lane(name string) *lane[T] {
	l := q.lanes[name]
	if l == nil {
		l = &lane[T]{name: name}
		q.lanes[name] = l
	}
	return l
}

func sanitize(weight float64) float64 {
	if !(weight > 0) { // also NaN
		return 1
	}
	return math.Min(math.Max(weight, minWeight), maxWeight)
}
