package e2e

import (
	"bufio"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/omni-run/omni/api"
)

// gate lets a stub's calls wait until it is opened.
type gate struct {
	entered atomic.Int32
	opened  chan struct{}
	once    sync.Once
}

func newGate() *gate { return &gate{opened: make(chan struct{})} }

func (g *gate) open() { g.once.Do(func() { close(g.opened) }) }

func (g *gate) handle(w http.ResponseWriter, r *http.Request) {
	g.entered.Add(1)
	select {
	case <-g.opened:
		echo(w, r)
	case <-r.Context().Done():
	}
}

// SIGTERM in the middle of held and running calls: each is answered well, and
// the gateway ends with 0.
func TestStopLetsCallsFinish(t *testing.T) {
	t.Parallel()
	work := newGate()
	w := startStub(t, work.handle)
	g := startGateway(t, gatewaySetup{worker: w.URL})
	g.workersReady()
	var wg sync.WaitGroup
	send := func(what string) {
		wg.Go(func() {
			if a, err := try("POST", g.url+"/recommend/interactions", enterpriseKey, `{"interactions":[]}`); err != nil || a.status != 200 {
				t.Errorf("%s: %v %s", what, err, a)
			}
		})
	}
	for range 3 {
		send("running")
	}
	eventually(t, "three calls running", func() bool { return work.entered.Load() == 3 })
	w.set(false, work.handle)
	eventually(t, "the worker not ready", func() bool {
		var h struct{ Workers struct{ Ready int } }
		g.call("GET", "/health", "", "").into(t, &h)
		return h.Workers.Ready == 0
	})
	for range 3 {
		send("held")
	}
	eventually(t, "six calls inside", func() bool {
		return metric(string(g.call("GET", "/metrics", "", "").body), "api_active_requests") >= 7
	})
	g.signal(syscall.SIGTERM)
	g.logged("gateway drains")
	if _, err := try("GET", g.url+"/health/ready", "", ""); err == nil {
		t.Error("new connections are taken while draining")
	}
	w.set(true, work.handle)
	work.open()
	wg.Wait()
	if code := g.exit(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
}

// What cannot end is told so when the time to drain is over: calls that run,
// calls that are held, a stream of events. Jobs that may run again do so at
// the next start, the others end as interrupted. The exit code is 0.
func TestStopEndsWhatCannotFinish(t *testing.T) {
	t.Parallel()
	work := newGate()
	w := startStub(t, work.handle)
	setup := gatewaySetup{
		worker: w.URL, data: t.TempDir(),
		yaml: "limits: {public_per_minute: 1000000, drain_timeout: 3s}\njobs: {concurrent: 2}\n",
	}
	g := startGateway(t, setup)
	g.workersReady()
	submit := func(path string) string {
		a := g.want(202, "POST", path, enterpriseKey, `{}`, "Prefer", "respond-async")
		return a.field(t, "job_id").(string)
	}
	again, once := submit("/predict/revenue"), submit("/recommend/interactions")
	eventually(t, "both jobs running", func() bool { return work.entered.Load() == 2 })
	waiting := submit("/recommend/train")
	var wg sync.WaitGroup
	wg.Go(func() {
		a, err := try("POST", g.url+"/recommend/interactions", enterpriseKey, `{}`)
		if err != nil || a.status != 503 || a.code() != "interrupted" || a.header.Get("Retry-After") == "" {
			t.Errorf("running call: %v %s", err, a)
		}
	})
	eventually(t, "a call running", func() bool { return work.entered.Load() == 3 })
	wg.Go(func() {
		req, err := http.NewRequest("GET", g.url+"/jobs/"+once+"/events", nil)
		if err != nil {
			t.Error(err)
			return
		}
		req.Header.Set("X-API-Key", enterpriseKey)
		res, err := client.Do(req)
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = res.Body.Close() }()
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		}
	})
	w.set(false, work.handle)
	eventually(t, "the worker not ready", func() bool {
		var h struct{ Workers struct{ Ready int } }
		g.call("GET", "/health", "", "").into(t, &h)
		return h.Workers.Ready == 0
	})
	wg.Go(func() {
		a, err := try("POST", g.url+"/predict/revenue", enterpriseKey, `{}`)
		if err != nil || a.status != 503 || a.header.Get("Retry-After") == "" {
			t.Errorf("held call: %v %s", err, a)
		}
	})
	eventually(t, "the call held", func() bool {
		return metric(string(g.call("GET", "/metrics", "", "").body), "api_active_requests") >= 4
	})
	g.signal(syscall.SIGTERM)
	wg.Wait()
	if code := g.exit(); code != 0 {
		t.Fatalf("exit code %d", code)
	}

	work.open()
	w.set(true, nil)
	g = startGateway(t, setup)
	for id, want := range map[string]string{again: api.JobSucceeded, once: api.JobFailed, waiting: api.JobSucceeded} {
		if j := g.jobEnd(id, enterpriseKey); j.Status != want || (want == api.JobFailed && j.Error.Error != "interrupted") {
			t.Errorf("%s: want %s, got %+v %+v", j.Endpoint, want, j, j.Error)
		}
	}
}

// jobEnd waits until a job has ended.
func (g *gateway) jobEnd(id, key string) (j api.Job) {
	g.t.Helper()
	eventually(g.t, "the end of "+id, func() bool {
		g.want(200, "GET", "/jobs/"+id, key, "").into(g.t, &j)
		return j.Ended()
	})
	return j
}

// The worker drains too: it says so, finishes what runs, and ends with 0.
func TestWorkerStops(t *testing.T) {
	t.Parallel()
	p := startPlatform(t, gatewaySetup{})
	p.want(200, "POST", "/predict/revenue-lstm", proKey, revenue)
	p.worker.signal(syscall.SIGTERM)
	if code := p.worker.exit(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	a := p.want(503, "POST", "/predict/revenue-lstm", proKey, revenue, "X-Omni-Max-Wait", "200ms")
	if (a.code() != "no_worker" && a.code() != "still_loading") || a.header.Get("Retry-After") == "" {
		t.Fatal(a)
	}
	p.restartWorker()
	p.want(200, "POST", "/predict/revenue-lstm", proKey, revenue)
}
