package pool

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Workers come, go and are replaced while calls run; no call fails.
func TestWorkersChangeUnderLoad(t *testing.T) {
	t.Parallel()
	a, b, c := newFake(t, healthy(4, "echo")), newFake(t, healthy(4, "echo")), newFake(t, healthy(4, "echo"))
	r := &resolver{known: []string{"10.0.0.1"}, at: map[string]string{"10.0.0.1:80": c.address}}
	p := newPool(t, func(o *Options) { o.Lookup, o.Dial = r.lookup, r.orDirect }, a.worker("a"))
	resolved := Worker{Name: "c", URL: "http://workers.internal", Resolve: 5 * time.Millisecond}
	var wg sync.WaitGroup
	var over atomic.Bool
	var calls atomic.Int64
	for range 4 {
		wg.Go(func() {
			for !over.Load() {
				resp, err := p.Do(context.Background(), call("echo", `"x"`))
				answered(t, resp, err)
				calls.Add(1)
			}
		})
	}
	more := func() {
		t.Helper()
		from := calls.Load()
		eventually(t, "more calls", func() bool { return calls.Load() > from+20 })
	}
	change := func(remove []string, put ...Worker) {
		t.Helper()
		drop, err := p.Change(Options{Workers: put}, remove)
		if err != nil {
			t.Error(err)
			return
		}
		more()
		drop()
		more()
	}
	withToken := b.worker("b")
	withToken.Token = "new"
	for range 3 {
		change(nil, b.worker("b"))
		change([]string{"a"}, withToken)
		change([]string{"b"}, resolved)
		resolved.Token += "x"
		change(nil, resolved)
		change([]string{"c"}, a.worker("a"))
	}
	over.Store(true)
	wg.Wait()
	if got := names(p); len(got) != 1 || got[0] != "a" {
		t.Errorf("the workers are %v", got)
	}
	for _, f := range []*fakeWorker{a, b, c} {
		if f.calls.Load() == 0 {
			t.Error("a worker got no call")
		}
	}
}

// orDirect dials addresses that are not the resolver's as they are.
func (r *resolver) orDirect(ctx context.Context, network, address string) (net.Conn, error) {
	if to, ok := r.at[address]; ok {
		address = to
	}
	return new(net.Dialer).DialContext(ctx, network, address)
}

// A worker that is to go is used only where no other can be, and what it runs
// it finishes after it has gone.
func TestLeavingWorker(t *testing.T) {
	t.Parallel()
	a, b := newFake(t, healthy(4, "echo", "own")), newFake(t, healthy(4, "echo"))
	p := newPool(t, nil, a.worker("a"), b.worker("b"))
	eventually(t, "both ready", func() bool { n, _ := p.Counts(); return n == 2 })
	drop, err := p.Change(Options{}, []string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	before := a.calls.Load()
	for range 8 {
		resp, err := p.Do(t.Context(), call("echo", `"x"`))
		answered(t, resp, err)
	}
	if a.calls.Load() != before {
		t.Error("a worker that is to go got calls that another could take")
	}
	entered, release := make(chan struct{}), make(chan struct{})
	a.set(func(f *fakeWorker) {
		f.answer = func(w http.ResponseWriter, r *http.Request) {
			close(entered)
			<-release
			echo(w, r)
		}
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		resp, err := p.Do(context.Background(), call("own", `"x"`))
		answered(t, resp, err)
	}()
	<-entered
	drop()
	close(release)
	<-done
	if _, err := p.Do(t.Context(), call("own", `"x"`)); !strings.Contains(errorText(err), "no_worker") {
		t.Errorf("after the worker has gone: %v", err)
	}
	drop() // twice does nothing
}

// What is taken back before it was dropped stays.
func TestWorkerPutAgainBeforeItWent(t *testing.T) {
	t.Parallel()
	a := newFake(t, healthy(4, "echo"))
	p := newPool(t, nil, a.worker("a"))
	eventually(t, "ready", func() bool { n, _ := p.Counts(); return n == 1 })
	drop, err := p.Change(Options{}, []string{"a"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Change(Options{Workers: []Worker{a.worker("a")}}, nil); err != nil {
		t.Fatal(err)
	}
	if n, _ := p.Counts(); n != 1 {
		t.Error("the same worker had to be got to know anew")
	}
	drop()
	resp, err := p.Do(t.Context(), call("echo", `"x"`))
	answered(t, resp, err)
}

func TestChangesThatAreRefused(t *testing.T) {
	t.Parallel()
	a := newFake(t, healthy(4, "echo"))
	p := newPool(t, nil, a.worker("a"))
	for name, try := range map[string]func() error{
		"unknown": func() error { _, err := p.Change(Options{}, []string{"nobody"}); return err },
		"both":    func() error { _, err := p.Change(Options{Workers: []Worker{a.worker("a")}}, []string{"a"}); return err },
		"twice": func() error {
			_, err := p.Change(Options{Workers: []Worker{a.worker("b"), a.worker("b")}}, nil)
			return err
		},
		"figures": func() error { _, err := p.Change(Options{MaxWait: -1}, nil); return err },
		"bad address": func() error {
			_, err := p.Change(Options{Workers: []Worker{{Name: "x", URL: "ftp://x"}}}, nil)
			return err
		},
	} {
		if err := try(); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if got := names(p); len(got) != 1 {
		t.Errorf("the workers are %v", got)
	}
	stopped := newStoppedPool(t, a)
	if _, err := stopped.Change(Options{}, nil); !errors.Is(err, errNotRunning) {
		t.Errorf("a stopped pool: %v", err)
	}
}

func newStoppedPool(t *testing.T, a *fakeWorker) *Pool {
	t.Helper()
	p, err := New(Options{Workers: []Worker{a.worker("a")}})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
