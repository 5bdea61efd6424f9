package otlp_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/omni-run/omni/internal/otlp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// sink is a collector that decodes what it gets by the protocol's own schema.
type sink struct {
	*httptest.Server
	t      *testing.T
	mu     sync.Mutex
	spans  []*trace.Span
	bodies []*collector.ExportTraceServiceRequest
	// answer may refuse the nth request; nil takes it.
	answer func(n int, w http.ResponseWriter) bool
	n      int
}

func newSink(t *testing.T, answer func(n int, w http.ResponseWriter) bool) *sink {
	t.Helper()
	s := &sink{t: t, answer: answer}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *sink) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.URL.Path != "/v1/traces" || r.Header.Get("Content-Type") != "application/json" {
		s.t.Errorf("%s %q %v", r.URL.Path, r.Header.Get("Content-Type"), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	if s.answer != nil && s.answer(s.n, w) {
		return
	}
	// OTLP's JSON has ids in hex where protobuf's has base64: the strings decode
	// either way, 32 hex digits as 24 bytes; their text is checked apart.
	req := &collector.ExportTraceServiceRequest{}
	if err := protojson.Unmarshal(body, req); err != nil {
		s.t.Errorf("not an ExportTraceServiceRequest: %v\n%s", err, body)
	}
	if !bytes.Contains(body, []byte(`"traceId":"0af7651916cd43dd8448eb211c80319c"`)) {
		s.t.Errorf("no trace id in hex: %s", body)
	}
	s.bodies = append(s.bodies, req)
	for _, rs := range req.GetResourceSpans() {
		for _, ss := range rs.GetScopeSpans() {
			s.spans = append(s.spans, ss.GetSpans()...)
		}
	}
	_, _ = io.WriteString(w, "{}")
}

func (s *sink) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.spans)
}

func exporter(t *testing.T, url string, edit func(*otlp.Options)) *otlp.Exporter {
	t.Helper()
	o := otlp.Options{
		Endpoint: url, Resource: otlp.Resource{Service: "omni-gateway", Version: "1.2.3"}, Log: slog.New(slog.DiscardHandler),
		Every: time.Hour, Pause: time.Millisecond,
	}
	if edit != nil {
		edit(&o)
	}
	e, err := otlp.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close(context.Background()) })
	return e
}

func span(name string) otlp.Span {
	start := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	return otlp.Span{
		TraceID: "0af7651916cd43dd8448eb211c80319c", SpanID: "b7ad6b7169203331", ParentID: "00f067aa0ba902b7", Name: name, Kind: otlp.Server,
		Start: start, End: start.Add(20 * time.Millisecond), Failed: true, Message: "worker_failed",
		Attributes: []otlp.Attribute{{"http.route", "/predict/revenue"}, {"http.response.status_code", int64(502)}, {"omni.cold_start", true}},
	}
}

func TestSpansArrive(t *testing.T) {
	t.Parallel()
	s := newSink(t, nil)
	e := exporter(t, s.URL, nil)
	e.Record(span("POST /predict/revenue"))
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(s.spans) != 1 {
		t.Fatalf("%d spans", len(s.spans))
	}
	got := s.spans[0]
	if got.GetName() != "POST /predict/revenue" || got.GetKind() != trace.Span_SPAN_KIND_SERVER || got.GetStatus().GetCode() != trace.Status_STATUS_CODE_ERROR ||
		got.GetEndTimeUnixNano()-got.GetStartTimeUnixNano() != 20_000_000 || len(got.GetAttributes()) != 3 ||
		got.GetAttributes()[1].GetValue().GetIntValue() != 502 || !got.GetAttributes()[2].GetValue().GetBoolValue() {
		t.Errorf("%+v", got)
	}
	if r := s.bodies[0].GetResourceSpans()[0].GetResource().GetAttributes(); len(r) != 2 || r[0].GetValue().GetStringValue() != "omni-gateway" {
		t.Errorf("%+v", r)
	}
	if sent, dropped := e.Stats(); sent != 1 || dropped != 0 {
		t.Errorf("%d sent, %d dropped", sent, dropped)
	}
	e.Record(span("late"))
	if _, dropped := e.Stats(); dropped != 1 {
		t.Error("a span after Close is not counted as dropped")
	}
}

func TestBatches(t *testing.T) {
	t.Parallel()
	s := newSink(t, nil)
	e := exporter(t, s.URL, func(o *otlp.Options) { o.Batch = 10 })
	for i := range 25 {
		e.Record(span(fmt.Sprint(i)))
	}
	if err := e.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(s.spans) != 25 || len(s.bodies) != 3 {
		t.Errorf("%d spans in %d exports", len(s.spans), len(s.bodies))
	}
}

// A span does not wait for others longer than Every.
func TestALoneSpanLeaves(t *testing.T) {
	t.Parallel()
	s := newSink(t, nil)
	e := exporter(t, s.URL, func(o *otlp.Options) { o.Every = 10 * time.Millisecond })
	e.Record(span("lone"))
	for end := time.Now().Add(30 * time.Second); s.count() == 0; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("it never arrives")
		}
	}
}

func TestRetries(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer        func(n int, w http.ResponseWriter) bool
		sent, dropped uint64
	}{
		"busy twice":  {func(n int, w http.ResponseWriter) bool { return refuse(w, n < 3, 503) }, 1, 0},
		"always busy": {func(_ int, w http.ResponseWriter) bool { return refuse(w, true, 429) }, 0, 1},
		"not welcome": {func(n int, w http.ResponseWriter) bool { return refuse(w, n == 1, 401) }, 0, 1},
		"one rejected": {func(_ int, w http.ResponseWriter) bool {
			_, _ = io.WriteString(w, `{"partialSuccess":{"rejectedSpans":"1"}}`)
			return true
		}, 0, 1},
		"no JSON reply": {func(_ int, w http.ResponseWriter) bool { _, _ = io.WriteString(w, "thanks"); return true }, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSink(t, c.answer)
			e := exporter(t, s.URL+"/", func(o *otlp.Options) { o.Batch = 1 })
			e.Record(span("x"))
			for end := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
				if sent, dropped := e.Stats(); sent+dropped > 0 {
					if sent != c.sent || dropped != c.dropped {
						t.Errorf("%d sent, %d dropped", sent, dropped)
					}
					return
				}
				if time.Now().After(end) {
					t.Fatal("it never ends")
				}
			}
		})
	}
}

func refuse(w http.ResponseWriter, when bool, status int) bool {
	if when {
		w.WriteHeader(status)
	}
	return when
}

// A collector that hangs costs spans, never memory, time of callers, or the
// end of the process; and no header's value is logged.
func TestACollectorThatHangs(t *testing.T) {
	t.Parallel()
	hang := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hang }))
	t.Cleanup(func() { close(hang); s.Close() })
	var log strings.Builder
	e := exporter(t, s.URL, func(o *otlp.Options) {
		o.Queue, o.Batch, o.Headers = 5, 1, map[string]string{"Authorization": "Bearer hidden"}
		o.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	for range 100 {
		e.Record(span("x"))
	}
	if _, dropped := e.Stats(); dropped < 90 {
		t.Errorf("%d dropped of 100 with room for 5", dropped)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := e.Close(ctx); err == nil {
		t.Error("Close does not say that spans were left")
	}
	if strings.Contains(log.String(), "hidden") {
		t.Error(log.String())
	}
}

func TestBadEndpoints(t *testing.T) {
	t.Parallel()
	for _, u := range []string{"", "collector:4318", "grpc://collector"} {
		if _, err := otlp.New(otlp.Options{Endpoint: u}); err == nil {
			t.Errorf("%q is accepted", u)
		}
	}
}
