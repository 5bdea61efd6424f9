package ratelimit

import "time"

// gcra is the generic cell rate algorithm (ITU-T I.371; in the form of
// "theoretical arrival time", as in throttled by Andrew Metcalf and others).
// The state of a tenant is one number: tat, the moment at which its whole
// burst will be available again. A call of cost units moves it by cost
// intervals,
//
//	next = max(now, tat) + cost·interval
//
// and is allowed when next lies no further ahead than the burst:
//
//	next - now <= burst·interval
//
// All times are durations since the limiter was made. It returns the new tat,
// which is the old one for a refused call.
func gcra(now, tat time.Duration, p Policy, cost int) (time.Duration, Decision) {
	interval := p.Interval()
	window := time.Duration(p.Burst) * interval
	// A tat further ahead than the window comes from a clock that stepped back
	// or a policy that became smaller: the burst is empty, and no worse.
	tat = min(max(tat, now), now+window)
	d := Decision{Limit: p.Limit, Allowed: true}
	next := tat + time.Duration(cost)*interval
	if wait := next - now - window; wait > 0 {
		d.Allowed, d.RetryAfter = false, wait
		next = tat
	}
	d.ResetAfter = next - now
	d.Remaining = p.remaining(d.ResetAfter)
	return next, d
}
