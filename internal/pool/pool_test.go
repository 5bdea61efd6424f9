package pool

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/metricsmerge"
)

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Options{
		"negative wait":   {MaxWait: -1},
		"probe intervals": {ProbeFast: 2 * time.Second},
		"concurrency":     {Concurrency: 1 << 20},
		"attempts":        {Attempts: -1},
		"retry share":     {RetryShare: 2},
		"worker name":     {Workers: []Worker{{Name: "a b", URL: "http://x"}}},
		"no name":         {Workers: []Worker{{URL: "http://x"}}},
		"same name":       {Workers: []Worker{{Name: "a", URL: "http://x"}, {Name: "a", URL: "http://y"}}},
		"no url":          {Workers: []Worker{{Name: "a"}}},
		"path in url":     {Workers: []Worker{{Name: "a", URL: "http://x/y"}}},
		"weight":          {Workers: []Worker{{Name: "a", URL: "http://x", Weight: -1}}},
		"services":        {Workers: []Worker{{Name: "a", URL: "http://x", Services: make([]string, 100)}}},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// Many tenants, workers that come and go, callers that leave: every call ends
// with its own answer, and nothing is left behind.
func TestStress(t *testing.T) {
	t.Parallel()
	const slots = 3
	var fakes []*fakeWorker
	var workers []Worker
	for i := range 3 {
		f := newFake(t, healthy(slots, "echo", "other"))
		f.answer = func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			if f.now.Load() > slots { // one whose caller left is still running
				envelope(503, "worker_busy")(w, r)
				return
			}
			time.Sleep(time.Duration(rand.IntN(2000)) * time.Microsecond)
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write(b)
		}
		fakes = append(fakes, f)
		workers = append(workers, f.worker(fmt.Sprint("w", i)))
	}
	p := newPool(t, nil, workers...)
	stop := make(chan struct{})
	var flapping, callers sync.WaitGroup
	flapping.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
			h := healthy(slots, "echo", "other")
			if i%2 == 0 {
				h = loading("echo", "other")
				h.MaxConcurrency = slots
			}
			fakes[i%3].set(func(f *fakeWorker) { f.health = h })
		}
	})
	var done, left atomic.Int32
	for c := range 30 {
		callers.Go(func() {
			for i := range 30 {
				ctx, cancel := context.WithCancel(context.Background())
				if i%7 == 0 {
					time.AfterFunc(time.Duration(rand.IntN(3000))*time.Microsecond, cancel)
				}
				r := call([]string{"echo", "other"}[i%2], fmt.Sprintf("[%d,%d]", c, i))
				r.Tenant, r.Weight = fmt.Sprint("tenant", c%5), float64(1+c%5)
				resp, err := p.Do(ctx, r)
				switch {
				case errors.Is(err, context.Canceled):
					left.Add(1)
				case err != nil:
					t.Errorf("call: %v", err)
				default:
					if b, err := io.ReadAll(resp.Body); err == nil && (resp.Status != 200 || string(b) != string(r.Body)) {
						t.Errorf("call %q got the answer %d %q", r.Body, resp.Status, b)
					}
					_ = resp.Body.Close()
					done.Add(1)
				}
				cancel()
			}
		})
	}
	callers.Wait()
	close(stop)
	flapping.Wait()
	if done.Load()+left.Load() != 900 || done.Load() < 700 {
		t.Fatalf("%d done, %d left, want 900 together", done.Load(), left.Load())
	}
	s := p.Snapshot()
	for _, w := range s.Workers {
		if w.InFlight != 0 {
			t.Errorf("%s still has %d in flight", w.Name, w.InFlight)
		}
	}
	if s.Held != 0 || s.HeldBytes != 0 {
		t.Errorf("%d calls, %d bytes still held", s.Held, s.HeldBytes)
	}
}

func TestConcurrencyIsNeverExceeded(t *testing.T) {
	t.Parallel()
	f := newFake(t, healthy(3, "echo"))
	p := newPool(t, nil, f.worker("w"))
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			resp, err := p.Do(context.Background(), call("echo", "x"))
			if err != nil {
				t.Error(err)
				return
			}
			_ = resp.Body.Close()
		})
	}
	wg.Wait()
	if peak := f.peak.Load(); peak > 3 {
		t.Fatalf("%d calls at once, the worker takes 3", peak)
	}
}

// One tenant's backlog of 50 times the other's does not delay the other by
// more than its share.
func TestTenantsShareOneSlot(t *testing.T) {
	t.Parallel()
	f := newFake(t, loading("echo"))
	var order []string // guarded by the single slot
	f.answer = func(_ http.ResponseWriter, r *http.Request) { order = append(order, r.Header.Get(api.HeaderTenantID)) }
	p := newPool(t, nil, f.worker("w"))
	var wg sync.WaitGroup
	send := func(tenant string, n int) {
		for range n {
			r := call("echo", "x")
			r.Tenant = tenant
			wg.Go(func() {
				resp, err := p.Do(context.Background(), r)
				if err != nil {
					t.Error(err)
					return
				}
				_ = resp.Body.Close()
			})
		}
	}
	send("loud", 200)
	eventually(t, "the loud are held", func() bool { return p.Snapshot().Held == 200 })
	send("quiet", 4)
	eventually(t, "all are held", func() bool { return p.Snapshot().Held == 204 })
	f.set(func(f *fakeWorker) { f.health = healthy(1, "echo") })
	wg.Wait()
	last := 0
	for i, tenant := range order {
		if tenant == "quiet" {
			last = i
		}
	}
	if last > 8 {
		t.Fatalf("the quiet tenant's 4th call ran as number %d", last+1)
	}
}

func TestLeastLoadedIsPicked(t *testing.T) {
	t.Parallel()
	p, err := New(Options{Workers: []Worker{{Name: "small", URL: "http://a"}, {Name: "large", URL: "http://b"}, {Name: "heavy", URL: "http://c", Weight: 2}}})
	if err != nil {
		t.Fatal(err)
	}
	for name, limit := range map[string]int{"small": 2, "large": 8, "heavy": 4} {
		w := p.names[name]
		w.up, w.limit, w.services = true, limit, map[string]string{"echo": api.StateReady}
	}
	picked := map[string]int{}
	for {
		w := p.pickLocked("echo", nil)
		if w == nil {
			break
		}
		p.takeLocked(w)
		picked[w.Name]++
		if total := picked["small"] + picked["large"] + picked["heavy"]; total == 9 && (picked["small"] != 1 || picked["large"] != 4 || picked["heavy"] != 4) {
			t.Fatalf("nine calls went to %v", picked)
		}
	}
	if picked["small"] != 2 || picked["large"] != 8 || picked["heavy"] != 4 {
		t.Fatalf("picked %v", picked)
	}
}

func TestUnpairedReleasePanics(t *testing.T) {
	t.Parallel()
	p, err := New(Options{Workers: []Worker{{Name: "w", URL: "http://a"}}})
	if err != nil {
		t.Fatal(err)
	}
	panics := func(f func()) (did bool) {
		defer func() { did = recover() != nil }()
		f()
		return
	}
	if !panics(func() { p.giveBackLocked(p.names["w"]) }) {
		t.Error("a slot nobody took can be given back")
	}
	p.takeLocked(p.names["w"])
	l := &lease{pool: p, worker: p.names["w"]}
	l.release("")
	if !panics(func() { l.release("") }) {
		t.Error("a lease can be released twice")
	}
}

func TestDrain(t *testing.T) {
	t.Parallel()
	a, b := newFake(t, healthy(4, "echo")), newFake(t, healthy(4, "echo"))
	p := newPool(t, nil, a.worker("a"), b.worker("b"))
	untilState(t, p, "a", stateReady)
	untilState(t, p, "b", stateReady)
	if err := p.Drain("a"); err != nil {
		t.Fatal(err)
	}
	b.set(func(f *fakeWorker) { f.health.Status = api.WorkerDraining })
	untilState(t, p, "b", stateDraining)
	short := call("echo", "x")
	short.MaxWait = 5 * time.Millisecond
	_, err := p.Do(t.Context(), short)
	refusedWith(t, err, 503, "still_loading")
	held := make(chan error, 1)
	go func() {
		resp, err := p.Do(context.Background(), call("echo", "x"))
		if err == nil {
			err = resp.Body.Close()
		}
		held <- err
	}()
	eventually(t, "the call is held", func() bool { return p.Snapshot().Held == 1 })
	if err := p.Undrain("a"); err != nil {
		t.Fatal(err)
	}
	if err := <-held; err != nil || a.calls.Load() != 1 || b.calls.Load() != 0 {
		t.Fatalf("%v, calls: a %d, b %d", err, a.calls.Load(), b.calls.Load())
	}
	if err := p.Drain("nobody"); !errors.Is(err, ErrUnknownWorker) {
		t.Fatal(err)
	}
}

func TestFailingWorkerIsLeftOutAndTriedAgain(t *testing.T) {
	t.Parallel()
	bad, good := newFake(t, healthy(4, "echo")), newFake(t, healthy(4, "echo"))
	bad.answer = hangUp
	p := newPool(t, func(o *Options) { o.EjectAfter, o.EjectFor = 3, 30*time.Millisecond }, bad.worker("bad"), good.worker("good"))
	untilState(t, p, "bad", stateReady)
	untilState(t, p, "good", stateReady)
	eventually(t, "the bad worker is left out", func() bool {
		resp, err := p.Do(t.Context(), call("echo", "x"))
		if err == nil {
			_ = resp.Body.Close()
		}
		for _, w := range p.Snapshot().Workers {
			if w.Name == "bad" {
				return w.State == stateEjected
			}
		}
		return false
	})
	bad.set(func(f *fakeWorker) { f.answer = nil })
	before := bad.calls.Load()
	eventually(t, "the mended worker gets calls", func() bool {
		resp, err := p.Do(t.Context(), call("echo", "x"))
		answered(t, resp, err)
		return bad.calls.Load() > before
	})
}

func TestOnlyWorkerIsNotLeftOut(t *testing.T) {
	t.Parallel()
	f := newFake(t, healthy(4, "echo"))
	f.answer = hangUp
	p := newPool(t, func(o *Options) { o.EjectAfter, o.EjectFor = 1, time.Hour }, f.worker("w"))
	_, err := p.Do(t.Context(), call("echo", "x"))
	refusedWith(t, err, 502, "worker_failed")
	f.set(func(f *fakeWorker) { f.answer = nil })
	resp, err := p.Do(t.Context(), call("echo", "x"))
	answered(t, resp, err)
}

func TestHeadersForwarded(t *testing.T) {
	t.Parallel()
	f := newFake(t, healthy(4, "echo"))
	var got http.Header
	f.answer = func(w http.ResponseWriter, r *http.Request) {
		got = r.Header.Clone()
		w.Header().Set("Server", "python/3.11 db-7")
		w.Header().Set("Connection", "X-Own")
		w.Header().Set("X-Own", "1")
		w.Header().Set("X-Kept", "1")
	}
	worker := f.worker("w")
	worker.Token = "shared"
	worker.Authorize = func(_ context.Context, h http.Header) error { h.Set("Authorization", "Bearer id-token"); return nil }
	p := newPool(t, nil, worker)
	r := call("echo", "x")
	r.Tenant = "real"
	r.Header = http.Header{
		"X-API-Key": {"k"}, "x-api-key": {"k"}, "Authorization": {"Bearer k"}, "Cookie": {"c"}, "Proxy-Authorization": {"p"},
		"X-Omni-Worker-Token": {"forged"}, "X-Serverless-Authorization": {"k"},
		"Connection": {"X-Hop, x-tenant-id", "X-Request-ID"}, "X-Hop": {"1"}, "Te": {"trailers"}, "Upgrade": {"h2c"},
		"Keep-Alive": {"1"}, "Transfer-Encoding": {"chunked"}, "Content-Length": {"99"}, "X-Tenant-Id": {"forged"},
		"X-Request-Id": {"r1"}, "Content-Type": {"application/json"}, "X-Free": {"1"},
	}
	resp, err := p.Do(t.Context(), r)
	answered(t, resp, err)
	got.Del(api.HeaderDeadline)
	want := http.Header{
		"X-Tenant-Id": {"real"}, "X-Request-Id": {"r1"}, "Content-Type": {"application/json"}, "X-Free": {"1"},
		"Authorization": {"Bearer id-token"}, "X-Omni-Worker-Token": {"shared"}, "Content-Length": {"1"},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the worker got %v,\nwant %v", got, want)
	}
	if resp.Header.Get("Server") != "" || resp.Header.Get("X-Own") != "" || resp.Header.Get("X-Kept") != "1" {
		t.Errorf("the caller gets %v", resp.Header)
	}
	if len(r.Header) != 18 {
		t.Errorf("the request's own header was changed: %v", r.Header)
	}
}

// A stream is handed on as it comes and holds its slot until it is closed; a
// small answer does not.
func TestStreamHoldsItsSlot(t *testing.T) {
	t.Parallel()
	f := newFake(t, healthy(4, "echo"))
	f.answer = func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: 1\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}
	p := newPool(t, nil, f.worker("w"))
	resp, err := p.Do(t.Context(), call("echo", "x"))
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 9)
	if _, err := io.ReadFull(resp.Body, b); err != nil || string(b) != "data: 1\n\n" {
		t.Fatalf("%q %v", b, err)
	}
	if n := p.Snapshot().Workers[0].InFlight; n != 1 {
		t.Fatalf("%d in flight during the stream", n)
	}
	_ = resp.Body.Close()
	_ = resp.Body.Close()
	if n := p.Snapshot().Workers[0].InFlight; n != 0 {
		t.Fatalf("%d in flight after the stream", n)
	}
	f.set(func(f *fakeWorker) { f.answer = nil })
	resp, err = p.Do(t.Context(), call("echo", "x"))
	if err != nil {
		t.Fatal(err)
	}
	if n := p.Snapshot().Workers[0].InFlight; n != 0 {
		t.Fatalf("%d in flight after a small answer, unread", n)
	}
	_ = resp.Body.Close()
}

func TestLargeAnswers(t *testing.T) {
	t.Parallel()
	f := newFake(t, healthy(4, "echo"))
	p := newPool(t, func(o *Options) { o.BufferBytes = 1000 }, f.worker("w"))
	for _, size := range []int{0, 999, 1000, 1001, 1 << 20} {
		for _, kind := range []string{"application/json", "text/plain"} {
			for _, chunks := range []bool{false, true} {
				if size == 0 && kind == "application/json" {
					continue // which is no JSON
				}
				f.set(func(f *fakeWorker) {
					f.answer = func(w http.ResponseWriter, r *http.Request) {
						w.Header().Set("Content-Type", kind)
						if chunks {
							_ = http.NewResponseController(w).Flush()
						} else {
							w.Header().Set("Content-Length", fmt.Sprint(size))
						}
						_, _ = io.WriteString(w, strings.Repeat("1", size)) // a number
					}
				})
				resp, err := p.Do(t.Context(), call("echo", "x"))
				if got := answered(t, resp, err); len(got) != size {
					t.Errorf("%d bytes of %s, chunks %v: got %d", size, kind, chunks, len(got))
				}
			}
		}
	}
	if n := p.Snapshot().Workers[0].InFlight; n != 0 {
		t.Fatalf("%d in flight", n)
	}
}

func TestStop(t *testing.T) {
	t.Parallel()
	ready, slow := newFake(t, healthy(4, "echo")), newFake(t, loading("slow"))
	started, release := make(chan struct{}), make(chan struct{})
	ready.answer = func(_ http.ResponseWriter, _ *http.Request) {
		close(started)
		<-release
	}
	p := newPool(t, nil, ready.worker("ready"), slow.worker("slow"))
	running, held := make(chan error, 1), make(chan error, 1)
	do := func(service string, out chan error) {
		resp, err := p.Do(context.Background(), call(service, "x"))
		if err == nil {
			err = resp.Body.Close()
		}
		out <- err
	}
	go do("echo", running)
	go do("slow", held)
	<-started
	eventually(t, "one is held", func() bool { return p.Snapshot().Held == 1 })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := p.Stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("stop with a call in flight: %v", err)
	}
	refusedWith(t, <-held, 503, "no_worker")
	_, err := p.Do(t.Context(), call("echo", "x"))
	refusedWith(t, err, 503, "no_worker")
	close(release)
	if err := <-running; err != nil {
		t.Fatalf("the call in flight ended with %v", err)
	}
	if err := p.Start(t.Context()); err == nil {
		t.Fatal("start after stop")
	}
}

func TestStartStopRaces(t *testing.T) {
	t.Parallel()
	f := newFake(t, healthy(4, "echo"))
	for range 20 {
		p, err := New(Options{Workers: []Worker{f.worker("w")}})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				if i%2 == 0 {
					_ = p.Start(context.Background())
				} else if err := p.Stop(context.Background()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewPedanticRegistry()
	a, b := newFake(t, healthy(4, "echo")), newFake(t, healthy(4, "echo"))
	a.metrics = "# TYPE model_requests_total counter\nmodel_requests_total 3\n"
	hung := newFake(t, healthy(4, "echo"))
	hung.metrics = strings.Repeat("# long\n", maxMetricsBytes/7+1)
	p := newPool(t, func(o *Options) { o.Registerer = reg }, a.worker("a"), b.worker("b"), hung.worker("c"))
	resp, err := p.Do(t.Context(), call("echo", "x"))
	answered(t, resp, err)
	for i := range 200 {
		r := call(fmt.Sprint("unknown", i), "x")
		r.MaxWait = -1
		_, _ = p.Do(t.Context(), r)
	}
	problems, err := testutil.GatherAndLint(reg)
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
	if n := testutil.CollectAndCount(p.metrics.wait); n > maxServices+1 {
		t.Errorf("%d services in labels", n)
	}
	texts := p.MetricsTexts(t.Context())
	if len(texts) != 1 || texts[0].Worker != "a" {
		t.Fatalf("metrics of %d workers", len(texts))
	}
	own, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	merged, dropped := metricsmerge.Merge(own, texts, metricsmerge.Limits{})
	if len(dropped) > 0 || len(merged) != len(own)+1 {
		t.Fatalf("dropped %v, %d families of %d", dropped, len(merged), len(own))
	}
	for _, name := range []string{"b", "c"} {
		if n := testutil.ToFloat64(p.metrics.scrapes.WithLabelValues(name)); n != 1 {
			t.Errorf("%s: %v failed scrapes counted", name, n)
		}
	}
}

// A worker behind TLS is spoken to by net/http's client, under the same rules.
func TestWorkerBehindTLS(t *testing.T) {
	t.Parallel()
	f := &fakeWorker{t: t, health: healthy(4, "echo")}
	server := httptest.NewUnstartedServer(f)
	server.EnableHTTP2 = true
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	roots := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	p := newPool(t, nil, Worker{Name: "w", URL: server.URL, TLS: &tls.Config{RootCAs: roots}})
	r := call("echo", "hello")
	r.Header.Set(api.HeaderIdempotencyKey, "k") // net/http alone would replay a POST with it
	resp, err := p.Do(t.Context(), r)
	if got := answered(t, resp, err); got != "hello" {
		t.Fatalf("%q", got)
	}
	f.set(func(f *fakeWorker) { f.answer = hangUp })
	before := f.calls.Load()
	_, err = p.Do(t.Context(), r)
	refusedWith(t, err, 502, "worker_failed")
	if n := f.calls.Load() - before; n != 1 {
		t.Fatalf("the call was sent %d times", n)
	}
	stranger := newPool(t, nil, Worker{Name: "w", URL: server.URL})
	r.MaxWait = 20 * time.Millisecond
	_, err = stranger.Do(t.Context(), r)
	refusedWith(t, err, 503, "no_worker")
}

func TestNoCredentialsForWorker(t *testing.T) {
	t.Parallel()
	f := newFake(t, healthy(4, "echo"))
	var broken atomic.Bool
	worker := f.worker("w")
	worker.Authorize = func(context.Context, http.Header) error {
		if broken.Load() {
			return errors.New("metadata server does not answer")
		}
		return nil
	}
	p := newPool(t, func(o *Options) { o.ProbeSlow, o.ProbeFast = time.Hour, time.Hour }, worker)
	untilState(t, p, "w", stateReady)
	broken.Store(true)
	_, err := p.Do(t.Context(), call("echo", "x"))
	if e := refusedWith(t, err, 503, "no_worker"); strings.Contains(e.Message, "metadata") || e.Cause == nil {
		t.Fatalf("%+v", e)
	}
	if f.calls.Load() != 0 {
		t.Fatal("a call went out without credentials")
	}
}
