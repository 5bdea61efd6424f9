package http1

import (
	"sync"
	"time"
)

// lookAfter is how long a request runs, at least, before its connection is
// watched for a caller who leaves. Most requests end sooner and pay nothing.
const lookAfter = 20 * time.Millisecond

// flights are the requests being answered. A tick, which runs only while there
// are any, has those watched that have been there for more than one tick.
type flights struct {
	mu      sync.Mutex
	oldest  *flight // of a ring without a head: nil if empty
	count   int
	ticks   uint64
	timer   *time.Timer
	ticking bool
	over    bool
}

// flight is a connection's place among them.
type flight struct {
	conn       *conn
	call       *call
	prev, next *flight
	born       uint64
	watching   bool
	landed     chan struct{} // closed when the watch is over
}

// begin enters a request and returns how many there are now. It is watched once
// it has lasted.
func (f *flights) begin(c *conn, call *call) (count int) {
	f.mu.Lock()
	f.count++
	count = f.count
	p := &c.flight
	p.call, p.born, p.watching = call, f.ticks, false
	if f.oldest == nil {
		p.prev, p.next = p, p
		f.oldest = p
	} else {
		last := f.oldest.prev
		p.prev, p.next = last, f.oldest
		last.next, f.oldest.prev = p, p
	}
	over := f.over
	if !f.ticking {
		f.ticking = true
		if f.timer == nil {
			f.timer = time.AfterFunc(lookAfter, f.tick)
		} else {
			f.timer.Reset(lookAfter)
		}
	}
	f.mu.Unlock()
	if over {
		call.ctx.cancel()
	}
	return count
}

// end takes a request out and reports whether its connection is being watched.
func (f *flights) end(c *conn) (watching bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.count--
	p := &c.flight
	if p.next == p {
		f.oldest = nil
	} else {
		p.prev.next, p.next.prev = p.next, p.prev
		if f.oldest == p {
			f.oldest = p.next
		}
	}
	p.prev, p.next, p.call = nil, nil, nil
	return p.watching
}

// tick has the connections of those requests watched that were there a tick
// ago. A body that still arrives is the handler's to read; its end shows there.
func (f *flights) tick() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ticks++
	if f.oldest == nil {
		f.ticking = false
		return
	}
	for p := f.oldest; p.born+1 < f.ticks; {
		if !p.watching && p.call.body.done.Load() {
			p.watching, p.landed = true, make(chan struct{})
			_ = p.conn.nc.SetReadDeadline(time.Time{}) // before anybody can call the watch back
			go p.conn.watch(p.call, p.landed)
		}
		if p = p.next; p == f.oldest {
			break
		}
	}
	f.timer.Reset(lookAfter)
}

// cancelAll ends the contexts of all requests, those to come included.
func (f *flights) cancelAll() {
	f.mu.Lock()
	f.over = true
	var calls []*call
	for p := f.oldest; p != nil; {
		calls = append(calls, p.call)
		if p = p.next; p == f.oldest {
			break
		}
	}
	f.mu.Unlock()
	for _, c := range calls {
		c.ctx.cancel()
	}
}
