package authn

import (
	"errors"
	"sync/atomic"
	"time"
)

// Stats is what the metrics page shows of an Authenticator. The numbers grow
// from the start of the process.
type Stats struct {
	// Hits are keys answered from memory; Misses are those unknown there, and
	// those for which the store had to be asked first.
	Hits, Misses uint64
	// Refusals by reason.
	Malformed, Unknown, Revoked, Expired, Disabled, Unavailable uint64
	// Reloads counts contents taken over, StoreErrors failed polls.
	Reloads, StoreErrors uint64
	// Keys and Tenants are in the snapshot now.
	Keys, Tenants int
	// StoreErr is why the last poll failed, or nil. Age is the time since the
	// last good one; 0 without a store.
	StoreErr error
	Age      time.Duration
}

type counters struct {
	hits, misses, reloads                                       atomic.Uint64
	malformed, unknown, revoked, expired, disabled, unavailable atomic.Uint64
}

func (c *counters) lookup(hit bool) {
	if hit {
		c.hits.Add(1)
	} else {
		c.misses.Add(1)
	}
}

func (c *counters) refused(reason error) {
	switch {
	case errors.Is(reason, ErrMalformed):
		c.malformed.Add(1)
	case errors.Is(reason, ErrRevoked):
		c.revoked.Add(1)
	case errors.Is(reason, ErrExpired):
		c.expired.Add(1)
	case errors.Is(reason, ErrDisabled):
		c.disabled.Add(1)
	case errors.Is(reason, ErrUnavailable):
		c.unavailable.Add(1)
	default:
		c.unknown.Add(1)
	}
}

// Stats returns the counters as they stand.
func (a *Authenticator) Stats() Stats {
	c, ix := &a.counts, a.current.Load()
	s := Stats{
		Hits: c.hits.Load(), Misses: c.misses.Load(),
		Malformed: c.malformed.Load(), Unknown: c.unknown.Load(), Revoked: c.revoked.Load(),
		Expired: c.expired.Load(), Disabled: c.disabled.Load(), Unavailable: c.unavailable.Load(),
		Reloads: c.reloads.Load(), Keys: len(ix.keys), Tenants: ix.tenants,
	}
	a.health.mu.RLock()
	defer a.health.mu.RUnlock()
	s.StoreErrors, s.StoreErr = a.health.fails, a.health.err
	if a.opts.Store != nil {
		s.Age = a.health.ageLocked(a.opts.Now())
	}
	return s
}
