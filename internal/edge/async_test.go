package edge_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/config"
	"github.com/omni-run/omni/internal/usage"
)

func mustQuery(t *testing.T, tenant string) usage.Query {
	t.Helper()
	days, err := usage.ParseRange(url.Values{}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return usage.Query{Tenant: tenant, Range: days}
}

func TestAsync(t *testing.T) {
	t.Parallel()
	f := start(t, setup{handler: func(w http.ResponseWriter, r *http.Request) {
		switch body, _ := io.ReadAll(r.Body); {
		case r.Method == "GET":
			w.WriteHeader(404)
		case strings.Contains(string(body), "refuse"):
			w.WriteHeader(422)
			_, _ = w.Write([]byte(`{"status":"error","error":"too_short","message":"m","request_id":"r"}`))
		case strings.Contains(string(body), "hang"):
			<-r.Context().Done()
		default:
			_, _ = w.Write([]byte(`{"forecast":[1,2]}`))
		}
	}})
	submit := func(body string) string {
		t.Helper()
		a := f.call("POST", "/predict/revenue", proKey, body, "Prefer", "wait=5, respond-async")
		if a.status != 202 || a.json["status"] != "accepted" || a.header.Get("Location") != "/jobs/"+fmt.Sprint(a.json["job_id"]) {
			t.Fatalf("%d %s %v", a.status, a.raw, a.header)
		}
		return a.header.Get("Location")
	}
	end := func(location string) answer {
		t.Helper()
		var a answer
		eventually(t, location+" ends", func() bool {
			a = f.call("GET", location, proKey, "")
			return a.json["finished_at"] != nil
		})
		return a
	}
	location := submit(`{}`)
	if a := end(location); a.json["status"] != "succeeded" || a.json["result"].(map[string]any)["forecast"] == nil {
		t.Errorf("%s", a.raw)
	}
	for _, method := range []string{"GET", "DELETE"} {
		if a := f.call(method, location, freeKey, ""); a.status != 404 {
			t.Errorf("another tenant's %s: %d", method, a.status)
		}
	}
	if a := end(submit(`{"refuse":1}`)); a.json["status"] != "failed" || a.json["error"].(map[string]any)["error"] != "too_short" {
		t.Errorf("%s", a.raw)
	}
	hanging := submit(`{"hang":1}`)
	f.call("DELETE", hanging, proKey, "")
	if a := end(hanging); a.json["status"] != "cancelled" {
		t.Errorf("%s", a.raw)
	}
	if a := f.call("POST", "/models/train", proKey, `{}`); a.status != 202 {
		t.Errorf("a route marked async: %d %s", a.status, a.raw)
	}
	if a := f.call("GET", "/jobs?limit=2", proKey, ""); a.status != 200 || len(a.json["jobs"].([]any)) != 2 {
		t.Errorf("list: %s", a.raw)
	}
	if a := f.call("GET", "/jobs?limit=x", proKey, ""); a.status != 422 {
		t.Errorf("bad limit: %d", a.status)
	}
}

func TestJobEventsStreamToTheEnd(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	f := start(t, setup{handler: func(w http.ResponseWriter, r *http.Request) {
		<-release
		_, _ = w.Write([]byte(`{}`))
	}})
	location := f.call("POST", "/predict/revenue", proKey, `{}`, "Prefer", "respond-async").header.Get("Location")
	req, _ := http.NewRequestWithContext(t.Context(), "GET", f.url+location+"/events", http.NoBody)
	req.Header.Set("X-API-Key", proKey)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if ct := res.Header.Get("Content-Type"); ct != "text/event-stream" {
		t.Fatal(ct)
	}
	lines := bufio.NewScanner(res.Body)
	lines.Scan()
	if lines.Text() != "event: progress" {
		t.Fatalf("first line %q", lines.Text())
	}
	close(release)
	last := ""
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "event: ") {
			last = lines.Text()
		}
	}
	if last != "event: end" {
		t.Errorf("last event %q", last)
	}
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	runs := map[string]int{}
	f := start(t, setup{handler: func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		runs[string(body)]++
		n := runs[string(body)]
		mu.Unlock()
		if strings.Contains(string(body), "broken") && n == 1 {
			w.WriteHeader(500)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"run":%d}`, n)
	}})
	call := func(key, body string) answer {
		return f.call("POST", "/agents/observe", proKey, body, "Idempotency-Key", key)
	}
	a, b := call("k1", `{"a":1}`), call("k1", `{"a":1}`)
	if a.status != 200 || a.raw != b.raw || b.header.Get("Idempotent-Replay") != "true" || a.header.Get("Idempotent-Replay") != "" || b.header.Get("Content-Type") != "application/json" {
		t.Errorf("replay: %s %s %v", a.raw, b.raw, b.header)
	}
	if c := call("k1", `{"a":2}`); c.status != 409 {
		t.Errorf("another body: %d", c.status)
	}
	if c := f.call("POST", "/agents/observe", freeKey, `{"a":1}`, "Idempotency-Key", "k1"); c.header.Get("Idempotent-Replay") != "" || c.status != 200 {
		t.Errorf("another tenant got the stored answer: %d %s", c.status, c.raw)
	}
	if c := call("k2", `{"broken":1}`); c.status != 502 {
		t.Errorf("first failure: %d", c.status)
	}
	if c := call("k2", `{"broken":1}`); c.status != 200 || c.header.Get("Idempotent-Replay") != "" {
		t.Errorf("a failure was stored: %d %v", c.status, c.header)
	}
	if c := call(strings.Repeat("k", 300), `{}`); c.status != 400 {
		t.Errorf("long key: %d", c.status)
	}
	first := f.call("POST", "/predict/revenue", proKey, `{}`, "Prefer", "respond-async", "Idempotency-Key", "k3")
	second := f.call("POST", "/predict/revenue", proKey, `{}`, "Prefer", "respond-async", "Idempotency-Key", "k3")
	if first.status != 202 || first.raw != second.raw || second.header.Get("Location") != first.header.Get("Location") {
		t.Errorf("one job for two calls: %s %s", first.raw, second.raw)
	}
}

func TestDrainAnswersHeldCalls(t *testing.T) {
	t.Parallel()
	f := start(t, setup{cold: true, config: shortDrain})
	done := make(chan answer, 1)
	go func() {
		a, err := f.try("POST", "/sentiment/analyze", proKey, `{}`)
		if err != nil {
			t.Error(err)
		}
		done <- a
	}()
	eventually(t, "the call is held", func() bool {
		return strings.Contains(f.call("GET", "/metrics", "", "").raw, "api_active_requests 2") // it, and this scrape
	})
	f.stop()
	if a := <-done; a.status != 503 || a.header.Get("Retry-After") == "" {
		t.Errorf("a held call at shutdown: %d %s", a.status, a.raw)
	}
}

func shortDrain(c *config.Config) { c.Limits.DrainTimeout = config.Duration(2 * time.Second) }
