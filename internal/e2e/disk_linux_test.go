package e2e

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/omni-run/omni/api"
)

// full lets a process's files grow no more while f runs: writes fail as they
// do under a quota. It works for root and others alike.
func full(t *testing.T, p *process, f func()) {
	t.Helper()
	set := func(limit uint64) {
		t.Helper()
		if err := unix.Prlimit(p.cmd.Process.Pid, unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: limit, Max: unix.RLIM_INFINITY}, nil); err != nil {
			t.Fatal(err)
		}
	}
	set(4096)
	f()
	set(unix.RLIM_INFINITY)
}

func wantFull(t *testing.T, a answer) {
	t.Helper()
	if a.status != 507 || a.code() != "storage_full" {
		t.Errorf("want 507 storage_full, got %s", a)
	}
}

// No room for tenants' data: what would be stored is refused, all else goes
// on, and with room again everything does.
func TestWorkersDiskFull(t *testing.T) {
	t.Parallel()
	p := startPlatform(t, gatewaySetup{})
	upsert := func(name string) string {
		return fmt.Sprintf(`{"items":[{"id":%q,"text":%q}]}`, name, name+strings.Repeat(" many words", 500))
	}
	p.want(200, "POST", "/vectors/upsert", proKey, upsert("before"))
	full(t, p.worker.process, func() {
		wantFull(t, p.call("POST", "/vectors/upsert", proKey, upsert("during")))
		wantFull(t, p.call("POST", "/recommend/items", proKey, `{"items":[{"item_id":"i","title":"t"}]}`))
		wantFull(t, p.call("POST", "/agents/register", proKey, `{"agent_id":"a","role":"monitor","capabilities":[]}`))
		wantFull(t, p.call("POST", "/predict/churn/train", proKey, churnRows()))
		p.want(200, "POST", "/vectors/query", proKey, `{"text":"many words"}`)
		p.want(200, "POST", "/predict/revenue-lstm", proKey, revenue)
	})
	found := p.want(200, "POST", "/vectors/query", proKey, `{"text":"many words"}`)
	if !strings.Contains(string(found.body), `"before"`) || strings.Contains(string(found.body), `"during"`) {
		t.Errorf("want what was stored and nothing of what was refused: %s", found)
	}
	p.want(200, "POST", "/vectors/upsert", proKey, upsert("after"))
	p.worker.running()
	p.worker.kill()
	p.restartWorker()
	found = p.want(200, "POST", "/vectors/query", proKey, `{"text":"many words"}`)
	for _, id := range []string{`"before"`, `"after"`} {
		if !strings.Contains(string(found.body), id) {
			t.Errorf("%s is lost: %s", id, found)
		}
	}
}

// No room for the gateway's data: calls are answered and their usage is kept
// until it can be written; what must be remembered first is refused; accepted
// jobs wait for room.
func TestGatewaysDiskFull(t *testing.T) {
	t.Parallel()
	work := newGate()
	w := startStub(t, nil)
	setup := gatewaySetup{worker: w.URL, data: t.TempDir(), mode: "production"}
	g := startGateway(t, setup)
	g.workersReady()
	key, _ := g.adminKey("acme", "enterprise", "")
	for range 200 {
		g.want(200, "POST", "/anomaly/detect", key, detect)
	}
	w.set(true, work.handle)
	job := g.want(202, "POST", "/predict/revenue", key, `{}`, "Prefer", "respond-async").field(t, "job_id").(string)
	eventually(t, "the job running", func() bool { return work.entered.Load() == 1 })
	full(t, g.process, func() {
		work.open()
		w.set(true, nil)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if a, err := try("POST", g.url+"/anomaly/detect", key, detect); err != nil || a.status != 200 {
					t.Errorf("%v %s", err, a)
				}
			})
		}
		wg.Wait()
		wantFull(t, g.call("POST", "/admin/keys", masterKey, `{"tenant":"acme"}`))
		wantFull(t, g.call("POST", "/predict/revenue", key, `{}`, "Prefer", "respond-async"))
		wantFull(t, g.call("POST", "/anomaly/detect", key, detect, "Idempotency-Key", "k"))
	})
	if j := g.jobEnd(job, key); j.Status != api.JobSucceeded {
		t.Errorf("the job that ended while there was no room: %+v %+v", j, j.Error)
	}
	eventually(t, "usage written", func() bool { return g.usageOf(key, "/anomaly/detect") >= 301 })
	g.want(200, "POST", "/anomaly/detect", key, detect, "Idempotency-Key", "k")
	g.want(201, "POST", "/admin/keys", masterKey, `{"tenant":"acme"}`)
	g.running()
	g.kill()
	g = startGateway(t, setup)
	if n := g.usageOf(key, "/anomaly/detect"); n != 302 {
		t.Errorf("%d calls in the ledger, want 302: 300 answered with 200, one with 507, one stored", n)
	}
}
