package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"os/user"
	"strconv"
	"strings"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/admin"
	"github.com/omni-run/omni/internal/authn"
	"github.com/omni-run/omni/internal/config"
	"github.com/omni-run/omni/internal/gateway"
)

// localKeys works on the store itself; a running gateway sees the change
// within half a second.
type localKeys struct {
	issuer *authn.Issuer
	store  authn.Store
	trail  authn.Trail
	now    func() time.Time
}

func (a *app) localKeys(ctx context.Context, c config.Config, create bool) (keyring, error) {
	if c.Keys.Store != config.KeyStorePostgres {
		if create {
			if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
				return nil, fmt.Errorf("making the data folder: %w", err)
			}
		} else if _, err := os.Stat(c.Keys.Path); errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("there are no keys at %s: name the data folder with --data or --config, or begin with `omni tenants create`", c.Keys.Path)
		}
	}
	store, err := gateway.OpenKeyStore(ctx, c, gateway.KeyStoreOptions{Create: create})
	if err != nil {
		return nil, err
	}
	trail, ok := store.(authn.Trail)
	if !ok {
		return nil, errors.Join(fmt.Errorf("a %s key store keeps no audit log", c.Keys.Store), store.Close())
	}
	now := func() time.Time { return a.Now().UTC().Truncate(time.Millisecond) }
	return localKeys{gateway.NewIssuer(store, c, nil), store, trail, now}, nil
}

// do acts in the name of whoever runs the command. The store writes the act
// down together with the change; what fails is written down here.
func (l localKeys) do(ctx context.Context, name string, f func(context.Context, *authn.Act) error) error {
	act := authn.NewAct(authn.Entry{At: l.now(), Actor: "local:" + whoami(), Act: name})
	err := f(authn.WithAct(ctx, act), act)
	if act.Written() {
		return err
	}
	if err != nil {
		act.Fail(failureCode(err))
	}
	if unrecorded := l.trail.Append(ctx, act.Entry()); unrecorded != nil && err == nil {
		return fmt.Errorf("done, but not written to the audit log: %w", unrecorded)
	}
	return err
}

// failureCode is what /admin would have answered.
func failureCode(err error) string {
	var known *api.Error
	if errors.As(admin.Translate(err), &known) {
		return known.Code
	}
	return "internal"
}

// whoami is the machine's user, by name where the system tells it.
func whoami() string {
	u, err := user.Current()
	if err != nil {
		return strconv.Itoa(os.Getuid())
	}
	return u.Username
}

func (l localKeys) close() error { return l.store.Close() }

func (l localKeys) createTenant(ctx context.Context, req api.CreateTenantRequest) (api.AdminTenant, error) {
	var t authn.Tenant
	err := l.do(ctx, "tenant.create", func(ctx context.Context, act *authn.Act) (err error) {
		act.On(req.ID, req.ID)
		act.Note("tier", req.Tier)
		admin.NoteLimits(act, req.Limits)
		t, err = l.issuer.CreateTenant(ctx, authn.Tenant{ID: req.ID, Name: req.Name, Tier: req.Tier, Limits: req.OwnLimits()})
		return err
	})
	return tenantView(t), worded(err, "tenant "+req.ID)
}

func (l localKeys) updateTenant(ctx context.Context, id string, req api.UpdateTenantRequest) (api.AdminTenant, error) {
	var t authn.Tenant
	err := l.do(ctx, "tenant.update", func(ctx context.Context, act *authn.Act) (err error) {
		act.On(id, id)
		if req.Tier != nil {
			act.Note("tier", *req.Tier)
		}
		if req.Disabled != nil {
			act.Note("disabled", strconv.FormatBool(*req.Disabled))
		}
		admin.NoteLimits(act, req.Limits)
		now := l.now()
		t, err = l.issuer.UpdateTenant(ctx, id, func(t *authn.Tenant) { changeTenant(t, req, now) })
		return err
	})
	return tenantView(t), worded(err, "tenant "+id)
}

func changeTenant(t *authn.Tenant, req api.UpdateTenantRequest, now time.Time) {
	if req.Name != nil {
		t.Name = *req.Name
	}
	if req.Tier != nil {
		t.Tier = *req.Tier
	}
	t.Limits = req.ApplyLimits(t.Limits)
	switch {
	case req.Disabled == nil:
	case !*req.Disabled:
		t.DisabledAt = nil
	case t.DisabledAt == nil:
		t.DisabledAt = &now
	}
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
	allow, err := authn.ParseNetworks(req.Allow)
	if err != nil {
		return "", api.AdminKey{}, err
	}
	var secret string
	var k authn.Key
	err = l.do(ctx, "key.create", func(ctx context.Context, act *authn.Act) (err error) {
		act.On("", req.Tenant)
		act.Note("scopes", strings.Join(req.Scopes, ","))
		act.Note("allow", strings.Join(req.Allow, ","))
		secret, k, err = l.issuer.CreateKey(ctx, authn.NewKey{Tenant: req.Tenant, Name: req.Name, Scopes: req.Scopes, Allow: allow, ExpiresAt: req.ExpiresAt})
		return err
	})
	return secret, keyView(k), worded(err, "tenant "+req.Tenant)
}

func (l localKeys) updateKey(ctx context.Context, id string, req api.UpdateKeyRequest) (api.AdminKey, error) {
	var allow []netip.Prefix
	if req.Allow != nil {
		var err error
		if allow, err = authn.ParseNetworks(*req.Allow); err != nil {
			return api.AdminKey{}, err
		}
	}
	var k authn.Key
	err := l.do(ctx, "key.update", func(ctx context.Context, act *authn.Act) (err error) {
		act.On(id, "")
		k, err = l.issuer.UpdateKey(ctx, id, func(k *authn.Key) {
			if req.Name != nil {
				k.Name = *req.Name
			}
			if req.Scopes != nil {
				k.Scopes = *req.Scopes
				act.Note("scopes", strings.Join(k.Scopes, ","))
			}
			if req.Allow != nil {
				k.Allow = allow
				act.Note("allow", cmp.Or(strings.Join(authn.NetworkTexts(allow), ","), "everywhere"))
			}
		})
		return err
	})
	return keyView(k), worded(err, "key "+id)
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
	var next, before authn.Key
	err = l.do(ctx, "key.rotate", func(ctx context.Context, act *authn.Act) (err error) {
		act.On(id, "")
		act.Note("overlap", overlap.String())
		secret, next, before, err = l.issuer.Rotate(ctx, id, overlap)
		return err
	})
	return secret, keyView(next), keyView(before), worded(err, "key "+id)
}

func (l localKeys) revoke(ctx context.Context, id string) (api.AdminKey, error) {
	var k authn.Key
	err := l.do(ctx, "key.revoke", func(ctx context.Context, act *authn.Act) (err error) {
		act.On(id, "")
		k, err = l.issuer.Revoke(ctx, id)
		return err
	})
	return keyView(k), worded(err, "key "+id)
}

func (l localKeys) audit(ctx context.Context, since time.Time, limit int) ([]api.AuditEntry, error) {
	list, err := l.trail.Entries(ctx, since, 0, limit)
	if err != nil {
		return nil, err
	}
	var out []api.AuditEntry
	for _, e := range list {
		out = append(out, admin.AuditView(e))
	}
	return out, nil
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
		return errors.New("the key store can only be read here; change it where it is mounted from")
	}
	return err
}

func tenantView(t authn.Tenant) api.AdminTenant {
	return api.AdminTenant{ID: t.ID, Name: t.Name, Tier: t.Tier, CreatedAt: t.CreatedAt, DisabledAt: t.DisabledAt, Limits: t.Limits}
}

func keyView(k authn.Key) api.AdminKey {
	v := api.AdminKey{
		ID: k.ID, Tenant: k.Tenant, Name: k.Name, Scopes: k.Scopes, Allow: append([]string{}, authn.NetworkTexts(k.Allow)...), State: api.KeyActive, CreatedAt: k.CreatedAt,
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
