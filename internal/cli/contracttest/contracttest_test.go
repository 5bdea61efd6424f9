package contracttest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/cli/contracttest"
)

// stub is a small worker that keeps the contract; a test breaks one rule.
type stub struct {
	inFlight atomic.Int64
	token    string
	// breach, if set, answers instead; it reports whether it did.
	breach func(s *stub, w http.ResponseWriter, r *http.Request) bool
	health func(h map[string]any)
}

func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.breach != nil && s.breach(s, w, r) {
		return
	}
	switch {
	case r.URL.Path == "/internal/health":
		h := map[string]any{
			"status": "ok", "services_ready": true, "services": map[string]any{"echo": map[string]any{"state": "ready", "seconds": 0.1}},
			"in_flight": s.inFlight.Load(), "max_concurrency": 2, "version": "1",
		}
		if s.health != nil {
			s.health(h)
		}
		reply(w, 200, h)
	case s.token != "" && r.Header.Get(api.HeaderWorkerToken) != s.token:
		refuse(w, r, 401, "untrusted_caller")
	case r.URL.Path == "/internal/metrics":
		_, _ = io.WriteString(w, "# TYPE calls_total counter\ncalls_total 1\n")
	case r.URL.Path != "/internal/echo":
		refuse(w, r, 404, "not_found")
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", "POST")
		refuse(w, r, 405, "method_not_allowed")
	default:
		s.inFlight.Add(1)
		defer s.inFlight.Add(-1)
		body, err := io.ReadAll(r.Body)
		if err != nil || !json.Valid(body) {
			refuse(w, r, 400, "malformed_json")
			return
		}
		reply(w, 200, map[string]any{"status": "success", "request_id": r.Header.Get(api.HeaderRequestID)})
	}
}

func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, r *http.Request, status int, code string) {
	reply(w, status, map[string]any{"status": "error", "error": code, "message": "no", "request_id": r.Header.Get(api.HeaderRequestID)})
}

func run(t *testing.T, s *stub) []contracttest.Result {
	t.Helper()
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	results, err := contracttest.Run(t.Context(), contracttest.Target{
		URL: server.URL, Token: s.token, Method: "POST", Path: "/internal/echo", Body: `{"a":1}`, Patience: 2 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	return results
}

func failed(results []contracttest.Result) (names []string) {
	for _, r := range results {
		if r.Outcome == contracttest.Failed {
			names = append(names, r.Check)
		}
	}
	return names
}

func TestAWorkerThatKeepsTheContract(t *testing.T) {
	t.Parallel()
	results := run(t, &stub{token: "secret"})
	for _, r := range results {
		if r.Outcome != contracttest.Passed {
			t.Errorf("%+v", r)
		}
	}
	if len(results) < 15 {
		t.Errorf("%d checks", len(results))
	}
}

func onCalls(f func(s *stub, w http.ResponseWriter, r *http.Request)) func(*stub, http.ResponseWriter, *http.Request) bool {
	return func(s *stub, w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != "/internal/echo" || r.Method != http.MethodPost {
			return false
		}
		f(s, w, r)
		return true
	}
}

// Each broken rule is found, by the check that is about it.
func TestBreaches(t *testing.T) {
	t.Parallel()
	for want, s := range map[string]*stub{
		"health answers":            {breach: func(_ *stub, w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(500); return true }},
		"health has every field":    {health: func(h map[string]any) { delete(h, "version") }},
		"health agrees with itself": {health: func(h map[string]any) { h["services_ready"] = false }},
		"in_flight returns to zero": {health: func(h map[string]any) { h["in_flight"] = 3 }},
		"strangers are refused": {token: "secret", breach: func(s *stub, _ http.ResponseWriter, r *http.Request) bool {
			r.Header.Set(api.HeaderWorkerToken, s.token)
			return false
		}},
		"a call is answered": {breach: onCalls(func(_ *stub, w http.ResponseWriter, _ *http.Request) {
			reply(w, 200, map[string]any{"status": "success"})
		})},
		"malformed JSON is refused": {breach: onCalls(func(_ *stub, w http.ResponseWriter, r *http.Request) {
			reply(w, 200, map[string]any{"request_id": r.Header.Get(api.HeaderRequestID)})
		})},
		"connections are kept": {breach: func(_ *stub, w http.ResponseWriter, _ *http.Request) bool {
			w.Header().Set("Connection", "close")
			return false
		}},
		"too many calls at once": {breach: onCalls(breaksAtThird())},
		"metrics can be read":    {breach: answerAt("/internal/metrics", "<html>")},
		"an unknown path is 404": {breach: answerAt("/internal/no-such-path-as-this", "{}")},
		"the wrong method is refused": {breach: func(_ *stub, w http.ResponseWriter, r *http.Request) bool {
			w.Header().Del("Allow")
			return noAllow(w, r)
		}},
	} {
		t.Run(want, func(t *testing.T) {
			t.Parallel()
			if got := failed(run(t, s)); !slices.Contains(got, want) {
				t.Errorf("found %q", got)
			}
		})
	}
}

// breaksAtThird answers two calls at once, and breaks down at a third.
func breaksAtThird() func(s *stub, w http.ResponseWriter, r *http.Request) {
	third := make(chan struct{})
	var entered atomic.Int64
	return func(_ *stub, w http.ResponseWriter, r *http.Request) {
		switch n := entered.Add(1); {
		case n <= 6: // those of the checks before, made one by one
		case n == 9:
			close(third)
			w.WriteHeader(500)
			return
		default:
			select {
			case <-third:
			case <-r.Context().Done():
			}
		}
		reply(w, 200, map[string]any{"request_id": r.Header.Get(api.HeaderRequestID)})
	}
}

func answerAt(path, body string) func(*stub, http.ResponseWriter, *http.Request) bool {
	return func(_ *stub, w http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path != path {
			return false
		}
		_, _ = io.WriteString(w, body)
		return true
	}
}

func noAllow(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodDelete {
		return false
	}
	refuse(w, r, 405, "method_not_allowed")
	return true
}

func TestBadTargets(t *testing.T) {
	t.Parallel()
	for _, target := range []contracttest.Target{{URL: "localhost:80"}, {URL: "ftp://x"}, {URL: "http://x", Path: "/predict"}} {
		if _, err := contracttest.Run(t.Context(), target); err == nil {
			t.Errorf("%+v is accepted", target)
		}
	}
}

func TestALifeThatEndsEarly(t *testing.T) {
	t.Parallel()
	results, err := contracttest.RunLife(t.Context(), contracttest.Life{Command: []string{"false"}, Output: io.Discard, ReadyWithin: time.Second}, contracttest.Target{Patience: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if got := results[0]; got.Outcome != contracttest.Failed || !strings.Contains(got.Found, "ended by itself") {
		t.Errorf("%+v", got)
	}
	if _, err := contracttest.RunLife(t.Context(), contracttest.Life{Command: []string{"/no/such/program"}, Output: io.Discard}, contracttest.Target{}); err == nil {
		t.Error("a missing program is no error")
	}
}
