package pool

import "time"

// maxEject bounds how long a failing worker is left out.
const maxEject = 30 * time.Second

// breaker leaves a worker out after failures in a row. When its time is over
// and a probe succeeds, one call at a time is let through (half open) until
// one succeeds. Guarded by the pool's lock.
type breaker struct {
	after    int
	base     time.Duration
	failures int // in a row
	trips    int // in a row
	open     bool
	halfOpen bool
	// held keeps the breaker open until its time is over, whatever calls that
	// were under way come to: by comparison, a success proves nothing.
	held  bool
	until time.Time
}

// fail counts a failure and reports whether the worker is now left out.
func (b *breaker) fail(now time.Time) bool {
	b.failures++
	if b.open || (!b.halfOpen && b.failures < b.after) {
		return false
	}
	b.eject(now)
	return true
}

// eject leaves the worker out although its last call may have gone well.
func (b *breaker) eject(now time.Time) {
	b.open, b.halfOpen = true, false
	b.until = now.Add(min(b.base<<min(b.trips, 10), maxEject))
	b.trips++
}

// succeed closes the breaker.
func (b *breaker) succeed() {
	if b.open && b.held {
		return
	}
	b.failures, b.trips = 0, 0
	b.open, b.halfOpen = false, false
}

// probed is told that a probe went well; it reports whether the worker may be
// tried again.
func (b *breaker) probed(now time.Time) bool {
	if !b.open || now.Before(b.until) {
		return false
	}
	b.open, b.halfOpen, b.held = false, true, false
	return true
}
