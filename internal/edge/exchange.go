package edge

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/omni-run/omni/internal/authn"
	"github.com/omni-run/omni/internal/config"
	"github.com/omni-run/omni/internal/observe"
	"github.com/omni-run/omni/internal/pool"
	"github.com/omni-run/omni/internal/pool/upstream"
)

// Exchange is one request on its way through the stages, and what they learned
// about it.
type Exchange struct {
	W *responseWriter
	// out is what W points to, unless a stage put a recorder in its place.
	out responseWriter
	R   *http.Request
	// live is the configuration the exchange began with.
	live *live
	// bodyTimed says that the server itself bounds the body's time.
	bodyTimed bool

	Begun     time.Time
	RequestID string
	Trace     observe.Trace
	Remote    netip.Addr

	// Path is the cleaned path the route table was asked for.
	Path string
	// Entry is the route, or nil when none matches.
	Entry *entry
	// Values are the route's wildcards, in order of appearance.
	Values map[string]string

	// Principal is who calls; empty on public paths.
	Principal authn.Principal
	// Tier is what the principal's plan allows.
	Tier config.Tier

	// values hold single values of header fields, so that a field need not have
	// a slice made for it.
	values [valueSlots]string
	// call is what the pool is asked for, with fields.
	call   pool.Request
	fields [6]upstream.Field

	// Body is the whole body, read by the body stage.
	Body []byte

	// Units the request used, for the ledger.
	Units int
	// Failure is the error that was answered, for the log.
	Failure error
	// ErrorCode is the code of the envelope that was answered.
	ErrorCode string

	// Phases of the request, for Server-Timing and the log.
	Queue, Worker time.Duration
	WorkerName    string
	Cold          bool
	Attempts      int
	// ModelVersion is what the worker said made its answer, if it would make
	// the same again.
	ModelVersion string
	// copier stands before the writer while an answer is kept.
	copier copier
}

// Slots of an exchange's values.
const (
	slotRequestID = iota
	slotTiming
	valueSlots
)

// value keeps s in the slot and returns it as a header field's values.
func (x *Exchange) value(slot int, s string) []string {
	x.values[slot] = s
	return x.values[slot : slot+1 : slot+1]
}

// Context returns the request's context.
func (x *Exchange) Context() context.Context { return x.R.Context() }

// endpoint is the metric label of the request: a pattern of ours, never text
// of the caller's.
func (x *Exchange) endpoint() string {
	if x.Entry == nil {
		return "unmatched"
	}
	return x.Entry.pattern
}

// attrs are the log attributes every line about the request bears.
func (x *Exchange) attrs(project string) []slog.Attr {
	return append([]slog.Attr{
		slog.String("request_id", x.RequestID), slog.String("tenant", x.Principal.Tenant), slog.String("route", x.endpoint()),
	}, x.Trace.Attrs(project)...)
}

// Handler handles an exchange. What it returns as error is answered in the
// envelope by the outermost stage, which is the one place that does so.
type Handler func(x *Exchange) error

// Stage wraps a handler with one duty.
type Stage func(next Handler) Handler

// chain wraps h in the stages; the first listed is the outermost.
func chain(h Handler, stages ...Stage) Handler {
	for i := len(stages) - 1; i >= 0; i-- {
		h = stages[i](h)
	}
	return h
}

// responseWriter remembers what was answered.
type responseWriter struct {
	http.ResponseWriter
	status int
	bytes  int64
	// beforeHead, if set, is called once, before the head goes out.
	beforeHead func(status int)
}

// WriteHeader records the status.
func (w *responseWriter) WriteHeader(status int) {
	if w.status == 0 && status >= 200 {
		w.status = status
		if w.beforeHead != nil {
			w.beforeHead(status)
		}
	}
	w.ResponseWriter.WriteHeader(status)
}

// Write counts what was written.
func (w *responseWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (w *responseWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// started reports whether an answer is on its way already.
func (w *responseWriter) started() bool { return w.status != 0 }
