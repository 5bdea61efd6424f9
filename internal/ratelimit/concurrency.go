package ratelimit

import (
	"net/http"
	"sync"
	"time"

	"github.com/omni-run/omni/api"
)

// Concurrency counts the calls of each tenant that are under way. Its memory
// is that of the tenants with a call under way.
type Concurrency struct {
	mu    sync.Mutex
	calls map[string]int
}

// NewConcurrency makes a limiter with no calls under way.
func NewConcurrency() *Concurrency { return &Concurrency{calls: make(map[string]int)} }

// Acquire counts one more call of tenant and reports true, unless limit are
// under way already. A limit of 0 is none. Each true must be followed by one
// Release.
func (c *Concurrency) Acquire(tenant string, limit int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.calls[tenant]
	if limit > 0 && n >= limit {
		return false
	}
	c.calls[tenant] = n + 1
	return true
}

// Release ends a call that Acquire admitted. It panics if there is none: the
// count would be wrong for ever after.
func (c *Concurrency) Release(tenant string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch n := c.calls[tenant]; n {
	case 0:
		panic("ratelimit: Release without Acquire")
	case 1:
		delete(c.calls, tenant)
	default:
		c.calls[tenant] = n - 1
	}
}

// InFlight returns how many calls of tenant are under way.
func (c *Concurrency) InFlight(tenant string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls[tenant]
}

// TooMany is what a caller with limit calls under way is told.
func TooMany(limit int) *api.Error {
	e := api.NewError(http.StatusTooManyRequests, "too_many_concurrent_requests",
		"%d calls of this tenant are under way, which is all that it may have; wait for one to end", limit)
	e.RetryAfter = time.Second
	return e
}
