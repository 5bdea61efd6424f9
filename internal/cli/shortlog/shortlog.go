// Package shortlog writes log lines for a person who looks on: the time, what
// happened, and a few values; a request as one short line.
package shortlog

import (
	"context"
	"io"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// Handler is a slog.Handler that writes short lines.
type Handler struct {
	out   *output
	level slog.Level
	// prefix and attrs come from WithGroup and WithAttrs.
	prefix string
	attrs  []slog.Attr
}

// output is shared by a handler and those derived from it.
type output struct {
	mu sync.Mutex
	w  io.Writer
}

// New returns a handler that writes entries from level on to w.
func New(w io.Writer, level slog.Level) *Handler {
	return &Handler{out: &output{w: w}, level: level}
}

// Enabled implements slog.Handler.
func (h *Handler) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

// WithAttrs implements slog.Handler.
func (h *Handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	next := *h
	next.attrs = append([]slog.Attr{}, h.attrs...)
	for _, a := range attrs {
		a.Key = h.prefix + a.Key
		next.attrs = append(next.attrs, a)
	}
	return &next
}

// WithGroup implements slog.Handler.
func (h *Handler) WithGroup(name string) slog.Handler {
	next := *h
	if name != "" {
		next.prefix += name + "."
	}
	return &next
}

// requestKeys are what is told of a request, in this order; an unlisted key
// of a failed one is told too.
var requestKeys = []string{"httpRequest.requestMethod", "httpRequest.requestUrl", "httpRequest.status", "httpRequest.latency", "tenant", "error", "code"}

// Handle implements slog.Handler.
func (h *Handler) Handle(_ context.Context, r slog.Record) error {
	var pairs []pair
	for _, a := range h.attrs {
		pairs = flatten(pairs, "", a)
	}
	r.Attrs(func(a slog.Attr) bool {
		pairs = flatten(pairs, h.prefix, a)
		return true
	})
	var b strings.Builder
	b.WriteString(r.Time.Format("15:04:05"))
	if r.Level != slog.LevelInfo {
		b.WriteString(" " + r.Level.String())
	}
	if r.Message == "request" {
		writeRequest(&b, pairs, r.Level >= slog.LevelWarn)
	} else {
		b.WriteString(" " + clean(r.Message))
		for _, p := range pairs {
			b.WriteString(" " + p.key + "=" + quoted(p.value))
		}
	}
	b.WriteByte('\n')
	h.out.mu.Lock()
	defer h.out.mu.Unlock()
	_, err := io.WriteString(h.out.w, b.String())
	return err
}

type pair struct{ key, value string }

func flatten(out []pair, prefix string, a slog.Attr) []pair {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		if a.Key != "" {
			prefix += a.Key + "."
		}
		for _, inner := range v.Group() {
			out = flatten(out, prefix, inner)
		}
		return out
	}
	if a.Key == "" {
		return out
	}
	return append(out, pair{prefix + a.Key, v.String()})
}

func writeRequest(b *strings.Builder, pairs []pair, failed bool) {
	known := map[string]string{}
	for _, p := range pairs {
		known[p.key] = p.value
	}
	for _, key := range requestKeys {
		v := known[key]
		if v == "" {
			continue
		}
		if key == "httpRequest.latency" {
			if d, err := time.ParseDuration(v); err == nil {
				v = d.Round(100 * time.Microsecond).String()
			}
		}
		b.WriteString(" " + clean(v))
	}
	if failed && known["request_id"] != "" {
		b.WriteString(" request_id=" + clean(known["request_id"]))
	}
}

// clean keeps a value on its line: a caller may have chosen it.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}

func quoted(s string) string {
	s = clean(s)
	if s == "" || strings.ContainsAny(s, ` "=`) {
		return `"` + strings.ReplaceAll(s, `"`, `'`) + `"`
	}
	return s
}
