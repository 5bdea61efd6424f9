package edge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/observe"
	"github.com/omni-run/omni/internal/pool"
	"github.com/omni-run/omni/internal/pool/upstream"
)

// answer is the end of the private way: the gateway's own handler, or a worker.
func (g *Gateway) answer(x *Exchange) error {
	if x.Entry.handle != nil {
		return x.Entry.handle(x)
	}
	res, err := g.Pool.Do(x.Context(), g.poolRequest(x))
	if err != nil {
		if x.Context().Err() != nil && errors.Is(context.Cause(x.Context()), context.Canceled) {
			return errClientGone
		}
		return err // of a call that was interrupted, account knows why
	}
	defer res.Body.Close()
	return g.passOn(x, res)
}

// poolRequest is the call as the worker sees it: the internal path, the
// tenant, and none of the caller's credentials.
func (g *Gateway) poolRequest(x *Exchange) *pool.Request {
	fields := append(x.fields[:0], // the pool adds the tenant
		upstream.Field{Name: keyTenantTier, Value: x.Principal.Tier},
		upstream.Field{Name: keyRequestID, Value: x.RequestID},
		upstream.Field{Name: keyTraceparent, Value: x.Trace.Traceparent()})
	typed := false
	for _, name := range [...]string{"Content-Type", "Accept", "Accept-Language"} {
		if v := x.R.Header[name]; len(v) > 0 {
			fields = append(fields, upstream.Field{Name: name, Value: v[0]})
			typed = typed || name == "Content-Type"
		}
	}
	if !typed && len(x.Body) > 0 {
		fields = append(fields, upstream.Field{Name: "Content-Type", Value: "application/json"})
	}
	service, fallback := g.lane(x)
	x.call = pool.Request{
		Service: service, Fallback: fallback, Mirror: mirror(&x.Entry.route), Hedge: x.Entry.route.Hedge.D(), HedgePercentile: x.Entry.route.HedgePercentile,
		Method: x.Entry.route.Method, Path: x.Entry.internal(x.Path), RawQuery: x.R.URL.RawQuery,
		Fields: fields, Body: x.Body, Tenant: x.Principal.Tenant, Weight: float64(x.Tier.Weight), Idempotent: x.Entry.route.Idempotent,
		Timeout: x.Entry.route.Timeout.D(), MaxWait: x.maxWait(x.live.cfg.Hold.MaxWait.D()),
	}
	return &x.call
}

// maxWait is how long the call may be held: the configured time, or less if
// the caller asks so. deadline has checked the header.
func (x *Exchange) maxWait(most time.Duration) time.Duration {
	if v := first(x.R.Header, keyMaxWait); v != "" {
		if d, err := time.ParseDuration(v); err == nil && d >= 0 {
			return min(d, most)
		}
	}
	return most
}

// deadline refuses a malformed X-Omni-Max-Wait instead of ignoring it.
func (g *Gateway) deadline(next Handler) Handler {
	return func(x *Exchange) error {
		if v := first(x.R.Header, keyMaxWait); v != "" {
			if d, err := time.ParseDuration(v); err != nil || d < 0 {
				return api.BadRequest("bad_max_wait", "%s must be a duration such as 30s", api.HeaderMaxWait)
			}
		}
		return next(x)
	}
}

// passOn sends a worker's answer to the caller. A worker that broke is 502
// here, in our words; its refusals go through as they are.
func (g *Gateway) passOn(x *Exchange, res *pool.Response) error {
	x.Queue, x.Worker, x.WorkerName, x.Cold, x.Attempts = res.Queue, res.Worker, res.WorkerName, res.Cold, res.Attempts
	if broken(res.Status) {
		return api.NewError(http.StatusBadGateway, "worker_failed", "the worker failed at this call; the request id finds it in the log").
			Because(fmt.Errorf("worker %s answered %d", res.WorkerName, res.Status))
	}
	x.ModelVersion = first(res.Header, keyModelVersion)
	h := x.W.Header()
	copyHeader(h, res.Header)
	g.timingHeaders(x)
	if first(h, "Cache-Control") == "" {
		h["Cache-Control"] = noStore
	}
	if x.Entry.route.Units > 0 && res.Status < 400 {
		x.Units = x.Entry.route.Units
	}
	x.W.WriteHeader(res.Status)
	if _, err := io.Copy(x.W, res.Body); err != nil {
		if x.Context().Err() != nil {
			return errClientGone
		}
		// The head is out, so breaking the connection is the only way to tell.
		return fmt.Errorf("%w: passing the answer of worker %s on: %w", errBrokenOff, res.WorkerName, err)
	}
	return nil
}

// broken reports whether a status says that the worker, not the call, is at
// fault. 401, 403 and 407 mean that the worker does not trust this gateway.
func broken(status int) bool {
	switch status {
	case http.StatusInternalServerError, http.StatusUnauthorized, http.StatusForbidden, http.StatusProxyAuthRequired:
		return true
	default:
		return status == http.StatusBadGateway || status < 200 || status > 599
	}
}

// timingHeaders tells a caller who waited how long and for what.
func (g *Gateway) timingHeaders(x *Exchange) {
	h := x.W.Header()
	var buf [64]byte
	timing := observe.AppendMilliseconds(append(buf[:0], "queue;dur="...), x.Queue)
	timing = observe.AppendMilliseconds(append(timing, ", worker;dur="...), x.Worker)
	h["Server-Timing"] = x.value(slotTiming, string(timing))
	if x.Cold {
		h[keyColdStart] = yes
	}
}

// ours reports whether only the gateway may set a header.
func ours(name string) bool {
	switch name {
	case "X-Request-Id", "Server", "X-Powered-By", "Set-Cookie", "Date", "Ratelimit", "Ratelimit-Policy",
		"X-Content-Type-Options", "Server-Timing", "Strict-Transport-Security":
		return true
	}
	if strings.HasPrefix(name, "Access-Control-") {
		return true
	}
	return strings.HasPrefix(name, "X-") &&
		(strings.HasPrefix(name, "X-Omni-") || strings.HasPrefix(name, "X-Ratelimit-") || strings.HasPrefix(name, "X-Tenant-"))
}

func copyHeader(dst, src http.Header) {
	for name, values := range src {
		if !ours(name) {
			dst[name] = values
		}
	}
}
