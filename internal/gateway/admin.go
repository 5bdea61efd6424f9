package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"

	"github.com/omni-run/omni/internal/admin"
	"github.com/omni-run/omni/internal/authn"
	"github.com/omni-run/omni/internal/authn/filestore"
	"github.com/omni-run/omni/internal/authn/pgstore"
	"github.com/omni-run/omni/internal/authn/sqlitestore"
	"github.com/omni-run/omni/internal/config"
	"github.com/omni-run/omni/internal/edge"
	"github.com/omni-run/omni/internal/pool"
)

// KeyStoreOptions says how a key store is opened.
type KeyStoreOptions struct {
	// Create makes a key file where there is none.
	Create bool
	// Watch listens for changes that other processes make, and logs to Log.
	Watch bool
	Log   *slog.Logger
}

// OpenKeyStore opens the store of tenants and keys that the configuration
// names. The command line uses it too.
func OpenKeyStore(ctx context.Context, c config.Config, o KeyStoreOptions) (authn.Store, error) {
	switch c.Keys.Store {
	case config.KeyStoreFile:
		return store(filestore.Open(c.Keys.Path, filestore.Options{Create: o.Create, Audit: filepath.Join(c.DataDir, "audit.jsonl")}))
	case config.KeyStoreSQLite:
		return store(sqlitestore.Open(ctx, c.Keys.Path))
	case config.KeyStorePostgres:
		return store(pgstore.Open(ctx, pgstore.Options{URL: c.Keys.URL, Watch: o.Watch, Log: o.Log}))
	default:
		return nil, fmt.Errorf("keys.store = %q is not a kind of store", c.Keys.Store)
	}
}

// store returns no store at all with an error: a nil pointer in an interface
// would pass for one.
func store[S authn.Store](s S, err error) (authn.Store, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

// NewIssuer makes keys and tenants in a store, under the configured tiers.
// refresh may be nil.
func NewIssuer(store authn.Store, c config.Config, refresh func(context.Context) error) *authn.Issuer {
	return &authn.Issuer{
		Store: store, Tiers: slices.Sorted(maps.Keys(c.Tiers)), Refresh: refresh,
		Check: func(t authn.Tenant) error { return checkLimits(c, t) },
	}
}

// checkLimits says what of a tenant's own limits the configuration has no room
// for. A tier's limit that does not fit beside one of the tenant's own is told
// as well: either can be given another value.
func checkLimits(c config.Config, t authn.Tenant) error {
	if most := c.Limits.MaxBody; t.Limits.MaxBody != nil && *t.Limits.MaxBody > most {
		return &authn.LimitError{Field: "max_body", Problem: fmt.Sprintf("= %d, must be at most %d, the limits.max_body of the gateway", *t.Limits.MaxBody, most)}
	}
	tier := c.Tiers[t.Tier]
	burst, perMinute := tier.Burst, tier.RequestsPerMinute
	if t.Limits.Burst != nil {
		burst = *t.Limits.Burst
	}
	if t.Limits.RequestsPerMinute != nil {
		perMinute = *t.Limits.RequestsPerMinute
	}
	switch least, dearest, most := c.BurstRange(perMinute); {
	case burst < least:
		return &authn.LimitError{Field: "burst", Problem: fmt.Sprintf("= %d, must be at least %d, the cost of %s, or that route could never be called", burst, least, dearest)}
	case burst > most:
		return &authn.LimitError{Field: "burst", Problem: fmt.Sprintf("= %d, must be at most %d, or it would take weeks to come back at %d a minute", burst, most, perMinute)}
	}
	return nil
}

func newAdmin(g *Gateway) *admin.Handler {
	trail, _ := g.keys.(authn.Trail) // every store of ours keeps one
	issuer := NewIssuer(g.keys, g.opt.Config, g.auth.Refresh)
	issuer.Check = func(t authn.Tenant) error { return checkLimits(*g.config.running(), t) }
	issuer.TiersNow = func() []string { return slices.Sorted(maps.Keys(g.config.running().Tiers)) }
	return admin.New(admin.Deps{
		Issuer: issuer, Trail: trail,
		Principal: edge.PrincipalOf, RequestID: edge.RequestIDOf, Remote: edge.RemoteOf, Fail: edge.Fail,
		Usage: g.ledger, Workers: workers{g.pool}, Config: g.config, Log: g.opt.Log, Now: g.opt.Now,
		MonthUnits: func(t authn.Tenant) int64 { return g.config.running().Tiers[t.Tier].With(&t.Limits).MonthQuota() },
	})
}

// workers shows and drains what the pool knows.
type workers struct{ pool *pool.Pool }

// Workers implements admin.Workers.
func (w workers) Workers(context.Context) (any, error) { return w.pool.Snapshot().Workers, nil }

// Drain implements admin.Workers.
func (w workers) Drain(_ context.Context, name string) error {
	err := w.pool.Drain(name)
	if errors.Is(err, pool.ErrUnknownWorker) {
		return admin.ErrNoWorker
	}
	return err
}
