package e2e

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite" // to hold locks as another process would

	"github.com/omni-run/omni/api"
)

// locked holds an exclusive lock on a database file, from this process, while
// f runs.
func locked(t *testing.T, path string, f func()) {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	for _, statement := range []string{"PRAGMA busy_timeout = 30000", "BEGIN EXCLUSIVE"} {
		if _, err := conn.ExecContext(context.Background(), statement); err != nil {
			t.Fatal(err)
		}
	}
	f()
	if _, err := conn.ExecContext(context.Background(), "ROLLBACK"); err != nil {
		t.Fatal(err)
	}
}

// wantBusy checks the refusal of a call that cannot write.
func wantBusy(t *testing.T, a answer) {
	t.Helper()
	if a.status != 503 || a.code() != "storage_busy" || a.header.Get("Retry-After") == "" {
		t.Errorf("want 503 storage_busy, got %s", a)
	}
}

// A database that another process locks for a while: calls that write wait a
// little; if it lasts they are refused as 503 with Retry-After. Nothing that
// was accepted is lost, and all is well as soon as the lock is gone.
func TestLockedTenants(t *testing.T) {
	t.Parallel()
	p := startPlatform(t, gatewaySetup{})
	upsert := func(i int) string { return fmt.Sprintf(`{"items":[{"id":"v%d","text":"number %d"}]}`, i, i) }
	p.want(200, "POST", "/vectors/upsert", proKey, upsert(0))
	locked(t, filepath.Join(p.tenants, "tenants.db"), func() {
		wantBusy(t, p.call("POST", "/vectors/upsert", proKey, upsert(1)))
		p.want(200, "POST", "/anomaly/detect", proKey, detect) // stores nothing, waits for nobody
		p.want(200, "POST", "/vectors/query", proKey, `{"text":"number"}`)
	})
	p.want(200, "POST", "/vectors/upsert", proKey, upsert(1))
	p.worker.running()
}

func TestLockedJobs(t *testing.T) {
	t.Parallel()
	work := newGate()
	w := startStub(t, work.handle)
	g := startGateway(t, gatewaySetup{worker: w.URL})
	g.workersReady()
	submit := func(status int) answer {
		return g.want(status, "POST", "/predict/revenue", proKey, `{}`, "Prefer", "respond-async")
	}
	jobs := []string{submit(202).field(t, "job_id").(string)}
	eventually(t, "the job running", func() bool { return work.entered.Load() == 1 })
	locked(t, filepath.Join(g.setup.data, "jobs.db"), func() {
		work.open() // the job ends, and that cannot be written
		wantBusy(t, submit(503))
		g.want(200, "GET", "/jobs/"+jobs[0], proKey, "")
	})
	jobs = append(jobs, submit(202).field(t, "job_id").(string))
	for _, id := range jobs {
		if j := g.jobEnd(id, proKey); j.Status != api.JobSucceeded {
			t.Errorf("%+v %+v", j, j.Error)
		}
	}
	g.running()
}

func TestLockedKeys(t *testing.T) {
	t.Parallel()
	g := startGateway(t, gatewaySetup{worker: startStub(t, nil).URL})
	key, _ := g.adminKey("acme", "pro", "")
	locked(t, filepath.Join(g.setup.data, "keys.db"), func() {
		wantBusy(t, g.call("POST", "/admin/keys", masterKey, `{"tenant":"acme"}`))
		g.want(200, "POST", "/anomaly/detect", key, detect)
	})
	g.want(201, "POST", "/admin/keys", masterKey, `{"tenant":"acme"}`)
}

func TestLockedIdempotencyKeys(t *testing.T) {
	t.Parallel()
	w := startStub(t, nil)
	g := startGateway(t, gatewaySetup{worker: w.URL})
	g.workersReady()
	locked(t, filepath.Join(g.setup.data, "idempotency.db"), func() {
		wantBusy(t, g.call("POST", "/anomaly/detect", proKey, detect, "Idempotency-Key", "k"))
		g.want(200, "POST", "/anomaly/detect", proKey, detect)
	})
	if w.count() != 1 {
		t.Errorf("%d calls ran; the refused one must not", w.count())
	}
	g.want(200, "POST", "/anomaly/detect", proKey, detect, "Idempotency-Key", "k")
}

func TestLockedUsage(t *testing.T) {
	t.Parallel()
	g := startGateway(t, gatewaySetup{worker: startStub(t, nil).URL})
	g.workersReady()
	locked(t, filepath.Join(g.setup.data, "usage", "usage.db"), func() {
		for range 20 {
			g.want(200, "POST", "/anomaly/detect", proKey, detect)
		}
		// A fold falls due meanwhile, and finds the lock.
		g.logged("usage cannot be folded; it stays in its segments")
	})
	eventually(t, "all twenty calls in the ledger", func() bool { return g.usageOf(proKey, "/anomaly/detect") == 20 })
}
