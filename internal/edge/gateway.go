// Package edge is the gateway's public face: it gives each request an
// identity, decides who calls and whether they may, takes the body in, and
// hands the call to a worker; on the way back it counts and logs. The stages
// stand in order in Gateway.stages, which is the place to start reading.
package edge

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/authn"
	"github.com/omni-run/omni/internal/config"
	"github.com/omni-run/omni/internal/observe"
	"github.com/omni-run/omni/internal/pool"
	"github.com/omni-run/omni/internal/respcache"
	"github.com/omni-run/omni/internal/usage"
)

// Authenticator says who presents a credential.
type Authenticator interface {
	Authenticate(ctx context.Context, presented string) (authn.Principal, error)
}

// Forwarder runs a call on a worker, once one is ready.
type Forwarder interface {
	Do(ctx context.Context, r *pool.Request) (*pool.Response, error)
	Counts() (ready, total int)
	Resting() (workers int, start time.Duration)
	Unproven() (workers int)
	// Stop refuses held calls and waits for those that run.
	Stop(ctx context.Context) error
}

// Ledger remembers what was answered.
type Ledger interface {
	Record(e usage.Entry) error
}

// Deps is what the gateway stands on. All but Reporter, Admin and Now are
// required.
type Deps struct {
	Config  Loaded
	Version string
	Log     *slog.Logger
	Now     func() time.Time

	Registry *prometheus.Registry
	Reporter *observe.Reporter

	Keys        Authenticator
	Limits      Limits
	Pool        Forwarder
	Ledger      Ledger
	Jobs        Jobs
	Idempotency Idempotency
	Reports     Reports
	// Cache keeps answers that can be repeated; nil keeps none.
	Cache *respcache.Cache
	// Traces takes the spans of sampled requests; nil takes none.
	Traces Traces

	// Metrics answers GET /metrics, Admin everything below /admin (nil for
	// 404), each behind the stages' checks.
	Metrics http.Handler
	Admin   http.Handler
	// DocsHTML and OpenAPI are served as they are.
	DocsHTML, OpenAPI []byte
}

// Gateway is an http.Handler. Make one with New.
type Gateway struct {
	Deps
	// cfg is the configuration at the start, for what cannot change; live has
	// the rest, and is taken once an exchange.
	cfg        config.Config
	live       atomic.Pointer[live]
	generation atomic.Uint64
	refused    atomic.Bool
	log        *slog.Logger
	now        func() time.Time
	reporter   *observe.Reporter
	metrics    *metrics
	begun      time.Time
	handle     Handler
	draining   atomic.Bool
	// drained is closed when draining begins.
	drained chan struct{}
}

// New builds the gateway from its parts.
func New(d Deps) (*Gateway, error) {
	if d.Now == nil {
		d.Now = time.Now
	}
	if err := d.Limits.validate(); err != nil {
		return nil, err
	}
	g := &Gateway{Deps: d, cfg: d.Config.Config, log: d.Log, now: d.Now, reporter: d.Reporter, metrics: newMetrics(d.Registry, d.Config.Tiers), begun: d.Now(), drained: make(chan struct{})}
	if d.Config.At.IsZero() {
		d.Config.At = d.Now()
	}
	l, err := g.newLive(d.Config, nil)
	if err != nil {
		return nil, err
	}
	g.live.Store(l)
	g.handle = g.stages()
	return g, nil
}

// stages is a request's way through the gateway, outermost first.
func (g *Gateway) stages() Handler {
	public := chain(g.answerHere,
		g.guardAddress, // one address cannot flood the open paths
	)
	private := chain(g.answer,
		g.authenticate,     // 401, 403: who calls
		g.limitRate,        // 429: the tenant's rate and monthly units
		g.route,            // 404, 405, 403 scope
		g.limitConcurrency, // 429: the tenant's calls at a time
		g.readBody,         // 413, 415, 400: the whole body, and that it is JSON
		g.replay,           // 409, or the stored answer for an Idempotency-Key
		g.respondAsync,     // 202 and a job, where asked for
		g.deadline,         // the caller's own limit on waiting
		g.cached,           // the answer this tenant got to the same question
	)
	return chain(func(x *Exchange) error {
		if x.Entry != nil && x.Entry.public {
			return public(x)
		}
		return private(x)
	},
		g.account,   // envelope, ledger, metrics, log, error report: whatever happens further in
		g.identify,  // request id, trace, address
		g.preflight, // 204 for browsers that ask whether a page may call
		g.locate,    // 400 for a path that two layers could read differently
	)
}

// ServeHTTP implements http.Handler.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &Exchange{R: r, Begun: g.now(), live: g.take()}
	defer x.live.release()
	x.out.ResponseWriter = w
	x.W = &x.out
	if _, x.bodyTimed = w.(interface{ LimitsBody() }); r.ContentLength != 0 && !x.bodyTimed {
		// For the body of a refused call too: net/http reads it before it
		// answers. takeIn lifts the deadline once a body is in.
		if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(g.cfg.Limits.BodyTimeout.D())); err != nil && !errors.Is(err, http.ErrNotSupported) {
			g.log.Debug("a connection takes no deadline", "error", err)
		}
	}
	_ = g.handle(x) // account has answered whatever failed
}

// Drain makes /health/ready say 503, so that no new traffic is sent here, and
// ends the streams of events, which would not end by themselves.
func (g *Gateway) Drain() {
	if g.draining.CompareAndSwap(false, true) {
		close(g.drained)
	}
}

// locate finds the route, so that the stages know what is asked for. It
// refuses nothing but unusable paths: a stranger learns nothing about which
// paths exist.
func (g *Gateway) locate(next Handler) Handler {
	return func(x *Exchange) error {
		if framedTwice(x.Context()) {
			x.W.Header().Set("Connection", "close")
			return api.BadRequest("bad_framing", "the request has both Content-Length and Transfer-Encoding")
		}
		path, err := cleanPath(x.R.URL)
		if err != nil {
			return err
		}
		x.Path = path
		if x.R.Method == http.MethodConnect || x.R.URL.IsAbs() || x.R.URL.Opaque != "" {
			return errAbsoluteTarget()
		}
		entries, values := x.live.table.find(path)
		x.Entry, x.Values = pick(entries, x.R.Method), values
		return next(x)
	}
}

// errClientGone is returned when the caller hung up while being served.
var errClientGone = errors.New("edge: the caller went away")
