package ratelimit_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/ratelimit"
	"github.com/omni-run/omni/internal/ratelimit/limitertest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	limitertest.Run(t, func(c *limitertest.Clock) ratelimit.Limiter { return ratelimit.NewMemory(0, c.Now) })
}

func TestPerMinute(t *testing.T) {
	t.Parallel()
	for limit, burst := range map[int]int{100: 20, 1000: 100, 10000: 1000, 199: 20, 210: 21, 5: 5, 1: 1} {
		if p := ratelimit.PerMinute(limit); p.Burst != burst || p.Limit != limit {
			t.Errorf("PerMinute(%d) = %+v, want burst %d", limit, p, burst)
		}
	}
}

func TestPolicyValidate(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		p    ratelimit.Policy
		cost int
		ok   bool
	}{
		"unlimited":       {ratelimit.Policy{}, 10, true},
		"free":            {ratelimit.PerMinute(100), 10, true},
		"negative":        {ratelimit.Policy{Limit: -1, Burst: 1}, 1, false},
		"no burst":        {ratelimit.Policy{Limit: 1}, 1, false},
		"cost over burst": {ratelimit.Policy{Limit: 100, Burst: 9}, 10, false},
		"huge limit":      {ratelimit.Policy{Limit: 1 << 40, Burst: 1}, 1, false},
		"endless refill":  {ratelimit.Policy{Limit: 1, Burst: 72_001}, 1, false},
		"longest refill":  {ratelimit.Policy{Limit: 1, Burst: 72_000}, 1, true},
		"huge burst":      {ratelimit.Policy{Limit: 1, Burst: 1 << 40}, 1, false},
	} {
		if err := c.p.Validate(c.cost); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A free tenant in a hurry: 160 calls within a second.
func TestFreeTierSeesRefusalAndHeaders(t *testing.T) {
	t.Parallel()
	clock := limitertest.NewClock()
	l, p := ratelimit.NewMemory(0, clock.Now), ratelimit.PerMinute(100)
	admitted := 0
	for range 160 {
		clock.Move(5 * time.Millisecond)
		d, err := l.Take(t.Context(), "demo-tenant-1", p, 1)
		if err != nil {
			t.Fatal(err)
		}
		h := http.Header{}
		d.WriteHeaders(h, p)
		if h.Get("X-RateLimit-Limit") != "100" || h.Get("RateLimit-Policy") != `"default";q=100;w=60` {
			t.Fatalf("headers %v", h)
		}
		if d.Allowed {
			admitted++
			continue
		}
		if h.Get("Retry-After") != "1" || d.Refusal().RetryAfter != time.Second || d.Refusal().HTTP != 429 {
			t.Fatalf("refusal %+v, headers %v", d, h)
		}
	}
	// The burst of 20, and one unit back each 600 ms of the 800.
	if admitted != 21 {
		t.Errorf("%d of 160 admitted, want 21", admitted)
	}
}

func TestWriteHeaders(t *testing.T) {
	t.Parallel()
	p := ratelimit.PerMinute(100)
	d := ratelimit.Decision{Limit: 100, Remaining: 3, ResetAt: 1772366400, ResetAfter: 9100 * time.Millisecond, RetryAfter: 2001 * time.Millisecond}
	h := http.Header{}
	d.WriteHeaders(h, p)
	for name, want := range map[string]string{
		"X-RateLimit-Limit": "100", "X-RateLimit-Remaining": "3", "X-RateLimit-Reset": "1772366400",
		"RateLimit-Policy": `"default";q=100;w=60`, "RateLimit": `"default";r=3;t=10`, "Retry-After": "3",
	} {
		if got := h.Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	h = http.Header{}
	d.Allowed = true
	d.WriteHeaders(h, p)
	if _, there := h["Retry-After"]; there || len(h) != 5 {
		t.Errorf("an admitted call bears %v", h)
	}
	h = http.Header{}
	d.WriteHeaders(h, ratelimit.Policy{})
	if len(h) != 0 {
		t.Errorf("an unlimited caller gets %v", h)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	clock := limitertest.NewClock()
	l, p := ratelimit.NewMemory(640, clock.Now), ratelimit.PerMinute(100)
	for i := range 20_000 {
		if _, err := l.Take(t.Context(), fmt.Sprint(i), p, 1); err != nil {
			t.Fatal(err)
		}
	}
	if n, dropped := l.Stats(); n > 640 || dropped < 19_000 {
		t.Errorf("%d tenants remembered of at most 640, %d dropped", n, dropped)
	}
	// Once their bursts are whole again, the old ones go as new ones come.
	clock.Move(time.Minute)
	for i := range 3000 {
		clock.Move(time.Minute)
		if _, err := l.Take(t.Context(), fmt.Sprint("late-", i), p, 1); err != nil {
			t.Fatal(err)
		}
	}
	if n, _ := l.Stats(); n > 64*2 {
		t.Errorf("%d tenants remembered though all but one are idle", n)
	}
}

func TestGuardCountsNetworks(t *testing.T) {
	t.Parallel()
	clock := limitertest.NewClock()
	g, err := ratelimit.NewGuard(ratelimit.Policy{Limit: 60, Burst: 2}, 0, clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	for i, s := range []struct {
		addr    string
		allowed bool
	}{
		{"192.0.2.1", true},
		{"::ffff:192.0.2.1", true}, // the same address written otherwise
		{"192.0.2.1", false},
		{"192.0.2.2", true},
		{"2001:db8::1", true},
		{"2001:db8::ffff:1%eth0", true}, // the same /64
		{"2001:db8::2", false},
		{"2001:db8:0:1::1", true}, // the next /64
		{"", true},
		{"", true},
		{"", false}, // unknown addresses share one bucket
	} {
		var a netip.Addr
		if s.addr != "" {
			a = netip.MustParseAddr(s.addr)
		}
		if d := g.Take(a); d.Allowed != s.allowed {
			t.Errorf("step %d, %s: %+v", i, s.addr, d)
		}
	}
	if _, err := ratelimit.NewGuard(ratelimit.Policy{Limit: 1}, 0, clock.Now); err == nil {
		t.Error("a guard without a burst was made")
	}
}

func TestGuardIsBoundedUnderAFlood(t *testing.T) {
	t.Parallel()
	g, err := ratelimit.NewGuard(ratelimit.PerMinute(60), 1024, limitertest.NewClock().Now)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 50_000 {
		g.Take(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}))
	}
	if n := g.Len(); n > 1024 {
		t.Errorf("%d addresses remembered, want at most 1024", n)
	}
}

func TestConcurrency(t *testing.T) {
	t.Parallel()
	c := ratelimit.NewConcurrency()
	for i, step := range []struct {
		tenant string
		limit  int
		want   bool
	}{{"a", 2, true}, {"a", 2, true}, {"a", 2, false}, {"b", 2, true}, {"a", 0, true}} {
		if got := c.Acquire(step.tenant, step.limit); got != step.want {
			t.Errorf("step %d: admitted %v", i, got)
		}
	}
	if n := c.InFlight("a"); n != 3 {
		t.Errorf("%d in flight, want 3", n)
	}
	for range 3 {
		c.Release("a")
	}
	defer func() {
		if recover() == nil {
			t.Error("a Release without Acquire went unnoticed")
		}
	}()
	c.Release("a")
}

type spent map[string]int64

func (s spent) MonthUnits(tenant string) int64 { return s[tenant] }

func TestQuota(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 12, 31, 23, 59, 30, 0, time.UTC)
	q := ratelimit.Quota{Spent: spent{"a": 95}, Now: func() time.Time { return now }}
	for _, c := range []struct {
		limit, cost int64
		ok          bool
	}{{100, 5, true}, {100, 6, false}, {0, 1 << 40, true}, {95, 1, false}} {
		if err := q.Check("a", c.limit, c.cost); (err == nil) != c.ok {
			t.Errorf("%+v: %v", c, err)
		}
	}
	err := q.Check("a", 100, 6)
	if err == nil || !strings.Contains(err.Error(), "quota_exhausted") || !strings.Contains(err.Error(), "2027-01-01T00:00:00Z") {
		t.Errorf("error %v", err)
	}
}

func TestTakeDoesNotAllocate(t *testing.T) {
	l, p := ratelimit.NewMemory(0, time.Now), ratelimit.PerMinute(10_000)
	g, err := ratelimit.NewGuard(p, 0, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	ctx, addr := t.Context(), netip.MustParseAddr("2001:db8::1")
	if n := testing.AllocsPerRun(500, func() {
		if _, err := l.Take(ctx, "acme", p, 1); err != nil {
			t.Error(err)
		}
		g.Take(addr)
	}); n > 0 {
		t.Errorf("%v allocations a call, want none", n)
	}
	h := http.Header{}
	if n := testing.AllocsPerRun(500, func() {
		ratelimit.Decision{Allowed: true, Limit: 100}.WriteHeaders(h, p)
	}); n > 2 {
		t.Errorf("%v allocations for the headers, want at most 2", n)
	}
}

func BenchmarkTake(b *testing.B) {
	l, p := ratelimit.NewMemory(0, time.Now), ratelimit.PerMinute(10_000)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := l.Take(b.Context(), "acme", p, 1); err != nil {
			b.Fatal(err)
		}
	}
}

// TestGuardTakesAnotherPolicy: what an address has used stays used.
func TestGuardTakesAnotherPolicy(t *testing.T) {
	t.Parallel()
	g, err := ratelimit.NewGuard(ratelimit.Policy{Limit: 60, Burst: 2}, 0, limitertest.NewClock().Now)
	if err != nil {
		t.Fatal(err)
	}
	from := netip.MustParseAddr("192.0.2.1")
	g.Take(from)
	if err := g.SetPolicy(ratelimit.Policy{Limit: 60, Burst: 4}); err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, true, true, false} {
		if d := g.Take(from); d.Allowed != want {
			t.Errorf("call %d: %v", i, d.Allowed)
		}
	}
	if err := g.SetPolicy(ratelimit.Policy{Limit: 1}); err == nil || g.Policy().Burst != 4 {
		t.Error("a policy without a burst was taken")
	}
}

// A tenant that comes back after a rest is counted although others of its
// shard, which rested too, are forgotten meanwhile.
func TestReturningTenantsAreCounted(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_700_000_000, 0)
	m := ratelimit.NewMemory(0, func() time.Time { return now })
	p := ratelimit.Policy{Limit: 60, Burst: 5}
	const tenants = 256 // several in each of the 64 shards, whatever the seed
	for round := range 3 {
		for i := range tenants {
			for call := range p.Burst + 1 {
				d, err := m.Take(t.Context(), fmt.Sprint(i), p, 1)
				if err != nil || d.Allowed != (call < p.Burst) {
					t.Fatalf("round %d, tenant %d, call %d: %+v %v", round, i, call, d, err)
				}
			}
		}
		now = now.Add(time.Hour)
	}
}
