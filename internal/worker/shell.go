// Package worker is the shell around the services of a worker: it loads them
// side by side, tells the gateway which are ready, admits calls up to a stated
// concurrency, and turns what a service returns into the answers of the
// contract. It knows nothing of callers' keys or limits.
package worker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/observe"
	"github.com/omni-run/omni/internal/service"
)

// Options configure a Shell.
type Options struct {
	Services []service.Service
	// MaxConcurrency is how many calls run at a time; default four a core. The
	// same number again may wait for a slot.
	MaxConcurrency int
	// MaxBody bounds a request body, in bytes; default 32 MiB.
	MaxBody int64
	// Token, when set, must accompany every call but /internal/health.
	Token string
	// Verify, when set, must accept every call but /internal/health, such as by
	// the gateway's ID token.
	Verify func(ctx context.Context, header http.Header) error
	// TLS, when set, is what the worker serves with, and may demand certificates
	// of its callers.
	TLS     *tls.Config
	Version string
	Log     *slog.Logger
	// Now is the clock; default time.Now.
	Now func() time.Time
	// Registry receives the worker's metrics and is served.
	Registry *prometheus.Registry
	// Reporter receives panics and internal errors; nil drops them.
	Reporter *observe.Reporter
	// Traces takes the spans of calls whose trace is sampled; nil takes none.
	Traces Traces
}

func (o Options) withDefaults() Options {
	if o.MaxConcurrency <= 0 {
		o.MaxConcurrency = 4 * runtime.GOMAXPROCS(0)
	}
	if o.MaxBody <= 0 {
		o.MaxBody = 32 << 20
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Shell runs services. Make one with New, then Start it.
type Shell struct {
	opt      Options
	services map[string]*hosted
	routes   map[string]map[string]*boundRoute // path pattern → method
	mux      *http.ServeMux
	metrics  *metrics
	slots    chan struct{}
	waiting  atomic.Int64
	inFlight atomic.Int64
	draining atomic.Bool
	started  time.Time
	build    string
	progress progressBoard
	loads    sync.WaitGroup
}

// hosted is one service and how far its loading is.
type hosted struct {
	service.Service
	mu      sync.Mutex
	state   string
	begun   time.Time
	seconds float64
}

type boundRoute struct {
	service.Route
	host *hosted
}

// New binds the services' routes. It fails when two services claim the same
// name or route.
func New(o Options) (*Shell, error) {
	o = o.withDefaults()
	s := &Shell{
		opt: o, services: map[string]*hosted{}, routes: map[string]map[string]*boundRoute{},
		slots: make(chan struct{}, o.MaxConcurrency), started: o.Now(),
		build: build(o.Version, o.Now()),
	}
	for _, svc := range o.Services {
		if _, taken := s.services[svc.Name()]; taken {
			return nil, fmt.Errorf("worker: two services named %q", svc.Name())
		}
		host := &hosted{Service: svc, state: api.StateLoading, begun: o.Now()}
		s.services[svc.Name()] = host
		for _, r := range svc.Routes() {
			methods := s.routes[r.Path]
			if methods == nil {
				methods = map[string]*boundRoute{}
				s.routes[r.Path] = methods
			}
			if methods[r.Method] != nil {
				return nil, fmt.Errorf("worker: %s %s is claimed twice, by %s and %s", r.Method, r.Path, methods[r.Method].host.Name(), svc.Name())
			}
			methods[r.Method] = &boundRoute{Route: r, host: host}
		}
	}
	s.metrics = newMetrics(o.Registry, s)
	s.mux = s.buildMux()
	return s, nil
}

// Start loads every service in the background and returns at once. A service
// that fails to load stays failed; the others serve.
func (s *Shell) Start(ctx context.Context) {
	for _, h := range s.services {
		s.loads.Go(func() { s.load(ctx, h) })
	}
}

// Wait returns when every service is ready or has failed.
func (s *Shell) Wait() { s.loads.Wait() }

func (s *Shell) load(ctx context.Context, h *hosted) {
	err := func() (err error) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("panic while loading: %v", p)
			}
		}()
		return h.Load(ctx)
	}()
	h.mu.Lock()
	h.seconds = s.opt.Now().Sub(h.begun).Seconds()
	h.state = api.StateReady
	if err != nil {
		h.state = api.StateFailed
	}
	seconds := h.seconds
	h.mu.Unlock()
	if err != nil {
		s.opt.Log.Error("service failed to load", "service", h.Name(), "seconds", seconds, "error", err)
		s.opt.Reporter.Report(observe.Failure{Err: fmt.Errorf("loading service %s: %w", h.Name(), err), Kind: "load_failed", Route: h.Name()})
		return
	}
	s.opt.Log.Info("service ready", "service", h.Name(), "seconds", seconds)
}

// Drain makes the worker refuse new calls and say so in its health; calls in
// flight go on.
func (s *Shell) Drain() { s.draining.Store(true) }

// Health is what GET /internal/health answers.
func (s *Shell) Health() api.WorkerHealth {
	h := api.WorkerHealth{
		Status: api.WorkerOK, ServicesReady: true, Services: make(map[string]api.ServiceHealth, len(s.services)),
		InFlight: int(s.inFlight.Load()), MaxConcurrency: s.opt.MaxConcurrency, Version: s.opt.Version,
	}
	for name, svc := range s.services {
		state, seconds := svc.snapshot(s.opt.Now())
		h.Services[name] = api.ServiceHealth{State: state, Seconds: seconds}
		if state != api.StateReady {
			h.ServicesReady = false
		}
		if state == api.StateLoading {
			h.Status = api.WorkerInitializing
		}
	}
	if s.draining.Load() {
		h.Status = api.WorkerDraining
	}
	return h
}

func (h *hosted) snapshot(now time.Time) (state string, seconds float64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.state == api.StateLoading {
		return h.state, now.Sub(h.begun).Seconds()
	}
	return h.state, h.seconds
}

// admit waits for a slot. The returned function gives it back.
func (s *Shell) admit(ctx context.Context) (release func(), err error) {
	release = func() {
		s.inFlight.Add(-1)
		<-s.slots
	}
	select {
	case s.slots <- struct{}{}:
		s.inFlight.Add(1)
		return release, nil
	default:
	}
	if s.waiting.Add(1) > int64(s.opt.MaxConcurrency) {
		s.waiting.Add(-1)
		e := api.NewError(http.StatusServiceUnavailable, "worker_busy", "the worker runs as many calls as it can; try again")
		e.RetryAfter = time.Second
		return nil, e
	}
	defer s.waiting.Add(-1)
	select {
	case s.slots <- struct{}{}:
		s.inFlight.Add(1)
		return release, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// ready refuses calls to a service that cannot answer yet.
func (s *Shell) ready(h *hosted) error {
	switch state, _ := h.snapshot(s.opt.Now()); state {
	case api.StateReady:
		return nil
	case api.StateFailed:
		return api.NewError(http.StatusServiceUnavailable, "service_failed", "the %s service could not be loaded; the operator's log says why", h.Name())
	default:
		e := api.NewError(http.StatusServiceUnavailable, "still_loading", "the %s service is still loading; try again shortly", h.Name())
		e.RetryAfter = time.Second
		return e
	}
}

// asError gives every failure the shape callers see.
func asError(err error) *api.Error {
	var known *api.Error
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, context.DeadlineExceeded):
		return api.NewError(http.StatusGatewayTimeout, "deadline_exceeded", "the deadline passed before the work was done; ask for less, or use Prefer: respond-async").Because(err)
	case errors.Is(err, context.Canceled):
		return api.NewError(499, "cancelled", "the caller went away").Because(err)
	default:
		return api.NewError(http.StatusInternalServerError, "internal", "something broke on our side; the request id finds it in the log").Because(err)
	}
}
