package http1

import (
	"context"
	"sync"
	"time"
)

// callContext is a request's context. It is what context.WithCancel gives, less
// the parts that a call which ends well never uses: the channel is made when
// somebody asks for it, and the parent need not know of it, because the server
// itself ends it when Base ends.
type callContext struct {
	base context.Context

	mu    sync.Mutex
	done  chan struct{}
	err   error
	after map[*func()]struct{}
	first *func() // the first of after, which is mostly the only one
}

var _ context.Context = (*callContext)(nil)

// Deadline implements context.Context.
func (c *callContext) Deadline() (time.Time, bool) { return c.base.Deadline() }

// Value implements context.Context. context.Cause finds Base's cause by it.
func (c *callContext) Value(key any) any { return c.base.Value(key) }

// Done implements context.Context.
func (c *callContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.done == nil {
		c.done = make(chan struct{})
		if c.err != nil {
			close(c.done)
		}
	}
	return c.done
}

// Err implements context.Context.
func (c *callContext) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// AfterFunc arranges for f to run in a goroutine of its own once the context
// has ended. Package context uses it, so that contexts derived from this one
// need no goroutine to wait for it. stop reports whether it kept f from running.
func (c *callContext) AfterFunc(f func()) (stop func() bool) {
	at := &f
	c.Watch(at)
	return func() bool { return c.Forget(at) }
}

// Watch is AfterFunc for who has a place for the function, and so allocates
// nothing. Forget is its stop.
func (c *callContext) Watch(at *func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.err != nil:
		go (*at)()
	case c.first == nil:
		c.first = at
	default:
		if c.after == nil {
			c.after = map[*func()]struct{}{}
		}
		c.after[at] = struct{}{}
	}
}

// Forget reports whether it kept the function from running.
func (c *callContext) Forget(at *func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.first == at {
		c.first = nil
		return true
	}
	_, waiting := c.after[at]
	delete(c.after, at)
	return waiting
}

// cancel ends the context; only the first call counts.
func (c *callContext) cancel() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return
	}
	c.err = context.Canceled
	if c.done != nil {
		close(c.done)
	}
	if c.first != nil {
		go (*c.first)()
	}
	for f := range c.after {
		go (*f)()
	}
	c.first, c.after = nil, nil
}
