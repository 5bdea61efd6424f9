package edge

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/omni-run/omni/internal/observe"
	"github.com/omni-run/omni/internal/usage"
)

// statusClientGone is how an exchange is counted whose caller left before the
// answer. It is never sent.
const statusClientGone = 499

// account is the outermost stage: it answers what failed further in, enters
// the exchange into the ledger as its answer begins, and then counts, logs and
// reports it, panics included.
func (g *Gateway) account(next Handler) Handler {
	return func(x *Exchange) error {
		g.metrics.active.Add(1)
		defer g.metrics.active.Add(-1)
		// The entry is on disk before the caller sees the answer, so that what
		// was answered is counted even if the process dies at that moment.
		x.W.beforeHead = func(status int) {
			if g.draining.Load() {
				x.W.Header()["Connection"] = connectionClose // the caller's next call is for another gateway
			}
			if x.live.cors != nil {
				x.live.cors.mark(x.R.Header, x.W.Header())
			}
			g.enter(x, status, g.now().Sub(x.Begun))
		}
		stack, broken := g.guard(next, x)
		status := x.W.status
		took := g.now().Sub(x.Begun)
		if status == 0 {
			status = statusClientGone
			g.enter(x, status, took)
		}
		g.count(x, status, took)
		g.logAccess(x, status, took)
		g.trace(x, status, took)
		if status >= 500 || broken {
			g.report(x, status, stack)
		}
		if broken {
			panic(http.ErrAbortHandler)
		}
		return nil
	}
}

var connectionClose = []string{"close"}

// guard runs the exchange and answers its error. It returns the stack of a
// panic, if there was one. broken says that half an answer is out, so that
// breaking the connection is the only honest end.
func (g *Gateway) guard(next Handler, x *Exchange) (stack []byte, broken bool) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		stack, broken = debug.Stack(), x.W.started()
		g.log.LogAttrs(x.Context(), slog.LevelError, "panic while answering", append(x.attrs(g.cfg.Project), slog.Any("panic", p), slog.String("stack", string(stack)))...)
		fail(x, fmt.Errorf("panic: %v", p))
	}()
	err := next(x)
	switch {
	case err == nil:
	case x.Context().Err() != nil && (errors.Is(err, errClientGone) || errors.Is(err, context.Canceled)):
		if stopping := x.interrupted(); stopping != nil && !x.W.started() {
			fail(x, stopping)
			break
		}
		x.Failure = err // nobody is left to answer
	case errors.Is(err, errBrokenOff):
		x.Failure, x.ErrorCode, broken = err, "worker_failed", true
	default:
		fail(x, err)
	}
	return nil, broken
}

// errBrokenOff says that a worker broke off an answer whose head was out.
var errBrokenOff = errors.New("edge: the answer was broken off")

// enter writes the ledger. A ledger that cannot be written fails no call: the
// ledger itself keeps the entry, warns and counts.
func (g *Gateway) enter(x *Exchange, status int, took time.Duration) {
	if x.Principal.Tenant == "" {
		return
	}
	err := g.Ledger.Record(usage.Entry{
		Tenant: x.Principal.Tenant, Route: x.endpoint(), Status: status, Units: int64(x.Units), Latency: took, At: x.Begun,
	})
	if err != nil {
		g.log.LogAttrs(x.Context(), slog.LevelError, "the usage ledger refused an entry", append(x.attrs(g.cfg.Project), slog.String("error", err.Error()))...)
	}
}

func (g *Gateway) count(x *Exchange, status int, took time.Duration) {
	s := g.metrics.seriesOf(x, status)
	s.requests.Inc()
	if e, ok := s.seconds.(prometheus.ExemplarObserver); ok && g.Traces != nil && x.Trace.Sampled {
		e.ObserveWithExemplar(took.Seconds(), prometheus.Labels{"trace_id": x.Trace.TraceID})
	} else {
		s.seconds.Observe(took.Seconds())
	}
	if status >= 400 || x.ErrorCode != "" {
		kind := x.ErrorCode
		switch {
		case status == statusClientGone:
			kind = "client_gone"
		case kind == "":
			kind = "from_worker" // a refusal passed on: its code is in the worker's body
		}
		g.metrics.errors.WithLabelValues(x.endpoint(), kind, strconv.Itoa(status)).Inc()
	}
}

func (g *Gateway) logAccess(x *Exchange, status int, took time.Duration) {
	level := slog.LevelInfo
	switch {
	case status >= 500, errors.Is(x.Failure, errBrokenOff):
		level = slog.LevelError
	case status == http.StatusTooManyRequests:
		level = slog.LevelWarn
	}
	if level == slog.LevelInfo && (!*x.live.cfg.Log.Access || (x.Entry != nil && x.Entry.public && !g.log.Enabled(x.Context(), slog.LevelDebug))) {
		return // probes and scrapes would drown the rest
	}
	if !g.log.Enabled(x.Context(), level) {
		return
	}
	line := lines.Get().(*observe.RequestLine)
	defer lines.Put(line)
	*line = observe.RequestLine{
		RequestID: x.RequestID, Tenant: x.Principal.Tenant, Route: x.endpoint(), Trace: x.Trace, Project: g.cfg.Project,
		Method: methodLabel(x.R.Method), URL: x.logURL(), UserAgent: x.R.UserAgent(), Remote: x.remoteText(),
		Status: status, Latency: took, RequestSize: max(x.R.ContentLength, int64(len(x.Body))), ResponseSize: x.W.bytes,
		Tier: x.Principal.Tier, KeyID: x.Principal.KeyID, Units: x.Units,
		Worker: x.WorkerName, Queue: x.Queue, Work: x.Worker, Attempts: x.Attempts, Cold: x.Cold,
	}
	if x.Failure != nil {
		line.Failure = x.Failure.Error()
	}
	// Without slog.Logger in between, which would look for the caller's line. A
	// log that cannot be written has nowhere to say so.
	_ = observe.LogRequest(x.Context(), g.log.Handler(), x.Begun.Add(took), level, line)
}

// lines are used again, because LogRequest keeps none.
var lines = sync.Pool{New: func() any { return new(observe.RequestLine) }}

// logURL is the route's pattern where there is one: an id in a path is the
// tenant's business, and an unmatched path is a stranger's text, clipped.
func (x *Exchange) logURL() string {
	if x.Entry != nil {
		return x.Entry.pattern
	}
	if p := x.R.URL.EscapedPath(); len(p) <= 200 {
		return p
	}
	return x.R.URL.EscapedPath()[:200]
}

func (g *Gateway) report(x *Exchange, status int, stack []byte) {
	kind := "http_5xx"
	switch {
	case stack != nil:
		kind = "panic"
	case status == http.StatusBadGateway, errors.Is(x.Failure, errBrokenOff):
		kind = "worker_failed"
	case status == http.StatusServiceUnavailable || status == http.StatusNotImplemented:
		return // overload and absence are metrics and alerts, not errors in code
	}
	err := x.Failure
	if err == nil {
		err = fmt.Errorf("worker %s answered %d", x.WorkerName, status)
	}
	g.reporter.Report(observe.Failure{
		Err: err, Kind: kind, RequestID: x.RequestID, Tenant: x.Principal.Tenant, Route: x.endpoint(), Status: status,
		TraceID: x.Trace.TraceID, Stack: stack,
	})
}

// methodLabel keeps callers from inventing label values.
func methodLabel(m string) string {
	switch m {
	case "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS":
		return m
	default:
		return "OTHER"
	}
}
