package respcache

import (
	"context"
	"sync"
)

// flights are the questions being answered now.
type flights struct {
	mu      sync.Mutex
	running map[Key]*Flight
}

// Flight is one call that others with the same question wait for.
type Flight struct {
	cache  *Cache
	key    Key
	landed chan struct{}
	once   sync.Once
	answer *Answer
	again  bool
}

// Join takes part in answering a question. The first to ask is given the
// Flight and must land it, whatever becomes of its call. All others wait, for
// as long as ctx lasts, and are given the answer; or nothing, and then each
// asks for itself, because the first one's answer was its own alone. If the
// first gave up without one, the next takes its place.
func (c *Cache) Join(ctx context.Context, k Key) (lead *Flight, shared *Answer, err error) {
	for {
		c.flights.mu.Lock()
		f := c.flights.running[k]
		if f == nil {
			f = &Flight{cache: c, key: k, landed: make(chan struct{})}
			c.flights.running[k] = f
			c.flights.mu.Unlock()
			return f, nil, nil
		}
		c.flights.mu.Unlock()
		select {
		case <-f.landed:
		case <-ctx.Done():
			return nil, nil, context.Cause(ctx)
		}
		if !f.again {
			return nil, f.answer, nil
		}
	}
}

// Land ends the flight with an answer for all who wait, or with nil, for an
// answer that is nobody else's. Only the first of Land and GiveUp counts.
func (f *Flight) Land(a *Answer) { f.end(a, false) }

// GiveUp ends the flight without an answer, for reasons that are the leader's
// own, such as that its caller has left.
func (f *Flight) GiveUp() { f.end(nil, true) }

func (f *Flight) end(a *Answer, again bool) {
	f.once.Do(func() {
		f.answer, f.again = a, again
		f.cache.flights.mu.Lock()
		delete(f.cache.flights.running, f.key)
		f.cache.flights.mu.Unlock()
		close(f.landed)
	})
}
