package pool

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/omni-run/omni/api"
)

// pipes is a network in memory, so that tests can run on virtual time.
type pipes struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), done: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.done) })
	return nil
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.conns <- theirs:
		return ours, nil
	case <-p.done:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// onVirtualTime runs test against a pool with one fake worker, inside a bubble.
func onVirtualTime(t *testing.T, health api.WorkerHealth, fast time.Duration, test func(t *testing.T, f *fakeWorker, p *Pool)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		network := newPipes()
		f := &fakeWorker{t: t, health: health}
		server := &http.Server{Handler: f}
		go func() { _ = server.Serve(network) }()
		p, err := New(Options{Workers: []Worker{{Name: "w", URL: "http://worker"}}, Dial: network.dial, ProbeFast: fast})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		test(t, f, p)
		if err := p.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		_ = server.Close()
	})
}

// A worker that takes 4 minutes to load: the call waits for it, and goes on
// within one fast probe of its being ready.
func TestFourMinutesOfLoading(t *testing.T) {
	t.Parallel()
	onVirtualTime(t, loading("echo"), 500*time.Millisecond, func(t *testing.T, f *fakeWorker, p *Pool) {
		const load = 4 * time.Minute
		time.AfterFunc(load, func() { f.set(func(f *fakeWorker) { f.health = healthy(4, "echo") }) })
		resp, err := p.Do(t.Context(), call("echo", "x"))
		answered(t, resp, err)
		if late := resp.Queue - load; late < 0 || late > 500*time.Millisecond || !resp.Cold {
			t.Fatalf("waited %v, %v after the worker was ready", resp.Queue, late)
		}
	})
}

func TestDefaultWaitIsFiveMinutes(t *testing.T) {
	t.Parallel()
	onVirtualTime(t, loading("echo"), 500*time.Millisecond, func(t *testing.T, _ *fakeWorker, p *Pool) {
		began := time.Now()
		longer := call("echo", "x")
		longer.MaxWait = time.Hour
		_, err := p.Do(t.Context(), longer)
		refusedWith(t, err, 503, "still_loading")
		if waited := time.Since(began); waited != 300*time.Second {
			t.Fatalf("waited %v", waited)
		}
	})
}

// Retry-After comes from how long the service took to load before.
func TestEstimateFromPastStarts(t *testing.T) {
	t.Parallel()
	h := healthy(4, "echo")
	h.Services["echo"] = api.ServiceHealth{State: api.StateReady, Seconds: 60}
	onVirtualTime(t, h, 500*time.Millisecond, func(t *testing.T, f *fakeWorker, p *Pool) {
		time.Sleep(2 * time.Second)
		f.set(func(f *fakeWorker) { f.health = loading("echo") })
		time.Sleep(20 * time.Second)
		short := call("echo", "x")
		short.MaxWait = time.Second
		_, err := p.Do(t.Context(), short)
		e := refusedWith(t, err, 503, "still_loading")
		if e.RetryAfter < 38*time.Second || e.RetryAfter > 42*time.Second {
			t.Fatalf("Retry-After %v, want about 60 s less the 20 that have passed", e.RetryAfter)
		}
	})
}

// A ready worker is probed about once a second, a loading one every 20 to
// 50 ms, one that has not been ready for long and for which nobody waits less
// often.
func TestProbeRates(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	probes := 0
	count := func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		probes++
		_, _ = w.Write([]byte(`{"status":"initializing","services":{"echo":{"state":"loading"}}}`))
	}
	during := func(d time.Duration) int {
		mu.Lock()
		probes = 0
		mu.Unlock()
		time.Sleep(d)
		mu.Lock()
		defer mu.Unlock()
		return probes
	}
	onVirtualTime(t, healthy(4, "echo"), 0, func(t *testing.T, f *fakeWorker, _ *Pool) {
		f.set(func(f *fakeWorker) { f.probe = count })
		time.Sleep(2 * time.Second)
		if n := during(10 * time.Second); n < 200 || n > 500 {
			t.Errorf("%d probes in 10 s of loading, want 200 to 500", n)
		}
		time.Sleep(30 * time.Second)
		if n := during(10 * time.Second); n < 39 || n > 52 {
			t.Errorf("%d probes in 10 s while nobody waits, want 39 to 52", n)
		}
		f.set(func(f *fakeWorker) {
			f.probe = func(w http.ResponseWriter, r *http.Request) {
				mu.Lock()
				defer mu.Unlock()
				probes++
				_, _ = w.Write([]byte(`{"status":"ok","services_ready":true,"services":{"echo":{"state":"ready"}}}`))
			}
		})
		time.Sleep(time.Second)
		if n := during(20 * time.Second); n < 19 || n > 26 {
			t.Errorf("%d probes in 20 s of being ready, want 19 to 26", n)
		}
	})
}
