// Package gateway puts the gateway together from its parts, for the commands
// that run one, and takes it apart again in order.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/omni-run/omni/api/spec"
	"github.com/omni-run/omni/internal/admin"
	"github.com/omni-run/omni/internal/authn"
	"github.com/omni-run/omni/internal/authn/oidc"
	"github.com/omni-run/omni/internal/config"
	"github.com/omni-run/omni/internal/edge"
	"github.com/omni-run/omni/internal/idempotency"
	"github.com/omni-run/omni/internal/jobs"
	"github.com/omni-run/omni/internal/lockfile"
	"github.com/omni-run/omni/internal/metricsmerge"
	"github.com/omni-run/omni/internal/observe"
	"github.com/omni-run/omni/internal/otlp"
	"github.com/omni-run/omni/internal/pool"
	"github.com/omni-run/omni/internal/ratelimit"
	"github.com/omni-run/omni/internal/ratelimit/redislimit"
	"github.com/omni-run/omni/internal/respcache"
	"github.com/omni-run/omni/internal/usage"
	"github.com/omni-run/omni/internal/webhook"
)

// Options are what a command gives besides the configuration.
type Options struct {
	Config   config.Config
	Version  string
	Log      *slog.Logger
	Now      func() time.Time
	Reporter *observe.Reporter
	// Getenv and Environ are the environment, which tells about the platform and
	// is handed to workers' processes; default the process's own.
	Getenv  func(string) string
	Environ []string
	// WorkerOutput takes what workers' processes write; nil for the log.
	WorkerOutput io.Writer
	// Source is where the configuration can be read again; without one it stays
	// as it is. Level, if set, is the level of Log, and follows it.
	Source *config.Source
	Level  *slog.LevelVar
}

// Gateway is a gateway with all it stands on, open and running.
type Gateway struct {
	opt      Options
	unlock   func()
	registry *prometheus.Registry
	keys     authn.Store
	auth     *authn.Authenticator
	// tokens is nil when only keys are let in.
	tokens  *oidc.Authenticator
	ledger  *usage.Ledger
	jobs    *jobs.Manager
	replays replays
	pool    *pool.Pool
	// shared is nil when rates are counted by this process alone.
	shared *redislimit.Limiter
	cache  *respcache.Cache
	guard  *ratelimit.Guard
	// traces is nil when none are exported.
	traces *otlp.Exporter
	edge   *edge.Gateway
	config *liveConfig
}

// Open opens the stores, begins to probe the workers and to run jobs. The
// stores do not depend on each other, so they open side by side: a cold start
// waits for the slowest, not for the sum.
func Open(ctx context.Context, o Options) (*Gateway, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	if o.Environ == nil {
		o.Environ = os.Environ()
	}
	if err := os.MkdirAll(o.Config.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("making the data folder: %w", err)
	}
	unlock, err := lockfile.Lock(filepath.Join(o.Config.DataDir, "gateway.lock"))
	if err != nil {
		return nil, fmt.Errorf("the data folder %s belongs to another running gateway: %w", o.Config.DataDir, err)
	}
	g := &Gateway{opt: o, unlock: unlock, registry: observe.NewRegistry("gateway", o.Version)}
	g.config = newLiveConfig(g)
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		errs []error
	)
	for _, open := range []func(context.Context) error{g.openKeys, g.openLedger, g.openJobs, g.openReplays, g.openPool} {
		wg.Go(func() {
			if err := open(ctx); err != nil {
				mu.Lock()
				errs = append(errs, err)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(errs) == 0 {
		errs = append(errs, g.assemble(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		return nil, errors.Join(err, g.Close(stop))
	}
	return g, nil
}

func (g *Gateway) path(name string) string { return filepath.Join(g.opt.Config.DataDir, name) }

func (g *Gateway) openKeys(ctx context.Context) (err error) {
	if g.keys, err = OpenKeyStore(ctx, g.opt.Config, KeyStoreOptions{Watch: true, Log: g.opt.Log}); err != nil {
		return err
	}
	g.auth, err = authn.New(ctx, authn.Options{
		Store: g.keys, MasterKey: g.opt.Config.MasterKey, Development: g.opt.Config.Mode == config.ModeDevelopment,
		// A database that is away is no reason not to start: it may come back at any
		// moment, and until then every caller is told to try again.
		StartWithout: g.opt.Config.Keys.Store == config.KeyStorePostgres, MaxStale: g.opt.Config.Keys.MaxStale.D(),
		Log: g.opt.Log, Now: g.opt.Now,
	})
	if err != nil || g.opt.Config.OIDC.Issuer == "" {
		return err
	}
	g.tokens, err = oidc.New(ctx, oidc.Options{Config: g.opt.Config.OIDC, Keys: g.auth, Log: g.opt.Log, Now: g.opt.Now})
	return err
}

// credentials judges keys, and tokens where they are let in.
func (g *Gateway) credentials() edge.Authenticator {
	if g.tokens == nil {
		return g.auth
	}
	return g.tokens
}

func (g *Gateway) openLedger(ctx context.Context) (err error) {
	g.ledger, err = usage.Open(ctx, usage.Options{Dir: g.path("usage"), Log: g.opt.Log, Now: g.opt.Now})
	return err
}

func (g *Gateway) openJobs(ctx context.Context) (err error) {
	c := g.opt.Config.Jobs
	g.jobs, err = jobs.Open(ctx, jobs.Options{
		Path: g.path("jobs.db"), Postgres: c.URL, Webhooks: webhooks(g.opt.Config.Webhooks), Concurrent: c.Concurrent, Timeout: c.Timeout.D(), Keep: c.Keep.D(), TenantPending: c.TenantPending, Lease: c.Lease.D(),
		Log: g.opt.Log, Now: g.opt.Now,
	})
	return err
}

// webhooks turns the configuration, which has been checked, into the parts'
// own words.
func webhooks(c config.Webhooks) jobs.Webhooks {
	w := jobs.Webhooks{
		Guard: webhook.Guard{AllowHTTP: *c.AllowHTTP}, Timeout: c.Timeout.D(), Key: c.Key, DisableAfter: c.DisableAfter.D(), PerTenant: c.PerTenant,
	}
	for _, cidr := range c.AllowNetworks {
		w.Guard.Allow = append(w.Guard.Allow, netip.MustParsePrefix(cidr))
	}
	return w
}

// replays are the answers of idempotency keys, in a file or a database.
type replays interface {
	edge.Idempotency
	Close() error
}

func (g *Gateway) openReplays(ctx context.Context) error {
	if c := g.opt.Config.Idempotency; c.Store == config.IdempotencyStorePostgres {
		s, err := idempotency.OpenShared(ctx, c.URL)
		if err != nil {
			return fmt.Errorf("opening the store of idempotency keys: %w", err)
		}
		g.replays = s
		return nil
	}
	s, err := idempotency.Open(ctx, g.path("idempotency.db"), g.opt.Now)
	if err != nil {
		return err
	}
	g.replays = s
	return nil
}

func (g *Gateway) openPool(ctx context.Context) (err error) {
	o := poolFigures(g.opt.Config)
	o.Logger, o.Registerer, o.Now = g.opt.Log, g.registry, g.opt.Now
	// Several workers can die one after the other under one call, as when they
	// are rolled; the retry budget bounds all attempts together.
	o.Attempts = 6
	if o.Workers, err = g.poolWorkers(g.opt.Config.Workers); err != nil {
		return err
	}
	if g.pool, err = pool.New(o); err != nil {
		return err
	}
	// Probing ends with Close, not with the context that opened the gateway:
	// draining still needs to know which workers are ready.
	return g.pool.Start(context.WithoutCancel(ctx))
}

// poolFigures are the options of a pool that can change while it runs, its
// workers aside.
func poolFigures(c config.Config) pool.Options {
	h, b := c.Hold, c.Balance
	o := pool.Options{MaxWait: h.MaxWait.D()}
	o.DialTimeout, o.HeaderTimeout, o.BodyTimeout = b.ConnectTimeout.D(), b.HeaderTimeout.D(), b.BodyTimeout.D()
	o.RetryShare, o.SlowStart = b.RetryShare, b.SlowStart.D()
	o.Outlier = pool.Outlier{ErrorShare: b.OutlierErrors, LatencyFactor: b.OutlierLatency, MaxShare: b.OutlierMax}
	o.Hold.Count, o.Hold.Bytes, o.Hold.TenantCount, o.Hold.TenantBytes = h.MaxRequests, h.MaxBytes, h.TenantRequests, h.TenantBytes
	if o.Credit = *h.Credit; o.Credit == 0 {
		o.Credit = -1 // none; to the pool, 0 is its default
	}
	return o
}

// assemble builds the edge on the open parts.
func (g *Gateway) assemble(ctx context.Context) error {
	limits, err := g.limits() //nolint:contextcheck // the shared limit store lives until Close
	if err != nil {
		return err
	}
	metrics, err := metricsmerge.NewHandler(g.registry, g.pool.MetricsTexts, g.registry)
	if err != nil {
		return err
	}
	g.registry.MustRegister(newPartsCollector(g))
	all, tenants := cacheBounds(g.opt.Config.Cache)
	g.cache = respcache.New(respcache.Options{MaxBytes: all, TenantBytes: tenants, Now: g.opt.Now})
	var traces edge.Traces
	if g.traces, err = g.openTraces(); err != nil { //nolint:contextcheck // exports outlive the call: Close ends them
		return err
	} else if g.traces != nil {
		traces = g.traces
	}
	g.edge, err = edge.New(edge.Deps{
		Config: g.config.loaded(), Version: g.opt.Version, Log: g.opt.Log, Now: g.opt.Now, Registry: g.registry, Reporter: g.opt.Reporter,
		Keys: g.credentials(), Limits: limits, Pool: g.pool, Ledger: g.ledger, Jobs: g.jobs, Idempotency: g.replays,
		Reports: g.ledger, Cache: g.cache, Traces: traces, Metrics: metrics, Admin: g.adminHandler(), DocsHTML: spec.DocsHTML(), OpenAPI: spec.OpenAPI(),
	})
	if err != nil {
		return err
	}
	return g.jobs.Start(ctx, g.edge.RunJob)
}

func (g *Gateway) limits() (edge.Limits, error) {
	var err error
	if g.guard, err = ratelimit.NewGuard(guardPolicy(g.opt.Config), 0, g.opt.Now); err != nil {
		return edge.Limits{}, err
	}
	limits := edge.Limits{
		Rate: ratelimit.NewMemory(0, g.opt.Now), Quota: &ratelimit.Quota{Spent: g.ledger, Now: g.opt.Now},
		Calls: ratelimit.NewConcurrency(), Addresses: g.guard,
	}
	if g.opt.Config.LimitStore.Kind == config.LimitStoreRedis {
		if err := g.openShared(); err != nil {
			return edge.Limits{}, err
		}
		limits.Rate, limits.Scope = g.shared, g.shared.Scope
	}
	return limits, nil
}

// openShared begins to connect to the shared limit store and waits for
// nothing: until it answers, this gateway grants its share.
func (g *Gateway) openShared() (err error) {
	c, dearest := g.opt.Config.LimitStore, 1
	for _, r := range g.opt.Config.Routes {
		dearest = max(dearest, r.Units)
	}
	g.shared, err = redislimit.New(redislimit.Options{
		URL: c.URL, Prefix: c.Prefix, Timeout: c.Timeout.D(), Gateways: c.Gateways, MinBurst: dearest,
		Log: g.opt.Log, Now: g.opt.Now,
	})
	return err
}

// limitsText says at the start who counts.
func (g *Gateway) limitsText() string {
	if g.shared == nil {
		return "local to this process"
	}
	return g.shared.String()
}

// Serve answers on the listener until ctx ends, and then drains.
func (g *Gateway) Serve(ctx context.Context, ln net.Listener) error {
	g.announce(ln)
	served := make(chan error, 1)
	go func() { served <- g.edge.Serve(ctx, ln) }()
	return g.untilServed(ctx, served)
}

func (g *Gateway) announce(ln net.Listener) {
	c := g.opt.Config
	g.opt.Log.Info("gateway listens", "address", ln.Addr().String(), "mode", c.Mode, "version", g.opt.Version,
		"workers", len(c.Workers), "routes", len(c.Routes), "limits", g.limitsText(), "key_store", c.Keys.Store)
}

// Close stops what runs and closes what is open, in the order in which the
// parts need each other. What was recorded and accepted is on disk afterwards.
func (g *Gateway) Close(ctx context.Context) error {
	var errs []error
	g.config.close()
	if g.jobs != nil {
		errs = append(errs, g.jobs.Close(ctx))
	}
	if g.pool != nil {
		errs = append(errs, g.pool.Stop(ctx))
	}
	if g.ledger != nil {
		errs = append(errs, g.ledger.Close()) //nolint:contextcheck // its last fold must end even when ctx has
	}
	if g.shared != nil {
		errs = append(errs, g.shared.Close())
	}
	if g.replays != nil {
		errs = append(errs, g.replays.Close())
	}
	if g.tokens != nil {
		g.tokens.Close()
	}
	if g.auth != nil {
		errs = append(errs, g.auth.Close())
	}
	if g.keys != nil {
		errs = append(errs, g.keys.Close())
	}
	if g.traces != nil {
		errs = append(errs, g.traces.Close(ctx))
	}
	g.unlock()
	g.opt.Reporter.Flush(2 * time.Second)
	return errors.Join(errs...)
}

func (g *Gateway) adminHandler() *admin.Handler { return newAdmin(g) }
