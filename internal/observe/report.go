package observe

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/getsentry/sentry-go"
)

// Failure is what an error report says: which request failed and how, never
// its body, its headers or its key.
type Failure struct {
	Err       error
	Kind      string // "http_5xx", "panic", "worker_failed"
	RequestID string
	Tenant    string
	Route     string
	Status    int
	TraceID   string
	Stack     []byte
}

// Reporter sends failures to an error tracker. A nil *Reporter drops them.
type Reporter struct {
	hub *sentry.Hub
}

// ReportOptions configure the Sentry client.
type ReportOptions struct {
	// DSN is empty to switch reporting off.
	DSN         string
	Environment string
	Release     string
	Component   string
	// Transport is nil for the ordinary HTTP transport.
	Transport http.RoundTripper
}

// NewReporter returns nil, which drops everything, when no DSN is set.
func NewReporter(o ReportOptions, log *slog.Logger) (*Reporter, error) {
	if o.DSN == "" {
		return nil, nil //nolint:nilnil // a nil Reporter is the documented "off"
	}
	client, err := sentry.NewClient(sentry.ClientOptions{
		Dsn: o.DSN, Environment: o.Environment, Release: o.Release, ServerName: o.Component,
		AttachStacktrace: true, MaxBreadcrumbs: -1, HTTPTransport: o.Transport,
		BeforeSend: scrub,
	})
	if err != nil {
		// The SDK quotes the DSN in its errors, and the DSN holds a secret.
		return nil, errors.New("sentry: the DSN cannot be parsed")
	}
	log.Info("error reports go to Sentry", "environment", o.Environment, "release", o.Release)
	scope := sentry.NewScope()
	scope.SetTag("component", o.Component)
	return &Reporter{hub: sentry.NewHub(client, scope)}, nil
}

// scrub drops whatever the SDK gathered that could hold a caller's data.
func scrub(event *sentry.Event, _ *sentry.EventHint) *sentry.Event {
	event.Request = nil
	event.User = sentry.User{}
	event.Modules = nil
	delete(event.Contexts, "device")
	return event
}

// Report queues one failure; it never blocks on the network.
func (r *Reporter) Report(f Failure) {
	if r == nil {
		return
	}
	hub := r.hub.Clone()
	hub.WithScope(func(scope *sentry.Scope) {
		scope.SetTags(map[string]string{
			"kind": f.Kind, "request_id": f.RequestID, "tenant": f.Tenant, "route": f.Route,
			"status": fmt.Sprint(f.Status), "trace_id": f.TraceID,
		})
		scope.SetFingerprint([]string{f.Kind, f.Route, errorClass(f.Err)})
		scope.SetLevel(sentry.LevelError)
		if len(f.Stack) > 0 {
			scope.SetContext("panic", sentry.Context{"stack": string(f.Stack)})
		}
		hub.CaptureException(f.Err)
	})
}

func errorClass(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return fmt.Sprintf("%T", err)
		}
		err = inner
	}
}

// Flush waits until what is queued has been sent, at most timeout.
func (r *Reporter) Flush(timeout time.Duration) bool {
	if r == nil {
		return true
	}
	return r.hub.Flush(timeout)
}
