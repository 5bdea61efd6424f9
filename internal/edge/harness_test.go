package edge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/goleak"

	"github.com/omni-run/omni/internal/authn"
	"github.com/omni-run/omni/internal/config"
	"github.com/omni-run/omni/internal/edge"
	"github.com/omni-run/omni/internal/idempotency"
	"github.com/omni-run/omni/internal/jobs"
	"github.com/omni-run/omni/internal/observe"
	"github.com/omni-run/omni/internal/pool"
	"github.com/omni-run/omni/internal/ratelimit"
	"github.com/omni-run/omni/internal/respcache"
	"github.com/omni-run/omni/internal/usage"
	"github.com/omni-run/omni/internal/webhook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	freeKey       = "demo-free-key-12345"
	proKey        = "demo-pro-key-67890"
	enterpriseKey = "demo-enterprise-key-abcdef"
	masterKey     = "master-key-of-the-tests"
)

// fixture is a gateway on real parts: stores on disk, a pool, a worker behind
// a real socket whose answers the test chooses.
type fixture struct {
	t       testing.TB
	url     string
	addr    string
	handler http.Handler
	worker  *fakeWorker
	ledger  *usage.Ledger
	log     *lockedBuffer
	stop    context.CancelFunc
	ended   chan error
}

type setup struct {
	config  func(*config.Config)
	handler http.HandlerFunc
	admin   http.Handler
	cold    bool          // the worker begins as loading
	late    time.Duration // the gateway opens so long after it listens
}

func start(t testing.TB, s setup) *fixture {
	t.Helper()
	f := &fixture{t: t, log: &lockedBuffer{}, ended: make(chan error, 1), worker: &fakeWorker{handler: s.handler, ready: !s.cold}}
	upstream := httptest.NewServer(f.worker)
	t.Cleanup(upstream.Close)
	c := config.Config{
		Mode: config.ModeDevelopment, DataDir: t.TempDir(), MasterKey: masterKey,
		Workers: []config.Worker{{Name: "one", URL: upstream.URL}},
	}
	if s.config != nil {
		s.config(&c)
	}
	c = c.WithDefaults()
	if err := c.Validate(func(string) string { return "" }); err != nil {
		t.Fatal(err)
	}
	f.serve(c, s)
	return f
}

func (f *fixture) serve(c config.Config, s setup) {
	t := f.t
	log, err := observe.NewLogger(f.log, observe.LogOptions{})
	if err != nil {
		t.Fatal(err)
	}
	registry := observe.NewRegistry("gateway", "test")
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	auth, err := authn.New(t.Context(), authn.Options{Development: true, MasterKey: c.MasterKey, Log: log})
	must(err)
	f.ledger, err = usage.Open(t.Context(), usage.Options{Dir: filepath.Join(c.DataDir, "usage"), Log: log})
	must(err)
	queue, err := jobs.Open(t.Context(), jobs.Options{
		Path: filepath.Join(c.DataDir, "jobs.db"), Concurrent: 2, Timeout: time.Minute, Keep: time.Hour, TenantPending: 10, Log: log, Now: time.Now,
		Webhooks: jobs.Webhooks{Guard: webhook.Guard{AllowHTTP: true, Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}},
	})
	must(err)
	replays, err := idempotency.Open(t.Context(), filepath.Join(c.DataDir, "idempotency.db"), time.Now)
	must(err)
	workers := []pool.Worker{}
	for _, w := range c.Workers {
		workers = append(workers, pool.Worker{Name: w.Name, URL: w.URL})
	}
	p, err := pool.New(pool.Options{Workers: workers, Logger: log, Registerer: registry, MaxWait: c.Hold.MaxWait.D()})
	must(err)
	must(p.Start(context.WithoutCancel(t.Context())))
	guard, err := ratelimit.NewGuard(ratelimit.Policy{Limit: c.Limits.PublicPerMinute, Burst: c.Limits.PublicPerMinute}, 0, time.Now)
	must(err)
	var cache *respcache.Cache
	if *c.Cache.Enabled {
		cache = respcache.New(respcache.Options{MaxBytes: c.Cache.MaxBytes, TenantBytes: c.Cache.TenantBytes, Now: time.Now})
	}
	g, err := edge.New(edge.Deps{
		Config: edge.Loaded{Config: c, Version: "first"}, Version: "test", Log: log, Registry: registry, Keys: auth, Pool: p, Ledger: f.ledger, Reports: f.ledger, Jobs: queue, Idempotency: replays, Cache: cache,
		Limits: edge.Limits{
			Rate: ratelimit.NewMemory(0, time.Now), Quota: &ratelimit.Quota{Spent: f.ledger, Now: time.Now},
			Calls: ratelimit.NewConcurrency(), Addresses: guard,
		},
		Metrics: promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), Admin: s.admin, DocsHTML: []byte("<!doctype html>"), OpenAPI: []byte(`{}`),
	})
	must(err)
	f.handler = g
	must(queue.Start(t.Context(), g.RunJob))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	f.addr = ln.Addr().String()
	f.url = "http://" + f.addr
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	f.stop = cancel
	if s.late == 0 {
		go func() { f.ended <- g.Serve(ctx, ln) }()
	} else {
		door := edge.NewDoor(c, "test", log, time.Now)
		go func() { f.ended <- door.Serve(ctx, ln) }()
		timer := time.AfterFunc(s.late, func() { door.Open(g) })
		t.Cleanup(func() { timer.Stop() })
	}
	t.Cleanup(func() {
		cancel()
		<-f.ended
		end, done := context.WithTimeout(context.Background(), 5*time.Second)
		defer done()
		for _, closing := range []func() error{
			func() error { return queue.Close(end) }, func() error { return p.Stop(end) }, f.ledger.Close, replays.Close, auth.Close,
		} {
			if err := closing(); err != nil && !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		}
		http.DefaultClient.CloseIdleConnections()
	})
}

// fakeWorker keeps the /internal half of the contract.
type fakeWorker struct {
	handler http.HandlerFunc
	mu      sync.Mutex
	ready   bool
	seen    []*http.Request
	bodies  []string
}

func (w *fakeWorker) setReady(ready bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ready = ready
}

func (w *fakeWorker) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/internal/health" {
		w.mu.Lock()
		state := map[bool]string{true: "ready", false: "loading"}[w.ready]
		w.mu.Unlock()
		services := map[string]any{}
		for _, s := range []string{"forecast", "sentiment", "swarm", "agents", "models", "reason", "anomaly", "recommend", "vectors", "churn"} {
			services[s] = map[string]any{"state": state, "seconds": 0.1}
		}
		_ = json.NewEncoder(rw).Encode(map[string]any{"status": "ok", "services_ready": state == "ready", "services": services, "max_concurrency": 8, "in_flight": 0, "version": "t"})
		return
	}
	body, _ := io.ReadAll(r.Body)
	w.mu.Lock()
	w.seen = append(w.seen, r)
	w.bodies = append(w.bodies, string(body))
	w.mu.Unlock()
	if w.handler != nil {
		r.Body = io.NopCloser(bytes.NewReader(body))
		w.handler(rw, r)
		return
	}
	rw.Header().Set("Content-Type", "application/json")
	_, _ = rw.Write([]byte(`{"status":"success"}`))
}

func (w *fakeWorker) requests() []*http.Request {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]*http.Request(nil), w.seen...)
}

// answer is a response that has been read.
type answer struct {
	status int
	header http.Header
	raw    string
	json   map[string]any
}

func (a answer) code() string {
	s, _ := a.json["error"].(string)
	return s
}

// call sends a request; header holds names and values in turn.
func (f *fixture) call(method, path, key, body string, header ...string) answer {
	f.t.Helper()
	a, err := f.try(method, path, key, body, header...)
	if err != nil {
		f.t.Fatal(err)
	}
	return a
}

func (f *fixture) try(method, path, key, body string, header ...string) (answer, error) {
	req, err := http.NewRequestWithContext(f.t.Context(), method, f.url+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if key != "" {
		req.Header.Set("X-API-Key", key)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: res.StatusCode, header: res.Header, raw: string(raw)}
	_ = json.Unmarshal(raw, &a.json) // pages that are not JSON leave it nil
	return a, nil
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *lockedBuffer) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.buf = bytes.Buffer{}
}

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(15 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("%s: did not happen within 15 s", what)
}
