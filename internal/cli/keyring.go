package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/client"
	"github.com/omni-run/omni/internal/authn"
	"github.com/omni-run/omni/internal/authn/filestore"
	"github.com/omni-run/omni/internal/authn/sqlitestore"
	"github.com/omni-run/omni/internal/config"
)

// keyring is where keys and tenants are kept: in a store on this machine, or
// behind a gateway's /admin.
type keyring interface {
	createTenant(ctx context.Context, req api.CreateTenantRequest) (api.AdminTenant, error)
	tenants(ctx context.Context) ([]api.AdminTenant, error)
	createKey(ctx context.Context, req api.CreateKeyRequest) (secret string, k api.AdminKey, err error)
	keys(ctx context.Context, tenant string) ([]api.AdminKey, error)
	rotate(ctx context.Context, id string, overlap time.Duration) (secret string, successor, old api.AdminKey, err error)
	revoke(ctx context.Context, id string) (api.AdminKey, error)
	close() error
}

// placeFlags say where the keys are.
type placeFlags struct {
	config string
	data   string
	url    string
}

func (p *placeFlags) register(a *app, c *cobra.Command) {
	flags := c.PersistentFlags()
	flags.StringVar(&p.config, "config", a.Getenv("OMNI_CONFIG"), "YAML configuration of the gateway; also OMNI_CONFIG")
	flags.StringVar(&p.data, "data", "", "the gateway's data folder (default ./omni-data)")
	flags.StringVar(&p.url, "url", "", "a running gateway to ask instead, with the key in MASTER_API_KEY")
}

// with opens the keyring, works with it and closes it.
func (a *app) with(ctx context.Context, p *placeFlags, create bool, f func(keyring) error) (err error) {
	k, err := a.keyring(ctx, p, create)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, k.close()) }()
	return f(k)
}

func (a *app) keyring(ctx context.Context, p *placeFlags, create bool) (keyring, error) {
	if p.url != "" {
		if p.config != "" && p.config != a.Getenv("OMNI_CONFIG") || p.data != "" {
			return nil, usagef("--url asks a gateway; --config and --data look on this machine: give one of them")
		}
		c, err := a.adminClient(p.url)
		return remoteKeys{c}, err
	}
	c, err := config.Load(p.config, func(name string) string {
		if name == "OMNI_DATA_DIR" && p.data != "" {
			return p.data
		}
		return a.Getenv(name)
	})
	if err != nil {
		return nil, err
	}
	return openLocalKeys(ctx, c, create)
}

// adminClient makes a client with the master key, which comes from the
// environment: arguments can be read by other users of the machine.
func (a *app) adminClient(url string) (*client.Client, error) {
	key := a.Getenv("MASTER_API_KEY")
	if key == "" {
		return nil, errors.New("set MASTER_API_KEY to the master key of the gateway")
	}
	return a.client(url, key)
}

// localKeys works on the store itself; a running gateway sees the change
// within half a second.
type localKeys struct {
	issuer *authn.Issuer
	store  authn.Store
}

func openLocalKeys(ctx context.Context, c config.Config, create bool) (keyring, error) {
	if create {
		if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
			return nil, fmt.Errorf("making the data folder: %w", err)
		}
	} else if _, err := os.Stat(c.Keys.Path); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there are no keys at %s: name the data folder with --data or --config, or begin with `omni tenants create`", c.Keys.Path)
	}
	var store authn.Store
	var err error
	if c.Keys.Store == "file" {
		store, err = filestore.Open(c.Keys.Path, filestore.Options{Create: create})
	} else {
		store, err = sqlitestore.Open(ctx, c.Keys.Path)
	}
	if err != nil {
		return nil, err
	}
	return localKeys{&authn.Issuer{Store: store, Tiers: slices.Sorted(maps.Keys(c.Tiers))}, store}, nil
}

func (l localKeys) close() error { return l.store.Close() }

func (l localKeys) createTenant(ctx context.Context, req api.CreateTenantRequest) (api.AdminTenant, error) {
	t, err := l.issuer.CreateTenant(ctx, authn.Tenant{ID: req.ID, Name: req.Name, Tier: req.Tier})
	return tenantView(t), worded(err, "tenant "+req.ID)
}

func (l localKeys) tenants(ctx context.Context) ([]api.AdminTenant, error) {
	snap, err := l.issuer.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	var out []api.AdminTenant
	for _, t := range snap.Tenants {
		out = append(out, tenantView(t))
	}
	return out, nil
}

func (l localKeys) createKey(ctx context.Context, req api.CreateKeyRequest) (string, api.AdminKey, error) {
	secret, k, err := l.issuer.CreateKey(ctx, authn.NewKey{Tenant: req.Tenant, Name: req.Name, Scopes: req.Scopes, ExpiresAt: req.ExpiresAt})
	return secret, keyView(k), worded(err, "tenant "+req.Tenant)
}

func (l localKeys) keys(ctx context.Context, tenant string) ([]api.AdminKey, error) {
	snap, err := l.issuer.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	var out []api.AdminKey
	for _, k := range snap.Keys {
		if tenant == "" || k.Tenant == tenant {
			out = append(out, keyView(k))
		}
	}
	return out, nil
}

func (l localKeys) rotate(ctx context.Context, id string, overlap time.Duration) (secret string, successor, old api.AdminKey, err error) {
	secret, next, before, err := l.issuer.Rotate(ctx, id, overlap)
	return secret, keyView(next), keyView(before), worded(err, "key "+id)
}

func (l localKeys) revoke(ctx context.Context, id string) (api.AdminKey, error) {
	k, err := l.issuer.Revoke(ctx, id)
	return keyView(k), worded(err, "key "+id)
}

func worded(err error, what string) error {
	switch {
	case errors.Is(err, authn.ErrNotFound):
		return fmt.Errorf("there is no %s", what)
	case errors.Is(err, authn.ErrExists):
		return fmt.Errorf("there is a %s already", what)
	case errors.Is(err, authn.ErrSpent):
		return fmt.Errorf("%s is revoked, expired, or was rotated before: create another", what)
	case errors.Is(err, authn.ErrReadOnly):
		return errors.New("the key file can only be read here; change it where it is mounted from")
	}
	return err
}

func tenantView(t authn.Tenant) api.AdminTenant {
	return api.AdminTenant{ID: t.ID, Name: t.Name, Tier: t.Tier, CreatedAt: t.CreatedAt, DisabledAt: t.DisabledAt}
}

func keyView(k authn.Key) api.AdminKey {
	v := api.AdminKey{
		ID: k.ID, Tenant: k.Tenant, Name: k.Name, Scopes: k.Scopes, State: api.KeyActive, CreatedAt: k.CreatedAt,
		ExpiresAt: k.ExpiresAt, RevokedAt: k.RevokedAt, RotatedFrom: k.RotatedFrom, RotatedTo: k.RotatedTo,
	}
	switch {
	case k.RevokedAt != nil:
		v.State = api.KeyRevoked
	case k.ExpiresAt != nil && !time.Now().Before(*k.ExpiresAt):
		v.State = api.KeyExpired
	}
	return v
}

// remoteKeys asks a gateway's /admin.
type remoteKeys struct{ c *client.Client }

func (r remoteKeys) close() error {
	r.c.CloseIdleConnections()
	return nil
}

func (r remoteKeys) createTenant(ctx context.Context, req api.CreateTenantRequest) (api.AdminTenant, error) {
	a, err := r.c.CreateTenant(ctx, &req)
	if err != nil {
		return api.AdminTenant{}, err
	}
	return a.Tenant, nil
}

func (r remoteKeys) tenants(ctx context.Context) ([]api.AdminTenant, error) {
	return pages(func(after string) ([]api.AdminTenant, string, error) {
		a, err := r.c.Tenants(ctx, after)
		if err != nil {
			return nil, "", err
		}
		return a.Tenants, a.NextCursor, nil
	})
}

func (r remoteKeys) createKey(ctx context.Context, req api.CreateKeyRequest) (string, api.AdminKey, error) {
	a, err := r.c.CreateKey(ctx, &req)
	if err != nil {
		return "", api.AdminKey{}, err
	}
	return a.Secret, a.Key, nil
}

func (r remoteKeys) keys(ctx context.Context, tenant string) ([]api.AdminKey, error) {
	return pages(func(after string) ([]api.AdminKey, string, error) {
		a, err := r.c.Keys(ctx, tenant, after)
		if err != nil {
			return nil, "", err
		}
		return a.Keys, a.NextCursor, nil
	})
}

func (r remoteKeys) rotate(ctx context.Context, id string, overlap time.Duration) (secret string, successor, old api.AdminKey, err error) {
	text := overlap.String()
	a, err := r.c.RotateKey(ctx, id, &api.RotateKeyRequest{Overlap: &text})
	if err != nil {
		return "", successor, old, err
	}
	if a.Replaces != nil {
		old = *a.Replaces
	}
	return a.Secret, a.Key, old, nil
}

func (r remoteKeys) revoke(ctx context.Context, id string) (api.AdminKey, error) {
	a, err := r.c.RevokeKey(ctx, id)
	if err != nil {
		return api.AdminKey{}, err
	}
	return a.Key, nil
}

// pages collects every page of a list.
func pages[T any](page func(after string) ([]T, string, error)) (all []T, err error) {
	for after := ""; ; {
		list, next, err := page(after)
		if err != nil {
			return nil, err
		}
		all = append(all, list...)
		if next == "" {
			return all, nil
		}
		after = next
	}
}
