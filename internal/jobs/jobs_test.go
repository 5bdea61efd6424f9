package jobs_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/jobs"
	"github.com/omni-run/omni/internal/postgres/postgrestest"
)

// TestMain looks for goroutines that never end. Those of River may take some
// seconds over it: a retry that sleeps is not woken when its client stops.
func TestMain(m *testing.M) {
	code := m.Run()
	var left error
	for end := time.Now().Add(time.Minute); code == 0; time.Sleep(100 * time.Millisecond) {
		if left = goleak.Find(); left == nil || time.Now().After(end) {
			break
		}
	}
	if left != nil {
		fmt.Fprintln(os.Stderr, left)
		code = 1
	}
	os.Exit(code)
}

// fresh returns options for a database of its own.
type fresh func(t *testing.T) jobs.Options

func onSQLite(t *testing.T) jobs.Options {
	return options(t, filepath.Join(t.TempDir(), "jobs.db"))
}

// What callers rely on, on either database.
func TestOnSQLite(t *testing.T) {
	t.Parallel()
	suite(t, onSQLite)
}

func TestOnPostgres(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	suite(t, func(t *testing.T) jobs.Options {
		o := options(t, "")
		o.Postgres = server.NewDatabase(t)
		return o
	})
	t.Run("shared", func(t *testing.T) { shared(t, server) })
}

func suite(t *testing.T, on fresh) {
	for name, test := range map[string]func(t *testing.T, on fresh){
		"jobs end": testJobsEnd, "tenants": testTenantsDoNotSeeEachOther, "cancel": testCancelReachesTheRunningCall,
		"cap": testPendingJobsAreCapped, "recovery": testRecovery, "forget": testOldJobsAreForgotten, "settle": testSettledOnce,
		"webhooks": testWebhooks, "webhook retries": testWebhookRetries, "webhook rotation": testWebhookRotation, "webhook given up": testWebhookGivenUp,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, on)
		})
	}
}

func options(t *testing.T, path string) jobs.Options {
	t.Helper()
	return jobs.Options{
		Path: path, Concurrent: 2, Timeout: time.Minute, Keep: time.Hour, TenantPending: 3,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: time.Now,
	}
}

// call is a Runner without anything to settle.
type call func(ctx context.Context, s jobs.Spec, progress func(float64)) ([]byte, error)

func (c call) run(ctx context.Context, s jobs.Spec, progress func(float64)) ([]byte, func(), error) {
	result, err := c(ctx, s, progress)
	return result, nil, err
}

func start(t *testing.T, o jobs.Options, run call) *jobs.Manager {
	t.Helper()
	return startSettling(t, o, run.run)
}

func startSettling(t *testing.T, o jobs.Options, run jobs.Runner) *jobs.Manager {
	t.Helper()
	m, err := jobs.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := m.Start(t.Context(), run); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		defer cancel()
		if err := m.Close(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
	})
	return m
}

// end waits for the job's last state.
func end(t *testing.T, m *jobs.Manager, tenant, id string) api.Job {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var last api.Job
	if err := m.Watch(ctx, tenant, id, func(j api.Job) error { last = j; return nil }); err != nil {
		t.Fatalf("waiting for %s (last %+v): %v", id, last, err)
	}
	return last
}

func submit(t *testing.T, m *jobs.Manager, s jobs.Spec) string {
	t.Helper()
	j, err := m.Submit(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	return j.JobID
}

func testJobsEnd(t *testing.T, on fresh) {
	m := start(t, on(t), func(ctx context.Context, s jobs.Spec, progress func(float64)) ([]byte, error) {
		switch string(s.Body) {
		case "refuse":
			return nil, api.Unprocessable("too_short", "too short")
		case "break":
			return nil, errors.New("secret detail")
		case "panic":
			panic("secret detail")
		case "hang":
			<-ctx.Done()
			return nil, ctx.Err()
		}
		progress(0.5)
		return fmt.Appendf(nil, `{"echo":%q}`, s.Body), nil
	})
	for body, want := range map[string]struct{ status, code string }{
		"fine": {api.JobSucceeded, ""}, "refuse": {api.JobFailed, "too_short"}, "break": {api.JobFailed, "internal"},
		"panic": {api.JobFailed, "internal"}, "hang": {api.JobFailed, "deadline_exceeded"},
	} {
		id := submit(t, m, jobs.Spec{Tenant: body, RequestID: "r1", Endpoint: "/x", Body: []byte(body), Timeout: 300 * time.Millisecond})
		j := end(t, m, body, id)
		code := ""
		if j.Error != nil {
			code = j.Error.Error
			if j.Error.RequestID != "r1" {
				t.Errorf("%s: request id %q", body, j.Error.RequestID)
			}
		}
		if j.Status != want.status || code != want.code || j.FinishedAt == nil {
			t.Errorf("%s: %+v, error %+v", body, j, j.Error)
		}
		if body == "fine" && (string(j.Result) != `{"echo":"fine"}` || j.Progress != 1) {
			t.Errorf("result %s, progress %v", j.Result, j.Progress)
		}
	}
}

func testTenantsDoNotSeeEachOther(t *testing.T, on fresh) {
	m := start(t, on(t), func(context.Context, jobs.Spec, func(float64)) ([]byte, error) { return []byte(`{}`), nil })
	id := submit(t, m, jobs.Spec{Tenant: "a"})
	var refused *api.Error
	if _, err := m.Get(t.Context(), "b", id); !errors.As(err, &refused) || refused.HTTP != 404 {
		t.Errorf("get: %v", err)
	}
	if _, err := m.Cancel(t.Context(), "b", id); !errors.As(err, &refused) || refused.HTTP != 404 {
		t.Errorf("cancel: %v", err)
	}
	if list, err := m.List(t.Context(), "b", 10); err != nil || len(list) != 0 {
		t.Errorf("list: %v, %v", list, err)
	}
	if list, err := m.List(t.Context(), "a", 10); err != nil || len(list) != 1 {
		t.Errorf("own list: %v, %v", list, err)
	}
}

func testCancelReachesTheRunningCall(t *testing.T, on fresh) {
	o := on(t)
	o.Concurrent = 1
	begun := make(chan struct{})
	m := start(t, o, func(ctx context.Context, s jobs.Spec, _ func(float64)) ([]byte, error) {
		close(begun) // a second run would panic: the waiting job must never run
		<-ctx.Done()
		return nil, ctx.Err()
	})
	running := submit(t, m, jobs.Spec{Tenant: "a"})
	<-begun
	waiting := submit(t, m, jobs.Spec{Tenant: "a"})
	for _, id := range []string{waiting, running} {
		if _, err := m.Cancel(t.Context(), "a", id); err != nil {
			t.Fatal(err)
		}
		if j := end(t, m, "a", id); j.Status != api.JobCancelled {
			t.Errorf("%s: %+v", id, j)
		}
	}
}

func testPendingJobsAreCapped(t *testing.T, on fresh) {
	release := make(chan struct{})
	m := start(t, on(t), func(ctx context.Context, _ jobs.Spec, _ func(float64)) ([]byte, error) {
		select {
		case <-release:
		case <-ctx.Done():
		}
		return []byte(`{}`), nil
	})
	defer close(release)
	for range 3 {
		submit(t, m, jobs.Spec{Tenant: "a"})
	}
	var refused *api.Error
	if _, err := m.Submit(t.Context(), jobs.Spec{Tenant: "a"}); !errors.As(err, &refused) || refused.HTTP != 429 || refused.RetryAfter <= 0 {
		t.Errorf("a fourth job: %v", err)
	}
	if _, err := m.Submit(t.Context(), jobs.Spec{Tenant: "b"}); err != nil {
		t.Errorf("another tenant's job: %v", err)
	}
}

// The database is opened again after a process ended with jobs running: what
// it ran does not write any more.
func testRecovery(t *testing.T, on fresh) {
	o := on(t)
	o.Lease = 500 * time.Millisecond // where others take over
	begun := make(chan string, 2)
	stopped := make(chan struct{})
	first, err := jobs.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Start(t.Context(), call(func(_ context.Context, s jobs.Spec, _ func(float64)) ([]byte, error) {
		begun <- s.Endpoint
		<-stopped // deaf to cancellation, like a process that is gone
		return nil, errors.New("gone")
	}).run); err != nil {
		t.Fatal(err)
	}
	again := submit(t, first, jobs.Spec{Tenant: "a", Endpoint: "/again", Idempotent: true, RequestID: "r1"})
	once := submit(t, first, jobs.Spec{Tenant: "a", Endpoint: "/once", RequestID: "r2"})
	<-begun
	<-begun
	waiting := submit(t, first, jobs.Spec{Tenant: "a", Endpoint: "/waiting", Body: []byte(`"body"`)})
	now, cancel := context.WithCancel(t.Context())
	cancel()
	if err := first.Close(now); err == nil {
		t.Fatal("closed in order, though two jobs run")
	}
	defer close(stopped)

	second := start(t, o, func(_ context.Context, s jobs.Spec, _ func(float64)) ([]byte, error) {
		return fmt.Appendf(nil, "%q", s.Endpoint), nil
	})
	for _, id := range []string{again, waiting} {
		if j := end(t, second, "a", id); j.Status != api.JobSucceeded {
			t.Errorf("%s: %+v %+v", j.Endpoint, j, j.Error)
		}
	}
	if j := end(t, second, "a", once); j.Status != api.JobFailed || j.Error.Error != "interrupted" || j.Error.RequestID != "r2" {
		t.Errorf("a call that may have taken effect: %+v %+v", j, j.Error)
	}
}

func testOldJobsAreForgotten(t *testing.T, on fresh) {
	m := start(t, on(t), func(context.Context, jobs.Spec, func(float64)) ([]byte, error) { return []byte(`{}`), nil })
	id := submit(t, m, jobs.Spec{Tenant: "a"})
	end(t, m, "a", id)
	if err := m.Forget(t.Context(), time.Now().Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Get(t.Context(), "a", id); err == nil {
		t.Error("an old job is still there")
	}
}
