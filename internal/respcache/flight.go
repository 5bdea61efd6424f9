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
	shared Landing
	again  bool
}

// Landing is what a flight came to, for those who waited for it.
type Landing struct {
	// Answer is nil when the leader's was its own alone.
	Answer *Answer
	// Cold says that it waited for a worker to start.
	Cold bool
}

// Join takes part in answering a question. The first to ask is given the
// Flight and must land it, whatever becomes of its call. All others wait, for
// as long as ctx lasts, and are given the answer; or nothing, and then each
// asks for itself, because the first one's answer was its own alone. If the
// first gave up without one, the next takes its place.
func (c *Cache) Join(ctx context.Context, k Key) (lead *Flight, shared Landing, err error) {
	for {
		c.flights.mu.Lock()
		f := c.flights.running[k]
		if f == nil {
			f = &Flight{cache: c, key: k, landed: make(chan struct{})}
			c.flights.running[k] = f
			c.flights.mu.Unlock()
			return f, Landing{}, nil
		}
		c.flights.mu.Unlock()
		select {
		case <-f.landed:
		case <-ctx.Done():
			return nil, Landing{}, context.Cause(ctx)
		}
		if !f.again {
			return nil, f.shared, nil
		}
	}
}

// Land ends the flight with what all who wait are given; that is nothing where
// the answer is nobody else's. Only the first of Land and GiveUp counts.
func (f *Flight) Land(l Landing) { f.end(l, false) }

// GiveUp ends the flight without an answer, for reasons that are the leader's
// own, such as that its caller has left.
func (f *Flight) GiveUp() { f.end(Landing{}, true) }

func (f *Flight) end(l Landing, again bool) {
	f.once.Do(func() {
		f.shared, f.again = l, again
		f.cache.flights.mu.Lock()
		delete(f.cache.flights.running, f.key)
		f.cache.flights.mu.Unlock()
		close(f.landed)
	})
}
