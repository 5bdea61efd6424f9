// Package ratelimit decides whether a tenant may make another call: a smooth
// rate with a burst (GCRA), calls at the same time, units in a month, and a
// guard per address for paths that need no key. Each is small and stands
// alone; the memory of all of them is bounded.
package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Policy is a rate: Limit units a minute, of which up to Burst at once.
type Policy struct {
	// Limit is in units a minute, in [1, 600,000,000]. Zero means unlimited.
	Limit int
	// Burst is how many units may be taken at once after a pause, in [1, 1e9].
	Burst int
}

const (
	// maxLimit keeps the time between two units at 100 ns or more.
	maxLimit = 600_000_000
	maxBurst = 1_000_000_000
	// maxRefill bounds how long an empty burst takes to fill. Twice as much in
	// nanoseconds lies below 2^53, so that a store that counts in float64 (Redis
	// does, in Lua) counts exactly.
	maxRefill = 50 * 24 * time.Hour
)

// PerMinute returns the policy of limit units a minute with the burst that
// applies unless configured: a tenth of the minute's quota, at least 20, but
// never more than the quota itself.
func PerMinute(limit int) Policy {
	return Policy{Limit: limit, Burst: min(limit, max(20, limit/10))}
}

// Unlimited reports whether p limits nothing.
func (p Policy) Unlimited() bool { return p.Limit == 0 }

// Validate reports what makes p unusable for calls that cost up to maxCost
// units: such a call could never be made if the burst were smaller.
func (p Policy) Validate(maxCost int) error {
	switch {
	case p.Unlimited():
		return nil
	case p.Limit < 1 || p.Limit > maxLimit:
		return fmt.Errorf("rate limit = %d a minute, must be in [1, %d] or 0 for none", p.Limit, maxLimit)
	case p.Burst < 1 || p.Burst > maxBurst:
		return fmt.Errorf("burst = %d, must be in [1, %d]", p.Burst, maxBurst)
	case time.Duration(p.Burst) > maxRefill/p.Interval():
		return fmt.Errorf("burst = %d takes more than %v to come back at %d a minute", p.Burst, maxRefill, p.Limit)
	case p.Burst < maxCost:
		return fmt.Errorf("burst = %d, must be at least %d, the cost of the dearest route, or that route could never be called", p.Burst, maxCost)
	}
	return nil
}

// Interval is the time in which one unit comes back, rounded up to a
// nanosecond, so that the rate is never exceeded by a fraction. The policy must
// not be unlimited.
func (p Policy) Interval() time.Duration {
	return (time.Minute + time.Duration(p.Limit) - 1) / time.Duration(p.Limit)
}

// appendItem writes the policy as an item of the RateLimit-Policy header.
func (p Policy) appendItem(dst []byte) []byte {
	dst = append(dst, `"default";q=`...)
	dst = strconv.AppendInt(dst, int64(p.Limit), 10)
	return append(dst, ";w=60"...)
}

// Decision is the answer of a limiter to one call.
type Decision struct {
	Allowed bool
	// Limit is the policy's units a minute; 0 means unlimited, and then the
	// fields below say nothing.
	Limit int
	// Remaining is how many units could be taken right now.
	Remaining int
	// ResetAt is the unix second by which the whole burst is available again.
	ResetAt int64
	// ResetAfter is the same as a duration.
	ResetAfter time.Duration
	// RetryAfter is, for a refused call, the time until it would be allowed.
	RetryAfter time.Duration
}

// NewDecision puts an outcome under p into words: asked at the time at, the
// burst is whole again after reset, and the call is allowed if retry is 0 or
// else would be after retry. It is for limiters in other packages.
func NewDecision(p Policy, at time.Time, reset, retry time.Duration) Decision {
	return Decision{
		Allowed: retry == 0, Limit: p.Limit, Remaining: p.remaining(reset),
		ResetAt: resetAt(at, reset), ResetAfter: reset, RetryAfter: retry,
	}
}

// remaining is how many units may be taken when the burst is whole in reset.
func (p Policy) remaining(reset time.Duration) int {
	interval := p.Interval()
	return int((time.Duration(p.Burst)*interval - reset) / interval)
}

// Limiter decides by rate. Implementations are safe for concurrent use;
// limitertest is their contract.
type Limiter interface {
	// Take asks for cost units of tenant. A refused call takes nothing. The
	// error, if any, is ErrCost, or says that a remote limiter is out of reach.
	Take(ctx context.Context, tenant string, p Policy, cost int) (Decision, error)
}

// ErrCost says that a call costs less than one unit, or more than the burst
// and so could never be allowed. Policy.Validate finds it at the start.
var ErrCost = errors.New("ratelimit: the cost is not within [1, burst]")
