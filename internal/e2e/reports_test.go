package e2e

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Worker failures and 5xx are reported to the error tracker with the request
// id, the tenant and the route, and with nothing of the caller's.
func TestFailuresReachTheErrorTracker(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var received strings.Builder
	const publicKey = "fedcba9876543210fedcba9876543210"
	tracker := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		received.Write(body)
		mu.Unlock()
		_, _ = io.WriteString(w, `{"id":"1"}`)
	}))
	t.Cleanup(tracker.Close)
	w := startStub(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		http.Error(w, "Traceback: "+string(body), http.StatusInternalServerError)
	})
	g := startGateway(t, gatewaySetup{worker: w.URL, env: []string{"SENTRY_DSN=" + strings.Replace(tracker.URL, "://", "://"+publicKey+"@", 1) + "/42"}})
	g.workersReady()
	g.want(502, "POST", "/recommend/interactions", proKey, `{"interactions":[{"user_id":"`+marker+`"}]}`,
		"X-Request-ID", "request-0001", "Cookie", "session="+marker, "X-Secret", marker)
	g.want(422, "GET", "/jobs?limit=0", proKey, "", "X-Request-ID", "request-0002")
	w.set(true, nil)
	g.want(200, "POST", "/anomaly/detect", proKey, `{}`, "X-Request-ID", "request-0003")
	g.signal(syscall.SIGTERM) // which sends what is queued
	if code := g.exit(); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	mu.Lock()
	defer mu.Unlock()
	text := received.String()
	for _, want := range []string{"request-0001", "demo-tenant-2", "/recommend/interactions", "worker_failed", `"502"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the report lacks %q: %.2000s", want, text)
		}
	}
	for _, never := range []string{"request-0002", "request-0003", "Traceback", "Cookie", "Go-http-client"} {
		if strings.Contains(text, never) {
			t.Errorf("the report holds %q: %.2000s", never, text)
		}
	}
	checkForSecrets(t, "the report", text)
	if log := g.out.String(); strings.Contains(log, publicKey) || strings.Contains(log, tracker.URL) {
		t.Error("the log holds the DSN")
	}
}
