// Package limitertest is the contract of ratelimit.Limiter as tests. Every
// limiter runs it.
package limitertest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/omni-run/omni/internal/ratelimit"
)

// Clock is the clock a limiter under test must use.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// NewClock returns a clock that stands still.
func NewClock() *Clock { return &Clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)} }

// Now returns the clock's time.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Move sets the clock forward, or back, by whole microseconds: d is rounded up,
// because the clocks of some stores (Redis's TIME) tell no finer times.
func (c *Clock) Move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	whole := d.Truncate(time.Microsecond)
	if whole < d {
		whole += time.Microsecond
	}
	c.now = c.now.Add(whole)
}

// Maker makes a fresh limiter on the clock. It is called once per test, and
// many times by the property test.
type Maker func(c *Clock) ratelimit.Limiter

// Run runs the contract.
func Run(t *testing.T, maker Maker) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, Maker){
		"step by step":          steps,
		"costs":                 costs,
		"tenants are apart":     apart,
		"clock steps back":      clockBack,
		"policy becomes small":  smaller,
		"policy becomes large":  larger,
		"never more than rate":  neverMore,
		"racing callers":        racing,
		"odd tenants":           oddTenants,
		"extreme policies":      extremes,
		"refusals take nothing": refusalsTakeNothing,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, maker)
		})
	}
}

func take(t testing.TB, l ratelimit.Limiter, tenant string, p ratelimit.Policy, cost int) ratelimit.Decision {
	t.Helper()
	d, err := l.Take(context.Background(), tenant, p, cost)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// steps walks through one tenant's minute at 60 a minute, burst 3: a unit
// comes back each second.
func steps(t *testing.T, maker Maker) {
	clock := NewClock()
	l, p := maker(clock), ratelimit.Policy{Limit: 60, Burst: 3}
	start := clock.Now()
	for i, s := range []struct {
		at        time.Duration
		cost      int
		allowed   bool
		remaining int
		reset     time.Duration
		retry     time.Duration
	}{
		{0, 1, true, 2, time.Second, 0},
		{0, 1, true, 1, 2 * time.Second, 0},
		{0, 1, true, 0, 3 * time.Second, 0},
		{0, 1, false, 0, 3 * time.Second, time.Second},
		{400 * time.Millisecond, 1, false, 0, 2600 * time.Millisecond, 600 * time.Millisecond},
		{999 * time.Millisecond, 1, false, 0, 2001 * time.Millisecond, time.Millisecond},
		{1000 * time.Millisecond, 1, true, 0, 3 * time.Second, 0},
		{2500 * time.Millisecond, 1, true, 0, 2500 * time.Millisecond, 0},
		{4 * time.Second, 2, true, 0, 3 * time.Second, 0},
		{5 * time.Second, 3, false, 1, 2 * time.Second, 2 * time.Second},
		{5 * time.Second, 1, true, 0, 3 * time.Second, 0},
		{time.Minute, 3, true, 0, 3 * time.Second, 0},
		{time.Hour, 1, true, 2, time.Second, 0},
	} {
		clock.Move(start.Add(s.at).Sub(clock.Now()))
		d := take(t, l, "acme", p, s.cost)
		want := ratelimit.Decision{
			Allowed: s.allowed, Limit: 60, Remaining: s.remaining,
			ResetAt: start.Add(s.at + s.reset + time.Second - 1).Unix(), ResetAfter: s.reset, RetryAfter: s.retry,
		}
		if d != want {
			t.Errorf("step %d at %v, cost %d:\n got %+v\nwant %+v", i, s.at, s.cost, d, want)
		}
	}
}

func costs(t *testing.T, maker Maker) {
	l := maker(NewClock())
	p := ratelimit.Policy{Limit: 60, Burst: 10}
	for _, cost := range []int{0, -1, 11, 1 << 40} {
		if d, err := l.Take(t.Context(), "acme", p, cost); !errors.Is(err, ratelimit.ErrCost) || d.Allowed {
			t.Errorf("cost %d: %+v, %v", cost, d, err)
		}
	}
	if d := take(t, l, "acme", p, 10); !d.Allowed || d.Remaining != 0 {
		t.Errorf("the whole burst at once: %+v", d)
	}
	if d := take(t, l, "acme", ratelimit.Policy{}, 1<<30); !d.Allowed {
		t.Errorf("unlimited: %+v", d)
	}
}

func apart(t *testing.T, maker Maker) {
	l, p := maker(NewClock()), ratelimit.Policy{Limit: 1, Burst: 1}
	for i := range 200 {
		tenant := fmt.Sprint("tenant-", i)
		if d := take(t, l, tenant, p, 1); !d.Allowed {
			t.Fatalf("%s is refused its first call", tenant)
		}
		if d := take(t, l, tenant, p, 1); d.Allowed || d.RetryAfter != time.Minute {
			t.Fatalf("%s's second call: %+v", tenant, d)
		}
	}
}

// clockBack: a clock that steps back costs a tenant its burst, never an hour.
func clockBack(t *testing.T, maker Maker) {
	clock := NewClock()
	l, p := maker(clock), ratelimit.Policy{Limit: 60, Burst: 5}
	take(t, l, "acme", p, 3)
	clock.Move(-100 * 24 * time.Hour)
	if d := take(t, l, "acme", p, 1); d.RetryAfter > time.Second || d.ResetAfter > 5*time.Second {
		t.Errorf("after the clock stepped back a season: %+v", d)
	}
	clock.Move(time.Second)
	if d := take(t, l, "acme", p, 1); !d.Allowed {
		t.Errorf("a second later: %+v", d)
	}
	if d := take(t, l, "newcomer", p, 5); !d.Allowed {
		t.Errorf("a tenant never seen before: %+v", d)
	}
}

func smaller(t *testing.T, maker Maker) {
	l := maker(NewClock())
	take(t, l, "acme", ratelimit.Policy{Limit: 10, Burst: 100}, 100)
	d := take(t, l, "acme", ratelimit.Policy{Limit: 60, Burst: 2}, 1)
	if d.Allowed || d.RetryAfter != time.Second || d.Remaining != 0 {
		t.Errorf("under the new policy: %+v", d)
	}
}

// larger: a policy of its own counts for a tenant from its next call on, with
// what it took under the former one, and for nobody else.
func larger(t *testing.T, maker Maker) {
	l, few, many := maker(NewClock()), ratelimit.Policy{Limit: 60, Burst: 2}, ratelimit.Policy{Limit: 60, Burst: 5}
	for _, tenant := range []string{"acme", "other"} {
		take(t, l, tenant, few, 2)
	}
	if d := take(t, l, "acme", few, 1); d.Allowed {
		t.Errorf("beyond the burst: %+v", d)
	}
	if d := take(t, l, "acme", many, 3); !d.Allowed || d.Limit != 60 || d.Remaining != 0 || d.ResetAfter != 5*time.Second {
		t.Errorf("under the larger policy: %+v", d)
	}
	if d := take(t, l, "other", few, 1); d.Allowed || d.RetryAfter != time.Second {
		t.Errorf("the other tenant: %+v", d)
	}
	if d := take(t, l, "acme", few, 1); d.Allowed || d.RetryAfter > 4*time.Second {
		t.Errorf("under the former policy again: %+v", d)
	}
}

// neverMore checks, for any sequence of calls, that the units admitted in any
// window never exceed burst + rate·time, that what the headers promise holds,
// and that a refusal's RetryAfter is exact.
func neverMore(t *testing.T, maker Maker) {
	rapid.Check(t, func(rt *rapid.T) {
		clock := NewClock()
		l := maker(clock)
		p := ratelimit.Policy{Limit: rapid.IntRange(1, 100_000).Draw(rt, "limit"), Burst: rapid.IntRange(1, 50).Draw(rt, "burst")}
		type admission struct {
			at    time.Time
			units int
		}
		var past []admission
		for range rapid.IntRange(1, 60).Draw(rt, "calls") {
			clock.Move(time.Duration(rapid.Int64Range(0, int64(2*time.Minute)/int64(p.Limit)).Draw(rt, "pause")))
			cost := rapid.IntRange(1, p.Burst).Draw(rt, "cost")
			d, err := l.Take(context.Background(), "acme", p, cost)
			if err != nil {
				rt.Fatal(err)
			}
			if d.Remaining < 0 || d.Remaining > p.Burst || d.ResetAfter < 0 || d.ResetAt < clock.Now().Unix() || d.Allowed != (d.RetryAfter == 0) {
				rt.Fatalf("headers do not fit together: %+v", d)
			}
			if !d.Allowed {
				if d.Remaining >= cost {
					rt.Fatalf("cost %d refused with %d remaining", cost, d.Remaining)
				}
				if rapid.Bool().Draw(rt, "wait") {
					clock.Move(d.RetryAfter)
					if d, err = l.Take(context.Background(), "acme", p, cost); err != nil || !d.Allowed {
						rt.Fatalf("refused again after RetryAfter: %+v, %v", d, err)
					}
				}
			}
			if d.Allowed {
				past = append(past, admission{clock.Now(), cost})
			}
			units := 0
			for i := len(past) - 1; i >= 0; i-- {
				units += past[i].units
				bound := float64(p.Burst) + float64(p.Limit)*clock.Now().Sub(past[i].at).Minutes()
				if float64(units) > bound+1e-6 {
					rt.Fatalf("%d units in the last %v, at most %.3f allowed", units, clock.Now().Sub(past[i].at), bound)
				}
			}
		}
	})
}

// oddTenants: whatever a tenant is called, it has a bucket of its own.
func oddTenants(t *testing.T, maker Maker) {
	l, p := maker(NewClock()), ratelimit.Policy{Limit: 1, Burst: 1}
	for _, tenant := range []string{"", " ", "*", "a b", "a\r\nDEL x", "{x}", "x", "\x00\xff", "probe", "t:x", strings.Repeat("long", 1000)} {
		if d := take(t, l, tenant, p, 1); !d.Allowed {
			t.Errorf("%q is refused its first call", tenant)
		}
		if d := take(t, l, tenant, p, 1); d.Allowed {
			t.Errorf("%q has two calls of one", tenant)
		}
	}
}

// extremes: at the borders of what Policy.Validate lets through, a whole burst
// is taken and comes back to the nanosecond.
func extremes(t *testing.T, maker Maker) {
	for i, p := range []ratelimit.Policy{
		{Limit: 600_000_000, Burst: 1_000_000_000},
		{Limit: 600_000_000, Burst: 1},
		{Limit: 1, Burst: 72_000},
		{Limit: 7, Burst: 500_000},
		{Limit: 13_889, Burst: 1_000_000_000},
	} {
		if err := p.Validate(1); err != nil {
			t.Fatal(err)
		}
		l, tenant, interval := maker(NewClock()), fmt.Sprint("tenant-", i), p.Interval()
		d := take(t, l, tenant, p, p.Burst)
		if whole := time.Duration(p.Burst) * interval; !d.Allowed || d.Remaining != 0 || d.ResetAfter != whole {
			t.Errorf("%+v: the whole burst: %+v, want it back in %v", p, d, whole)
		}
		if d = take(t, l, tenant, p, 1); d.Allowed || d.RetryAfter != interval {
			t.Errorf("%+v: one more: %+v, want a wait of %v", p, d, interval)
		}
	}
}

// refusalsTakeNothing: a caller that hammers is let in when a patient one is.
func refusalsTakeNothing(t *testing.T, maker Maker) {
	clock := NewClock()
	l, p := maker(clock), ratelimit.Policy{Limit: 60, Burst: 2}
	take(t, l, "acme", p, 2)
	for range 100 {
		clock.Move(time.Second / 100)
		if d := take(t, l, "acme", p, 2); d.Allowed {
			t.Fatalf("two units after %v", clock.Now())
		}
	}
	if d := take(t, l, "acme", p, 1); !d.Allowed || d.Remaining != 0 {
		t.Errorf("after a second of refusals: %+v", d)
	}
}

// racing: at a standing clock, exactly the burst is admitted to all callers
// together.
func racing(t *testing.T, maker Maker) {
	l, p := maker(NewClock()), ratelimit.Policy{Limit: 100, Burst: 50}
	var admitted sync.Map
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 20 {
				if d, err := l.Take(context.Background(), "acme", p, 1); err == nil && d.Allowed {
					admitted.Store([2]int{w, i}, true)
				}
			}
		})
	}
	wg.Wait()
	n := 0
	admitted.Range(func(any, any) bool { n++; return true })
	if n != 50 {
		t.Errorf("%d calls admitted, want the burst of 50", n)
	}
}
