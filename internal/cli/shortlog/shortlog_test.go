package shortlog_test

import (
	"bytes"
	"errors"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/omni-run/omni/internal/cli/shortlog"
)

func TestLines(t *testing.T) {
	t.Parallel()
	request := slog.Group("httpRequest", "requestMethod", "POST", "requestUrl", "/swarm/coordinate", "status", 200, "latency", "0.098765s", "userAgent", "curl")
	for _, c := range []struct {
		name string
		log  func(*slog.Logger)
		want string
	}{
		{"words and values", func(l *slog.Logger) { l.Info("sample data loaded", "tenant", "a", "seconds", 0.5) }, "sample data loaded tenant=a seconds=0.5"},
		{"an error", func(l *slog.Logger) { l.Error("no", "error", errors.New(`a "b"`)) }, `ERROR no error="a 'b'"`},
		{"groups", func(l *slog.Logger) { l.With("x", 1).WithGroup("g").Info("m", "y", 2) }, "m x=1 g.y=2"},
		{"a request", func(l *slog.Logger) { l.Info("request", "request_id", "r", request, "tenant", "a") }, "POST /swarm/coordinate 200 98.8ms a"},
		{"a failed request", func(l *slog.Logger) { l.Warn("request", "request_id", "r", request) }, "WARN POST /swarm/coordinate 200 98.8ms request_id=r"},
		{"a forged line", func(l *slog.Logger) { l.Info("m", "v", "a\n12:00:00 ERROR b\x1b[31m") }, `m v="a?12:00:00 ERROR b?[31m"`},
		{"below the level", func(l *slog.Logger) { l.Debug("m") }, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var b bytes.Buffer
			c.log(slog.New(shortlog.New(&b, slog.LevelInfo)))
			got := regexp.MustCompile(`^\d\d:\d\d:\d\d `).ReplaceAllString(b.String(), "")
			if strings.TrimSuffix(got, "\n") != c.want || strings.Count(b.String(), "\n") > 1 {
				t.Fatalf("%q, want %q", got, c.want)
			}
		})
	}
}
