package pool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/omni-run/omni/api"
)

func TestAnswerComesThrough(t *testing.T) {
	t.Parallel()
	f := newFake(t, healthy(4, "echo"))
	p := newPool(t, nil, f.worker("w"))
	untilState(t, p, "w", stateReady)
	resp, err := p.Do(t.Context(), call("echo", `{"a":1}`))
	if got := answered(t, resp, err); got != `{"a":1}` || resp.Status != 200 || resp.WorkerName != "w" || resp.Cold || resp.Attempts != 1 {
		t.Fatalf("%q %+v", got, resp)
	}
}

func TestHeldUntilReady(t *testing.T) {
	t.Parallel()
	f := newFake(t, loading("echo"))
	p := newPool(t, nil, f.worker("w"))
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			body := fmt.Sprint(i)
			resp, err := p.Do(context.Background(), call("echo", body))
			if err != nil {
				t.Error(err)
				return
			}
			defer resp.Body.Close()
			if got, _ := io.ReadAll(resp.Body); string(got) != body || !resp.Cold || resp.Queue <= 0 {
				t.Errorf("got %q, cold %v, queued %v", got, resp.Cold, resp.Queue)
			}
		})
	}
	eventually(t, "20 held", func() bool { return p.Snapshot().Held == 20 })
	if n := f.calls.Load(); n != 0 {
		t.Fatalf("%d calls reached a worker that is not ready", n)
	}
	f.set(func(f *fakeWorker) { f.health = healthy(4, "echo") })
	wg.Wait()
	if n := testutil.ToFloat64(p.metrics.colds.WithLabelValues("echo")); n != 20 {
		t.Errorf("%v cold starts counted", n)
	}
}

func TestReadinessIsPerService(t *testing.T) {
	t.Parallel()
	h := healthy(4, "fast", "slow")
	h.Services["slow"] = api.ServiceHealth{State: api.StateLoading}
	f := newFake(t, h)
	p := newPool(t, nil, f.worker("w"))
	resp, err := p.Do(t.Context(), call("fast", "x"))
	answered(t, resp, err)
	short := call("slow", "x")
	short.MaxWait = 5 * time.Millisecond
	_, err = p.Do(t.Context(), short)
	refusedWith(t, err, 503, "still_loading")
}

func TestUnusableHealthAndRecovery(t *testing.T) {
	t.Parallel()
	say := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for name, probe := range map[string]http.HandlerFunc{
		"500":             say(500, `{"status":"ok","services":{"echo":{"state":"ready"}}}`),
		"404":             say(404, `{"status":"ok","services":{"echo":{"state":"ready"}}}`),
		"503 ok":          say(503, `{"status":"ok","services":{"echo":{"state":"ready"}}}`),
		"html":            say(200, `<html>ok</html>`),
		"empty":           say(200, ``),
		"half":            say(200, `{"status":"ok","services":{"echo":`),
		"other status":    say(200, `{"status":"fine","services":{"echo":{"state":"ready"}}}`),
		"other state":     say(200, `{"status":"ok","services":{"echo":{"state":"yes"}}}`),
		"huge":            say(200, `{"status":"ok","pad":"`+strings.Repeat("x", 100_000)+`"}`),
		"hostile service": say(200, `{"status":"ok","services":{"a b\n":{"state":"ready"}}}`),
		"hangs up":        hangUp,
		"never answers":   func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"cut short": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"status":"ok"`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, healthy(4, "echo"))
			p := newPool(t, func(o *Options) { o.ProbeTimeout = 50 * time.Millisecond }, f.worker("w"))
			untilState(t, p, "w", stateReady)
			f.set(func(f *fakeWorker) { f.probe = probe })
			untilState(t, p, "w", stateUnreachable)
			if s := p.Snapshot(); s.Ready != 0 || s.Total != 1 || s.Workers[0].LastError == "" {
				t.Fatalf("snapshot %+v", s)
			}
			short := call("echo", "x")
			short.MaxWait = 5 * time.Millisecond
			_, err := p.Do(t.Context(), short)
			refusedWith(t, err, 503, "still_loading")
			f.set(func(f *fakeWorker) { f.probe = nil })
			resp, err := p.Do(t.Context(), call("echo", "x"))
			answered(t, resp, err)
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	t.Run("no workers at all", func(t *testing.T) {
		t.Parallel()
		_, err := newPool(t, nil).Do(t.Context(), call("echo", "x"))
		refusedWith(t, err, 503, "no_worker")
	})
	t.Run("no worker for the service", func(t *testing.T) {
		t.Parallel()
		f := newFake(t, healthy(4, "other"))
		learned := newPool(t, nil, f.worker("w"))
		untilState(t, learned, "w", stateReady)
		fixed := f.worker("w")
		fixed.Services = []string{"other"}
		for _, p := range []*Pool{learned, newPool(t, nil, fixed)} {
			_, err := p.Do(t.Context(), call("echo", "x"))
			refusedWith(t, err, 503, "no_worker")
		}
	})
	t.Run("none ever answered", func(t *testing.T) {
		t.Parallel()
		p := newPool(t, nil, Worker{Name: "w", URL: "http://" + closedPort(t)})
		short := call("echo", "x")
		short.MaxWait = 20 * time.Millisecond
		_, err := p.Do(t.Context(), short)
		if e := refusedWith(t, err, 503, "no_worker"); e.RetryAfter <= 0 || strings.Contains(e.Message, "127.0.0.1") {
			t.Fatalf("%+v", e)
		}
	})
	t.Run("failed to load", func(t *testing.T) {
		t.Parallel()
		h := healthy(4, "echo")
		h.Services["echo"] = api.ServiceHealth{State: api.StateFailed}
		f := newFake(t, h)
		_, err := newPool(t, nil, f.worker("w")).Do(t.Context(), call("echo", "x"))
		refusedWith(t, err, 503, "no_worker")
	})
	t.Run("still loading, with the worker's own estimate", func(t *testing.T) {
		t.Parallel()
		h, eta := loading("echo"), 41.5
		h.ETASeconds = &eta
		f := newFake(t, h)
		p := newPool(t, nil, f.worker("w"))
		untilState(t, p, "w", stateLoading)
		short := call("echo", "x")
		short.MaxWait = -1
		_, err := p.Do(t.Context(), short)
		if e := refusedWith(t, err, 503, "still_loading"); e.RetryAfter < 30*time.Second || e.RetryAfter > 42*time.Second {
			t.Fatalf("Retry-After %v", e.RetryAfter)
		}
	})
	t.Run("busy", func(t *testing.T) {
		t.Parallel()
		f := newFake(t, healthy(1, "echo"))
		release := make(chan struct{})
		f.answer = func(w http.ResponseWriter, _ *http.Request) { <-release }
		p := newPool(t, nil, f.worker("w"))
		var wg sync.WaitGroup
		wg.Go(func() {
			resp, err := p.Do(context.Background(), call("echo", "x"))
			answered(t, resp, err)
		})
		eventually(t, "one runs", func() bool { return f.now.Load() == 1 })
		short := call("echo", "x")
		short.MaxWait = 5 * time.Millisecond
		_, err := p.Do(t.Context(), short)
		refusedWith(t, err, 503, "queue_full")
		close(release)
		wg.Wait()
	})
	t.Run("bad path", func(t *testing.T) {
		t.Parallel()
		f := newFake(t, healthy(4, "echo"))
		p := newPool(t, nil, f.worker("w"))
		for _, path := range []string{"/admin", "/internal", "/internal/../admin", "/internal/%2e%2E/x", "/internal/a b"} {
			bad := call("echo", "x")
			bad.Path = path
			_, err := p.Do(t.Context(), bad)
			refusedWith(t, err, 400, "bad_request")
		}
		if f.calls.Load() != 0 {
			t.Fatal("a bad path reached the worker")
		}
	})
}

func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestQueueFullAnswersAtOnce(t *testing.T) {
	t.Parallel()
	f := newFake(t, loading("echo"))
	p := newPool(t, func(o *Options) { o.Hold.Count, o.Hold.TenantCount = 3, 2 }, f.worker("w"))
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	hold := func(tenant string) {
		r := call("echo", "x")
		r.Tenant = tenant
		wg.Go(func() {
			if _, err := p.Do(ctx, r); !errors.Is(err, context.Canceled) {
				t.Errorf("held call ended with %v", err)
			}
		})
	}
	hold("a")
	hold("a")
	eventually(t, "2 held", func() bool { return p.Snapshot().Held == 2 })
	r := call("echo", "x")
	r.Tenant = "a"
	_, err := p.Do(ctx, r)
	if e := refusedWith(t, err, 503, "queue_full"); e.RetryAfter <= 0 {
		t.Fatal("no Retry-After")
	}
	hold("b")
	eventually(t, "3 held", func() bool { return p.Snapshot().Held == 3 })
	r.Tenant = "c"
	_, err = p.Do(ctx, r)
	refusedWith(t, err, 503, "queue_full")
	cancel()
	wg.Wait()
	if s := p.Snapshot(); s.Held != 0 || s.HeldBytes != 0 {
		t.Fatalf("callers left, %d calls and %d bytes are still held", s.Held, s.HeldBytes)
	}
	for name, want := range map[string]float64{"calls": 1, "tenant_calls": 1} {
		if got := testutil.ToFloat64(p.metrics.overflows.WithLabelValues(name)); got != want {
			t.Errorf("overflows by %s: %v, want %v", name, got, want)
		}
	}
}

func TestDeadlines(t *testing.T) {
	t.Parallel()
	f := newFake(t, healthy(4, "echo"))
	var gone atomic.Int32
	f.answer = func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.Header.Get(api.HeaderDeadline) == "" {
			t.Error("the worker is not told the deadline")
		}
		<-r.Context().Done()
		gone.Add(1)
	}
	p := newPool(t, nil, f.worker("w"))
	r := call("echo", "x")
	r.Timeout = 200 * time.Millisecond
	_, err := p.Do(t.Context(), r)
	refusedWith(t, err, 504, "deadline_exceeded")
	r.Timeout = 1 // not even time to open a connection: no fault of the worker's
	_, err = p.Do(t.Context(), r)
	refusedWith(t, err, 504, "deadline_exceeded")
	if s := p.Snapshot().Workers[0]; s.State != stateReady {
		t.Fatalf("the worker is %s", s.State)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = p.Do(ctx, call("echo", "x"))
	refusedWith(t, err, 504, "deadline_exceeded")
	eventually(t, "the worker is hung up on", func() bool { return gone.Load() == f.calls.Load() })
	eventually(t, "slots are free", func() bool { return p.Snapshot().Workers[0].InFlight == 0 })
}

func TestCallerGone(t *testing.T) {
	t.Parallel()
	f := newFake(t, healthy(4, "echo"))
	gone := make(chan struct{})
	f.answer = func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
		close(gone)
	}
	p := newPool(t, nil, f.worker("w"))
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for f.now.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	if _, err := p.Do(ctx, call("echo", "x")); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	<-gone
	if s := p.Snapshot(); s.Workers[0].InFlight != 0 || s.Workers[0].LastError != "" {
		t.Fatalf("the caller's leaving is held against the worker: %+v", s.Workers[0])
	}
}

// Whatever the worker breaks, the caller of a route that is not idempotent
// gets one clean 502, and the call is not sent again.
func TestWorkerFails(t *testing.T) {
	t.Parallel()
	hijack := func(answer string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			c, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_, _ = io.WriteString(c, answer)
				_ = c.Close()
			}
		}
	}
	for name, answer := range map[string]http.HandlerFunc{
		"hangs up":       hangUp,
		"garbage":        hijack("hello, I am no HTTP server\r\n\r\n"),
		"half a head":    hijack("HTTP/1.1 200 OK\r\nContent-Ty"),
		"half a body":    hijack("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"half\":"),
		"half in chunks": hijack("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n"),
		"two framings":   hijack("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
		"stack trace": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(500)
			_, _ = io.WriteString(w, "Traceback: /home/app/worker.py on host db-7")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, healthy(4, "echo"))
			f.answer = answer
			p := newPool(t, nil, f.worker("w"))
			_, err := p.Do(t.Context(), call("echo", "x"))
			e := refusedWith(t, err, 502, "worker_failed")
			if e.Cause == nil || strings.Contains(e.Message, "127.0.0.1") || strings.Contains(e.Message, "Traceback") {
				t.Fatalf("message %q, cause %v", e.Message, e.Cause)
			}
			if n := f.calls.Load(); n != 1 {
				t.Fatalf("the call was sent %d times", n)
			}
			if s := p.Snapshot().Workers[0]; s.InFlight != 0 || s.LastError == "" {
				t.Fatalf("%+v", s)
			}
		})
	}
}

func TestEnvelopesComeThrough(t *testing.T) {
	t.Parallel()
	f := newFake(t, healthy(4, "echo"))
	p := newPool(t, nil, f.worker("w"))
	for status, code := range map[int]string{422: "too_few_points", 500: "internal", 503: "overloaded", 404: "not_found"} {
		f.set(func(f *fakeWorker) { f.answer = envelope(status, code) })
		resp, err := p.Do(t.Context(), call("echo", "x"))
		if got := answered(t, resp, err); resp.Status != status || !strings.Contains(got, code) {
			t.Errorf("%d %s: got %d %s", status, code, resp.Status, got)
		}
	}
}

func TestRetries(t *testing.T) {
	t.Parallel()
	t.Run("idempotent calls go to another worker", func(t *testing.T) {
		t.Parallel()
		bad, good := newFake(t, healthy(4, "echo")), newFake(t, healthy(4, "echo"))
		bad.answer = hangUp
		p := newPool(t, func(o *Options) { o.EjectAfter = 1000 }, bad.worker("bad"), good.worker("good"))
		untilState(t, p, "bad", stateReady)
		untilState(t, p, "good", stateReady)
		for range 10 {
			r := call("echo", "x")
			r.Idempotent = true
			resp, err := p.Do(t.Context(), r)
			answered(t, resp, err)
			if resp.WorkerName != "good" {
				t.Fatalf("answered by %s", resp.WorkerName)
			}
		}
		if bad.calls.Load() == 0 {
			t.Fatal("the bad worker was never tried: the test shows nothing")
		}
	})
	t.Run("within the budget", func(t *testing.T) {
		t.Parallel()
		f := newFake(t, healthy(4, "echo"))
		f.answer = hangUp
		p := newPool(t, func(o *Options) { o.EjectAfter = 1 << 20 }, f.worker("w"))
		untilState(t, p, "w", stateReady)
		const calls = 200
		for range calls {
			r := call("echo", "x")
			r.Idempotent = true
			_, err := p.Do(t.Context(), r)
			refusedWith(t, err, 502, "worker_failed")
		}
		if again := int(f.calls.Load()) - calls; again > calls/5+retryReserve || again < retryReserve {
			t.Fatalf("%d calls were sent again, want at most a fifth and the reserve", again)
		}
	})
	t.Run("a worker that cannot be reached", func(t *testing.T) {
		t.Parallel()
		dead, good := newFake(t, healthy(4, "echo")), newFake(t, healthy(4, "echo"))
		p := newPool(t, func(o *Options) { o.ProbeSlow, o.ProbeFast = time.Hour, time.Hour }, dead.worker("dead"), good.worker("good"))
		untilState(t, p, "dead", stateReady)
		untilState(t, p, "good", stateReady)
		dead.stop()
		for range 10 {
			resp, err := p.Do(t.Context(), call("echo", "x"))
			answered(t, resp, err)
		}
		untilState(t, p, "dead", stateUnreachable)
	})
	t.Run("held until a restarted worker is back", func(t *testing.T) {
		t.Parallel()
		f := newFake(t, healthy(4, "echo"))
		p := newPool(t, func(o *Options) { o.ProbeSlow = time.Hour }, f.worker("w"))
		untilState(t, p, "w", stateReady)
		f.stop()
		done := make(chan struct{})
		go func() {
			defer close(done)
			resp, err := p.Do(context.Background(), call("echo", "x"))
			if err != nil {
				t.Error(err)
				return
			}
			if _ = resp.Body.Close(); resp.Attempts != 2 || !resp.Cold {
				t.Errorf("%d attempts, cold %v", resp.Attempts, resp.Cold)
			}
		}()
		eventually(t, "the call is held", func() bool { return p.Snapshot().Held == 1 })
		f.start()
		<-done
	})
	t.Run("a full worker is waited for", func(t *testing.T) {
		t.Parallel()
		h := healthy(4, "echo")
		h.InFlight = 4 // another gateway's
		f := newFake(t, h)
		f.answer = envelope(503, "worker_busy")
		p := newPool(t, nil, f.worker("w"))
		short := call("echo", "x")
		short.MaxWait = 50 * time.Millisecond
		_, err := p.Do(t.Context(), short)
		refusedWith(t, err, 503, "queue_full")
		if n := f.calls.Load(); n != 1 {
			t.Fatalf("a full worker was sent %d calls", n)
		}
		refusals := 0
		f.set(func(f *fakeWorker) {
			f.health.InFlight = 0
			f.answer = func(w http.ResponseWriter, r *http.Request) {
				if refusals++; refusals <= 6 {
					envelope(503, "worker_busy")(w, r)
				}
			}
		})
		resp, err := p.Do(t.Context(), call("echo", "x"))
		if answered(t, resp, err); resp.Status != 200 || resp.Attempts != 7 {
			t.Fatalf("%d after %d attempts", resp.Status, resp.Attempts)
		}
	})
	for _, code := range []string{"still_loading", "draining"} {
		t.Run("refused as "+code, func(t *testing.T) {
			t.Parallel()
			f := newFake(t, healthy(4, "echo"))
			var refusals atomic.Int32
			f.answer = func(w http.ResponseWriter, r *http.Request) {
				if refusals.Add(1) == 1 {
					envelope(503, code)(w, r)
				}
			}
			p := newPool(t, nil, f.worker("w"))
			resp, err := p.Do(t.Context(), call("echo", "x"))
			answered(t, resp, err)
			if resp.Attempts != 2 {
				t.Fatalf("%d attempts", resp.Attempts)
			}
			f.set(func(f *fakeWorker) { f.answer = envelope(503, code) })
			_, err = p.Do(t.Context(), call("echo", "x"))
			refusedWith(t, err, 503, "still_loading")
			if n := f.calls.Load(); n != 2+3 {
				t.Fatalf("%d calls reached the worker, want 5", n)
			}
		})
	}
}

// An answer that is not what its head says is the worker's failure, and none
// of its words reach the caller or the log.
func TestAnswersThatAreNotJSON(t *testing.T) {
	t.Parallel()
	f := newFake(t, healthy(4, "echo"))
	p := newPool(t, nil, f.worker("w"))
	for _, c := range []struct {
		name, kind, body string
		status           int
	}{
		{"not JSON", "application/json", `{"secret":NaN}`, 200},
		{"half of it", "application/json; charset=utf-8", `{"secret":`, 200},
		{"nothing", "application/json", "", 200},
		{"a page", "text/html; charset=utf-8", "<html>secret</html>", 200},
		{"a page for a refusal", "text/html", "<html>secret</html>", 404},
		{"a trace", "text/plain", "secret", 500},
		{"an envelope without a code", "application/json", `{"message":"secret"}`, 500},
	} {
		f.set(func(f *fakeWorker) {
			f.answer = func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", c.kind)
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}
		})
		before := f.calls.Load()
		_, err := p.Do(t.Context(), call("echo", "{}"))
		e := refusedWith(t, err, 502, "worker_failed")
		if strings.Contains(e.Error(), "secret") {
			t.Errorf("%s: %v repeats what the worker said", c.name, e)
		}
		if n := f.calls.Load() - before; n != 1 {
			t.Errorf("%s: sent %d times", c.name, n)
		}
		f.set(func(f *fakeWorker) { f.answer = nil })
		resp, err := p.Do(t.Context(), call("echo", "{}"))
		answered(t, resp, err)
	}
}

// A worker that breaks calls and is then gone for a while: calls that may be
// repeated wait for it, however often it could not be reached in between.
func TestRepeatableCallOutlivesAWorkersRestart(t *testing.T) {
	t.Parallel()
	f := newFake(t, healthy(4, "echo"))
	f.answer = hangUp
	p := newPool(t, nil, f.worker("w"))
	untilState(t, p, "w", stateReady)
	var broken atomic.Int32
	gone := make(chan struct{})
	f.set(func(f *fakeWorker) {
		f.answer = func(w http.ResponseWriter, r *http.Request) {
			if broken.Add(1) == 2 {
				// Before the call breaks: all further attempts find nobody. Were
				// it still there when the third one came, that one would be the
				// last.
				f.stop()
				close(gone)
			}
			hangUp(w, r)
		}
	})
	ended := make(chan error, 1)
	go func() {
		r := call("echo", "{}")
		r.Idempotent = true
		resp, err := p.Do(context.Background(), r)
		if err == nil {
			err = resp.Body.Close()
		}
		ended <- err
	}()
	<-gone
	untilState(t, p, "w", stateUnreachable)
	f.set(func(f *fakeWorker) { f.answer = nil })
	f.start()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}
