package observe

import (
	"context"
	"io"
	"log/slog"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"
)

// lineHandler is slog's JSON handler, with a short way for the one line that
// is written for each request: a record "request" whose only attribute is a
// RequestLine.
// Both ways give the same fields.
type lineHandler struct {
	slog.Handler // everything else
	out          io.Writer
	level        slog.Leveler
	scratch      *sync.Pool // of *[]byte; none is kept beyond Handle
}

func newLineHandler(w io.Writer, level slog.Leveler) *lineHandler {
	out := &lockedWriter{w: w}
	return &lineHandler{
		Handler: slog.NewJSONHandler(out, &slog.HandlerOptions{Level: level, ReplaceAttr: cloudNames}),
		out:     out, level: level,
		scratch: &sync.Pool{New: func() any { b := make([]byte, 0, 1<<10); return &b }},
	}
}

// Enabled implements slog.Handler.
func (h *lineHandler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= h.level.Level()
}

// Handle implements slog.Handler.
func (h *lineHandler) Handle(ctx context.Context, r slog.Record) error {
	if line := requestLine(&r); line != nil {
		return h.HandleRequest(r.Time, r.Level, line)
	}
	return h.Handler.Handle(ctx, r)
}

// HandleRequest writes the line of one request, as Handle does with a record
// whose message is "request" and whose only attribute is line. It keeps nothing
// of line.
func (h *lineHandler) HandleRequest(at time.Time, level slog.Level, line *RequestLine) error {
	buf := h.scratch.Get().(*[]byte)
	b := append((*buf)[:0], `{"time":"`...)
	b = at.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, `","severity":"`...)
	b = append(b, severity(level)...)
	b = append(b, `","message":"request"`...)
	b = append(line.appendJSON(b), '}', '\n')
	_, err := h.out.Write(b)
	if cap(b) <= 16<<10 {
		*buf = b
		h.scratch.Put(buf)
	}
	return err
}

// requestMessage is the message of a request's line.
const requestMessage = "request"

// RequestHandler is a slog.Handler that takes a request's line without a record
// around it. The one that NewLogger makes for JSON does.
type RequestHandler interface {
	HandleRequest(at time.Time, level slog.Level, line *RequestLine) error
}

var _ RequestHandler = (*lineHandler)(nil)

// LogRequest writes a request's line to h.
func LogRequest(ctx context.Context, h slog.Handler, at time.Time, level slog.Level, line *RequestLine) error {
	if direct, ok := h.(RequestHandler); ok {
		return direct.HandleRequest(at, level, line)
	}
	kept := *line // the handler may keep it
	record := slog.NewRecord(at, level, requestMessage, 0)
	record.AddAttrs(slog.Any("", &kept))
	return h.Handle(ctx, record)
}

// requestLine returns the RequestLine that r consists of, or nil.
func requestLine(r *slog.Record) (line *RequestLine) {
	if r.NumAttrs() != 1 || r.Message != requestMessage {
		return nil
	}
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "" && a.Value.Kind() == slog.KindLogValuer {
			line, _ = a.Value.LogValuer().(*RequestLine)
		}
		return false
	})
	return line
}

// lockedWriter keeps the lines of both ways whole.
type lockedWriter struct {
	mu sync.Mutex
	w  io.Writer
}

// Write implements io.Writer.
func (l *lockedWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}

func appendNumber(b []byte, name string, n int64) []byte {
	return strconv.AppendInt(append(b, name...), n, 10)
}

// appendText writes name and then s as a JSON string.
func appendText(b []byte, name, s string) []byte {
	b = append(append(b, name...), '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			// As in encoding/json: what is no UTF-8 is replaced, and the two
			// separators that break JavaScript are escaped.
			if (r == utf8.RuneError && size == 1) || r == '\u2028' || r == '\u2029' {
				b = append(b, s[start:i]...)
				b = appendEscape(b, r)
				start = i + size
			}
			i += size
			continue
		}
		if c < ' ' || c == '"' || c == '\\' {
			b = append(b, s[start:i]...)
			b = appendEscape(b, rune(c))
			start = i + 1
		}
		i++
	}
	return append(append(b, s[start:]...), '"')
}

func appendEscape(b []byte, r rune) []byte {
	const hexDigits = "0123456789abcdef"
	if r == '"' || r == '\\' {
		return append(b, '\\', byte(r))
	}
	return append(b, '\\', 'u', hexDigits[r>>12&15], hexDigits[r>>8&15], hexDigits[r>>4&15], hexDigits[r&15])
}
