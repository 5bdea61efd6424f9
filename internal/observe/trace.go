package observe

import (
	"encoding/binary"
	"encoding/hex"
	"log/slog"
	"math/rand/v2"
	"strings"
)

// Trace is the W3C trace context of a request (Trace Context Level 1).
type Trace struct {
	TraceID string // 32 lower-case hex digits, not all zero
	SpanID  string // 16 lower-case hex digits, not all zero: our own span
	// ParentID is the caller's span; "" where the trace begins here.
	ParentID string
	Sampled  bool
	// header is the traceparent, of which the ids are parts; "" if it has not
	// been rendered yet.
	header string
}

// Continue reads an inbound traceparent and opens a span of our own below it;
// a missing or malformed one starts a new trace.
func Continue(traceparent string) Trace {
	var text [traceparentLength]byte
	copy(text[:], "00-")
	text[35], text[52], text[53], text[54] = '-', '-', '0', '0'
	id, sampled, ok := parseTraceparent(traceparent)
	if ok {
		copy(text[3:], id)
	} else {
		putRandomHex(text[3:35])
	}
	putRandomHex(text[36:52])
	if sampled {
		text[54] = '1'
	}
	header := string(text[:])
	t := Trace{TraceID: header[3:35], SpanID: header[36:52], Sampled: sampled, header: header}
	if ok {
		t.ParentID = traceparent[36:52]
	}
	return t
}

// Sample marks the trace as one to be recorded, here and further down.
func (t *Trace) Sample() {
	if !t.Sampled {
		t.Sampled, t.header = true, ""
	}
}

// NewSpanID names a span of one's own within a trace.
func NewSpanID() string {
	var text [16]byte
	putRandomHex(text[:])
	return string(text[:])
}

// traceparentLength is that of version 00: version, trace, span, flags.
const traceparentLength = 55

// Traceparent renders the header to send on.
func (t Trace) Traceparent() string {
	if t.header != "" {
		return t.header
	}
	flags := "00"
	if t.Sampled {
		flags = "01"
	}
	return "00-" + t.TraceID + "-" + t.SpanID + "-" + flags
}

// Attrs returns the log attributes that tie an entry to its trace. project is
// the Google Cloud project, or "" elsewhere.
func (t Trace) Attrs(project string) []slog.Attr {
	if project == "" {
		return []slog.Attr{slog.String("trace_id", t.TraceID), slog.String("span_id", t.SpanID)}
	}
	return []slog.Attr{
		slog.String("logging.googleapis.com/trace", "projects/"+project+"/traces/"+t.TraceID),
		slog.String("logging.googleapis.com/spanId", t.SpanID),
		slog.Bool("logging.googleapis.com/trace_sampled", t.Sampled),
	}
}

func parseTraceparent(s string) (traceID string, sampled, ok bool) {
	// version "-" trace-id "-" parent-id "-" flags; later versions may append.
	if len(s) < 55 || s[2] != '-' || s[35] != '-' || s[52] != '-' {
		return "", false, false
	}
	version, id, parent, flags := s[:2], s[3:35], s[36:52], s[53:55]
	if !isLowerHex(version) || version == "ff" || !isLowerHex(id) || !isLowerHex(parent) || !isLowerHex(flags) {
		return "", false, false
	}
	if (version == "00" && len(s) != 55) || (len(s) > 55 && s[55] != '-') {
		return "", false, false
	}
	if strings.Trim(id, "0") == "" || strings.Trim(parent, "0") == "" {
		return "", false, false
	}
	low, err := hex.DecodeString(flags)
	return id, err == nil && low[0]&1 == 1, true
}

func isLowerHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// putRandomHex fills out with random hex digits, 16 at a time. It draws from
// math/rand/v2, whose default source is ChaCha8, seeded by the system and kept
// by each thread: no lock, no system call. These names must only never repeat;
// whoever guesses one gains nothing, for they open nothing.
func putRandomHex(out []byte) {
	var raw [8]byte
	for ; len(out) >= 16; out = out[16:] {
		binary.LittleEndian.PutUint64(raw[:], rand.Uint64())
		hex.Encode(out, raw[:])
	}
}

// NewRequestID makes an identity for a request that brought none.
func NewRequestID() string {
	var text [32]byte
	putRandomHex(text[:])
	return string(text[:])
}

// ValidRequestID reports whether a caller's X-Request-ID may be kept: 1 to 128
// of A-Z a-z 0-9 . _ -
func ValidRequestID(s string) bool {
	if len(s) < 1 || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}
