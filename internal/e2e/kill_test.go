package e2e

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/omni-run/omni/api"
)

// adminKey makes a tenant and a key of it.
func (g *gateway) adminKey(tenant, tier string, scopes string) (key, id string) {
	g.t.Helper()
	a := g.call("POST", "/admin/tenants", masterKey, fmt.Sprintf(`{"id":%q,"tier":%q}`, tenant, tier))
	if a.status != 201 && a.code() != "already_exists" {
		g.t.Fatal(a)
	}
	var made api.NewKeyAnswer
	g.want(201, "POST", "/admin/keys", masterKey, fmt.Sprintf(`{"tenant":%q,"scopes":[%s]}`, tenant, scopes)).into(g.t, &made)
	return made.Secret, made.Key.ID
}

// usageOf is how many requests of a tenant succeeded, by its own account.
func (g *gateway) usageOf(key, route string) (requests int64) {
	g.t.Helper()
	var u api.UsageAnswer
	g.want(200, "GET", "/usage", key, "").into(g.t, &u)
	for _, r := range u.Usage {
		if r.Route == route {
			requests += r.Requests
		}
	}
	return requests
}

// kill -9 while the gateway answers, takes in jobs and keeps keys: everything
// it has acknowledged is there after the next start.
func TestGatewayKilled(t *testing.T) {
	t.Parallel()
	work := newGate()
	w := startStub(t, nil)
	setup := gatewaySetup{worker: w.URL, data: t.TempDir(), mode: "production", yaml: "jobs: {concurrent: 2}\n"}
	g := startGateway(t, setup)
	g.workersReady()
	key, _ := g.adminKey("acme", "enterprise", "")
	const stored = `{"interactions":[{"user_id":"u","item_id":"i","type":"view"}]}`
	first := g.want(200, "POST", "/recommend/interactions", key, stored, "Idempotency-Key", "k-1")

	w.set(true, work.handle)
	submit := func(path string) string {
		return g.want(202, "POST", path, key, `{}`, "Prefer", "respond-async").field(t, "job_id").(string)
	}
	again, once := submit("/predict/revenue"), submit("/recommend/interactions")
	eventually(t, "both jobs running", func() bool { return work.entered.Load() == 2 })
	waiting := submit("/predict/churn")
	claimed := make(chan struct{})
	go func() {
		defer close(claimed)
		_, _ = try("POST", g.url+"/recommend/items", key, `{"items":[]}`, "Idempotency-Key", "k-2")
	}()
	eventually(t, "the claimed call running", func() bool { return work.entered.Load() == 3 })

	// Load, until the end comes in the middle of it.
	w.set(true, nil)
	var sent, answered atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				sent.Add(1)
				a, err := try("POST", g.url+"/anomaly/detect", key, `{}`)
				if err != nil {
					return
				}
				if a.status != 200 {
					t.Errorf("before the end: %s", a)
					return
				}
				answered.Add(1)
			}
		})
	}
	eventually(t, "some load", func() bool { return answered.Load() > 200 })
	g.kill()
	wg.Wait()
	<-claimed
	work.open()
	before := w.count()

	g = startGateway(t, setup)
	counted := g.usageOf(key, "/anomaly/detect")
	if counted < answered.Load() || counted > sent.Load() {
		t.Errorf("%d answered of %d sent, %d in the ledger", answered.Load(), sent.Load(), counted)
	}
	a := g.want(200, "POST", "/recommend/interactions", key, stored, "Idempotency-Key", "k-1")
	if a.header.Get("Idempotent-Replay") != "true" || string(a.body) != string(first.body) {
		t.Errorf("the stored answer is gone: %s", a)
	}
	if a := g.want(409, "POST", "/recommend/interactions", key, `{"interactions":[]}`, "Idempotency-Key", "k-1"); a.code() != "idempotency_key_reused" {
		t.Error(a)
	}
	// Nobody answers the call of k-2 any more: its claim died with the process,
	// and its caller, who repeats it, is not kept waiting until a lease ends.
	if a := g.want(200, "POST", "/recommend/items", key, `{"items":[]}`, "Idempotency-Key", "k-2"); a.header.Get("Idempotent-Replay") != "" {
		t.Errorf("a replay of what was never answered: %s", a)
	}
	for id, want := range map[string]string{again: api.JobSucceeded, waiting: api.JobSucceeded, once: api.JobFailed} {
		if j := g.jobEnd(id, key); j.Status != want || (want == api.JobFailed && j.Error.Error != "interrupted") {
			t.Errorf("%s: want %s, got %+v %+v", j.Endpoint, want, j, j.Error)
		}
	}
	if n := w.count() - before; n != 3 {
		t.Errorf("%d calls reached the worker after the restart; want the two jobs and the repeated call", n)
	}
}
