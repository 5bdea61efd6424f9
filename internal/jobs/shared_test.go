package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/jobs"
	"github.com/omni-run/omni/internal/postgres/postgrestest"
)

// shared are promises about several gateways on one database.
func shared(t *testing.T, server *postgrestest.Server) {
	on := func(t *testing.T) jobs.Options {
		o := options(t, "")
		o.Postgres = server.NewDatabase(t)
		return o
	}
	t.Run("seen and cancelled anywhere", func(t *testing.T) {
		t.Parallel()
		testSeenAnywhere(t, on(t))
	})
	t.Run("shared out, each once", func(t *testing.T) {
		t.Parallel()
		testSharedOut(t, on(t))
	})
	t.Run("a run that was taken over does not count", func(t *testing.T) {
		t.Parallel()
		testTakenOver(t, server, on(t))
	})
}

// A job that one gateway accepts and runs is read, watched and cancelled
// through another.
func testSeenAnywhere(t *testing.T, o jobs.Options) {
	ran := make(chan func(float64), 1)
	a := start(t, o, func(ctx context.Context, _ jobs.Spec, progress func(float64)) ([]byte, error) {
		ran <- progress
		<-ctx.Done()
		return nil, ctx.Err()
	})
	b, err := jobs.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	id := submit(t, b, jobs.Spec{Tenant: "a", Endpoint: "/x"})
	progress := <-ran // only a was started, so a runs it
	// b begins to run jobs, of which there are none left, and to listen.
	if err := b.Start(t.Context(), call(func(context.Context, jobs.Spec, func(float64)) ([]byte, error) {
		return nil, errors.New("a second run")
	}).run); err != nil {
		t.Fatal(err)
	}
	seen := make(chan api.Job, 64)
	watched := make(chan error, 1)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	go func() {
		watched <- b.Watch(ctx, "a", id, func(j api.Job) error { seen <- j; return nil })
	}()
	<-seen
	progress(0.5)
	for (<-seen).Progress != 0.5 {
	}
	if _, err := b.Cancel(t.Context(), "a", id); err != nil {
		t.Fatal(err)
	}
	if err := <-watched; err != nil {
		t.Fatal(err)
	}
	if j := end(t, a, "a", id); j.Status != api.JobCancelled {
		t.Errorf("%+v", j)
	}
}

func testSharedOut(t *testing.T, o jobs.Options) {
	o.TenantPending = 1000
	var mu sync.Mutex
	runs := map[string]int{}
	var settled atomic.Int64
	run := func(_ context.Context, s jobs.Spec, _ func(float64)) ([]byte, func(), error) {
		mu.Lock()
		defer mu.Unlock()
		runs[s.RequestID]++
		return []byte(`1`), func() { settled.Add(1) }, nil
	}
	gateways := []*jobs.Manager{startSettling(t, o, run), startSettling(t, o, run), startSettling(t, o, run)}
	var ids []string
	for i := range 30 {
		ids = append(ids, submit(t, gateways[i%3], jobs.Spec{Tenant: "a", RequestID: fmt.Sprint(i), Idempotent: true}))
	}
	for i, id := range ids {
		if j := end(t, gateways[(i+1)%3], "a", id); j.Status != api.JobSucceeded {
			t.Errorf("%+v %+v", j, j.Error)
		}
	}
	waitFor(t, "all settled", func() bool { return settled.Load() == 30 })
	mu.Lock()
	defer mu.Unlock()
	for id, n := range runs {
		if n != 1 {
			t.Errorf("job %s ran %d times", id, n)
		}
	}
}

// A gateway that was silent for too long finds its job run by another: its own
// run is ended, and neither its result nor its entry in the ledger counts.
func testTakenOver(t *testing.T, server *postgrestest.Server, o jobs.Options) {
	o.Lease = 2 * time.Second
	begun, ended := make(chan struct{}), make(chan error, 1)
	var settled atomic.Int64
	slow := startSettling(t, o, func(ctx context.Context, _ jobs.Spec, _ func(float64)) ([]byte, func(), error) {
		if settled.Load() > 0 {
			return nil, nil, errors.New("a third run")
		}
		select {
		case <-begun: // its second run, if it is the one that takes over
			return []byte(`"second"`), func() { settled.Add(1) }, nil
		default:
			close(begun)
		}
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return []byte(`"first"`), func() { settled.Add(100) }, nil
	})
	id := submit(t, slow, jobs.Spec{Tenant: "a", Idempotent: true})
	<-begun
	// What a gateway does that finds the lease run out.
	server.Exec(t, o.Postgres, `UPDATE jobs SET status = 'pending', run = '', queue_id = 0`)
	if err := <-ended; err == nil {
		t.Error("the first run was not told")
	}
	if j := end(t, slow, "a", id); j.Status != api.JobSucceeded || string(j.Result) != `"second"` {
		t.Errorf("%+v %s", j, j.Result)
	}
	waitFor(t, "settled", func() bool { return settled.Load() > 0 })
	if n := settled.Load(); n != 1 {
		t.Errorf("settled: %d", n)
	}
}

func waitFor(t *testing.T, what string, yes func() bool) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); time.Now().Before(limit); time.Sleep(5 * time.Millisecond) {
		if yes() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

// A run is settled when its end is written, and not when it is cut short and
// queued again.
func testSettledOnce(t *testing.T, on fresh) {
	o := on(t)
	var settled atomic.Int64
	begun := make(chan struct{}, 1)
	first, err := jobs.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Start(t.Context(), func(ctx context.Context, _ jobs.Spec, _ func(float64)) ([]byte, func(), error) {
		begun <- struct{}{}
		<-ctx.Done()
		return nil, func() { settled.Add(100) }, ctx.Err()
	}); err != nil {
		t.Fatal(err)
	}
	id := submit(t, first, jobs.Spec{Tenant: "a", Idempotent: true})
	<-begun
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = first.Close(ctx) // says that a job was cut short
	second := startSettling(t, o, func(context.Context, jobs.Spec, func(float64)) ([]byte, func(), error) {
		return []byte(`1`), func() { settled.Add(1) }, nil
	})
	if j := end(t, second, "a", id); j.Status != api.JobSucceeded {
		t.Errorf("%+v", j)
	}
	waitFor(t, "settled", func() bool { return settled.Load() > 0 })
	if n := settled.Load(); n != 1 {
		t.Errorf("settled: %d", n)
	}
}

// The database dies and comes back: what ran meanwhile ends as it would have,
// callers are told to come again, and new jobs run as before.
func TestPostgresKilledAndRestored(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	o := options(t, "")
	o.Postgres = server.NewDatabase(t)
	begun, release := make(chan struct{}, 4), make(chan struct{})
	var runs, settled atomic.Int64
	m := startSettling(t, o, func(context.Context, jobs.Spec, func(float64)) ([]byte, func(), error) {
		runs.Add(1)
		begun <- struct{}{}
		<-release
		return []byte(`1`), func() { settled.Add(1) }, nil
	})
	running := submit(t, m, jobs.Spec{Tenant: "a"})
	<-begun
	server.Kill()
	close(release)
	var refused *api.Error
	if _, err := m.Submit(t.Context(), jobs.Spec{Tenant: "a"}); !errors.As(err, &refused) || refused.HTTP != 503 || refused.RetryAfter <= 0 {
		t.Errorf("submitting to a database that is away: %v", err)
	}
	if _, err := m.Get(t.Context(), "a", running); !errors.As(err, &refused) || refused.HTTP != 503 {
		t.Errorf("reading from a database that is away: %v", err)
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the end of what ran", func() bool {
		j, err := m.Get(t.Context(), "a", running)
		return err == nil && j.Status == api.JobSucceeded
	})
	waitFor(t, "another job", func() bool {
		_, err := m.Submit(t.Context(), jobs.Spec{Tenant: "a"})
		return err == nil
	})
	waitFor(t, "both settled", func() bool { return settled.Load() == 2 })
	if runs.Load() != 2 {
		t.Errorf("%d runs of two jobs", runs.Load())
	}
}
