package jobs_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/jobs"
)

// open opens the same file as another process would.
func open(t *testing.T, path string) *sql.DB {
	t.Helper()
	db, err := sql.Open("sqlite", path)
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
	if err := m.Start(t.Context(), func(context.Context, jobs.Spec, func(float64)) ([]byte, error) { return []byte(`1`), nil }); err != nil {
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
