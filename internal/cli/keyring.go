package cli

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/client"
	"github.com/omni-run/omni/internal/config"
)

// keyring is where keys and tenants are kept: in a store on this machine, or
// behind a gateway's /admin.
type keyring interface {
	createTenant(ctx context.Context, req api.CreateTenantRequest) (api.AdminTenant, error)
	updateTenant(ctx context.Context, id string, req api.UpdateTenantRequest) (api.AdminTenant, error)
	tenants(ctx context.Context) ([]api.AdminTenant, error)
	createKey(ctx context.Context, req api.CreateKeyRequest) (secret string, k api.AdminKey, err error)
	updateKey(ctx context.Context, id string, req api.UpdateKeyRequest) (api.AdminKey, error)
	keys(ctx context.Context, tenant string) ([]api.AdminKey, error)
	rotate(ctx context.Context, id string, overlap time.Duration) (secret string, successor, old api.AdminKey, err error)
	revoke(ctx context.Context, id string) (api.AdminKey, error)
	// audit returns at most limit entries, the newest first.
	audit(ctx context.Context, since time.Time, limit int) ([]api.AuditEntry, error)
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
	return a.localKeys(ctx, c, create)
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

func (r remoteKeys) updateTenant(ctx context.Context, id string, req api.UpdateTenantRequest) (api.AdminTenant, error) {
	a, err := r.c.UpdateTenant(ctx, id, &req)
	if err != nil {
		return api.AdminTenant{}, err
	}
	return a.Tenant, nil
}

func (r remoteKeys) updateKey(ctx context.Context, id string, req api.UpdateKeyRequest) (api.AdminKey, error) {
	a, err := r.c.UpdateKey(ctx, id, &req)
	if err != nil {
		return api.AdminKey{}, err
	}
	return a.Key, nil
}

func (r remoteKeys) audit(ctx context.Context, since time.Time, limit int) (all []api.AuditEntry, err error) {
	text := ""
	if !since.IsZero() {
		text = since.UTC().Format(time.RFC3339)
	}
	for after := ""; len(all) < limit; {
		a, err := r.c.Audit(ctx, text, min(limit-len(all), 200), after)
		if err != nil {
			return nil, err
		}
		all = append(all, a.Entries...)
		if after = a.NextCursor; after == "" {
			break
		}
	}
	return all, nil
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
