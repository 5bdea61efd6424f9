package observe_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/observe"
)

func TestLogLinesAreWhatCloudLoggingReads(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log, err := observe.NewLogger(&out, observe.LogOptions{})
	if err != nil {
		t.Fatal(err)
	}
	trace := observe.Continue("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	log.LogAttrs(context.Background(), slog.LevelWarn, "request",
		slog.Any("", &observe.RequestLine{
			Trace: trace, Project: "my-project",
			Method: "POST", URL: "/predict/churn", Status: 429, Latency: 1500 * time.Microsecond,
			UserAgent: strings.Repeat("é", 300), Remote: "192.0.2.1", RequestSize: 10, ResponseSize: 20,
		}),
		slog.Group("phases", slog.String("time", "kept"), slog.String("level", "kept")))
	var line struct {
		Severity, Message string
		Time              time.Time
		Trace             string `json:"logging.googleapis.com/trace"`
		Span              string `json:"logging.googleapis.com/spanId"`
		Sampled           bool   `json:"logging.googleapis.com/trace_sampled"`
		HTTP              struct {
			RequestMethod, RequestURL, Latency, UserAgent, RemoteIP string
			Status, RequestSize, ResponseSize                       int
		} `json:"httpRequest"`
		Phases map[string]string
	}
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	switch {
	case line.Severity != "WARNING" || line.Message != "request" || line.Time.IsZero():
		t.Errorf("standard fields: %s", out.Bytes())
	case line.Trace != "projects/my-project/traces/0af7651916cd43dd8448eb211c80319c" || line.Span != trace.SpanID || !line.Sampled:
		t.Errorf("trace fields: %s", out.Bytes())
	case line.HTTP.RequestMethod != "POST" || line.HTTP.Status != 429 || line.HTTP.Latency != "0.001500s" || line.HTTP.RequestURL != "/predict/churn":
		t.Errorf("httpRequest: %s", out.Bytes())
	case len(line.HTTP.UserAgent) > 256 || strings.Contains(line.HTTP.UserAgent, "\ufffd"):
		t.Errorf("a long user agent: %q", line.HTTP.UserAgent)
	case line.Phases["time"] != "kept" || line.Phases["level"] != "kept":
		t.Errorf("names inside groups: %s", out.Bytes())
	}
}

func TestSeverities(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log, err := observe.NewLogger(&out, observe.LogOptions{Level: "debug"})
	if err != nil {
		t.Fatal(err)
	}
	for level, want := range map[slog.Level]string{
		slog.LevelDebug: "DEBUG", slog.LevelInfo: "INFO", slog.LevelInfo + 1: "INFO", slog.LevelWarn: "WARNING", slog.LevelError: "ERROR", slog.LevelError + 4: "ERROR",
	} {
		out.Reset()
		log.Log(context.Background(), level, "m")
		if !strings.Contains(out.String(), `"severity":"`+want+`"`) {
			t.Errorf("%v: %s", level, out.String())
		}
	}
}

func TestLogOptions(t *testing.T) {
	t.Parallel()
	for _, o := range []observe.LogOptions{{Level: "loud"}, {Format: "xml"}} {
		if _, err := observe.NewLogger(&bytes.Buffer{}, o); err == nil || !strings.Contains(err.Error(), "want ") {
			t.Errorf("%+v: %v", o, err)
		}
	}
	var out bytes.Buffer
	log, err := observe.NewLogger(&out, observe.LogOptions{Level: "warn", Format: "text"})
	if err != nil {
		t.Fatal(err)
	}
	log.Info("unseen")
	log.Warn("seen", "a", 1)
	if s := out.String(); strings.Contains(s, "unseen") || !strings.Contains(s, "msg=seen a=1") {
		t.Error(s)
	}
}

func TestTraceparent(t *testing.T) {
	t.Parallel()
	const id, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	for _, c := range []struct {
		name, header  string
		kept, sampled bool
	}{
		{"sampled", "00-" + id + "-" + parent + "-01", true, true},
		{"not sampled", "00-" + id + "-" + parent + "-00", true, false},
		{"other flags", "00-" + id + "-" + parent + "-fe", true, false},
		{"a later version", "cc-" + id + "-" + parent + "-01-what-comes", true, true},
		{"a later version, glued", "cc-" + id + "-" + parent + "-01what", false, false},
		{"version ff", "ff-" + id + "-" + parent + "-01", false, false},
		{"version 00 with more", "00-" + id + "-" + parent + "-01-x", false, false},
		{"upper case", "00-" + strings.ToUpper(id) + "-" + parent + "-01", false, false},
		{"zero trace", "00-" + strings.Repeat("0", 32) + "-" + parent + "-01", false, false},
		{"zero parent", "00-" + id + "-" + strings.Repeat("0", 16) + "-01", false, false},
		{"short", "00-" + id[:31] + "-" + parent + "-01", false, false},
		{"not hex", "00-" + id[:31] + "g-" + parent + "-01", false, false},
		{"nothing", "", false, false},
		{"injection", "00-" + id + "-" + parent + "-01\r\nX: y", false, false},
	} {
		trace := observe.Continue(c.header)
		if (trace.TraceID == id) != c.kept || trace.Sampled != c.sampled {
			t.Errorf("%s: %+v", c.name, trace)
		}
		if trace.SpanID == parent || len(trace.SpanID) != 16 || len(trace.TraceID) != 32 {
			t.Errorf("%s: our own span is %+v", c.name, trace)
		}
		if again := observe.Continue(trace.Traceparent()); again.TraceID != trace.TraceID || again.Sampled != trace.Sampled {
			t.Errorf("%s: what is sent on reads as %+v", c.name, again)
		}
	}
	if attrs := observe.Continue("").Attrs(""); len(attrs) != 2 || attrs[0].Key != "trace_id" {
		t.Errorf("without a project: %v", attrs)
	}
}

func FuzzContinue(f *testing.F) {
	f.Add("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
	f.Add("")
	f.Fuzz(func(t *testing.T, header string) {
		trace := observe.Continue(header)
		if again := observe.Continue(trace.Traceparent()); again.TraceID != trace.TraceID {
			t.Fatalf("%q: %+v", header, trace)
		}
	})
}

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		"a": true, "A-Z.0_9": true, strings.Repeat("a", 128): true, strings.Repeat("a", 129): false,
		"": false, "a b": false, "a\n": false, "é": false, "a/b": false, "<a>": false, "a\x00": false,
	} {
		if got := observe.ValidRequestID(id); got != want {
			t.Errorf("%q: %v", id, got)
		}
	}
	a, b := observe.NewRequestID(), observe.NewRequestID()
	if a == b || !observe.ValidRequestID(a) {
		t.Errorf("%q %q", a, b)
	}
}

func TestRegistryReportsProcessRuntimeAndBuild(t *testing.T) {
	t.Parallel()
	families, err := observe.NewRegistry("worker", "v1.2").Gather()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, f := range families {
		seen[f.GetName()] = true
	}
	for _, want := range []string{"go_goroutines", "omni_build_info"} {
		if !seen[want] {
			t.Errorf("no %s", want)
		}
	}
	buckets := observe.LatencyBuckets()
	buckets[0] = 99
	if observe.LatencyBuckets()[0] == 99 {
		t.Error("callers share the bounds")
	}
}
