package pool

import (
	"context"
	"encoding/json"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/omni-run/omni/api"
)

// A worker that dies breaks one call after the other for a moment, and still
// takes in new ones. An idempotent call must not spend its attempts on it.
func TestBrokenCallWaitsForAProbe(t *testing.T) {
	t.Parallel()
	f := newFake(t, healthy(8, "echo"))
	p := newPool(t, nil, f.worker("w"))
	untilState(t, p, "w", stateReady)

	var dead atomic.Bool
	revived := make(chan struct{})
	f.set(func(f *fakeWorker) {
		f.answer = func(w http.ResponseWriter, r *http.Request) {
			select {
			case <-revived:
				echo(w, r)
			default:
				dead.Store(true)
				hangUp(w, r)
			}
		}
		f.probe = func(w http.ResponseWriter, _ *http.Request) {
			if dead.Load() {
				<-revived
			}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(healthy(8, "echo"))
		}
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		r := call("echo", `"x"`)
		r.Idempotent = true
		resp, err := p.Do(context.Background(), r)
		if err != nil {
			t.Errorf("after %d attempts: %v", f.calls.Load(), err)
			return
		}
		if got := answered(t, resp, nil); got != `"x"` {
			t.Errorf("answered %q", got)
		}
	}()
	eventually(t, "the call broke and is held", func() bool { return dead.Load() && p.Snapshot().Held == 1 })
	if n := f.calls.Load(); n != 1 {
		t.Errorf("%d attempts were made on a worker that breaks calls, want 1", n)
	}
	close(revived)
	<-done
}

// A probe that was under way when the call broke says nothing about what came
// after.
func TestOnlyALaterProbeClearsTheSuspicion(t *testing.T) {
	t.Parallel()
	p, err := New(Options{Workers: []Worker{{Name: "w", URL: "http://127.0.0.1:9"}}})
	if err != nil {
		t.Fatal(err)
	}
	w, h := p.names["w"], healthy(4, "echo")
	p.observe(w, &h, nil, p.suspicionsOf(w))
	before := p.suspicionsOf(w)
	p.mu.Lock()
	p.suspectLocked(w, "echo", classBroken)
	p.mu.Unlock()
	p.observe(w, &h, nil, before)
	if p.pickLocked("echo", nil) != nil {
		t.Error("a probe from before the break made the worker trusted")
	}
	p.observe(w, &h, nil, p.suspicionsOf(w))
	if p.pickLocked("echo", nil) == nil {
		t.Error("a probe from after the break did not make the worker trusted")
	}
	if got := p.Snapshot().Workers[0]; got.State != stateReady || got.Services["echo"] != api.StateReady {
		t.Errorf("%+v", got)
	}
}
