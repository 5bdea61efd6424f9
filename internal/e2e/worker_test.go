package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

const revenue = `{"time_series":[12,15,14,18,21,19,24,26,25,29,31,30,34,37,36,40],"forecast_steps":3,"sequence_length":4,"mode":"auto","freq":"D"}`

// Calls that come before there is any worker are held, and succeed once one
// has been started and is ready for them.
func TestCallsWaitForAWorkerThatIsNotThereYet(t *testing.T) {
	t.Parallel()
	address := freeAddress(t)
	g := startGateway(t, gatewaySetup{worker: "http://" + address})
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			a, err := try("POST", g.url+"/predict/revenue-lstm", enterpriseKey, revenue)
			switch {
			case err != nil:
				t.Errorf("call %d: %v", i, err)
			case a.status != 200 || a.header.Get("X-Omni-Cold-Start") != "true":
				t.Errorf("call %d: cold start %q, %s", i, a.header.Get("X-Omni-Cold-Start"), a)
			case !strings.Contains(a.header.Get("Server-Timing"), "queue;dur="):
				t.Errorf("call %d: Server-Timing %q", i, a.header.Get("Server-Timing"))
			}
		})
	}
	held := func() bool {
		a := g.call("GET", "/metrics", "", "")
		return metric(string(a.body), "api_active_requests") >= 12
	}
	eventually(t, "twelve calls held", held)
	startWorker(t, address, t.TempDir())
	wg.Wait()
	if a := g.want(200, "POST", "/predict/revenue-lstm", proKey, revenue); a.header.Get("X-Omni-Cold-Start") != "" {
		t.Error("a call to a ready worker is said to be a cold start")
	}
}

// metric reads one sample without labels.
func metric(text, name string) float64 {
	for line := range strings.Lines(text) {
		var v float64
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			if _, err := fmt.Sscan(rest, &v); err == nil {
				return v
			}
		}
	}
	return -1
}

// A worker killed while it runs calls: those that may be repeated succeed on
// the next worker, the others fail once and are not repeated.
func TestWorkerKilledInMidCall(t *testing.T) {
	t.Parallel()
	p := startPlatform(t, gatewaySetup{})
	// Each asks something else, so that none waits for another's answer.
	slow := `{"time_series":[` + strings.TrimSuffix(strings.Repeat("12,15,14,18,21,19,24,26,25,29,", 60), ",") +
		`],"forecast_steps":3,"sequence_length":30,"mode":"local","epochs":150,"seed":%d}`
	p.want(200, "POST", "/predict/revenue-lstm", enterpriseKey, revenue)
	interactions := func(i int) string {
		return fmt.Sprintf(`{"interactions":[{"event_id":"e%d","user_id":"u","item_id":"i","type":"view"}]}`, i)
	}
	var wg sync.WaitGroup
	begun := make(chan struct{}, 4)
	for i := range 4 {
		wg.Go(func() {
			begun <- struct{}{}
			a, err := try("POST", p.url+"/predict/revenue-lstm", enterpriseKey, fmt.Sprintf(slow, i))
			if err != nil || a.status != 200 {
				t.Errorf("idempotent call %d: %v %s", i, err, a)
			}
		})
	}
	for range 4 {
		<-begun
	}
	eventually(t, "calls running on the worker", func() bool {
		a, err := try("GET", p.worker.url+"/internal/health", "", "")
		if err != nil {
			t.Fatal(err)
		}
		return a.field(t, "in_flight").(float64) >= 2
	})
	p.worker.kill()
	p.restartWorker()
	wg.Wait()
	for i := range 3 {
		p.want(200, "POST", "/recommend/interactions", enterpriseKey, interactions(i))
	}
}

// A route that is not idempotent is sent once, whatever becomes of it.
func TestBrokenCallIsNotRepeatedUnlessItMayBe(t *testing.T) {
	t.Parallel()
	w := startStub(t, raw(""))
	g := startGateway(t, gatewaySetup{worker: w.URL})
	g.workersReady()
	a := g.want(502, "POST", "/recommend/interactions", proKey, `{"interactions":[]}`)
	if a.code() != "worker_failed" || w.count() != 1 {
		t.Fatalf("%d sent, answered %s", w.count(), a)
	}
	w.set(true, nil)
	g.want(200, "POST", "/recommend/interactions", proKey, `{"interactions":[]}`)

	failures := 1
	w.set(true, func(rw http.ResponseWriter, r *http.Request) {
		if failures > 0 {
			failures--
			raw("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"half\"")(rw, r)
			return
		}
		echo(rw, r)
	})
	g.want(200, "POST", "/predict/revenue", proKey, `{"historical_data":[]}`)
}

// Whatever a worker says instead of an answer becomes a 502 (or, if it says
// nothing, a 504) in our words, and the next call finds the worker recovered.
func TestWorkerAnsweringGarbage(t *testing.T) {
	t.Parallel()
	w := startStub(t, nil)
	g := startGateway(t, gatewaySetup{worker: w.URL, yaml: "routes: [{method: POST, path: /recommend/interactions, service: recommend, timeout: 1s}]\n"})
	g.workersReady()
	const ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	for _, c := range []struct {
		name   string
		handle http.HandlerFunc
		status int
	}{
		{"nothing", raw(""), 502},
		{"not HTTP", raw("SSH-2.0-OpenSSH_9.6\r\n"), 502},
		{"noise", raw("\x00\xff\x16\x03\x01\x02\x00\x01"), 502},
		{"half a status line", raw("HTTP/1.1 2"), 502},
		{"head without an end", raw("HTTP/1.1 200 OK\r\nContent-Type: app"), 502},
		{"half a body", raw(ok + "Content-Length: 100\r\n\r\n{\"a\":"), 502},
		{"two lengths", raw(ok + "Content-Length: 2\r\nContent-Length: 7\r\n\r\n{}     "), 502},
		{"length and chunks", raw(ok + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"), 502},
		{"negative length", raw(ok + "Content-Length: -1\r\n\r\n{}"), 502},
		{"length beyond all", raw(ok + "Content-Length: 99999999999999999999\r\n\r\n{}"), 502},
		{"length that is a word", raw(ok + "Content-Length: two\r\n\r\n{}"), 502},
		{"bad chunk", raw(ok + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"), 502},
		{"chunks without an end", raw(ok + "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"), 502},
		{"unknown coding", raw(ok + "Transfer-Encoding: gzip\r\n\r\n{}"), 502},
		{"endless head", raw(ok + "X-Pad: " + strings.Repeat("a", 8<<20) + "\r\n\r\n{}"), 502},
		{"status out of range", raw("HTTP/1.1 999 Odd\r\nContent-Length: 2\r\n\r\n{}"), 502},
		{"length too short", raw(ok + "Content-Length: 3\r\n\r\n{\"a\":1}"), 502},
		{"JSON that is none", raw(ok + "Content-Length: 9\r\n\r\n{\"a\":NaN}"), 502},
		{"a page of HTML", raw("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>"), 502},
		{"a stack trace", func(rw http.ResponseWriter, _ *http.Request) {
			http.Error(rw, "Traceback: File \"/srv/secret/model.py\" "+marker, http.StatusInternalServerError)
		}, 502},
		{"a refusal of the gateway", func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusForbidden) }, 502},
		{"silence", hang, 504},
	} {
		w.set(true, c.handle)
		before := w.count()
		a := g.call("POST", "/recommend/interactions", enterpriseKey, `{"interactions":[]}`)
		if a.status != c.status || (a.code() != "worker_failed" && a.code() != "deadline_exceeded") {
			t.Errorf("%s: want %d, got %s", c.name, c.status, a)
		}
		if n := w.count() - before; n != 1 {
			t.Errorf("%s: sent %d times", c.name, n)
		}
		if strings.Contains(string(a.body), "secret") || strings.Contains(string(a.body), "Traceback") {
			t.Errorf("%s: the worker's words were passed on: %s", c.name, a)
		}
		w.set(true, nil)
		if a := g.call("POST", "/recommend/interactions", enterpriseKey, `{"interactions":[]}`); a.status != 200 {
			t.Errorf("after %s: %s", c.name, a)
		}
	}
	g.running()
}

// A worker that breaks off an answer too long to be held back breaks the
// caller's connection, since half an answer must not look whole; and it is
// counted, entered and logged like any other failure.
func TestLongAnswerBrokenOff(t *testing.T) {
	t.Parallel()
	w := startStub(t, raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 3000000\r\n\r\n"+strings.Repeat(" ", 2_000_000)))
	g := startGateway(t, gatewaySetup{worker: w.URL})
	g.workersReady()
	if a, err := try("POST", g.url+"/recommend/interactions", proKey, `{"interactions":[]}`); err == nil {
		t.Fatalf("half an answer looks whole: %d with %d bytes", a.status, len(a.body))
	}
	eventually(t, "the failure counted", func() bool {
		a := g.call("GET", "/metrics", "", "")
		return strings.Contains(string(a.body), `api_requests_total{endpoint="/recommend/interactions",method="POST",status="200"} 1`) &&
			strings.Contains(string(a.body), `api_active_requests 1`) // the scrape itself
	})
	u := g.want(200, "GET", "/usage", proKey, "")
	if !strings.Contains(string(u.body), "/recommend/interactions") {
		t.Fatalf("the call is not in the ledger: %s", u)
	}
	w.set(true, nil)
	g.want(200, "POST", "/recommend/interactions", proKey, `{"interactions":[]}`)
}
