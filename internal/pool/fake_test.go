package pool

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"github.com/omni-run/omni/api"
)

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		runChild()
		return
	}
	goleak.VerifyTestMain(m)
}

// fakeWorker is a worker on a real socket whose health and behaviour a test
// sets. It can be stopped and started again at the same address.
type fakeWorker struct {
	t       *testing.T
	address string
	server  *http.Server
	done    chan struct{}

	mu      sync.Mutex
	health  api.WorkerHealth
	answer  http.HandlerFunc // nil: echo
	probe   http.HandlerFunc // nil: health as JSON
	metrics string

	calls, now, peak atomic.Int32
}

// healthy is the health of a worker with all its services ready.
func healthy(slots int, services ...string) api.WorkerHealth {
	h := api.WorkerHealth{Status: api.WorkerOK, ServicesReady: true, Services: map[string]api.ServiceHealth{}, MaxConcurrency: slots, Version: "1"}
	for _, s := range services {
		h.Services[s] = api.ServiceHealth{State: api.StateReady, Seconds: 2}
	}
	return h
}

func loading(services ...string) api.WorkerHealth {
	h := healthy(4, services...)
	h.Status, h.ServicesReady = api.WorkerInitializing, false
	for _, s := range services {
		h.Services[s] = api.ServiceHealth{State: api.StateLoading}
	}
	return h
}

func newFake(t *testing.T, health api.WorkerHealth) *fakeWorker {
	t.Helper()
	f := &fakeWorker{t: t, health: health, address: "127.0.0.1:0"}
	f.start()
	t.Cleanup(f.stop)
	return f
}

func (f *fakeWorker) start() {
	f.t.Helper()
	l, err := net.Listen("tcp", f.address)
	if err != nil {
		f.t.Fatal(err)
	}
	f.address = l.Addr().String()
	f.server, f.done = &http.Server{Handler: f}, make(chan struct{})
	server, done := f.server, f.done
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
}

// stop drops everything at once.
func (f *fakeWorker) stop() {
	_ = f.server.Close()
	<-f.done
}

func (f *fakeWorker) set(change func(f *fakeWorker)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change(f)
}

func (f *fakeWorker) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	health, answer, probe, metrics := f.health, f.answer, f.probe, f.metrics
	f.mu.Unlock()
	switch r.URL.Path {
	case "/internal/health":
		if probe != nil {
			probe(w, r)
			return
		}
		writeHealth(w, health)
		return
	case "/internal/metrics":
		if metrics == "" {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = io.WriteString(w, metrics)
		return
	}
	f.calls.Add(1)
	n := f.now.Add(1)
	for {
		peak := f.peak.Load()
		if n <= peak || f.peak.CompareAndSwap(peak, n) {
			break
		}
	}
	defer f.now.Add(-1)
	if answer != nil {
		answer(w, r)
		return
	}
	echo(w, r)
}

func writeHealth(w http.ResponseWriter, health api.WorkerHealth) {
	w.Header().Set("Content-Type", "application/json")
	if health.Status == api.WorkerDraining {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(health)
}

// echo answers with the call's body, under the kind that fits it.
func echo(w http.ResponseWriter, r *http.Request) {
	b, _ := io.ReadAll(r.Body)
	w.Header().Set("Content-Type", "text/plain")
	if json.Valid(b) {
		w.Header().Set("Content-Type", "application/json")
	}
	_, _ = w.Write(b)
}

// worker returns the configuration for f.
func (f *fakeWorker) worker(name string) Worker {
	return Worker{Name: name, URL: "http://" + f.address}
}

// hangUp breaks the connection after having read the request.
func hangUp(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	panic(http.ErrAbortHandler)
}

// envelope answers an error as the contract wants it.
func envelope(status int, code string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(api.ErrorBody{Status: "error", Error: code, Message: "m"})
	}
}

// newPool starts a pool with quick probes.
func newPool(t *testing.T, change func(o *Options), workers ...Worker) *Pool {
	t.Helper()
	options := Options{Workers: workers, ProbeFast: 5 * time.Millisecond, ProbeIdle: 5 * time.Millisecond, ProbeSlow: 10 * time.Millisecond}
	if change != nil {
		change(&options)
	}
	p, err := New(options)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return p
}

// eventually waits for something that has no signal of its own. The limit is
// only there so that a failing test ends.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for limit := time.Now().Add(20 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("never came true: %s", what)
		}
	}
}

func untilState(t *testing.T, p *Pool, name, state string) {
	t.Helper()
	eventually(t, name+" is "+state, func() bool {
		for _, w := range p.Snapshot().Workers {
			if w.Name == name {
				return w.State == state
			}
		}
		return false
	})
}

func call(service, body string) *Request {
	return &Request{Service: service, Method: "POST", Path: "/internal/" + service, Header: http.Header{}, Body: []byte(body), Tenant: "t", Weight: 1}
}

// answered reads a whole answer.
func answered(t *testing.T, resp *Response, err error) string {
	t.Helper()
	if err != nil {
		t.Fatalf("call failed: %v", err)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("reading the answer: %v", err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// refusedWith checks the caller's error.
func refusedWith(t *testing.T, err error, status int, code string) *api.Error {
	t.Helper()
	var e *api.Error
	if !errors.As(err, &e) || e.HTTP != status || e.Code != code {
		t.Fatalf("got %v, want %d %s", err, status, code)
	}
	return e
}

// counter is how often a worker's name could not be resolved.
func counter(p *Pool, name string) float64 {
	return testutil.ToFloat64(p.metrics.unresolved.WithLabelValues(name))
}
