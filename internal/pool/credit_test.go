package pool

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"testing"
)

// turns is a worker with one slot that runs a call when it is told to, and
// notes whose it was.
type turns struct {
	t     *testing.T
	p     *Pool
	step  chan struct{}
	calls sync.WaitGroup

	mu    sync.Mutex
	order []string
}

// send holds one more call of a tenant.
func (q *turns) send(tenant string) {
	q.t.Helper()
	held := q.p.Snapshot().Held
	q.calls.Go(func() {
		r := call("echo", `"x"`)
		r.Tenant = tenant
		resp, err := q.p.Do(context.Background(), r)
		answered(q.t, resp, err)
	})
	eventually(q.t, "one more is held", func() bool { return q.p.Snapshot().Held == held+1 })
}

// begun are the tenants whose calls began so far, in order.
func (q *turns) begun() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	return slices.Clone(q.order)
}

// run lets the call under way end, and waits until the next has begun.
func (q *turns) run() string {
	q.t.Helper()
	before := len(q.begun())
	q.step <- struct{}{}
	eventually(q.t, "the next call has begun", func() bool { return len(q.begun()) > before })
	return q.begun()[before]
}

// overtaken lets one tenant flood, a known one send a cluster of four calls,
// and returns how many calls of the flood ran before the cluster was through.
func (q *turns) overtaken() (floods int) {
	q.t.Helper()
	before := len(q.begun())
	q.calls.Go(func() {
		resp, err := q.p.Do(context.Background(), call("echo", `"x"`))
		answered(q.t, resp, err)
	})
	eventually(q.t, "the slot is taken", func() bool { return len(q.begun()) > before })
	const backlog, cluster = 30, 4
	for range backlog {
		q.send("flood")
	}
	q.send("known")
	for q.run() != "known" {
	}
	for range 10 {
		q.run()
	}
	for range cluster {
		q.send("known")
	}
	for known := 0; known < cluster; {
		if q.run() == "known" {
			known++
		} else {
			floods++
		}
	}
	for q.p.Snapshot().Held > 0 {
		q.run()
	}
	q.step <- struct{}{}
	q.calls.Wait()
	return floods
}

// A pool's credit is its option, and that of the change that came last.
func TestCreditIsAnOption(t *testing.T) {
	t.Parallel()
	f := newFake(t, healthy(1, "echo"))
	q := &turns{t: t, step: make(chan struct{})}
	f.answer = func(w http.ResponseWriter, r *http.Request) {
		q.mu.Lock()
		q.order = append(q.order, r.Header.Get("X-Tenant-Id"))
		q.mu.Unlock()
		<-q.step
		echo(w, r)
	}
	q.p = newPool(t, func(o *Options) { o.Credit = -1 }, f.worker("w"))
	untilState(t, q.p, "w", stateReady)
	if n := q.overtaken(); n < 3 {
		t.Errorf("without credit a cluster of four waited for %d calls of the backlog, want one before each", n)
	}
	for _, c := range []struct{ credit, most, least int }{{0, 0, 0}, {2, 2, 1}, {-1, 4, 3}} {
		if _, err := q.p.Change(Options{Credit: c.credit}, nil); err != nil {
			t.Fatal(err)
		}
		if n := q.overtaken(); n < c.least || n > c.most {
			t.Errorf("with a credit of %d a cluster of four waited for %d calls of the backlog, want %d to %d", c.credit, n, c.least, c.most)
		}
	}
}
