package edge

import (
	"bytes"
	"context"
	"io"
	"math"
	"net/http"

	"github.com/omni-run/omni/internal/authn"
	"github.com/omni-run/omni/internal/config"
)

// entries lists every path the gateway answers: its own, then the workers'.
func (g *Gateway) entries(routes []config.Route) []*entry {
	public := func(pattern string, h Handler) *entry {
		return &entry{method: http.MethodGet, pattern: pattern, public: true, handle: h}
	}
	own := func(method, pattern, scope string, h Handler) *entry {
		return &entry{method: method, pattern: pattern, scope: scope, units: 1, handle: h}
	}
	list := []*entry{
		public("/", g.serveRoot),
		public("/health", g.serveHealth),
		public("/health/live", g.serveLive),
		public("/health/ready", g.serveReady),
		public("/metrics", g.serveMetrics),
		public("/docs", g.serveDocs),
		public("/openapi.json", g.serveOpenAPI),
		own(http.MethodGet, "/usage", "usage", g.serveUsage),
		own(http.MethodGet, "/jobs", "jobs", g.serveJobs),
		own(http.MethodGet, "/jobs/{id}", "jobs", g.serveJob),
		own(http.MethodDelete, "/jobs/{id}", "jobs", g.serveCancelJob),
		own(http.MethodGet, "/jobs/{id}/events", "jobs", g.serveJobEvents),
	}
	list = append(list, g.webhookEntries(own)...)
	for _, r := range routes {
		list = append(list, &entry{method: r.Method, pattern: r.Path, scope: r.Scope, units: r.Units, route: r})
	}
	if g.Admin != nil {
		list = append(list, &entry{method: "*", pattern: "/admin/*", master: true, handle: g.serveAdmin})
	}
	return list
}

// answerHere runs a public entry's own handler.
func (g *Gateway) answerHere(x *Exchange) error { return x.Entry.handle(x) }

func (g *Gateway) serveRoot(x *Exchange) error {
	return writeJSON(x, http.StatusOK, map[string]any{
		"service": "omni-gateway", "version": g.Version, "status": "operational",
		"docs": "/docs", "openapi": "/openapi.json", "health": "/health", "metrics": "/metrics",
		"authentication": map[string]any{
			"headers": []string{"X-API-Key: KEY", "Authorization: Bearer KEY"},
			"errors":  map[string]string{"401": "no credential", "403": "not a valid key, or one without the route's scope"},
		},
		"endpoints":  endpointList(x.live.cfg.Routes),
		"request_id": x.RequestID,
	})
}

// endpointList groups the workers' paths by the service that answers them.
func endpointList(routes []config.Route) map[string][]string {
	out := map[string][]string{}
	for _, r := range routes {
		out[r.Service] = append(out[r.Service], r.Method+" "+r.Path)
	}
	return out
}

// serveHealth is the gateway's own health. It reads what the probes last saw
// and never waits for a worker.
func (g *Gateway) serveHealth(x *Exchange) error {
	ready, total := g.Pool.Counts()
	workers := map[string]any{"ready": ready, "total": total}
	if n, start := g.Pool.Resting(); n > 0 {
		workers["asleep"] = n
		if start > 0 {
			workers["estimated_start_seconds"] = math.Ceil(start.Seconds())
		}
	}
	if n := g.Pool.Unproven(); n > 0 {
		workers["wake_failing"] = n
	}
	return writeJSON(x, http.StatusOK, map[string]any{
		"status": "ok", "service": "api-gateway", "version": g.Version, "mode": g.cfg.Mode,
		"uptime_seconds": g.now().Sub(g.begun).Seconds(),
		"workers":        workers,
		"limits":         g.Limits.scope(),
		"config":         g.configHealth(x.live),
		"request_id":     x.RequestID,
	})
}

func (g *Gateway) serveLive(x *Exchange) error {
	return writeJSON(x, http.StatusOK, map[string]any{"status": "ok", "request_id": x.RequestID})
}

func (g *Gateway) serveReady(x *Exchange) error {
	if g.draining.Load() {
		return writeJSON(x, http.StatusServiceUnavailable, map[string]any{"status": "draining", "request_id": x.RequestID})
	}
	return writeJSON(x, http.StatusOK, map[string]any{"status": "ready", "request_id": x.RequestID})
}

func (g *Gateway) serveMetrics(x *Exchange) error {
	g.Metrics.ServeHTTP(x.W, x.R)
	return nil
}

func (g *Gateway) serveDocs(x *Exchange) error {
	h := x.W.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	writeBody(x, http.StatusOK, "text/html; charset=utf-8", g.DocsHTML)
	return nil
}

func (g *Gateway) serveOpenAPI(x *Exchange) error {
	writeBody(x, http.StatusOK, "application/json", g.OpenAPI)
	return nil
}

type exchangeKey struct{}

// serveAdmin hands over to the admin handler, which finds the exchange in the
// request's context.
func (g *Gateway) serveAdmin(x *Exchange) error {
	x.W.Header()["Cache-Control"] = []string{"no-store"}
	r := x.R.WithContext(context.WithValue(x.Context(), exchangeKey{}, x))
	r.Body = io.NopCloser(bytes.NewReader(x.Body)) // readBody has taken it in
	g.Admin.ServeHTTP(x.W, r)
	return nil
}

// PrincipalOf returns who makes a request that the gateway handed on.
func PrincipalOf(r *http.Request) (authn.Principal, bool) {
	x, ok := r.Context().Value(exchangeKey{}).(*Exchange)
	if !ok {
		return authn.Principal{}, false
	}
	return x.Principal, true
}

// RequestIDOf returns the identity of a request that the gateway handed on.
func RequestIDOf(r *http.Request) string {
	if x, ok := r.Context().Value(exchangeKey{}).(*Exchange); ok {
		return x.RequestID
	}
	return ""
}

// RemoteOf returns the caller's address, behind trusted proxies too.
func RemoteOf(r *http.Request) string {
	if x, ok := r.Context().Value(exchangeKey{}).(*Exchange); ok && x.Remote.IsValid() {
		return x.Remote.String()
	}
	return ""
}

// Fail answers an error to a request that the gateway handed on, as the stages
// answer theirs.
func Fail(_ http.ResponseWriter, r *http.Request, err error) {
	if x, ok := r.Context().Value(exchangeKey{}).(*Exchange); ok {
		fail(x, err)
	}
}
