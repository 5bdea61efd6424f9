package gateway

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/config"
	"github.com/omni-run/omni/internal/edge"
	"github.com/omni-run/omni/internal/observe"
	"github.com/omni-run/omni/internal/ratelimit"
)

// Outcomes of reading the configuration again: the values of a metric label.
const (
	reloadApplied   = "applied"
	reloadUnchanged = "unchanged"
	reloadRefused   = "refused"
)

// liveConfig is the configuration in force and the way to another. What runs
// is always what one file said: a file is taken as a whole or not at all.
type liveConfig struct {
	g     *Gateway
	state atomic.Pointer[configState]
	// turn lets one at a time put a configuration into force.
	turn                        sync.Mutex
	applied, unchanged, refused atomic.Uint64

	ended   bool // guarded by turn
	closed  chan struct{}
	leaving sync.WaitGroup // workers that were removed and may still be needed
}

type configState struct {
	config  config.Config
	version string
	at      time.Time
	refused *api.ConfigRefused
}

func newLiveConfig(g *Gateway) *liveConfig {
	l := &liveConfig{g: g, closed: make(chan struct{})}
	l.state.Store(&configState{config: g.opt.Config, version: versionOf(g.opt.Config), at: g.opt.Now().UTC()})
	return l
}

func (l *liveConfig) running() *config.Config { return &l.state.Load().config }

func (l *liveConfig) loaded() edge.Loaded {
	s := l.state.Load()
	return edge.Loaded{Config: s.config, Version: s.version, At: s.at}
}

func (l *liveConfig) counts() map[string]uint64 {
	return map[string]uint64{reloadApplied: l.applied.Load(), reloadUnchanged: l.unchanged.Load(), reloadRefused: l.refused.Load()}
}

// close ends the waiting for calls that may need removed workers.
func (l *liveConfig) close() {
	l.turn.Lock()
	if !l.ended {
		l.ended = true
		close(l.closed)
	}
	l.turn.Unlock()
	l.leaving.Wait()
}

// versionOf is a hash of the values, secrets left out.
func versionOf(c config.Config) string {
	raw, err := json.Marshal(c.Shown())
	if err != nil {
		return "unknown" // a struct of plain values always marshals
	}
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:6])
}

// Describe implements admin.Config.
func (l *liveConfig) Describe() *api.ConfigAnswer {
	s := l.state.Load()
	return &api.ConfigAnswer{Version: s.version, LoadedAt: s.at, Refused: s.refused, Config: s.config.Shown()}
}

// Reload implements admin.Config.
func (l *liveConfig) Reload(ctx context.Context) (*api.ConfigReloadAnswer, error) {
	outcome, err := l.reload(ctx, "admin")
	if errors.Is(err, errNoSource) {
		return nil, api.Conflict("config_fixed", "this gateway was started without a configuration that can be read again")
	}
	if err != nil {
		return nil, api.Unprocessable("config_refused", "%s", err.Error())
	}
	s := l.state.Load()
	return &api.ConfigReloadAnswer{Outcome: outcome, Version: s.version, LoadedAt: s.at}, nil
}

var errNoSource = errors.New("there is nothing to read the configuration from")

var errStopping = errors.New("the gateway stops")

// reload reads the configuration again and puts it into force, or says why
// not. cause is what asked for it, for the log.
func (l *liveConfig) reload(ctx context.Context, cause string) (outcome string, err error) {
	if l.g.opt.Source == nil {
		return reloadRefused, errNoSource
	}
	l.turn.Lock()
	defer l.turn.Unlock()
	if l.ended {
		return reloadRefused, errStopping
	}
	log := l.g.opt.Log.With("cause", cause)
	next, err := l.g.opt.Source.Load()
	same := err == nil && reflect.DeepEqual(next, *l.running())
	if err == nil && !same {
		err = l.apply(ctx, next)
	}
	switch {
	case err != nil:
		l.refused.Add(1)
		l.note(&api.ConfigRefused{At: l.g.opt.Now().UTC(), Reason: err.Error()})
		log.ErrorContext(ctx, "configuration refused; the one in force serves on", "reason", err.Error(), "version", l.state.Load().version)
		return reloadRefused, err
	case same:
		l.unchanged.Add(1)
		l.note(nil)
		log.DebugContext(ctx, "configuration is the one in force", "version", l.state.Load().version)
		return reloadUnchanged, nil
	}
	l.applied.Add(1)
	l.g.edge.ConfigRefused(false)
	log.InfoContext(ctx, "configuration in force", "version", l.state.Load().version, "workers", len(next.Workers), "routes", len(next.Routes))
	return reloadApplied, nil
}

// note remembers for operators whether the newest configuration was refused.
func (l *liveConfig) note(refused *api.ConfigRefused) {
	s := *l.state.Load()
	s.refused = refused
	l.state.Store(&s)
	l.g.edge.ConfigRefused(refused != nil)
}

// apply puts a valid configuration into force. All that can fail comes before
// the first change. New workers come before the routes that may need them, and
// removed ones go when the last call has ended that began under the former
// routes.
func (l *liveConfig) apply(ctx context.Context, next config.Config) error {
	g, running := l.g, l.running()
	if fields := next.NeedsRestart(*running); len(fields) > 0 {
		return fmt.Errorf("needs a restart: %s", strings.Join(fields, ", "))
	}
	put, removed := next.WorkersChanged(*running)
	if err := startable(put); err != nil {
		return err
	}
	figures := poolFigures(next)
	workers, err := g.poolWorkers(put)
	if err != nil {
		return err
	}
	toProve(workers, put, running.Workers)
	figures.Workers = workers
	guard := guardPolicy(next)
	if err := guard.Validate(1); err != nil {
		return fmt.Errorf("limits.public_per_minute: %w", err)
	}
	state := &configState{config: next, version: versionOf(next), at: g.opt.Now().UTC()}
	swap, err := g.edge.Prepare(edge.Loaded{Config: next, Version: state.version, At: state.at})
	if err != nil {
		return err
	}
	drop, err := g.pool.Change(figures, removed)
	if err != nil {
		return err
	}
	former := swap()
	l.state.Store(state)
	l.applyRest(next, guard)
	l.leaving.Go(func() { l.dropLater(former, drop, next.Limits.BodyTimeout.D()+time.Second) })
	g.opt.Log.DebugContext(ctx, "workers of the new configuration", "put", len(put), "removed", removed)
	return nil
}

// applyRest sets what each stands alone. None of it can fail any more.
func (l *liveConfig) applyRest(c config.Config, guard ratelimit.Policy) {
	err := l.g.guard.SetPolicy(guard)
	l.g.cache.Resize(cacheBounds(c.Cache))
	if l.g.opt.Level != nil {
		err = errors.Join(err, observe.SetLevel(l.g.opt.Level, c.Log.Level))
	}
	if err != nil {
		l.g.opt.Log.Error("a checked configuration was not taken whole", slog.Any("error", err))
	}
}

// dropLater removes workers when no call is left that could want them by its
// routes, or has had the time to arrive: a stream or a job may last for hours.
func (l *liveConfig) dropLater(former <-chan struct{}, drop func(), most time.Duration) {
	timer := time.NewTimer(most)
	defer timer.Stop()
	select {
	case <-former:
	case <-timer.C:
	case <-l.closed:
		return // the pool ends them all
	}
	drop()
}

func guardPolicy(c config.Config) ratelimit.Policy {
	perMinute := c.Limits.PublicPerMinute
	return ratelimit.Policy{Limit: perMinute, Burst: max(60, perMinute/5)}
}

// cacheBounds are the bounds of the response cache; zero when it is off.
func cacheBounds(c config.Cache) (all, tenants int64) {
	if !*c.Enabled {
		return 0, 0
	}
	return c.MaxBytes, c.TenantBytes
}
