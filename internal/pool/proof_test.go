package pool

import (
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// trial is a sleeper whose keeper is replaced by one that fails until it is
// mended.
type trial struct {
	t      *testing.T
	p      *Pool
	f      *fakeWorker
	former *fakeKeeper
	next   *fakeKeeper
	mended atomic.Bool
}

func onTrial(t *testing.T, test func(t *testing.T, x *trial)) {
	t.Helper()
	sleeper(t, healthy(4, "echo"), func(t *testing.T, f *fakeWorker, k *fakeKeeper, p *Pool) {
		x := &trial{t: t, p: p, f: f, former: k}
		x.next = x.keeper()
		k.alone(t, x.next)
		test(t, x)
	})
}

// keeper makes one more keeper that fails until it is mended.
func (x *trial) keeper() *fakeKeeper {
	k := &fakeKeeper{failure: func() error {
		if !x.mended.Load() {
			return errors.New("exit status 1")
		}
		return nil
	}}
	k.alone(x.t, x.former)
	x.f.alsoUp(k)
	return k
}

// put changes the worker's keeper, as a reload does.
func (x *trial) put(k Keeper, former bool) {
	x.t.Helper()
	w := keptBy(k)
	w.Prove, w.Former = true, former
	put(x.t, x.p, w)
}

func (x *trial) calls(n int) {
	x.t.Helper()
	for range n {
		if err := <-ask(x.t, x.p); err != nil {
			x.t.Error(err)
		}
	}
}

// kept checks how often each keeper was at work.
func (x *trial) kept(former, next int32) {
	x.t.Helper()
	if a, b := x.former.kept.Load(), x.next.kept.Load(); a != former || b != next {
		x.t.Errorf("the former was kept %d times, the new one %d; want %d and %d", a, b, former, next)
	}
}

// unproven checks what operators are told.
func (x *trial) unproven(failures int, former bool) {
	x.t.Helper()
	u := x.p.Snapshot().Workers[0].Unproven
	if u == nil || u.Failures != failures || u.Error != "exit status 1" || u.RetryAt == nil || u.FormerServes != former {
		x.t.Errorf("operators are told %+v, want %d failures", u, failures)
	}
	if x.p.Unproven() != 1 || x.gauge() != 1 {
		x.t.Errorf("%d workers fail, the gauge is %v", x.p.Unproven(), x.gauge())
	}
}

func (x *trial) proven() {
	x.t.Helper()
	if u := x.p.Snapshot().Workers[0].Unproven; u != nil || x.p.Unproven() != 0 || x.gauge() != 0 {
		x.t.Errorf("operators are told %+v, the gauge is %v", u, x.gauge())
	}
}

func (x *trial) gauge() float64 {
	x.t.Helper()
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(x.p.metrics); err != nil {
		x.t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		x.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "omni_gateway_worker_wake_unproven" {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	x.t.Fatal("there is no such gauge")
	return 0
}

// A worker that runs gets a wake that fails: no call does. The former one
// serves on, also after idle times, and the new one is tried with growing pauses
// until it goes well, without a call that asks for it.
func TestTheFormerServesUntilANewWakeIsProven(t *testing.T) {
	t.Parallel()
	onTrial(t, func(t *testing.T, x *trial) {
		x.calls(1)
		x.put(x.next, true)
		x.calls(5)
		x.kept(2, 1)
		x.unproven(1, true)
		time.Sleep(45 * time.Second)
		if got := stateOf(x.p); got != stateReady {
			t.Fatalf("the former is %s before its idle time is over", got)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		failures := x.next.kept.Load()
		if stateOf(x.p) != stateAsleep || x.former.kept.Load() != 2 || failures < 55 || failures > 70 {
			t.Errorf("after an hour it is %s; the former was kept %d times, the new one failed %d times", stateOf(x.p), x.former.kept.Load(), failures)
		}
		x.unproven(int(failures), true)
		x.calls(3) // the new one's last failure is fresh: no time is lost with it
		x.kept(3, failures)
		x.mended.Store(true)
		time.Sleep(75 * time.Second) // the former is idle by then
		x.proven()
		x.kept(3, failures+1)
		x.calls(3)
		time.Sleep(time.Hour)
		x.calls(3)
		x.kept(3, failures+2)
	})
}

// A worker that sleeps is left asleep when its new wake fails; the call that
// comes then finds the former.
func TestANewWakeOfASleeperFails(t *testing.T) {
	t.Parallel()
	onTrial(t, func(t *testing.T, x *trial) {
		x.put(x.next, true)
		time.Sleep(500 * time.Millisecond)
		x.kept(0, 1)
		x.unproven(1, true)
		x.calls(1)
		x.kept(1, 1)
	})
}

// A new wake that goes well is proven at once, without a call.
func TestANewWakeIsProvenAtOnce(t *testing.T) {
	t.Parallel()
	onTrial(t, func(t *testing.T, x *trial) {
		x.mended.Store(true)
		x.put(x.next, true)
		time.Sleep(5 * time.Second)
		x.proven()
		x.kept(0, 1)
		if got := stateOf(x.p); got != stateReady {
			t.Errorf("the worker is %s", got)
		}
	})
}

// Where no other way of waking it is left, callers are told at once, and the
// new one is tried again by itself.
func TestANewWakeWithoutAFormerFails(t *testing.T) {
	t.Parallel()
	onTrial(t, func(t *testing.T, x *trial) {
		x.calls(1)
		x.put(x.next, false)
		e := refusedWith(t, <-ask(t, x.p), 503, "no_worker")
		if e.RetryAfter < time.Second {
			t.Errorf("Retry-After %v", e.RetryAfter)
		}
		x.kept(1, 1)
		x.unproven(1, false)
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		failures := x.next.kept.Load()
		if failures < 10 || failures > 20 {
			t.Errorf("tried %d times in ten minutes", failures)
		}
		x.unproven(int(failures), false)
		x.mended.Store(true)
		time.Sleep(time.Until(*x.p.Snapshot().Workers[0].Unproven.RetryAt) + 5*time.Second)
		x.proven()
		x.calls(1)
		x.kept(1, failures+1)
	})
}

// Changed once more while it is unproven: the one that proved itself last stands
// in, and the change that mends it is proven.
func TestAFailingWakeIsChanged(t *testing.T) {
	t.Parallel()
	onTrial(t, func(t *testing.T, x *trial) {
		x.calls(1)
		x.put(x.next, true)
		x.calls(1)
		second := x.keeper()
		x.put(second, true)
		x.calls(1)
		x.kept(3, 1)
		x.unproven(1, true)
		// What is changed now is nothing of the wake; it has yet to be proven all
		// the same.
		w := keptBy(second)
		w.Token = "another"
		put(t, x.p, w)
		refusedWith(t, <-ask(t, x.p), 503, "no_worker") // the former knows another token
		x.unproven(1, false)
		x.mended.Store(true)
		time.Sleep(5 * time.Second)
		x.proven()
		x.calls(1)
		remove(t, x.p)
		synctest.Wait()
		if second.up.Load() || x.next.up.Load() || x.former.up.Load() {
			t.Error("a removed worker is up")
		}
	})
}

// A worker that is new in the file is tried as well; one that is removed is
// tried no more.
func TestANewWorkersWakeFails(t *testing.T) {
	t.Parallel()
	onTrial(t, func(t *testing.T, x *trial) {
		remove(t, x.p)
		x.put(x.next, false)
		time.Sleep(time.Minute)
		x.unproven(int(x.next.kept.Load()), false)
		remove(t, x.p)
		tried := x.next.kept.Load()
		time.Sleep(10 * time.Minute)
		if n := x.next.kept.Load(); n != tried || tried < 3 || x.p.Unproven() != 0 {
			t.Errorf("tried %d times, %d before it was removed", n, tried)
		}
	})
}
