package edge_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/omni-run/omni/internal/config"
)

// modelWorker answers like a worker that states the version of its models, and
// counts its runs.
type modelWorker struct {
	runs, checks atomic.Int64
	version      atomic.Value // string
	// before, if set, is run in each call.
	before func(r *http.Request, body string)
}

func (m *modelWorker) serve(w http.ResponseWriter, r *http.Request) {
	version, _ := m.version.Load().(string)
	if strings.HasPrefix(r.URL.Path, "/internal/version/") {
		m.checks.Add(1)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"model_version":%q}`, version)
		return
	}
	body, _ := io.ReadAll(r.Body)
	n := m.runs.Add(1)
	if m.before != nil {
		m.before(r, string(body))
	}
	w.Header().Set("Content-Type", "application/json")
	if version != "" {
		w.Header().Set("X-Omni-Model-Version", version)
	}
	switch {
	case strings.Contains(string(body), "refuse"):
		w.WriteHeader(422)
		fmt.Fprintf(w, `{"status":"error","error":"too_short","message":"m","request_id":%q}`, r.Header.Get("X-Request-ID"))
	case strings.Contains(string(body), "break"):
		w.WriteHeader(500)
	default:
		fmt.Fprintf(w, `{"status":"success","run":%d,"tenant":%q,"request_id":%q}`, n, r.Header.Get("X-Tenant-ID"), r.Header.Get("X-Request-ID"))
	}
}

func newModelWorker(version string) *modelWorker {
	m := &modelWorker{}
	m.version.Store(version)
	return m
}

func (a answer) cache() string { return a.header.Get("Cache-Status") }

func wantCache(t *testing.T, a answer, status string) {
	t.Helper()
	if a.status != 200 || !strings.HasPrefix(a.cache(), "omni; "+status) {
		t.Errorf("want %s, got %d %q %s", status, a.status, a.cache(), a.raw)
	}
	if a.json["request_id"] != a.header.Get("X-Request-Id") || a.header.Get("X-Request-Id") == "" {
		t.Errorf("the request id of another call: %s %v", a.raw, a.header)
	}
	if a.header.Get("Cache-Control") != "no-store" || a.header.Get("X-Omni-Model-Version") != "" {
		t.Errorf("%v", a.header)
	}
}

func TestCacheAnswersTheSameQuestion(t *testing.T) {
	t.Parallel()
	m := newModelWorker("v1")
	f := start(t, setup{handler: m.serve})
	ask := func(key, body string, header ...string) answer {
		return f.call("POST", "/anomaly/detect", key, body, header...)
	}
	first := ask(proKey, `{"series":[1,2,3],"period":7}`)
	wantCache(t, first, "fwd=uri-miss")
	again := ask(proKey, " {\"period\": 7, \"series\": [1, 2, 3]}\n")
	wantCache(t, again, "hit; ttl=")
	if again.json["run"] != first.json["run"] || again.header.Get("Age") == "" || again.header.Get("Content-Type") != "application/json" {
		t.Errorf("%s %v", again.raw, again.header)
	}
	wantCache(t, ask(proKey, `{"series":[1,2,3],"period":7.0}`), "fwd=uri-miss")
	wantCache(t, ask(proKey, `{"series":[1,2,3],"period":7}`, "Cache-Control", "no-store"), "fwd=bypass")
	wantCache(t, ask(proKey, `{"series":[1,2,3],"period":7}`, "Cache-Control", "max-age=3600, no-transform"), "hit")
	wantCache(t, ask(proKey, `{"series":[1,2,3],"period":7}`, "Accept-Language", "de"), "fwd=uri-miss")
	fresh := ask(proKey, `{"series":[1,2,3],"period":7}`, "Cache-Control", "No-Cache")
	wantCache(t, fresh, "fwd=request")
	if after := ask(proKey, `{"series":[1,2,3],"period":7}`); after.json["run"] != fresh.json["run"] {
		t.Errorf("the older answer is given: %s, not %s", after.raw, fresh.raw)
	}
	metrics := f.call("GET", "/metrics", "", "").raw
	for _, line := range []string{`cache_hits_total{cache="response"} 3`, `cache_misses_total{cache="response"} 4`} {
		if !strings.Contains(metrics, line) {
			t.Errorf("no %s", line)
		}
	}
	report, err := f.ledger.Report(t.Context(), mustQuery(t, "demo-tenant-2"))
	if err != nil || report.Usage[0].Requests != 8 || report.Usage[0].Units != 8 {
		t.Errorf("answers from memory are calls like others: %+v %v", report.Usage, err)
	}
}

// The same question of two tenants is two questions.
func TestCacheKeepsTenantsApart(t *testing.T) {
	t.Parallel()
	m := newModelWorker("v1")
	f := start(t, setup{handler: m.serve})
	for range 2 {
		for key, tenant := range map[string]string{freeKey: "demo-tenant-1", proKey: "demo-tenant-2", enterpriseKey: "demo-tenant-3"} {
			if a := f.call("POST", "/anomaly/detect", key, `{"tenant_id":"demo-tenant-1"}`); a.json["tenant"] != tenant {
				t.Errorf("%s was given %s", tenant, a.raw)
			}
		}
	}
	if n := m.runs.Load(); n != 3 {
		t.Errorf("%d runs, want one a tenant", n)
	}
}

// No answer outlives the models that gave it.
func TestCacheFollowsTheModels(t *testing.T) {
	t.Parallel()
	m := newModelWorker("v1")
	f := start(t, setup{handler: m.serve})
	lstm := func() answer { return f.call("POST", "/predict/revenue-lstm", proKey, `{"a":1}`) }
	lstm()
	wantCache(t, lstm(), "hit")
	if m.checks.Load() != 1 {
		t.Errorf("%d checks of the version for one hit", m.checks.Load())
	}
	m.version.Store("v2") // the tenant has promoted another model
	wantCache(t, lstm(), "fwd=stale")
	wantCache(t, lstm(), "hit")

	// A route that depends on the worker's build alone learns of another build
	// from any answer.
	detect := func(body string) answer { return f.call("POST", "/anomaly/detect", proKey, body) }
	detect(`1`)
	wantCache(t, detect(`1`), "hit")
	m.version.Store("v3")
	detect(`2`)
	wantCache(t, detect(`1`), "fwd=stale")
}

func TestCacheLeavesOtherAnswersAlone(t *testing.T) {
	t.Parallel()
	m := newModelWorker("v1")
	f := start(t, setup{handler: m.serve})
	for _, c := range []struct {
		path, body string
		status     int
	}{
		{"/anomaly/detect", `{"refuse":1}`, 422},
		{"/anomaly/detect", `{"break":1}`, 502},
		{"/recommend/products", `{}`, 200},
		{"/vectors/query", `{}`, 200},
		{"/agents/observe", `{}`, 200},
	} {
		for range 2 {
			if a := f.call("POST", c.path, proKey, c.body); a.status != c.status || strings.Contains(a.cache(), "hit") {
				t.Errorf("%s: %d %q %s", c.path, a.status, a.cache(), a.raw)
			}
		}
	}
	m.version.Store("") // a worker that knows nothing of this
	for range 2 {
		if a := f.call("POST", "/sentiment/analyze", proKey, `{}`); strings.Contains(a.cache(), "hit") {
			t.Errorf("an answer without a version was kept: %q", a.cache())
		}
	}
	if n := m.runs.Load(); n < 12 { // more where the pool tried a failed call again
		t.Errorf("%d runs for 12 calls", n)
	}
}

func TestCacheCanBeOff(t *testing.T) {
	t.Parallel()
	m := newModelWorker("v1")
	off := false
	f := start(t, setup{handler: m.serve, config: func(c *config.Config) { c.Cache.Enabled = &off }})
	for range 2 {
		if a := f.call("POST", "/anomaly/detect", proKey, `{}`); a.cache() != "" {
			t.Errorf("%q", a.cache())
		}
	}
	if m.runs.Load() != 2 {
		t.Error("kept")
	}
}

func TestFreeHits(t *testing.T) {
	t.Parallel()
	m := newModelWorker("v1")
	f := start(t, setup{handler: m.serve, config: func(c *config.Config) { c.Cache.FreeHits = true }})
	for range 3 {
		f.call("POST", "/anomaly/detect", proKey, `{}`)
	}
	report, err := f.ledger.Report(t.Context(), mustQuery(t, "demo-tenant-2"))
	if err != nil || report.Usage[0].Requests != 3 || report.Usage[0].Units != 1 {
		t.Errorf("%+v %v", report.Usage, err)
	}
}

// known lets the gateway learn that the worker states a version: identical
// calls wait for each other only then.
func (f *fixture) known(t *testing.T, m *modelWorker) {
	t.Helper()
	if a := f.call("POST", "/anomaly/detect", enterpriseKey, `{"first":1}`); a.status != 200 || m.runs.Load() != 1 {
		t.Fatalf("%d %s", a.status, a.raw)
	}
}

// Many identical calls at once run once; another tenant's runs beside it.
func TestIdenticalCallsInFlightRunOnce(t *testing.T) {
	t.Parallel()
	m := newModelWorker("v1")
	release := make(chan struct{})
	letGo := sync.OnceFunc(func() { close(release) })
	defer letGo()
	m.before = func(_ *http.Request, body string) {
		if strings.Contains(body, "same") {
			<-release
		}
	}
	f := start(t, setup{handler: m.serve})
	f.known(t, m)
	var wg sync.WaitGroup
	var collapsed atomic.Int64
	ids := sync.Map{}
	call := func(key string) {
		a, err := f.try("POST", "/anomaly/detect", key, `{"same":1}`)
		if err != nil || a.status != 200 {
			t.Errorf("%v %d %s", err, a.status, a.raw)
			return
		}
		if _, twice := ids.LoadOrStore(a.json["request_id"], true); twice || a.json["request_id"] != a.header.Get("X-Request-Id") {
			t.Errorf("the identity of another call: %s", a.raw)
		}
		if strings.Contains(a.cache(), "collapsed") {
			collapsed.Add(1)
		}
	}
	for range 10 {
		wg.Go(func() { call(proKey) })
	}
	wg.Go(func() { call(freeKey) })
	eventually(t, "all have come", func() bool {
		return strings.Contains(f.call("GET", "/metrics", "", "").raw, "api_active_requests 12") // they, and this scrape
	})
	letGo()
	wg.Wait()
	if n := m.runs.Load(); n != 3 {
		t.Errorf("%d runs, want one a tenant, and the first", n)
	}
	if collapsed.Load() == 0 {
		t.Error("none waited for another")
	}
}

// The first caller leaves, or its call fails: the others are answered.
func TestFollowersOutliveTheirLeader(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"leaves", "fails"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			m := newModelWorker("v1")
			begun := make(chan struct{}, 16)
			release := make(chan struct{})
			letGo := sync.OnceFunc(func() { close(release) })
			defer letGo()
			var calls atomic.Int64
			f := start(t, setup{handler: func(w http.ResponseWriter, r *http.Request) {
				if calls.Add(1) != 2 { // the first lets the gateway know the worker
					m.serve(w, r)
					return
				}
				begun <- struct{}{}
				select {
				case <-release:
				case <-r.Context().Done():
				}
				w.WriteHeader(500)
			}})
			f.known(t, m)
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			led := make(chan struct{})
			go func() {
				defer close(led)
				req, _ := http.NewRequestWithContext(ctx, "POST", f.url+"/anomaly/detect", strings.NewReader(`{"same":1}`))
				req.Header.Set("X-API-Key", proKey)
				req.Header.Set("Content-Type", "application/json")
				if res, err := http.DefaultClient.Do(req); err == nil {
					_ = res.Body.Close()
				}
			}()
			<-begun
			var wg sync.WaitGroup
			for range 5 {
				wg.Go(func() {
					a, err := f.try("POST", "/anomaly/detect", proKey, `{"same":1}`)
					if err != nil || a.status != 200 {
						t.Errorf("%v %d %s", err, a.status, a.raw)
					}
				})
			}
			eventually(t, "all have come", func() bool {
				return strings.Contains(f.call("GET", "/metrics", "", "").raw, "api_active_requests 7")
			})
			if how == "leaves" {
				leave()
			}
			letGo()
			wg.Wait()
			<-led
		})
	}
}

// A caller who reads slowly, or a large answer, holds nobody else up and loses
// nothing.
func TestLargeAnswersPassThroughTheCache(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("x", 3<<20)
	f := start(t, setup{config: func(c *config.Config) { c.Cache.TenantBytes = 1 << 20 }, handler: func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Omni-Model-Version", "v1")
		fmt.Fprintf(w, `{"request_id":%q,"large":%q}`, r.Header.Get("X-Request-ID"), large)
	}})
	for range 2 {
		a := f.call("POST", "/anomaly/detect", proKey, `{}`)
		if a.status != 200 || a.json["large"] != large || a.json["request_id"] != a.header.Get("X-Request-Id") {
			t.Errorf("%d, %d bytes", a.status, len(a.raw))
		}
	}
}
