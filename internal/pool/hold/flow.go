package hold

import "container/heap"

// tenant is what the queue knows about one tenant while it holds something of
// it.
type tenant[T any] struct {
	name   string
	weight float64
	// pass is the virtual time at which the tenant's next entry is done.
	pass  float64
	count int
	bytes int64
	flows map[string]*flow[T] // by lane
}

// flow is one tenant's entries for one lane, first in first out.
type flow[T any] struct {
	tenant     *tenant[T]
	lane       *lane[T]
	index      int // in lane.flows
	head, tail *Entry[T]
}

// before orders flows by virtual time, then by age: a total order, as no two
// entries share a sequence number.
func (f *flow[T]) before(g *flow[T]) bool {
	if f.tenant.pass != g.tenant.pass {
		return f.tenant.pass < g.tenant.pass
	}
	return f.head.seq < g.head.seq
}

func (f *flow[T]) append(e *Entry[T]) {
	e.flow, e.prev, e.next = f, f.tail, nil
	if f.tail == nil {
		f.head = e
	} else {
		f.tail.next = e
	}
	f.tail = e
}

func (f *flow[T]) prepend(e *Entry[T]) {
	e.flow, e.prev, e.next = f, nil, f.head
	f.head.prev = e
	f.head = e
}

func (f *flow[T]) unlink(e *Entry[T]) {
	if e.prev == nil {
		f.head = e.next
	} else {
		e.prev.next = e.next
	}
	if e.next == nil {
		f.tail = e.prev
	} else {
		e.next.prev = e.prev
	}
	e.flow, e.prev, e.next = nil, nil, nil
}

// lane is a heap of the flows that wait for the same workers.
type lane[T any] struct {
	name  string
	count int
	flows []*flow[T]
}

func (l *lane[T]) push(t *tenant[T], e *Entry[T]) {
	l.count++
	f := t.flows[l.name]
	if f != nil && e.Again {
		f.prepend(e)
		heap.Fix(l, f.index)
		return
	}
	if f != nil {
		f.append(e)
		return
	}
	f = &flow[T]{tenant: t, lane: l}
	t.flows[l.name] = f
	f.append(e)
	heap.Push(l, f)
}

// Len, Less, Swap, Push and Pop make a lane a heap.Interface.
func (l *lane[T]) Len() int           { return len(l.flows) }
func (l *lane[T]) Less(i, j int) bool { return l.flows[i].before(l.flows[j]) }
func (l *lane[T]) Swap(i, j int) {
	l.flows[i], l.flows[j] = l.flows[j], l.flows[i]
	l.flows[i].index, l.flows[j].index = i, j
}

func (l *lane[T]) Push(x any) {
	f := x.(*flow[T])
	f.index = len(l.flows)
	l.flows = append(l.flows, f)
}

func (l *lane[T]) Pop() any {
	last := len(l.flows) - 1
	f := l.flows[last]
	l.flows[last] = nil
	l.flows = l.flows[:last]
	return f
}
