package jobs_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/jobs"
)

// open opens the same file as another process would.
func open(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(30000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	return db
}

// A job accepted before the clock stepped back stands in the queue for a time
// to come. It runs at once all the same.
func TestClockSteppingBackDelaysNoJob(t *testing.T) {
	t.Parallel()
	o := options(t, filepath.Join(t.TempDir(), "jobs.db"))
	m, err := jobs.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := m.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	id := submit(t, m, jobs.Spec{Tenant: "a", Endpoint: "/x"})
	if _, err := open(t, o.Path).ExecContext(t.Context(), `UPDATE river_job SET scheduled_at = strftime('%Y-%m-%d %H:%M:%f', 'now', '+3 days')`); err != nil {
		t.Fatal(err)
	}
	if err := m.Start(t.Context(), call(func(context.Context, jobs.Spec, func(float64)) ([]byte, error) { return []byte(`1`), nil }).run); err != nil {
		t.Fatal(err)
	}
	if j := end(t, m, "a", id); j.Status != api.JobSucceeded {
		t.Fatalf("%+v", j)
	}
}

// A disk that takes nothing when a job ends: its result is written once there
// is room again, without a restart, and the job does not run twice.
func TestResultOutlivesADiskThatTakesNothing(t *testing.T) {
	t.Parallel()
	o := options(t, filepath.Join(t.TempDir(), "jobs.db"))
	begun, release := make(chan struct{}, 2), make(chan struct{})
	m := start(t, o, func(context.Context, jobs.Spec, func(float64)) ([]byte, error) {
		begun <- struct{}{}
		<-release
		return []byte(`{"answer":42}`), nil
	})
	id := submit(t, m, jobs.Spec{Tenant: "a", Endpoint: "/x"})
	<-begun
	// A trigger stands in for the disk: every write of an end fails.
	disk := open(t, o.Path)
	if _, err := disk.ExecContext(t.Context(), `CREATE TRIGGER full BEFORE UPDATE ON jobs WHEN NEW.finished_at IS NOT NULL BEGIN SELECT RAISE(FAIL, 'no room'); END`); err != nil {
		t.Fatal(err)
	}
	close(release)
	select {
	case <-begun:
		t.Fatal("the job ran twice")
	case <-time.After(300 * time.Millisecond): // several tries have failed by now
	}
	if j, err := m.Get(t.Context(), "a", id); err != nil || j.Status != api.JobRunning {
		t.Fatalf("%+v %v", j, err)
	}
	if _, err := disk.ExecContext(t.Context(), `DROP TRIGGER full`); err != nil {
		t.Fatal(err)
	}
	if j := end(t, m, "a", id); j.Status != api.JobSucceeded || string(j.Result) != `{"answer":42}` {
		t.Fatalf("%+v", j)
	}
	if len(begun) != 0 {
		t.Fatal("the job ran twice")
	}
}

// While another process holds the file's lock, each writer gets its turn to
// find that out: a submission is refused in time however many wait, and what
// ended meanwhile is written as soon as the lock is gone.
func TestLockDelaysNobodyLongerThanItLasts(t *testing.T) {
	t.Parallel()
	o := options(t, filepath.Join(t.TempDir(), "jobs.db"))
	o.Concurrent, o.TenantPending = 8, 100
	begun, release := make(chan struct{}, 8), make(chan struct{})
	m := start(t, o, func(context.Context, jobs.Spec, func(float64)) ([]byte, error) {
		begun <- struct{}{}
		<-release
		return []byte(`1`), nil
	})
	var ids []string
	for range 8 {
		ids = append(ids, submit(t, m, jobs.Spec{Tenant: "a", Endpoint: "/x"}))
	}
	for range 8 {
		<-begun
	}
	disk := open(t, o.Path)
	for _, statement := range []string{"PRAGMA busy_timeout = 30000", "BEGIN EXCLUSIVE"} {
		if _, err := disk.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	close(release) // eight ends that cannot be written stand in line
	var refused *api.Error
	if _, err := m.Submit(t.Context(), jobs.Spec{Tenant: "b"}); !errors.As(err, &refused) || refused.Code != "storage_busy" {
		t.Errorf("a submission while the file is locked: %v", err)
	}
	if _, err := disk.ExecContext(t.Context(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		if j := end(t, m, "a", id); j.Status != api.JobSucceeded {
			t.Errorf("%+v", j)
		}
	}
}
