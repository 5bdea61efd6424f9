package redislimit

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/rueidis"
	"go.uber.org/goleak"

	"github.com/omni-run/omni/internal/ratelimit"
	"github.com/omni-run/omni/internal/ratelimit/redislimit/redistest"
)

func TestMain(m *testing.M) {
	// A cluster client sleeps up to a second before it looks at the topology
	// once more, closed or not.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*call).DelayDo.func1"))
}

// brisk looks after Redis more often than usual, so that tests do not wait.
var brisk = pace{probe: 20 * time.Millisecond, retry: 5 * time.Millisecond, retryMax: 50 * time.Millisecond, settled: time.Hour}

// logged is a log that tests read.
type logged struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (w *logged) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.Write(p)
}

func (w *logged) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

func open(t testing.TB, o Options) (*Limiter, *logged) {
	t.Helper()
	log := &logged{}
	o.Prefix, o.Log = "test:", slog.New(slog.NewTextHandler(log, nil))
	if o.Timeout == 0 {
		o.Timeout = patient
	}
	l, err := start(o, newScript(serverClock), nil, brisk)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
	return l, log
}

// until waits for what the test could not go on without.
func until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for begin := time.Now(); !holds(); time.Sleep(time.Millisecond) {
		if time.Since(begin) > time.Minute {
			t.Fatalf("never %s", what)
		}
	}
}

func untilScope(t testing.TB, l *Limiter, scope string) {
	t.Helper()
	until(t, scope, func() bool { return l.Scope() == scope })
}

const unreachable = "local (redis unreachable)"

// TestGatewaysTogetherAdmitWhatOneWould: four gateways, whose clocks disagree
// by decades, hammer one tenant. The bucket is never whole in between, so each
// unit admitted moves its state by one interval from the first call on: were
// one update lost, the first call would lie before the test began.
func TestGatewaysTogetherAdmitWhatOneWould(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := dial(t, server)
	p := ratelimit.Policy{Limit: 60_000, Burst: 5_000} // one each ms, 5 s to be whole
	var gateways []*Limiter
	for _, skew := range []time.Duration{0, -40 * 365 * 24 * time.Hour, 7 * time.Minute, 90 * 365 * 24 * time.Hour} {
		l, _ := open(t, Options{URL: server.URL(), Gateways: 4, Now: func() time.Time { return time.Now().Add(skew) }})
		untilScope(t, l, "shared")
		gateways = append(gateways, l)
	}
	before := serverTime(t, client)
	var admitted atomic.Int64
	var wg sync.WaitGroup
	for _, l := range gateways {
		for range 4 {
			wg.Go(func() {
				for i := range 800 {
					cost := 1 + i%3
					d, err := l.Take(t.Context(), "acme", p, cost)
					if err != nil {
						t.Error(err)
						return
					}
					if d.Allowed {
						admitted.Add(int64(cost))
					}
					if at := time.Unix(d.ResetAt, 0); at.Before(before) || at.After(before.Add(time.Minute)) {
						t.Errorf("reset at %v, though the server's time is about %v", at, before)
						return
					}
				}
			})
		}
	}
	wg.Wait()
	after := serverTime(t, client)
	state, err := client.Do(t.Context(), client.B().Get().Key("test:t:acme").Build()).ToString()
	if err != nil {
		t.Fatal(err)
	}
	var at, ahead int64
	if _, err := fmt.Sscanf(state, "%d %d", &at, &ahead); err != nil {
		t.Fatal(err)
	}
	units := admitted.Load()
	first := time.UnixMicro(at).Add(time.Duration(ahead) - time.Duration(units)*p.Interval())
	if first.Before(before) || first.After(after) {
		t.Errorf("%d units admitted, state %q: so the first call was at %v, but all were made from %v to %v", units, state, first, before, after)
	}
	if bound := int64(p.Burst) + int64(after.Sub(before)/p.Interval()) + 1; units > bound || units < int64(p.Burst) {
		t.Errorf("%d units admitted in %v, want at least the burst of %d and at most %d", units, after.Sub(before), p.Burst, bound)
	}
	for i, l := range gateways {
		if s := l.Stats(); s.LocalTakes != 0 {
			t.Errorf("gateway %d decided %d calls alone", i, s.LocalTakes)
		}
	}
}

func serverTime(t testing.TB, client rueidis.Client) time.Time {
	t.Helper()
	now, err := client.Do(t.Context(), client.B().Time().Build()).AsIntSlice()
	if err != nil {
		t.Fatal(err)
	}
	return time.Unix(now[0], now[1]*1000)
}

// TestKilledAndRestarted: Redis is killed under load and started again, twice.
// No call fails, what is admitted meanwhile is the share, and all is said.
func TestKilledAndRestarted(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	p := ratelimit.Policy{Limit: 60, Burst: 40}
	a, log := open(t, Options{URL: server.URL(), Gateways: 2})
	b, _ := open(t, Options{URL: server.URL(), Gateways: 2})
	both := []*Limiter{a, b}
	for _, l := range both {
		untilScope(t, l, "shared")
	}
	stop := make(chan struct{})
	var load sync.WaitGroup
	for _, l := range both {
		for range 4 {
			load.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					if _, err := l.Take(t.Context(), "busy", p, 1); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
	}
	for round := range 2 {
		server.Kill()
		for _, l := range both {
			untilScope(t, l, unreachable)
		}
		// A tenant nobody has seen: each gateway grants its half of the burst
		// and of what comes back meanwhile.
		tenant := fmt.Sprint("round-", round)
		for _, l := range both {
			begin, n := time.Now(), 0
			for range 100 {
				if d, err := l.Take(t.Context(), tenant, p, 1); err != nil || d.Limit != 60 {
					t.Fatalf("%+v, %v", d, err)
				} else if d.Allowed {
					n++
				}
			}
			if most := 20 + int(time.Since(begin)/(2*time.Second)) + 1; n < 20 || n > most {
				t.Errorf("a gateway alone admitted %d of 100, want 20 to %d", n, most)
			}
		}
		if err := server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		for _, l := range both {
			untilScope(t, l, "shared")
		}
		n := 0
		for i := range 100 {
			d, err := both[i%2].Take(t.Context(), tenant, ratelimit.Policy{Limit: 1, Burst: 40}, 1)
			if err != nil {
				t.Fatal(err)
			}
			if d.Allowed {
				n++
			}
		}
		if n < 40 || n > 42 {
			t.Errorf("together again, %d of 100 were admitted, want the burst of 40", n)
		}
	}
	close(stop)
	load.Wait()
	s := a.Stats()
	if s.Fallbacks != 2 || s.LocalTakes == 0 || !s.Shared {
		t.Errorf("%+v, want two fallbacks", s)
	}
	if text := log.String(); strings.Count(text, "rate limits are local") != 2 || strings.Count(text, "rate limits are shared") != 3 || !strings.Contains(text, "share=1/2") {
		t.Errorf("one line a change, but the log says:\n%s", text)
	}
}

// TestFrozen: Redis holds its connections open and answers nothing. A few
// calls wait for their time-out, the rest for nothing at all.
func TestFrozen(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	l, log := open(t, Options{URL: server.URL(), Timeout: 500 * time.Millisecond})
	p := ratelimit.PerMinute(1000)
	until(t, "shared and used", func() bool {
		_, err := l.Take(t.Context(), "acme", p, 1)
		return err == nil && l.Scope() == "shared"
	})
	if err := server.Freeze(); err != nil {
		t.Fatal(err)
	}
	until(t, unreachable, func() bool {
		_, err := l.Take(t.Context(), "acme", p, 1)
		return err == nil && l.Scope() == unreachable
	})
	before := l.Stats()
	for range 20_000 { // more than the connection's ring holds
		if _, err := l.Take(t.Context(), "acme", p, 1); err != nil {
			t.Fatal(err)
		}
	}
	if after := l.Stats(); after.LocalTakes-before.LocalTakes != 20_000 || after.Fallbacks != before.Fallbacks {
		t.Errorf("calls still wait for Redis: %+v, then %+v", before, after)
	}
	if err := server.Thaw(); err != nil {
		t.Fatal(err)
	}
	untilScope(t, l, "shared")
	if !strings.Contains(log.String(), "deadline exceeded") {
		t.Errorf("the log does not say why:\n%s", log)
	}
}

// TestNobodyThereAtTheStart: the limiter is there at once, limits at its share,
// and is shared when Redis comes.
func TestNobodyThereAtTheStart(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	server.Kill()
	l, log := open(t, Options{URL: server.URL(), Gateways: 4, MinBurst: 10})
	p := ratelimit.Policy{Limit: 1, Burst: 20}
	if d, err := l.Take(t.Context(), "acme", p, 10); err != nil || !d.Allowed || d.Remaining != 0 || d.Limit != 1 {
		t.Errorf("the dearest call: %+v, %v", d, err)
	}
	if d, err := l.Take(t.Context(), "acme", p, 1); err != nil || d.Allowed {
		t.Errorf("a call beyond the share: %+v, %v", d, err)
	}
	until(t, "said", func() bool { return strings.Contains(log.String(), "rate limits are local") })
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	untilScope(t, l, "shared")
	if s := l.Stats(); s.Fallbacks != 0 || s.LocalTakes != 2 {
		t.Errorf("%+v", s)
	}
	if n := strings.Count(log.String(), "rate limits are local"); n != 1 {
		t.Errorf("said %d times:\n%s", n, log)
	}
}

// TestRefusingServers: a Redis that answers but does not serve is out of reach
// too, and its refusal does not show the password.
func TestRefusingServers(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ server, login, want []string }{
		"wrong password":     {[]string{"--requirepass", "right-horse"}, []string{":wrong-horse@"}, []string{"WRONGPASS"}},
		"no password":        {[]string{"--requirepass", "right-horse"}, []string{""}, []string{"NOAUTH"}},
		"no room":            {[]string{"--maxmemory", "1", "--maxmemory-policy", "noeviction"}, []string{""}, []string{"OOM"}},
		"database not there": {[]string{"--databases", "1"}, []string{"", "/5"}, []string{"out of range"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Start(t, c.server...)
			l, log := open(t, Options{URL: "redis://" + c.login[0] + s.Addr + strings.Join(c.login[1:], "")})
			until(t, "said", func() bool { return strings.Contains(log.String(), c.want[0]) })
			if d, err := l.Take(t.Context(), "acme", ratelimit.PerMinute(100), 1); err != nil || !d.Allowed || l.Scope() != unreachable {
				t.Errorf("%+v, %v, %s", d, err, l.Scope())
			}
			if strings.Contains(log.String()+l.String(), "horse") {
				t.Errorf("the password is shown:\n%s\n%s", log, l)
			}
		})
	}
	t.Run("right password", func(t *testing.T) {
		t.Parallel()
		s := redistest.Start(t, "--requirepass", "right-horse")
		l, log := open(t, Options{URL: "redis://:right-horse@" + s.Addr + "/3"})
		untilScope(t, l, "shared")
		if strings.Contains(log.String()+l.String(), "horse") {
			t.Errorf("the password is shown:\n%s\n%s", log, l)
		}
	})
}

// TestCluster: given two addresses, here the same one twice, the client asks
// for the cluster's nodes and sends each tenant's calls to its own.
func TestCluster(t *testing.T) {
	t.Parallel()
	s := redistest.Start(t, "--cluster-enabled", "yes")
	client := dial(t, s)
	slots := client.B().Arbitrary("CLUSTER", "ADDSLOTSRANGE", "0", "16383").Build()
	if err := client.Do(t.Context(), slots).Error(); err != nil {
		t.Fatal(err)
	}
	l, log := open(t, Options{URL: s.URL() + "?addr=" + s.Addr})
	untilScope(t, l, "shared")
	p := ratelimit.Policy{Limit: 1, Burst: 1}
	for i := range 100 {
		tenant := fmt.Sprint("tenant-", i)
		for _, want := range []bool{true, false} {
			if d, err := l.Take(t.Context(), tenant, p, 1); err != nil || d.Allowed != want {
				t.Fatalf("%s: %+v, %v, want allowed: %v", tenant, d, err, want)
			}
		}
	}
	if s := l.Stats(); s.LocalTakes != 0 || !s.Shared {
		t.Errorf("%+v\n%s", s, log)
	}
}

func TestScrub(t *testing.T) {
	t.Parallel()
	l := &Limiter{}
	l.client.Password = "hunter2"
	err := fmt.Errorf("connecting: ERR unknown command `HELLO`, with args beginning with: `3` `AUTH` `default` `hunter2`: %w", os.ErrClosed)
	if got := l.scrub(err); strings.Contains(got, "hunter2") || !strings.Contains(got, "HELLO") {
		t.Error(got)
	}
}

func TestBadURL(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "http://x", "redis://:hunter2@host:port", "redis://:hunter2@h/database", "redis://%zz:hunter2@h", "redis://h/1/2"} {
		if _, err := New(Options{URL: url, Log: slog.New(slog.DiscardHandler)}); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", url, err)
		}
	}
}

func TestShare(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		p           ratelimit.Policy
		n, minBurst int
		want        ratelimit.Policy
	}{
		{ratelimit.Policy{Limit: 100, Burst: 20}, 1, 1, ratelimit.Policy{Limit: 100, Burst: 20}},
		{ratelimit.Policy{Limit: 100, Burst: 20}, 4, 1, ratelimit.Policy{Limit: 25, Burst: 5}},
		{ratelimit.Policy{Limit: 100, Burst: 20}, 4, 10, ratelimit.Policy{Limit: 25, Burst: 10}},
		{ratelimit.Policy{Limit: 100, Burst: 20}, 3, 1, ratelimit.Policy{Limit: 33, Burst: 6}},
		{ratelimit.Policy{Limit: 5, Burst: 5}, 1000, 10, ratelimit.Policy{Limit: 1, Burst: 5}},
	} {
		if got := share(c.p, c.n, c.minBurst); got != c.want {
			t.Errorf("%+v by %d, at least %d: %+v, want %+v", c.p, c.n, c.minBurst, got, c.want)
		}
	}
}

func TestPace(t *testing.T) {
	t.Parallel()
	var wait time.Duration
	var sum time.Duration
	for range 12 {
		next := defaultPace.next(wait)
		if next < wait || next > defaultPace.retryMax {
			t.Fatalf("%v after %v", next, wait)
		}
		wait = next
		sum += wait
	}
	if wait != defaultPace.retryMax {
		t.Errorf("after %v the pause is %v, want %v", sum, wait, defaultPace.retryMax)
	}
}

func TestCosts(t *testing.T) {
	t.Parallel()
	l, _ := open(t, Options{URL: "redis://127.0.0.1:1"})
	if d, err := l.Take(t.Context(), "acme", ratelimit.Policy{}, 1<<40); err != nil || !d.Allowed {
		t.Errorf("unlimited: %+v, %v", d, err)
	}
	if _, err := l.Take(t.Context(), "acme", ratelimit.Policy{Limit: 1, Burst: 5}, 6); err != ratelimit.ErrCost { //nolint:errorlint // the value itself is promised
		t.Error(err)
	}
}

func BenchmarkTake(b *testing.B) {
	server := redistest.Start(b)
	for _, callers := range []int{1, 16, 64} {
		b.Run(fmt.Sprint("callers=", callers), func(b *testing.B) {
			l, _ := open(b, Options{URL: server.URL()})
			untilScope(b, l, "shared")
			p := ratelimit.Policy{Limit: 100_000_000, Burst: 10_000_000}
			b.ReportAllocs()
			b.SetParallelism(callers)
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if d, err := l.Take(b.Context(), "acme", p, 1); err != nil || !d.Allowed {
						b.Error(d, err)
						return
					}
				}
			})
			if s := l.Stats(); s.LocalTakes != 0 {
				b.Errorf("%d decided locally", s.LocalTakes)
			}
		})
	}
	b.Run("away", func(b *testing.B) {
		l, _ := open(b, Options{URL: "redis://127.0.0.1:1", Gateways: 2})
		p := ratelimit.Policy{Limit: 100_000_000, Burst: 10_000_000}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := l.Take(b.Context(), "acme", p, 1); err != nil {
				b.Fatal(err)
			}
		}
	})
}
