package observe_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/observe"
)

// ingest is an error tracker that speaks Sentry's envelope protocol: a header
// line, then for each item a line about it and its payload.
type ingest struct {
	*httptest.Server
	mu     sync.Mutex
	auth   []string
	events []map[string]any
	raw    bytes.Buffer
}

func startIngest(t *testing.T) *ingest {
	t.Helper()
	in := &ingest{}
	in.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil || r.URL.Path != "/api/42/envelope/" {
			http.Error(w, "not an envelope", http.StatusBadRequest)
			return
		}
		in.mu.Lock()
		defer in.mu.Unlock()
		in.auth = append(in.auth, r.Header.Get("X-Sentry-Auth"))
		in.raw.Write(body)
		lines := bytes.Split(bytes.TrimSpace(body), []byte("\n"))
		for i := 1; i+1 < len(lines); i += 2 {
			var item struct{ Type string }
			var event map[string]any
			if json.Unmarshal(lines[i], &item) == nil && item.Type == "event" && json.Unmarshal(lines[i+1], &event) == nil {
				in.events = append(in.events, event)
			}
		}
		_, _ = io.WriteString(w, `{"id":"1"}`)
	}))
	t.Cleanup(in.Close)
	return in
}

const publicKey = "0123456789abcdef0123456789abcdef"

func (in *ingest) dsn() string { return strings.Replace(in.URL, "://", "://"+publicKey+"@", 1) + "/42" }

func TestFailuresAreReported(t *testing.T) {
	t.Parallel()
	in := startIngest(t)
	var out bytes.Buffer
	r, err := observe.NewReporter(observe.ReportOptions{DSN: in.dsn(), Environment: "test", Release: "v1.2", Component: "gateway"}, slog.New(slog.NewJSONHandler(&out, nil)))
	if err != nil {
		t.Fatal(err)
	}
	failures := []observe.Failure{
		{Err: fmt.Errorf("wrapped: %w", errors.New("disk on fire")), Kind: "http_5xx", RequestID: "r1", Tenant: "acme", Route: "/predict/churn", Status: 500, TraceID: "t1"},
		{Err: errors.New("panic: index out of range"), Kind: "panic", RequestID: "r2", Tenant: "acme", Route: "/agi/process", Status: 500, Stack: []byte("goroutine 1 [running]")},
		{Err: errors.New("worker one answered 500"), Kind: "worker_failed", RequestID: "r3", Tenant: "other", Route: "/swarm/coordinate", Status: 502},
	}
	for _, f := range failures {
		r.Report(f)
	}
	if !r.Flush(20 * time.Second) {
		t.Fatal("not sent")
	}
	in.mu.Lock()
	defer in.mu.Unlock()
	if len(in.events) != len(failures) {
		t.Fatalf("%d events of %d", len(in.events), len(failures))
	}
	for i, f := range failures {
		e := in.events[i]
		tags, _ := e["tags"].(map[string]any)
		for name, want := range map[string]string{"kind": f.Kind, "request_id": f.RequestID, "tenant": f.Tenant, "route": f.Route, "status": fmt.Sprint(f.Status), "component": "gateway"} {
			if tags[name] != want {
				t.Errorf("%s: tag %s = %v, want %q", f.Kind, name, tags[name], want)
			}
		}
		if e["environment"] != "test" || e["release"] != "v1.2" || e["level"] != "error" || !strings.Contains(fmt.Sprint(e["exception"]), errors.Unwrap(fmt.Errorf("%w", f.Err)).Error()) {
			t.Errorf("%s: %v", f.Kind, e)
		}
		for _, never := range []string{"request", "user", "modules", "breadcrumbs"} {
			if v, there := e[never]; there && fmt.Sprint(v) != "map[]" {
				t.Errorf("%s: the event holds %s: %v", f.Kind, never, v)
			}
		}
		if (len(f.Stack) > 0) != strings.Contains(fmt.Sprint(e["contexts"]), "goroutine 1") {
			t.Errorf("%s: stack in %v", f.Kind, e["contexts"])
		}
	}
	if !strings.Contains(in.auth[0], "sentry_key="+publicKey) {
		t.Errorf("authorisation %q", in.auth[0])
	}
	if strings.Contains(out.String(), publicKey) || strings.Contains(out.String(), in.URL) {
		t.Errorf("the log holds the DSN: %s", out.String())
	}
}

// Without a DSN nothing happens, and a tracker that is gone holds nobody up.
func TestReporterOffAndUnreachable(t *testing.T) {
	t.Parallel()
	log := slog.New(slog.DiscardHandler)
	off, err := observe.NewReporter(observe.ReportOptions{}, log)
	if err != nil || off != nil {
		t.Fatalf("%v %v", off, err)
	}
	off.Report(observe.Failure{Err: errors.New("x")})
	if !off.Flush(time.Hour) {
		t.Error("nothing to flush, and yet it waits")
	}
	gone := startIngest(t)
	dsn := gone.dsn()
	gone.Close()
	r, err := observe.NewReporter(observe.ReportOptions{DSN: dsn}, log)
	if err != nil {
		t.Fatal(err)
	}
	for range 2000 {
		r.Report(observe.Failure{Err: errors.New("x"), Kind: "http_5xx"})
	}
	r.Flush(time.Second)
}

func TestBadDSNIsNotQuoted(t *testing.T) {
	t.Parallel()
	for _, dsn := range []string{"https://hunter2@/x", "hunter2", "https://hunter2@host/not-a-number/../", "ftp://hunter2@host/1"} {
		_, err := observe.NewReporter(observe.ReportOptions{DSN: dsn}, slog.New(slog.DiscardHandler))
		if err == nil {
			continue // the SDK finds it good enough
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v", err)
		}
	}
}
