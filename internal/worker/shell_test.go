package worker_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/observe"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/worker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo is a service whose loading and whose answers a test controls.
type echo struct {
	name    string
	loaded  chan struct{} // Load waits for it when not nil
	loadErr error
	routes  []service.Route
}

func (e *echo) Name() string            { return e.name }
func (e *echo) Routes() []service.Route { return e.routes }
func (e *echo) Load(ctx context.Context) error {
	if e.loaded != nil {
		select {
		case <-e.loaded:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return e.loadErr
}

type echoRequest struct {
	api.Request
	Text   string     `json:"text"`
	Number int        `json:"number"`
	Series api.Values `json:"series"`
}

type echoAnswer struct {
	api.Answer
	Text   string  `json:"text"`
	Number float64 `json:"number"`
}

func echoRoutes(model string) []service.Route {
	return []service.Route{
		{Method: "POST", Path: "/echo", Model: model, Handler: service.JSON(func(_ context.Context, c *service.Call, r *echoRequest) (*echoAnswer, error) {
			switch r.Text {
			case "panic":
				panic("secret detail")
			case "broken":
				return nil, errors.New("secret detail")
			case "nan":
				return &echoAnswer{Number: math.NaN()}, nil
			case "refuse":
				return nil, api.Unprocessable("bad_text", "text cannot be %q", r.Text).At("text", "refused")
			}
			c.Progress(0.5)
			return &echoAnswer{Text: r.Text + "/" + c.Tenant + "/" + c.Tier}, nil
		})},
		{Method: "GET", Path: "/echo/{id}", Handler: service.Query(func(_ context.Context, c *service.Call) (*echoAnswer, error) {
			return &echoAnswer{Text: c.Path["id"] + c.Query.Get("q")}, nil
		})},
	}
}

func newShell(t *testing.T, o worker.Options) (*worker.Shell, *httptest.Server) {
	t.Helper()
	o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	o.Registry = observe.NewRegistry("worker", "test")
	s, err := worker.New(o)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s.Handler())
	t.Cleanup(srv.Close)
	return s, srv
}

func send(t *testing.T, srv *httptest.Server, method, path, body string, header ...string) (int, map[string]any, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, srv.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set(api.HeaderTenantID, "acme")
	req.Header.Set(api.HeaderTenantTier, "pro")
	req.Header.Set(api.HeaderRequestID, "req-1")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatalf("%s %s: not JSON: %q", method, path, raw)
	}
	return res.StatusCode, out, res.Header
}

func TestAnswersBearTheCommonFields(t *testing.T) {
	t.Parallel()
	s, srv := newShell(t, worker.Options{Services: []service.Service{&echo{name: "echo", routes: echoRoutes("echo")}}})
	s.Start(t.Context())
	s.Wait()
	status, out, _ := send(t, srv, "POST", "/internal/echo", `{"text":"hi","tenant_id":"someone-else"}`)
	if status != 200 || out["text"] != "hi/acme/pro" || out["status"] != "success" || out["tenant_id"] != "acme" || out["request_id"] != "req-1" {
		t.Fatalf("%d %v", status, out)
	}
	warnings, _ := out["warnings"].([]any)
	if len(warnings) != 1 || !strings.Contains(warnings[0].(string), "someone-else") {
		t.Fatalf("a claimed tenant was not reported: %v", out["warnings"])
	}
	if _, out, _ = send(t, srv, "GET", "/internal/echo/abc?q=1", ""); out["text"] != "abc1" {
		t.Fatalf("wildcard and query: %v", out)
	}
}

func TestBadRequests(t *testing.T) {
	t.Parallel()
	s, srv := newShell(t, worker.Options{MaxBody: 200, Services: []service.Service{&echo{name: "echo", routes: echoRoutes("echo")}}})
	s.Start(t.Context())
	s.Wait()
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		code                     string
	}{
		{"malformed", "POST", "/internal/echo", `{"text":`, 400, "malformed_json"},
		{"empty", "POST", "/internal/echo", ` `, 400, "empty_body"},
		{"two values", "POST", "/internal/echo", `{} {}`, 400, "malformed_json"},
		{"NaN", "POST", "/internal/echo", `{"series":[NaN]}`, 400, "malformed_json"},
		{"unknown field", "POST", "/internal/echo", `{"nope":1}`, 400, "unknown_field"},
		{"wrong type", "POST", "/internal/echo", `{"series":"abc"}`, 422, "wrong_type"},
		{"overflow", "POST", "/internal/echo", `{"series":[1e999]}`, 422, "wrong_type"},
		{"fraction for a whole number", "POST", "/internal/echo", `{"number":1.5}`, 422, "wrong_type"},
		{"refused", "POST", "/internal/echo", `{"text":"refuse"}`, 422, "bad_text"},
		{"too large", "POST", "/internal/echo", `{"text":"` + strings.Repeat("x", 300) + `"}`, 413, "body_too_large"},
		{"unknown path", "POST", "/internal/nope", `{}`, 404, "not_found"},
		{"wrong method", "DELETE", "/internal/echo", ``, 405, "method_not_allowed"},
		{"panic", "POST", "/internal/echo", `{"text":"panic"}`, 500, "internal"},
		{"internal error", "POST", "/internal/echo", `{"text":"broken"}`, 500, "internal"},
		{"answer that is not JSON", "POST", "/internal/echo", `{"text":"nan"}`, 500, "internal"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			status, out, _ := send(t, srv, c.method, c.path, c.body)
			if status != c.status || out["error"] != c.code || out["request_id"] != "req-1" {
				t.Fatalf("got %d %v, want %d %s", status, out, c.status, c.code)
			}
			if strings.Contains(out["message"].(string), "secret") {
				t.Fatalf("the message leaks internals: %v", out["message"])
			}
		})
	}
}

func TestReadinessIsPerService(t *testing.T) {
	t.Parallel()
	slow := &echo{name: "slow", loaded: make(chan struct{}), routes: []service.Route{{Method: "POST", Path: "/slow", Handler: echoRoutes("")[0].Handler}}}
	broken := &echo{name: "broken", loadErr: errors.New("no weights"), routes: []service.Route{{Method: "POST", Path: "/broken", Handler: echoRoutes("")[0].Handler}}}
	s, srv := newShell(t, worker.Options{Services: []service.Service{&echo{name: "echo", routes: echoRoutes("")}, slow, broken}})
	if h := s.Health(); h.Status != api.WorkerInitializing || h.ServicesReady {
		t.Fatalf("health before loading: %+v", h)
	}
	s.Start(t.Context())
	eventually(t, func() bool {
		h := s.Health()
		return h.Services["echo"].State == api.StateReady && h.Services["broken"].State == api.StateFailed
	})
	if status, _, _ := send(t, srv, "POST", "/internal/echo", `{"text":"x"}`); status != 200 {
		t.Fatalf("a ready service waits for a loading one: %d", status)
	}
	if status, out, header := send(t, srv, "POST", "/internal/slow", `{}`); status != 503 || out["error"] != "still_loading" || header.Get("Retry-After") == "" {
		t.Fatalf("loading service: %d %v", status, out)
	}
	if status, out, _ := send(t, srv, "POST", "/internal/broken", `{}`); status != 503 || out["error"] != "service_failed" {
		t.Fatalf("failed service: %d %v", status, out)
	}
	close(slow.loaded)
	s.Wait()
	if status, _, _ := send(t, srv, "POST", "/internal/slow", `{}`); status != 200 {
		t.Fatalf("after loading: %d", status)
	}
	s.Drain()
	if status, out, _ := send(t, srv, "GET", "/internal/health", ``); status != 503 || out["status"] != api.WorkerDraining {
		t.Fatalf("draining: %d %v", status, out)
	}
	if status, out, _ := send(t, srv, "POST", "/internal/echo", `{}`); status != 503 || out["error"] != "draining" {
		t.Fatalf("a draining worker takes work: %d %v", status, out)
	}
}

func TestTokenIsDemanded(t *testing.T) {
	t.Parallel()
	s, srv := newShell(t, worker.Options{Token: "right", Services: []service.Service{&echo{name: "echo", routes: echoRoutes("")}}})
	s.Start(t.Context())
	s.Wait()
	for token, want := range map[string]int{"": 401, "wrong": 401, "right": 200} {
		if status, _, _ := send(t, srv, "POST", "/internal/echo", `{"text":"x"}`, api.HeaderWorkerToken, token); status != want {
			t.Errorf("token %q: %d, want %d", token, status, want)
		}
	}
	if status, _, _ := send(t, srv, "GET", "/internal/health", ""); status != 200 {
		t.Errorf("health needs no token: %d", status)
	}
}

func TestConcurrencyIsBounded(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}, 9), make(chan struct{})
	svc := &echo{name: "echo", routes: []service.Route{{Method: "POST", Path: "/block", Handler: func(ctx context.Context, _ *service.Call) (any, error) {
		entered <- struct{}{}
		select {
		case <-release:
			return &echoAnswer{}, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}}}}
	s, srv := newShell(t, worker.Options{MaxConcurrency: 1, Services: []service.Service{svc}})
	s.Start(t.Context())
	s.Wait()
	statuses := make(chan int, 2)
	admitted := func() {
		status, _, _ := send(t, srv, "POST", "/internal/block", `{}`)
		statuses <- status
	}
	go admitted()
	<-entered
	go admitted() // takes the one waiting place
	eventually(t, func() bool { return strings.Contains(page(t, srv, "/internal/metrics"), "\nworker_waiting 1\n") })
	if status, out, header := send(t, srv, "POST", "/internal/block", `{}`); status != 503 || out["error"] != "worker_busy" || header.Get("Retry-After") == "" {
		t.Errorf("a third call: %d %v", status, out)
	}
	if got := s.Health().InFlight; got != 1 {
		t.Errorf("in flight %d, want 1", got)
	}
	close(release)
	for range 2 {
		if status := <-statuses; status != 200 {
			t.Errorf("admitted call answered %d", status)
		}
	}
}

// page reads something that is not JSON.
func page(t *testing.T, srv *httptest.Server, path string) string {
	t.Helper()
	res, err := srv.Client().Get(srv.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestDeadlineReachesTheModel(t *testing.T) {
	t.Parallel()
	svc := &echo{name: "echo", routes: []service.Route{{Method: "POST", Path: "/block", Handler: func(ctx context.Context, _ *service.Call) (any, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}}}
	s, srv := newShell(t, worker.Options{Services: []service.Service{svc}})
	s.Start(t.Context())
	s.Wait()
	if status, out, _ := send(t, srv, "POST", "/internal/block", `{}`, api.HeaderDeadline, "20"); status != 504 || out["error"] != "deadline_exceeded" {
		t.Fatalf("%d %v", status, out)
	}
}

func TestInvokeUsesAnotherServiceAsTheSameTenant(t *testing.T) {
	t.Parallel()
	s, _ := newShell(t, worker.Options{Services: []service.Service{&echo{name: "echo", routes: echoRoutes("echo")}}})
	s.Start(t.Context())
	s.Wait()
	outer := &service.Call{Tenant: "acme", Tier: "free", RequestID: "r"}
	raw, err := s.Invoke(t.Context(), outer, "POST", "/echo", map[string]any{"text": "hi"})
	if err != nil || !strings.Contains(string(raw), `"text":"hi/acme/free"`) {
		t.Fatalf("%s, %v", raw, err)
	}
	if raw, err = s.Invoke(t.Context(), outer, "GET", "/echo/7", nil); err != nil || !strings.Contains(string(raw), `"text":"7"`) {
		t.Fatalf("%s, %v", raw, err)
	}
	var refused *api.Error
	if _, err = s.Invoke(t.Context(), outer, "POST", "/echo", map[string]any{"nope": 1}); !errors.As(err, &refused) || refused.Code != "unknown_field" {
		t.Fatalf("arguments were not checked: %v", err)
	}
}

func TestServeDrains(t *testing.T) {
	t.Parallel()
	s, _ := newShell(t, worker.Options{Services: []service.Service{&echo{name: "echo", routes: echoRoutes("")}}})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, ln, 5*time.Second) }()
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if s.Health().Status != api.WorkerDraining {
		t.Fatal("a stopped worker does not say so")
	}
}

func TestTwoServicesCannotClaimOneRoute(t *testing.T) {
	t.Parallel()
	_, err := worker.New(worker.Options{
		Registry: observe.NewRegistry("worker", "test"),
		Services: []service.Service{&echo{name: "a", routes: echoRoutes("")}, &echo{name: "b", routes: echoRoutes("")}},
	})
	if err == nil {
		t.Fatal("accepted")
	}
}

// eventually polls a condition that another goroutine brings about.
func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatal("did not happen within 10 s")
}
