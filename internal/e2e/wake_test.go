package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/omni-run/omni/api"
)

// asleep waits until the gateway's only worker sleeps.
func (g *gateway) asleep() {
	g.t.Helper()
	eventually(g.t, "the worker sleeps", func() bool { return g.workerState() == "asleep" })
}

func (g *gateway) workerState() string {
	g.t.Helper()
	var a struct {
		Workers []struct {
			State string `json:"state"`
		} `json:"workers"`
	}
	g.want(200, "GET", "/admin/workers", masterKey, "").into(g.t, &a)
	return a.Workers[0].State
}

// processWorker is the configuration of a worker that the gateway runs.
func processWorker(t *testing.T, idle string, before string) string {
	t.Helper()
	address := freeAddress(t)
	script := before + `exec "$0" -listen ` + address + ` -data ` + t.TempDir()
	return fmt.Sprintf("workers: [{name: native, url: 'http://%s', wake: {kind: process, idle: %s, command: [/bin/sh, -c, %q, %q]}}]\n",
		address, idle, script, binaries.worker)
}

// After an idle time the worker is gone, and the first call brings it back:
// the whole way, with the real binaries.
func TestIdleToFirstCall(t *testing.T) {
	t.Parallel()
	g := startGateway(t, gatewaySetup{yaml: processWorker(t, "1s", ""), env: []string{"OMNI_WORKER_TOKEN=" + workerToken}})
	g.asleep()
	for range 2 {
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				a, err := try("POST", g.url+"/predict/revenue-lstm", enterpriseKey, revenue)
				if err != nil || a.status != 200 || a.header.Get("X-Omni-Cold-Start") != "true" || !strings.Contains(a.header.Get("Server-Timing"), "queue;dur=") {
					t.Errorf("%v %s %v", err, a, a.header)
				}
			})
		}
		wg.Wait()
		g.asleep()
	}
	a := g.want(200, "GET", "/health", "", "")
	var h struct {
		Workers struct {
			Asleep int     `json:"asleep"`
			Start  float64 `json:"estimated_start_seconds"`
		} `json:"workers"`
	}
	if a.into(t, &h); h.Workers.Asleep != 1 || h.Workers.Start < 1 {
		t.Errorf("health: %s", a)
	}
	if text := string(g.want(200, "GET", "/metrics", "", "").body); !strings.Contains(text, `omni_gateway_worker_wakes_total{worker="native"} 2`) {
		t.Error("two wakes are not counted")
	}
	// When the gateway stops, so does a worker that is awake.
	g.want(200, "POST", "/predict/revenue-lstm", enterpriseKey, revenue)
	pid := int(g.logged("the worker's process is started")["pid"].(float64))
	g.kill() // as a power cut would: the kernel ends the worker
	eventually(t, "no process is left", func() bool {
		_, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
		return err != nil
	})
}

// A worker killed with SIGKILL on its way up is started again, and the call
// that waits for it is answered.
func TestKilledWhileWaking(t *testing.T) {
	t.Parallel()
	marker := filepath.Join(t.TempDir(), "killed")
	g := startGateway(t, gatewaySetup{yaml: processWorker(t, "5m", `[ -e `+marker+` ] || { touch `+marker+`; kill -9 $$; }; `)})
	g.want(200, "POST", "/predict/revenue-lstm", enterpriseKey, revenue)
	if e := g.logged("the worker's process died and is started again"); !strings.Contains(fmt.Sprint(e["error"]), "killed") {
		t.Error(e)
	}
}

// A command that cannot run: callers are told at once, in our words; the log
// says why.
func TestCommandThatCannotStart(t *testing.T) {
	t.Parallel()
	g := startGateway(t, gatewaySetup{yaml: "workers: [{name: native, url: 'http://127.0.0.1:9', wake: {kind: process, command: [/nonexistent/worker]}}]\n"})
	a := g.want(503, "POST", "/predict/revenue-lstm", enterpriseKey, revenue)
	if a.code() != "no_worker" || a.header.Get("Retry-After") == "" || strings.Contains(string(a.body), "nonexistent") {
		t.Errorf("%s %v", a, a.header)
	}
	if e := g.logged("worker cannot be woken"); !strings.Contains(fmt.Sprint(e["error"]), "no such file") {
		t.Error(e)
	}
}

// A worker that a call wakes: while nobody calls, nothing at all reaches it.
func TestHTTPWake(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	probes := 0
	inner := startStub(t, nil)
	outer := startStub(t, nil)
	outer.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		probes++
		mu.Unlock()
		inner.ServeHTTP(w, r)
	})
	count := func() int {
		mu.Lock()
		defer mu.Unlock()
		return probes
	}
	g := startGateway(t, gatewaySetup{yaml: fmt.Sprintf("workers: [{name: run, url: %q, wake: {kind: http, idle: 1s}}]\n", outer.URL)})
	for range 2 {
		g.asleep()
		before := count()
		g.want(200, "GET", "/metrics", "", "") // would scrape it
		g.want(200, "GET", "/health", "", "")
		if n := count(); n != before {
			t.Errorf("%d requests reached a worker that sleeps", n-before)
		}
		if a := g.want(200, "POST", "/predict/churn", enterpriseKey, `{}`); a.header.Get(api.HeaderColdStart) != "true" {
			t.Error("not said to be a cold start")
		}
	}
}
