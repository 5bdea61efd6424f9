package observe_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/omni-run/omni/internal/observe"
)

// Both ways to write a request's line give the same fields and values.
func TestRequestLineIsTheSameOnBothWays(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[a-z"\\\x00-\x1f]{0,20}`), rapid.Just("\xff\xfe \u2028"))
		line := &observe.RequestLine{
			RequestID: text.Draw(t, "id"), Tenant: text.Draw(t, "tenant"), Route: text.Draw(t, "route"),
			Trace:   observe.Trace{TraceID: text.Draw(t, "trace"), SpanID: "s", Sampled: rapid.Bool().Draw(t, "sampled")},
			Project: rapid.SampledFrom([]string{"", "p-1"}).Draw(t, "project"),
			Method:  "POST", URL: text.Draw(t, "url"), UserAgent: strings.Repeat(text.Draw(t, "agent"), 20), Remote: "::1",
			Status: rapid.IntRange(100, 999).Draw(t, "status"), Latency: time.Duration(rapid.Int64Range(0, 1e15).Draw(t, "latency")),
			RequestSize: rapid.Int64().Draw(t, "size"), Tier: "free", KeyID: "k", Units: rapid.IntRange(0, 99).Draw(t, "units"),
			Worker: rapid.SampledFrom([]string{"", "one"}).Draw(t, "worker"), Queue: time.Duration(rapid.Int64Range(-1e9, 1e13).Draw(t, "queue")),
			Work: time.Duration(rapid.Int64Range(0, 1e13).Draw(t, "work")), Attempts: 2, Cold: true, Failure: text.Draw(t, "failure"),
		}
		var short, long bytes.Buffer
		write := func(out *bytes.Buffer, attrs ...slog.Attr) map[string]any {
			log, err := observe.NewLogger(out, observe.LogOptions{})
			if err != nil {
				t.Fatal(err)
			}
			r := slog.NewRecord(time.Unix(1, 5), slog.LevelWarn, "request", 0)
			r.AddAttrs(attrs...)
			if err := log.Handler().Handle(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			if strings.Count(out.String(), "\n") != 1 {
				t.Fatalf("not one line: %q", out)
			}
			var fields map[string]any
			if err := json.Unmarshal(out.Bytes(), &fields); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			return fields
		}
		fast := write(&short, slog.Any("", line))
		slow := write(&long, slog.Any("", line), slog.Bool("other", true))
		delete(slow, "other")
		a, _ := json.Marshal(fast)
		b, _ := json.Marshal(slow)
		if !bytes.Equal(a, b) {
			t.Fatalf("short way %s\nlong way  %s", a, b)
		}
	})
}

func TestOtherLinesAndLevels(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log, err := observe.NewLogger(&out, observe.LogOptions{Level: "warn"})
	if err != nil {
		t.Fatal(err)
	}
	log.Info("not wanted")
	log.With("a", 1).WithGroup("g").Error("broke", "b", 2)
	var fields map[string]any
	if err := json.Unmarshal(out.Bytes(), &fields); err != nil {
		t.Fatalf("%v: %s", err, &out)
	}
	if fields["severity"] != "ERROR" || fields["message"] != "broke" || fields["a"] != 1.0 || fields["g"].(map[string]any)["b"] != 2.0 {
		t.Errorf("the line is %s", &out)
	}
}

func TestLinesKeepsEveryLineInOrder(t *testing.T) {
	t.Parallel()
	var out slowWriter
	lines := observe.NewLines(&out)
	var writers sync.WaitGroup
	for range 4 {
		writers.Go(func() {
			for range 2000 {
				if _, err := lines.Write([]byte(strings.Repeat("x", 99) + "\n")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	if err := lines.Close(); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\n"); n != 8000 || out.torn {
		t.Errorf("%d lines of 8000; torn: %t", n, out.torn)
	}
	if out.writes > 4000 {
		t.Errorf("8000 lines took %d writes", out.writes)
	}
	if _, err := lines.Write([]byte("late\n")); err != nil || !strings.HasSuffix(out.String(), "late\n") {
		t.Errorf("a line after Close is not there: %v", err)
	}
}

func TestLinesWritesAtOnceAfterSilence(t *testing.T) {
	t.Parallel()
	var out slowWriter
	lines := observe.NewLines(&out)
	if _, err := lines.Write([]byte("first\n")); err != nil || out.String() != "first\n" {
		t.Errorf("after the first line there is %q: %v", out.String(), err)
	}
	if err := lines.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestLinesTellsOfAFault(t *testing.T) {
	t.Parallel()
	fault := errors.New("disk full")
	lines := observe.NewLines(&slowWriter{fault: fault})
	_, err := lines.Write([]byte("a\n"))
	if err = errors.Join(err, lines.Close()); !errors.Is(err, fault) {
		t.Errorf("the fault is told as %v", err)
	}
}

// slowWriter remembers what was written, and whether a write began or ended
// inside a line.
type slowWriter struct {
	mu     sync.Mutex
	buf    bytes.Buffer
	writes int
	torn   bool
	fault  error
}

func (w *slowWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.writes++
	w.torn = w.torn || p[len(p)-1] != '\n'
	if w.fault != nil {
		return 0, w.fault
	}
	return w.buf.Write(p)
}

func (w *slowWriter) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.buf.String()
}

// TestLevelCanBeChanged, of both kinds of line.
func TestLevelCanBeChanged(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"json", "text"} {
		var out bytes.Buffer
		level := new(slog.LevelVar)
		log, err := observe.NewLogger(&out, observe.LogOptions{Level: "warn", Format: format, Var: level})
		if err != nil {
			t.Fatal(err)
		}
		log.Info("first")
		if err := observe.SetLevel(level, "debug"); err != nil {
			t.Fatal(err)
		}
		log.Debug("second")
		if err := observe.SetLevel(level, "loud"); err == nil {
			t.Error("an unknown level was taken")
		}
		log.Debug("third")
		if s := out.String(); strings.Contains(s, "first") || !strings.Contains(s, "second") || !strings.Contains(s, "third") {
			t.Errorf("%s: %q", format, s)
		}
	}
}
