package worker

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"net/http"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/observe"
	"github.com/omni-run/omni/internal/service"
)

// Handler serves the /internal half of the contract.
func (s *Shell) Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != api.InternalPrefix+"/health" && !s.trusted(r) {
			writeError(w, r, api.NewError(http.StatusUnauthorized, "untrusted_caller", "this worker answers its gateway only"))
			return
		}
		s.mux.ServeHTTP(w, r)
	})
}

// trusted reports whether a call comes from the gateway: by every means that
// is configured.
func (s *Shell) trusted(r *http.Request) bool {
	if !s.knowsToken(r) {
		return false
	}
	if s.opt.Verify == nil {
		return true
	}
	if err := s.opt.Verify(r.Context(), r.Header); err != nil {
		s.opt.Log.Warn("a caller is not trusted", "error", err)
		return false
	}
	return true
}

// knowsToken compares hashes so that neither length nor content leaks by time.
func (s *Shell) knowsToken(r *http.Request) bool {
	if s.opt.Token == "" {
		return true
	}
	want, got := sha256.Sum256([]byte(s.opt.Token)), sha256.Sum256([]byte(r.Header.Get(api.HeaderWorkerToken)))
	return subtle.ConstantTimeCompare(want[:], got[:]) == 1
}

func (s *Shell) buildMux() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+api.InternalPrefix+"/health", s.serveHealth)
	mux.HandleFunc("GET "+api.InternalPrefix+"/progress/{id}", s.serveProgress)
	mux.HandleFunc("GET "+api.InternalPrefix+"/version/{service}", s.serveVersion)
	mux.Handle("GET "+api.InternalPrefix+"/metrics", promhttp.HandlerFor(s.opt.Registry, promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(s.opt.Log.Handler(), slog.LevelWarn)}))
	for path, methods := range s.routes {
		mux.HandleFunc(api.InternalPrefix+path, func(w http.ResponseWriter, r *http.Request) {
			if bound := methods[r.Method]; bound != nil {
				s.serve(w, r, bound) //nolint:contextcheck // the call's context is the request's, made in callContext
				return
			}
			allow := make([]string, 0, len(methods))
			for m := range methods {
				allow = append(allow, m)
			}
			slices.Sort(allow)
			w.Header().Set("Allow", strings.Join(allow, ", "))
			writeError(w, r, api.NewError(http.StatusMethodNotAllowed, "method_not_allowed", "%s takes %s", path, strings.Join(allow, " or ")))
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeError(w, r, api.NotFound("not_found", "this worker has no such path"))
	})
	return mux
}

func (s *Shell) serveHealth(w http.ResponseWriter, _ *http.Request) {
	h, status := s.Health(), http.StatusOK
	if h.Status == api.WorkerDraining {
		status = http.StatusServiceUnavailable
	}
	writeJSON(w, status, h)
}

func (s *Shell) serveProgress(w http.ResponseWriter, r *http.Request) {
	fraction, ok := s.progress.get(r.Header.Get(api.HeaderTenantID), r.PathValue("id"))
	if !ok {
		writeError(w, r, api.NotFound("not_found", "no such call is running here"))
		return
	}
	writeJSON(w, http.StatusOK, map[string]float64{"progress": fraction})
}

func (s *Shell) serve(w http.ResponseWriter, r *http.Request, bound *boundRoute) {
	begun := s.opt.Now()
	status := http.StatusOK
	call := &service.Call{
		Tenant: r.Header.Get(api.HeaderTenantID), Tier: r.Header.Get(api.HeaderTenantTier),
		RequestID: r.Header.Get(api.HeaderRequestID), Query: r.URL.Query(), Path: map[string]string{},
	}
	if !observe.ValidRequestID(call.RequestID) {
		call.RequestID = observe.NewRequestID()
	}
	for _, name := range wildcards(bound.Path) {
		call.Path[name] = r.PathValue(name)
	}
	answer, version, err := s.admitAndRun(w, r, bound, call)
	if err == nil {
		if version != "" {
			w.Header().Set(api.HeaderModelVersion, version)
		}
		err = writeAnswer(w, call, answer)
	}
	if err != nil {
		e := asError(err)
		status = e.HTTP
		s.logFailure(r, bound, call, e)
		r.Header.Set(api.HeaderRequestID, call.RequestID)
		writeError(w, r, e)
	}
	end := s.opt.Now()
	s.metrics.finished(bound, status, end.Sub(begun))
	s.trace(r, bound, call, status, begun, end)
}

func (s *Shell) admitAndRun(w http.ResponseWriter, r *http.Request, bound *boundRoute, call *service.Call) (answer any, version string, err error) {
	if s.draining.Load() {
		return nil, "", api.NewError(http.StatusServiceUnavailable, "draining", "this worker is shutting down")
	}
	if call.Tenant == "" {
		return nil, "", api.BadRequest("no_tenant", "the gateway must say whose call this is: %s", api.HeaderTenantID)
	}
	if err := s.ready(bound.host); err != nil {
		return nil, "", err
	}
	ctx, cancel := callContext(r)
	defer cancel()
	release, err := s.admit(ctx)
	if err != nil {
		return nil, "", err
	}
	defer release()
	if call.Body, err = io.ReadAll(http.MaxBytesReader(w, r.Body, s.opt.MaxBody)); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return nil, "", api.NewError(http.StatusRequestEntityTooLarge, "body_too_large", "the body exceeds %d bytes", tooLarge.Limit)
		}
		return nil, "", api.BadRequest("unreadable_body", "the body ended early").Because(err)
	}
	call.OnProgress = s.progress.open(call.Tenant, call.RequestID)
	defer s.progress.close(call.Tenant, call.RequestID)
	return s.runVersioned(ctx, bound, call)
}

// run calls the handler, measures it, and turns a panic into an error.
func (s *Shell) run(ctx context.Context, bound *boundRoute, call *service.Call) (answer any, err error) {
	begun := s.opt.Now()
	defer func() {
		if p := recover(); p != nil {
			stack := debug.Stack()
			err = &panicError{value: p, stack: stack}
		}
		s.metrics.inference(bound, s.opt.Now().Sub(begun))
	}()
	return bound.Handler(ctx, call)
}

type panicError struct {
	value any
	stack []byte
}

func (p *panicError) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// callContext ends when the gateway gives up: it hangs up, or the deadline it
// stated passes.
func callContext(r *http.Request) (context.Context, context.CancelFunc) {
	ms, err := strconv.ParseInt(r.Header.Get(api.HeaderDeadline), 10, 64)
	if err != nil || ms <= 0 || ms > math.MaxInt32 {
		return context.WithCancel(r.Context())
	}
	return context.WithTimeout(r.Context(), time.Duration(ms)*time.Millisecond)
}

func (s *Shell) logFailure(r *http.Request, bound *boundRoute, call *service.Call, e *api.Error) {
	if e.HTTP < 500 {
		return
	}
	trace := observe.Continue(r.Header.Get(api.HeaderTraceparent))
	f := observe.Failure{
		Err: e, Kind: "http_5xx", RequestID: call.RequestID, Tenant: call.Tenant, Route: bound.Path, Status: e.HTTP, TraceID: trace.TraceID,
	}
	attrs := []any{"request_id", call.RequestID, "tenant", call.Tenant, "route", bound.Path, "trace_id", trace.TraceID, "error", e}
	var p *panicError
	if errors.As(e, &p) {
		f.Kind, f.Stack = "panic", p.stack
		attrs = append(attrs, "stack", string(p.stack))
	}
	if e.HTTP == http.StatusServiceUnavailable || e.HTTP == http.StatusNotImplemented {
		s.opt.Log.Info("call refused", attrs...)
		return
	}
	s.opt.Log.Error("call failed", attrs...)
	s.opt.Reporter.Report(f)
}

// writeAnswer fills the common fields and writes the whole answer at once, so
// that a value that cannot be written as JSON becomes an error, not half a body.
func writeAnswer(w http.ResponseWriter, call *service.Call, answer any) error {
	complete(call, answer)
	body, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("writing the answer as JSON: %w", err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)+1))
	w.Header().Set(api.HeaderRequestID, call.RequestID)
	_, _ = w.Write(append(body, '\n')) // a caller gone by now gets nothing more
	return nil
}

func complete(call *service.Call, answer any) {
	a, ok := answer.(interface{ Base() *api.Answer })
	if !ok {
		return
	}
	base := a.Base()
	if base.Status == "" {
		base.Status = "success"
	}
	base.TenantID, base.RequestID = call.Tenant, call.RequestID
	base.Warnings = append(call.Warnings(), base.Warnings...)
}

func writeError(w http.ResponseWriter, r *http.Request, e *api.Error) {
	id := r.Header.Get(api.HeaderRequestID)
	if !observe.ValidRequestID(id) {
		id = observe.NewRequestID()
	}
	w.Header().Set(api.HeaderRequestID, id)
	if e.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(e.RetryAfter.Seconds()))))
	}
	writeJSON(w, e.HTTP, e.Body(id))
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		http.Error(w, `{"status":"error","error":"internal"}`, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)+1))
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

// wildcards lists the names in a pattern such as "/models/{name}/promote".
func wildcards(pattern string) []string {
	var names []string
	for part := range strings.SplitSeq(pattern, "/") {
		if strings.HasPrefix(part, "{") && strings.HasSuffix(part, "}") {
			names = append(names, strings.Trim(part, "{}"))
		}
	}
	return names
}
