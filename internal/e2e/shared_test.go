package e2e

import (
	"net/http"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/postgres/postgrestest"
)

// Several gateways, each with a data folder of its own, on one database: a job
// is seen, followed and ended through any of them, and the death of the one
// that runs it loses nothing.
func TestGatewaysShareJobs(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	work := newGate()
	w := startStub(t, work.handle)
	setup := gatewaySetup{worker: w.URL, yaml: "jobs: {lease: 5s}\n", env: []string{"OMNI_JOBS_URL=" + server.NewDatabase(t)}}
	a := startGateway(t, setup)
	a.workersReady()
	submit := func(g *gateway, path string) string {
		return g.want(202, "POST", path, enterpriseKey, `{}`, "Prefer", "respond-async").field(t, "job_id").(string)
	}
	again, once, unwanted := submit(a, "/predict/revenue"), submit(a, "/recommend/interactions"), submit(a, "/predict/churn")
	eventually(t, "all three running", func() bool { return work.entered.Load() == 3 })

	b := startGateway(t, setup) // after they run, so it is a that runs them
	b.workersReady()
	if j := b.want(200, "GET", "/jobs/"+again, enterpriseKey, ""); j.field(t, "status") != api.JobRunning {
		t.Errorf("seen from the other gateway: %s", j)
	}
	b.want(404, "GET", "/jobs/"+again, proKey, "")
	events := make(chan string, 1)
	go func() {
		stream, err := try("GET", b.url+"/jobs/"+unwanted+"/events", enterpriseKey, "")
		if err != nil {
			t.Error(err)
		}
		events <- string(stream.body)
	}()
	b.want(200, "DELETE", "/jobs/"+unwanted, enterpriseKey, "")
	if j := b.jobEnd(unwanted, enterpriseKey); j.Status != api.JobCancelled {
		t.Errorf("%+v", j)
	}
	if text := <-events; !strings.Contains(text, "event: end") || !strings.Contains(text, `"cancelled"`) {
		t.Errorf("the stream of the other gateway: %q", text)
	}

	a.kill()
	var after atomic.Int64
	w.set(true, func(rw http.ResponseWriter, r *http.Request) { after.Add(1); echo(rw, r) })
	work.open()
	for id, want := range map[string]string{again: api.JobSucceeded, once: api.JobFailed} {
		if j := b.jobEnd(id, enterpriseKey); j.Status != want || (want == api.JobFailed && j.Error.Error != "interrupted") {
			t.Errorf("%s: want %s, got %+v %+v", j.Endpoint, want, j, j.Error)
		}
	}
	if after.Load() != 1 {
		t.Errorf("%d calls ran after the death of the gateway; want the idempotent one", after.Load())
	}
	// The dead one comes back with its ledger: the run that was cut short is in
	// neither.
	if n := b.usageOf(enterpriseKey, "/predict/revenue"); n != 1 {
		t.Errorf("%d entries in the ledger of the gateway that took over", n)
	}
	a = startGateway(t, a.setup)
	if n := a.usageOf(enterpriseKey, "/predict/revenue"); n != 1 {
		t.Errorf("%d entries in the ledger of the gateway that died; want the submission's alone", n)
	}
	b.signal(syscall.SIGTERM)
	if code := b.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	a.want(200, "GET", "/jobs/"+again, enterpriseKey, "")
}

// One key, two gateways, one database: the call runs once, wherever it is
// repeated, and not at all while the database is away.
func TestGatewaysShareIdempotencyKeys(t *testing.T) {
	t.Parallel()
	server := postgrestest.Start(t)
	var ran atomic.Int64
	w := startStub(t, func(rw http.ResponseWriter, r *http.Request) { ran.Add(1); echo(rw, r) })
	setup := gatewaySetup{worker: w.URL, env: []string{"OMNI_IDEMPOTENCY_URL=" + server.NewDatabase(t)}}
	a, b := startGateway(t, setup), startGateway(t, setup)
	a.workersReady()
	b.workersReady()
	call := func(g *gateway, status int, key, body string) answer {
		return g.want(status, "POST", "/predict/churn", enterpriseKey, body, "Idempotency-Key", key)
	}
	first := call(a, 200, "k", `{"n":1}`)
	again := call(b, 200, "k", `{"n":1}`)
	if again.header.Get("Idempotent-Replay") != "true" || first.header.Get("Idempotent-Replay") != "" || ran.Load() != 1 {
		t.Errorf("%d calls ran; the repetition: %v %s", ran.Load(), again.header, again.body)
	}
	call(b, 409, "k", `{"n":2}`)
	if other := b.want(200, "POST", "/predict/churn", proKey, `{"n":2}`, "Idempotency-Key", "k"); other.header.Get("Idempotent-Replay") != "" {
		t.Error("another tenant's key of the same name is the same key")
	}
	before := ran.Load()
	server.Kill()
	if e := call(b, 503, "other", `{"n":1}`); e.code() != "storage_busy" || e.header.Get("Retry-After") == "" {
		t.Errorf("%s %v", e, e.header)
	}
	if ran.Load() != before {
		t.Error("a call ran that nothing guards from running twice")
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "keys count again", func() bool {
		again, err := try("POST", a.url+"/predict/churn", enterpriseKey, `{"n":1}`, "Idempotency-Key", "k")
		return err == nil && again.status == 200 && again.header.Get("Idempotent-Replay") == "true"
	})
}
