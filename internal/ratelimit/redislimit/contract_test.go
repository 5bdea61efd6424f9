package redislimit

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"pgregory.net/rapid"

	"github.com/omni-run/omni/internal/ratelimit"
	"github.com/omni-run/omni/internal/ratelimit/limitertest"
	"github.com/omni-run/omni/internal/ratelimit/redislimit/redistest"
)

// testClock is the head of the script in tests with a clock of their own: the
// time is an argument, and keys do not expire by the server's time meanwhile.
const testClock = "local now = tonumber(ARGV[4])\nlocal slack = 3600000\n"

// patient is a time-out that a slow machine does not reach.
const patient = 30 * time.Second

func dial(t testing.TB, s *redistest.Server) rueidis.Client {
	t.Helper()
	o, err := clientOption(s.URL())
	if err != nil {
		t.Fatal(err)
	}
	c, err := rueidis.NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// onClock makes limiters over one connection, each with keys of its own.
func onClock(client rueidis.Client) func(c *limitertest.Clock) *Limiter {
	script := newScript(testClock)
	var made atomic.Int64
	return func(c *limitertest.Clock) *Limiter {
		l := &Limiter{
			opt:   Options{Prefix: fmt.Sprintf("test:%d:", made.Add(1)), Gateways: 1, MinBurst: 1},
			local: ratelimit.NewMemory(0, c.Now), lost: make(chan error, 1),
		}
		l.live.Store(&link{client: client, script: script, timeout: patient, clock: c.Now})
		return l
	}
}

func TestContract(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	maker := onClock(dial(t, server))
	var mu sync.Mutex
	var all []*Limiter
	t.Cleanup(func() { // after the subtests, which run in parallel
		for _, l := range all {
			if s := l.Stats(); s.LocalTakes != 0 {
				t.Errorf("%d calls were decided without Redis", s.LocalTakes)
			}
		}
	})
	limitertest.Run(t, func(c *limitertest.Clock) ratelimit.Limiter {
		l := maker(c)
		mu.Lock()
		defer mu.Unlock()
		all = append(all, l)
		return l
	})
}

// TestSameAsMemory: for any calls at any times, both limiters decide the same,
// to the nanosecond.
func TestSameAsMemory(t *testing.T) {
	t.Parallel()
	maker := onClock(dial(t, redistest.Start(t)))
	policy := rapid.Custom(func(rt *rapid.T) ratelimit.Policy {
		p := ratelimit.Policy{Limit: rapid.IntRange(1, 600_000_000).Draw(rt, "limit")}
		most := min(1_000_000_000, int(50*24*time.Hour/p.Interval()))
		p.Burst = rapid.IntRange(1, most).Draw(rt, "burst")
		return p
	})
	rapid.Check(t, func(rt *rapid.T) {
		clock := limitertest.NewClock()
		shared, memory := maker(clock), ratelimit.NewMemory(0, clock.Now)
		policies := rapid.SliceOfN(policy, 1, 2).Draw(rt, "policies")
		for range rapid.IntRange(1, 30).Draw(rt, "calls") {
			p := rapid.SampledFrom(policies).Draw(rt, "policy")
			cost := rapid.IntRange(1, p.Burst).Draw(rt, "cost")
			tenant := rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "tenant")
			clock.Move(time.Duration(rapid.Int64Range(0, int64(p.Interval())*int64(cost)*2).Draw(rt, "pause")))
			got, err := shared.Take(t.Context(), tenant, p, cost)
			if err != nil {
				rt.Fatal(err)
			}
			want, err := memory.Take(t.Context(), tenant, p, cost)
			if err != nil {
				rt.Fatal(err)
			}
			if got != want {
				rt.Fatalf("%+v, cost %d:\n redis %+v\nmemory %+v", p, cost, got, want)
			}
		}
		if s := shared.Stats(); s.LocalTakes != 0 {
			rt.Fatalf("%d calls were decided without Redis", s.LocalTakes)
		}
	})
}

// TestStrangeKeys: what another program left under a tenant's key is
// overwritten, whatever it is, and no tenant suffers.
func TestStrangeKeys(t *testing.T) {
	t.Parallel()
	client := dial(t, redistest.Start(t))
	clock := limitertest.NewClock()
	l, p := onClock(client)(clock), ratelimit.Policy{Limit: 60, Burst: 3}
	for tenant, left := range map[string][]string{
		"text": {"SET", "hello"}, "empty": {"SET", ""}, "negative": {"SET", "-1 -1"}, "half": {"SET", "17"},
		"list": {"RPUSH", "x"}, "hash": {"HSET", "f", "v"}, "huge": {"SET", strings.Repeat("9", 400) + " 1"}, "script": {"SET", "1 1)\nredis.call('FLUSHALL')"},
	} {
		key := l.opt.Prefix + "t:" + tenant
		if err := client.Do(t.Context(), client.B().Arbitrary(left[0]).Keys(key).Args(left[1:]...).Build()).Error(); err != nil {
			t.Fatal(err)
		}
		for i := range 4 {
			d, err := l.Take(t.Context(), tenant, p, 1)
			if err != nil || d.Remaining < 0 || d.ResetAfter < 0 || d.ResetAfter > 3*time.Second {
				t.Fatalf("%s, call %d: %+v, %v", tenant, i, d, err)
			}
		}
		clock.Move(time.Hour)
		if d, err := l.Take(t.Context(), tenant, p, 3); err != nil || !d.Allowed {
			t.Errorf("%s, an hour later: %+v, %v", tenant, d, err)
		}
	}
	if s := l.Stats(); s.LocalTakes != 0 || !s.Shared {
		t.Errorf("%+v: Redis was given up", s)
	}
}

// TestKeysExpire: a key bears a time to live, no shorter than its burst needs
// and hardly longer, and a refusal does not lengthen it.
func TestKeysExpire(t *testing.T) {
	t.Parallel()
	client := dial(t, redistest.Start(t))
	k := &link{client: client, script: newScript(serverClock), timeout: patient}
	p := ratelimit.Policy{Limit: 60, Burst: 100}
	d, err := k.take(t.Context(), "key", p, 40)
	if err != nil || !d.Allowed || d.ResetAfter != 40*time.Second {
		t.Fatalf("%+v, %v", d, err)
	}
	expires := func() int64 {
		ms, err := client.Do(t.Context(), client.B().Pexpiretime().Key("key").Build()).AsInt64()
		if err != nil {
			t.Fatal(err)
		}
		return ms
	}
	state, err := client.Do(t.Context(), client.B().Get().Key("key").Build()).ToString()
	if err != nil {
		t.Fatal(err)
	}
	var at, ahead int64
	if _, err := fmt.Sscanf(state, "%d %d", &at, &ahead); err != nil || ahead != int64(40*time.Second) {
		t.Fatalf("state %q, %v", state, err)
	}
	whole := float64(at)/1e3 + float64(ahead)/1e6
	if ms := expires(); float64(ms) < whole || math.Abs(float64(ms)-whole) > 1000 {
		t.Errorf("the burst is whole at %.3f ms, the key expires at %d", whole, ms)
	}
	before := expires()
	if d, err = k.take(t.Context(), "key", p, 100); err != nil || d.Allowed {
		t.Fatalf("%+v, %v", d, err)
	}
	if after := expires(); after != before {
		t.Errorf("a refusal moved the expiry from %d to %d", before, after)
	}
	// A short one is gone when its burst is whole.
	if _, err = k.take(t.Context(), "short", ratelimit.Policy{Limit: 60_000, Burst: 10}, 10); err != nil {
		t.Fatal(err)
	}
	for {
		n, err := client.Do(t.Context(), client.B().Exists().Key("short").Build()).AsInt64()
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
}

// TestScriptIsLoadedAgain: a Redis that has forgotten its scripts gets ours.
func TestScriptIsLoadedAgain(t *testing.T) {
	t.Parallel()
	client := dial(t, redistest.Start(t))
	l := onClock(client)(limitertest.NewClock())
	for range 3 {
		if err := client.Do(t.Context(), client.B().ScriptFlush().Build()).Error(); err != nil {
			t.Fatal(err)
		}
		if _, err := l.Take(t.Context(), "acme", ratelimit.PerMinute(100), 1); err != nil {
			t.Fatal(err)
		}
	}
	if s := l.Stats(); s.LocalTakes != 0 {
		t.Errorf("%+v", s)
	}
}
