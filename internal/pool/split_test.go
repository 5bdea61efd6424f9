package pool

import (
	"io"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

func inGroup(w Worker, group string) Worker {
	w.Group = group
	return w
}

// Workers of a group get the calls for it, and no others.
func TestGroupsAreApart(t *testing.T) {
	t.Parallel()
	a, b := newFake(t, healthy(4, "echo")), newFake(t, healthy(4, "echo"))
	p := newPool(t, nil, a.worker("a"), inGroup(b.worker("b"), "next"))
	for range 5 {
		resp, err := p.Do(t.Context(), call("echo", `"x"`))
		answered(t, resp, err)
		r := call("echo", `"x"`)
		r.Service = Lane("echo", "next")
		resp, err = p.Do(t.Context(), r)
		answered(t, resp, err)
	}
	if a.calls.Load() != 5 || b.calls.Load() != 5 {
		t.Errorf("%d and %d calls", a.calls.Load(), b.calls.Load())
	}
	r := call("echo", "x")
	r.Service = Lane("echo", "other")
	_, err := p.Do(t.Context(), r)
	if e := refusedWith(t, err, 503, "no_worker"); e.Message != `no worker serves "echo"` {
		t.Errorf("callers read %q", e.Message)
	}
}

// A call falls back when its canary is away, full, left out, or dies under it.
func TestFallback(t *testing.T) {
	t.Parallel()
	main, canary := newFake(t, healthy(4, "echo")), newFake(t, healthy(1, "echo"))
	p := newPool(t, nil, main.worker("main"), inGroup(canary.worker("canary"), "next"))
	eventually(t, "both are ready", func() bool { r, _ := p.Counts(); return r == 2 })
	send := func(group string) string {
		t.Helper()
		r := call("echo", `"x"`)
		r.Service, r.Fallback, r.Idempotent = Lane("echo", group), "echo", true
		resp, err := p.Do(t.Context(), r)
		answered(t, resp, err)
		return resp.WorkerName
	}
	if got := send("next"); got != "canary" {
		t.Errorf("answered by %s", got)
	}
	if got := send("nobody"); got != "main" {
		t.Errorf("no such group: answered by %s", got)
	}
	entered, release := make(chan struct{}), make(chan struct{})
	canary.set(func(f *fakeWorker) {
		f.answer = func(w http.ResponseWriter, r *http.Request) {
			close(entered)
			<-release
			hangUp(w, r)
		}
	})
	under := make(chan string)
	go func() { under <- send("next") }()
	<-entered
	if got := send("next"); got != "main" {
		t.Errorf("a full canary: answered by %s", got)
	}
	close(release)
	if got := <-under; got != "main" {
		t.Errorf("a canary that died under the call: answered by %s", got)
	}
	canary.stop()
	untilState(t, p, "canary", stateUnreachable)
	if got := send("next"); got != "main" {
		t.Errorf("a canary that is away: answered by %s", got)
	}
}

// A mirror gets copies, whose answers go nowhere; one that hangs or breaks
// delays nobody, and no more than so many copies are under way.
func TestMirror(t *testing.T) {
	t.Parallel()
	a, b := newFake(t, healthy(64, "echo")), newFake(t, healthy(64, "echo"))
	var bodies atomic.Int32
	release := make(chan struct{})
	b.answer = func(w http.ResponseWriter, r *http.Request) {
		if raw, _ := io.ReadAll(r.Body); string(raw) == `"x"` && r.Header.Get("X-Tenant-Id") == "t" {
			bodies.Add(1)
		}
		<-release
		w.WriteHeader(http.StatusInternalServerError)
	}
	p := newPool(t, nil, a.worker("a"), inGroup(b.worker("b"), "shadow"))
	eventually(t, "both are ready", func() bool { r, _ := p.Counts(); return r == 2 })
	const calls = mirrorsAtOnce + 8
	for range calls {
		r := call("echo", `"x"`)
		r.Idempotent, r.Mirror = true, Lane("echo", "shadow")
		resp, err := p.Do(t.Context(), r)
		if got := answered(t, resp, err); got != `"x"` {
			t.Errorf("answered %q", got)
		}
	}
	eventually(t, "the copies arrived", func() bool { return bodies.Load() == mirrorsAtOnce })
	if n := a.calls.Load(); n != calls {
		t.Errorf("%d calls on the real worker", n)
	}
	count := func(outcome string) float64 { return testutil.ToFloat64(p.metrics.mirrored.WithLabelValues(outcome)) }
	if n := count(mirrorDropped); n != 8 {
		t.Errorf("%v copies dropped", n)
	}
	close(release)
	eventually(t, "the copies failed", func() bool { return count(mirrorFailed) == mirrorsAtOnce })
}

// A call whose worker takes long is sent to a second one; the first answer
// counts, and the other attempt is called off.
func TestHedge(t *testing.T) {
	t.Parallel()
	slow, quick := newFake(t, healthy(4, "echo")), newFake(t, healthy(4, "echo"))
	given := make(chan struct{}, 100)
	slow.answer = func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		given <- struct{}{}
	}
	p := newPool(t, nil, slow.worker("slow"), quick.worker("quick"))
	eventually(t, "both are ready", func() bool { r, _ := p.Counts(); return r == 2 })
	lost := 0
	for range 8 {
		r := call("echo", `"x"`)
		r.Idempotent, r.Hedge = true, 30*time.Millisecond
		resp, err := p.Do(t.Context(), r)
		if got := answered(t, resp, err); got != `"x"` || resp.WorkerName != "quick" {
			t.Errorf("answered %q by %s", got, resp.WorkerName)
		}
		if slow.calls.Load() > int32(lost) {
			lost = int(slow.calls.Load())
			<-given // it was called off
		}
	}
	if lost == 0 {
		t.Fatal("the slow worker was never tried")
	}
	eventually(t, "no slot is held", func() bool {
		for _, w := range p.Snapshot().Workers {
			if w.InFlight != 0 {
				return false
			}
		}
		return true
	})
	if n := testutil.ToFloat64(p.metrics.hedges.WithLabelValues("won")); n < 1 {
		t.Errorf("%v hedges won", n)
	}
	// A call that must not run twice is sent once.
	before := slow.calls.Load() + quick.calls.Load()
	slow.set(func(f *fakeWorker) { f.answer = nil })
	r := call("echo", `"x"`)
	r.Hedge = time.Nanosecond
	resp, err := p.Do(t.Context(), r)
	answered(t, resp, err)
	if n := slow.calls.Load() + quick.calls.Load() - before; n != 1 {
		t.Errorf("sent %d times", n)
	}
}

// When the first attempt fails while the second runs, the second counts; when
// no other worker is free, the call goes on as it is.
func TestHedgeAndFailures(t *testing.T) {
	t.Parallel()
	a, b := newFake(t, healthy(4, "echo")), newFake(t, healthy(4, "echo"))
	var entered atomic.Int32
	both := make(chan struct{})
	handle := func(w http.ResponseWriter, r *http.Request) {
		first := entered.Add(1) == 1
		if first {
			<-both
			hangUp(w, r)
		}
		close(both)
		echo(w, r)
	}
	a.answer, b.answer = handle, handle
	p := newPool(t, nil, a.worker("a"), b.worker("b"))
	eventually(t, "both are ready", func() bool { r, _ := p.Counts(); return r == 2 })
	r := call("echo", `"x"`)
	r.Idempotent, r.Hedge = true, time.Millisecond
	resp, err := p.Do(t.Context(), r)
	if got := answered(t, resp, err); got != `"x"` {
		t.Errorf("answered %q", got)
	}

	alone := newFake(t, healthy(4, "echo"))
	alone.answer = func(w http.ResponseWriter, r *http.Request) { time.Sleep(5 * time.Millisecond); echo(w, r) }
	q := newPool(t, nil, alone.worker("alone"))
	resp, err = q.Do(t.Context(), r)
	if got := answered(t, resp, err); got != `"x"` || alone.calls.Load() != 1 {
		t.Errorf("answered %q after %d calls", got, alone.calls.Load())
	}
}
