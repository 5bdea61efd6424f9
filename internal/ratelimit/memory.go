package ratelimit

import (
	"context"
	"time"
)

// Memory limits by rate within one process. Several gateways with a Memory
// each admit that many times the limit: say so where it is configured.
type Memory struct {
	clock clock
	table *table[string]
}

var _ Limiter = (*Memory)(nil)

// DefaultTenants is how many tenants a Memory remembers unless told otherwise.
const DefaultTenants = 1 << 20

// NewMemory makes a limiter for up to about tenants tenants at a time; 0 means
// DefaultTenants. A tenant takes memory (some 150 bytes) only while part of
// its burst is used up. now is the clock; time.Now is monotonic, and any other
// may step back: then a tenant waits at most for its burst.
func NewMemory(tenants int, now func() time.Time) *Memory {
	if tenants <= 0 {
		tenants = DefaultTenants
	}
	return &Memory{clock: newClock(now), table: newTable[string](tenants)}
}

// Take implements Limiter. It does not allocate for a tenant seen lately.
func (m *Memory) Take(_ context.Context, tenant string, p Policy, cost int) (Decision, error) {
	if p.Unlimited() {
		return Decision{Allowed: true}, nil
	}
	if cost < 1 || cost > p.Burst {
		return Decision{}, ErrCost
	}
	wall, now := m.clock.read()
	d := m.table.take(tenant, now, p, cost)
	d.ResetAt = resetAt(wall, d.ResetAfter)
	return d, nil
}

// Stats says how many tenants are remembered, and how many were forgotten for
// lack of room while part of their burst was used up.
func (m *Memory) Stats() (tenants int, dropped uint64) {
	return m.table.len(), m.table.dropped.Load()
}

// clock reads wall time and the time since the start, which is monotonic for
// time.Now.
type clock struct {
	now  func() time.Time
	born time.Time
}

func newClock(now func() time.Time) clock { return clock{now: now, born: now()} }

func (c clock) read() (wall time.Time, since time.Duration) {
	wall = c.now()
	return wall, wall.Sub(c.born)
}

// resetAt rounds up to a whole second: by then the burst is surely whole.
func resetAt(wall time.Time, after time.Duration) int64 {
	t := wall.Add(after)
	if t.Nanosecond() > 0 {
		return t.Unix() + 1
	}
	return t.Unix()
}
