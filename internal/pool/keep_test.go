package pool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/omni-run/omni/api"
)

// fakeKeeper starts and stops a worker that lives behind a network in memory.
type fakeKeeper struct {
	up      atomic.Bool
	kept    atomic.Int32
	now     atomic.Int32
	needed  atomic.Int32
	cause   atomic.Value
	failure func() error
}

func (k *fakeKeeper) Keep(ctx context.Context, needed <-chan struct{}) error {
	if k.now.Add(1) > 1 {
		panic("kept twice at a time")
	}
	defer k.now.Add(-1)
	k.kept.Add(1)
	if k.failure != nil {
		if err := k.failure(); err != nil {
			return err
		}
	}
	k.up.Store(true)
	defer k.up.Store(false)
	for {
		select {
		case <-ctx.Done():
			k.cause.Store(context.Cause(ctx))
			return nil
		case <-needed:
			k.needed.Add(1)
		}
	}
}

// sleeper runs test against a pool with one worker that a keeper starts, on
// virtual time.
func sleeper(t *testing.T, health api.WorkerHealth, test func(t *testing.T, f *fakeWorker, k *fakeKeeper, p *Pool)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		network, k := newPipes(), &fakeKeeper{}
		f := &fakeWorker{t: t, health: health}
		f.probe = func(w http.ResponseWriter, r *http.Request) {
			if !k.up.Load() {
				panic(http.ErrAbortHandler)
			}
			f.mu.Lock()
			h := f.health
			f.mu.Unlock()
			writeHealth(w, h)
		}
		server := &http.Server{Handler: f}
		go func() { _ = server.Serve(network) }()
		p, err := New(Options{
			Workers: []Worker{{Name: "w", URL: "http://worker", Keeper: k, Idle: time.Minute, WakeTimeout: 5 * time.Minute}},
			Dial:    network.dial, ProbeFast: 500 * time.Millisecond, ProbeIdle: 2 * time.Second, ProbeSlow: 2 * time.Second,
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := p.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := p.Stop(context.Background()); err != nil {
				t.Error(err)
			}
			_ = server.Close()
			_ = network.Close()
			if k.up.Load() {
				t.Error("the worker outlived the pool")
			}
		}()
		test(t, f, k, p)
	})
}

func stateOf(p *Pool) string { return p.Snapshot().Workers[0].State }

// Asleep, woken by the first of many calls, awake, idle, asleep, and the same
// again: after a long idle the first call must work.
func TestSleepAndWake(t *testing.T) {
	t.Parallel()
	sleeper(t, loading("echo"), func(t *testing.T, f *fakeWorker, k *fakeKeeper, p *Pool) {
		time.Sleep(time.Hour)
		if stateOf(p) != stateAsleep || k.kept.Load() != 0 || p.Snapshot().Workers[0].LastError != "" {
			t.Fatalf("before any call: %+v", p.Snapshot())
		}
		for round := range 3 {
			f.set(func(f *fakeWorker) { f.health = loading("echo") })
			var wg sync.WaitGroup
			for range 20 {
				wg.Go(func() {
					resp, err := p.Do(t.Context(), call("echo", `"x"`))
					if got := answered(t, resp, err); got != `"x"` || !resp.Cold {
						t.Errorf("answered %q, cold %v", got, resp.Cold)
					}
				})
			}
			time.Sleep(40 * time.Second)
			if got := stateOf(p); got != stateLoading {
				t.Fatalf("state %s while it loads", got)
			}
			f.set(func(f *fakeWorker) { f.health = healthy(4, "echo") })
			wg.Wait()
			if n := k.kept.Load(); int(n) != round+1 {
				t.Fatalf("woken %d times in round %d", n, round)
			}
			time.Sleep(50 * time.Second)
			if stateOf(p) != stateReady {
				t.Fatalf("asleep before its time: %s", stateOf(p))
			}
			time.Sleep(15 * time.Second)
			synctest.Wait()
			if stateOf(p) != stateAsleep || k.up.Load() || !errors.Is(k.cause.Load().(error), ErrIdle) {
				t.Fatalf("not put to rest: %s", stateOf(p))
			}
			calls := f.calls.Load()
			time.Sleep(time.Hour) // nothing is sent to a worker that sleeps
			if texts := p.MetricsTexts(t.Context()); len(texts) != 0 || f.calls.Load() != calls {
				t.Fatal("a sleeping worker was asked for its metrics")
			}
			if n, start := p.Resting(); n != 1 || start < 30*time.Second || start > 50*time.Second {
				t.Fatalf("%d rest, the next start is expected in %v", n, start)
			}
		}
		if n := testutil.ToFloat64(p.metrics.wakes.WithLabelValues("w")); n != 3 {
			t.Errorf("%v wakes counted", n)
		}
		// A caller that does not wait is told when to come back, and by then the
		// worker is there.
		r := call("echo", `"x"`)
		r.MaxWait = -1
		_, err := p.Do(t.Context(), r)
		e := refusedWith(t, err, 503, "still_loading")
		if e.RetryAfter < 30*time.Second || e.RetryAfter > 50*time.Second {
			t.Errorf("Retry-After %v", e.RetryAfter)
		}
		time.Sleep(e.RetryAfter)
		resp, err := p.Do(t.Context(), r)
		answered(t, resp, err)
	})
}

// A worker that loads for longer than its idle time, with nobody waiting any
// more, gets there all the same.
func TestALoadingWorkerIsNeverIdled(t *testing.T) {
	t.Parallel()
	sleeper(t, loading("echo"), func(t *testing.T, f *fakeWorker, k *fakeKeeper, p *Pool) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if _, err := p.Do(ctx, call("echo", "x")); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Minute) // the idle time is one
		if stateOf(p) != stateLoading || k.kept.Load() != 1 {
			t.Fatalf("%s, kept %d", stateOf(p), k.kept.Load())
		}
		f.set(func(f *fakeWorker) { f.health = healthy(4, "echo") })
		time.Sleep(30 * time.Second)
		if stateOf(p) != stateReady {
			t.Fatal(stateOf(p))
		}
		// One service that loads anew keeps it up as well, and so do calls that
		// others have on it.
		f.set(func(f *fakeWorker) { f.health = loading("echo") })
		time.Sleep(10 * time.Minute)
		f.set(func(f *fakeWorker) { f.health = healthy(4, "echo"); f.health.InFlight = 1 })
		time.Sleep(10 * time.Minute)
		if stateOf(p) != stateReady || k.kept.Load() != 1 {
			t.Fatalf("%s, kept %d", stateOf(p), k.kept.Load())
		}
	})
}

// A call that runs for longer than the idle time keeps its worker.
func TestAWorkerThatRunsACallIsNotIdle(t *testing.T) {
	t.Parallel()
	sleeper(t, healthy(4, "echo"), func(t *testing.T, f *fakeWorker, k *fakeKeeper, p *Pool) {
		f.set(func(f *fakeWorker) {
			f.answer = func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(4 * time.Minute)
				echo(w, r)
			}
		})
		resp, err := p.Do(t.Context(), call("echo", `"x"`))
		answered(t, resp, err)
		if k.kept.Load() != 1 || stateOf(p) != stateReady {
			t.Fatalf("kept %d, %s", k.kept.Load(), stateOf(p))
		}
	})
}

// A worker that cannot be had: its callers are told at once, not held for
// nothing, and a later one tries again.
func TestAWorkerThatCannotBeWoken(t *testing.T) {
	t.Parallel()
	sleeper(t, healthy(4, "echo"), func(t *testing.T, _ *fakeWorker, k *fakeKeeper, p *Pool) {
		k.failure = func() error {
			if k.kept.Load() <= 2 {
				return errors.New("no such file")
			}
			return nil
		}
		for want := range 2 {
			begun := time.Now()
			_, err := p.Do(t.Context(), call("echo", "x"))
			e := refusedWith(t, err, 503, "no_worker")
			if took := time.Since(begun); took > time.Second || e.RetryAfter < time.Second {
				t.Errorf("refused after %v, Retry-After %v", took, e.RetryAfter)
			}
			if n := k.kept.Load(); int(n) != want+1 {
				t.Fatalf("tried %d times", n)
			}
			// Within the pause nothing is tried.
			_, err = p.Do(t.Context(), call("echo", "x"))
			refusedWith(t, err, 503, "no_worker")
			if p.Snapshot().Workers[0].LastError != classWake {
				t.Error(p.Snapshot().Workers[0])
			}
			time.Sleep(e.RetryAfter)
		}
		resp, err := p.Do(t.Context(), call("echo", `"x"`))
		answered(t, resp, err)
		if n := testutil.ToFloat64(p.metrics.wakeFailures.WithLabelValues("w")); n != 2 {
			t.Errorf("%v failures counted", n)
		}
	})
}

// A worker that never becomes ready is given up after its time.
func TestAWorkerThatIsNeverReady(t *testing.T) {
	t.Parallel()
	sleeper(t, loading("echo"), func(t *testing.T, _ *fakeWorker, k *fakeKeeper, p *Pool) {
		r := call("echo", "x")
		r.MaxWait = 20 * time.Minute
		begun := time.Now()
		_, err := p.Do(t.Context(), r)
		e := refusedWith(t, err, 503, "still_loading")
		if took := time.Since(begun); took < 299*time.Second || took > 301*time.Second {
			t.Errorf("held for %v, want the pool's 300 s (%v)", took, e)
		}
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if stateOf(p) != stateAsleep || k.up.Load() || p.Snapshot().Workers[0].LastError != classWake {
			t.Errorf("not given up: %+v", p.Snapshot().Workers[0])
		}
	})
}

// A worker that vanishes while it is awake: its keeper hears of it once calls
// wait.
func TestKeeperHearsThatAWorkerIsNeeded(t *testing.T) {
	t.Parallel()
	sleeper(t, healthy(4, "echo"), func(t *testing.T, _ *fakeWorker, k *fakeKeeper, p *Pool) {
		resp, err := p.Do(t.Context(), call("echo", `"x"`))
		answered(t, resp, err)
		k.up.Store(false)
		time.Sleep(10 * time.Second)
		done := make(chan struct{})
		go func() {
			defer close(done)
			resp, err := p.Do(t.Context(), call("echo", `"y"`))
			answered(t, resp, err)
		}()
		time.Sleep(5 * time.Second)
		if k.needed.Load() < 2 {
			t.Errorf("told %d times", k.needed.Load())
		}
		k.up.Store(true)
		<-done
	})
}

func TestWakeOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for _, w := range []Worker{{Idle: -1}, {WakeTimeout: -1}} {
		w.Name, w.URL = "w", "http://x"
		if _, err := New(Options{Workers: []Worker{w}}); err == nil {
			t.Errorf("accepted %+v", w)
		}
	}
}

// handover is the change of a sleeper's keeper while calls run that end when
// they are released.
type handover struct {
	t       *testing.T
	release chan struct{}
}

// handsOver prepares f for next, which must never begin while k is at work.
func handsOver(t *testing.T, f *fakeWorker, k, next *fakeKeeper) *handover {
	h := &handover{t: t, release: make(chan struct{})}
	next.alone(t, k)
	f.alsoUp(next)
	f.set(func(f *fakeWorker) {
		f.answer = func(w http.ResponseWriter, r *http.Request) {
			<-h.release
			echo(w, r)
		}
	})
	return h
}

// alone fails the test when k begins while another is at work, and then does
// what it would have done.
func (k *fakeKeeper) alone(t *testing.T, other *fakeKeeper) {
	also := k.failure
	k.failure = func() error {
		if other.now.Load() > 0 {
			t.Error("two are kept at a time")
		}
		if also != nil {
			return also()
		}
		return nil
	}
}

// alsoUp lets the worker be up, and healthy, while another keeper has it up.
func (f *fakeWorker) alsoUp(k *fakeKeeper) {
	f.set(func(f *fakeWorker) {
		probe := f.probe
		f.probe = func(w http.ResponseWriter, r *http.Request) {
			if k.up.Load() {
				writeHealth(w, healthy(4, "echo"))
				return
			}
			probe(w, r)
		}
	})
}

// ask sends a call and tells how it ended.
func ask(t *testing.T, p *Pool) <-chan error {
	done := make(chan error, 1)
	go func() {
		resp, err := p.Do(t.Context(), call("echo", `"x"`))
		if err != nil {
			done <- err
			return
		}
		b, err := io.ReadAll(resp.Body)
		if string(b) != `"x"` {
			err = errors.Join(err, fmt.Errorf("answered %q", b))
		}
		done <- errors.Join(err, resp.Body.Close())
	}()
	return done
}

// keptBy is the sleeper's worker with another keeper.
func keptBy(k Keeper) Worker {
	return Worker{Name: "w", URL: "http://worker", Keeper: k, Idle: time.Minute, WakeTimeout: 5 * time.Minute}
}

func put(t *testing.T, p *Pool, w Worker) {
	t.Helper()
	if _, err := p.Change(Options{Workers: []Worker{w}}, nil); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, p *Pool) {
	t.Helper()
	drop, err := p.Change(Options{}, []string{"w"})
	if err != nil {
		t.Fatal(err)
	}
	drop()
}

// A worker that is woken gets a new keeper, and is removed, while the pool
// runs: the call under way ends first, what comes meanwhile waits for the new
// one, and never are both kept.
func TestKeptWorkersChange(t *testing.T) {
	t.Parallel()
	sleeper(t, healthy(4, "echo"), func(t *testing.T, f *fakeWorker, k *fakeKeeper, p *Pool) {
		next := &fakeKeeper{}
		h := handsOver(t, f, k, next)
		first := ask(t, p)
		time.Sleep(10 * time.Second)
		put(t, p, keptBy(next))
		second := ask(t, p)
		time.Sleep(10 * time.Second)
		if !k.up.Load() || next.kept.Load() != 0 {
			t.Fatal("the worker was let go while it ran a call")
		}
		h.ends(first, second)
		if cause, _ := k.cause.Load().(error); !errors.Is(cause, errReplaced) || next.kept.Load() != 1 {
			t.Errorf("the former was let go for %v; the new one was kept %d times", cause, next.kept.Load())
		}
		remove(t, p)
		synctest.Wait()
		if cause, _ := next.cause.Load().(error); next.up.Load() || !errors.Is(cause, ErrIdle) {
			t.Errorf("the removed worker is up: %v; it was let go for %v", next.up.Load(), next.cause.Load())
		}
	})
}

// ends releases the calls and waits until they have ended well.
func (h *handover) ends(calls ...<-chan error) {
	h.t.Helper()
	close(h.release)
	for _, done := range calls {
		if err := <-done; err != nil {
			h.t.Error(err)
		}
	}
}

// Changed twice, or removed and put again, while a call still runs on the first:
// the last one begins when that call has ended, not before.
func TestKeptWorkersWaitForAllBefore(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(t *testing.T, p *Pool){
		"twice":   func(t *testing.T, p *Pool) { put(t, p, keptBy(&fakeKeeper{})) },
		"removed": remove,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sleeper(t, healthy(4, "echo"), func(t *testing.T, f *fakeWorker, k *fakeKeeper, p *Pool) {
				last := &fakeKeeper{}
				h := handsOver(t, f, k, last)
				first := ask(t, p)
				time.Sleep(10 * time.Second)
				change(t, p)
				put(t, p, keptBy(last))
				second := ask(t, p)
				time.Sleep(10 * time.Second)
				if last.kept.Load() != 0 {
					t.Error("the last one began while a call ran on the first")
				}
				h.ends(first, second)
				if last.kept.Load() != 1 {
					t.Errorf("the last one was kept %d times", last.kept.Load())
				}
			})
		})
	}
}
