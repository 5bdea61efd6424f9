package authn

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/omni-run/omni/api"
)

// ErrSpent says that a key cannot be rotated: it is revoked, expired, or has
// been rotated before.
var ErrSpent = errors.New("authn: the key is revoked, expired or already rotated")

// MaxOverlap bounds how long the old key of a rotation lives on.
const MaxOverlap = 90 * 24 * time.Hour

// Issuer makes, rotates and revokes keys and tenants.
type Issuer struct {
	Store Store
	// Tiers are the tiers a tenant may have.
	Tiers []string
	// TiersNow, if set, takes the place of Tiers, where they can change.
	TiersNow func() []string
	// Check, when set, says what of a tenant's own limits does not fit its tier,
	// as a *LimitError. It is asked when either of them changes: what a new
	// configuration made unfit does not keep a tenant from being disabled.
	Check func(Tenant) error
	// Refresh, when set, puts a change in force in this process at once; other
	// processes see it at their next poll. Authenticator.Refresh fits.
	Refresh func(context.Context) error
	// Now is the clock; default time.Now. Random is the source of secrets;
	// default crypto/rand.
	Now    func() time.Time
	Random io.Reader
}

// NewKey is what a key is made from.
type NewKey struct {
	Tenant string
	Name   string
	// Scopes; empty means ["*"].
	Scopes []string
	// Allow lists the networks from which the key may be used; empty means
	// from everywhere.
	Allow []netip.Prefix
	// ExpiresAt; nil means never.
	ExpiresAt *time.Time
}

func (s *Issuer) now() time.Time {
	if s.Now == nil {
		return time.Now().UTC().Truncate(time.Millisecond)
	}
	return s.Now().UTC().Truncate(time.Millisecond)
}

// CreateTenant stores a new tenant. It returns ErrExists, or an error of
// Tenant.Validate.
func (s *Issuer) CreateTenant(ctx context.Context, t Tenant) (Tenant, error) {
	t.CreatedAt, t.DisabledAt = s.now(), nil
	if err := errors.Join(t.Validate(), s.knownTier(t.Tier), s.fits(Tenant{}, t)); err != nil {
		return Tenant{}, &InvalidError{err}
	}
	if err := s.Store.PutTenant(ctx, t); err != nil {
		return Tenant{}, fmt.Errorf("storing tenant %s: %w", t.ID, err)
	}
	return t, s.refresh(ctx)
}

// UpdateTenant applies a change to a tenant's name, tier, limits or state.
func (s *Issuer) UpdateTenant(ctx context.Context, id string, change func(*Tenant)) (Tenant, error) {
	t, err := s.Store.UpdateTenant(ctx, id, func(t *Tenant) error {
		was := *t
		change(t)
		t.ID, t.CreatedAt = id, was.CreatedAt
		if err := errors.Join(t.Validate(), s.knownTier(t.Tier), s.fits(was, *t)); err != nil {
			return &InvalidError{err}
		}
		return nil
	})
	if err != nil {
		return Tenant{}, fmt.Errorf("changing tenant %s: %w", id, err)
	}
	return t, s.refresh(ctx)
}

// CreateKey makes a key and returns its text, which exists nowhere else: it
// cannot be shown again.
func (s *Issuer) CreateKey(ctx context.Context, n NewKey) (text string, k Key, err error) {
	now := s.now()
	if n.ExpiresAt != nil && !n.ExpiresAt.After(now) {
		return "", Key{}, &InvalidError{errors.New("expires_at is not in the future")}
	}
	tenant, err := s.Tenant(ctx, n.Tenant)
	if err != nil {
		return "", Key{}, fmt.Errorf("tenant %.70q: %w", n.Tenant, err)
	}
	text, k, err = s.draw(now, Key{Tenant: tenant.ID, Tier: tenant.Tier, Name: n.Name, Scopes: n.Scopes, Allow: n.Allow, ExpiresAt: n.ExpiresAt})
	if err != nil {
		return "", Key{}, err
	}
	if err := s.Store.PutKey(ctx, k); err != nil {
		return "", Key{}, fmt.Errorf("storing key %s: %w", k.ID, err)
	}
	return text, k, s.refresh(ctx)
}

// UpdateKey applies a change to a key's name, scopes or networks; nothing else
// of it is changed. A revoked key is ErrSpent.
func (s *Issuer) UpdateKey(ctx context.Context, id string, change func(*Key)) (Key, error) {
	k, err := s.Store.UpdateKey(ctx, id, func(k *Key) (*Key, error) {
		if k.RevokedAt != nil {
			return nil, ErrSpent
		}
		wanted := *k
		change(&wanted)
		k.Name, k.Scopes, k.Allow = wanted.Name, wanted.Scopes, wanted.Allow
		if err := k.Validate(); err != nil {
			return nil, &InvalidError{err}
		}
		return nil, nil
	})
	if err != nil {
		return Key{}, fmt.Errorf("changing a key: %w", err)
	}
	return k, s.refresh(ctx)
}

// Rotate makes a successor of a key, with its tenant, name, scopes, networks
// and expiry.
// Both are valid until overlap has passed, then the old one expires. The
// successor and the old key's new expiry are stored in one step.
func (s *Issuer) Rotate(ctx context.Context, id string, overlap time.Duration) (text string, successor, old Key, err error) {
	if overlap < 0 || overlap > MaxOverlap {
		return "", Key{}, Key{}, &InvalidError{fmt.Errorf("overlap = %v, must be in [0, %v]", overlap, MaxOverlap)}
	}
	now := s.now()
	tenants, err := s.tenantTiers(ctx)
	if err != nil {
		return "", Key{}, Key{}, err
	}
	old, err = s.Store.UpdateKey(ctx, id, func(k *Key) (*Key, error) {
		if k.RevokedAt != nil || k.RotatedTo != "" || k.ExpiresAt != nil && !k.ExpiresAt.After(now) {
			return nil, ErrSpent
		}
		var err error
		text, successor, err = s.draw(now, Key{
			Tenant: k.Tenant, Tier: tenants[k.Tenant], Name: k.Name, Scopes: k.Scopes, Allow: k.Allow,
			ExpiresAt: k.ExpiresAt, RotatedFrom: k.ID,
		})
		if err != nil {
			return nil, err
		}
		k.RotatedTo = successor.ID
		ActOf(ctx).Note("successor", successor.ID)
		if end := now.Add(overlap); k.ExpiresAt == nil || k.ExpiresAt.After(end) {
			k.ExpiresAt = &end
		}
		return &successor, nil
	})
	if err != nil {
		return "", Key{}, Key{}, fmt.Errorf("rotating a key: %w", err)
	}
	return text, successor, old, s.refresh(ctx)
}

// Revoke ends a key for good. Revoking it again changes nothing.
func (s *Issuer) Revoke(ctx context.Context, id string) (Key, error) {
	now := s.now()
	k, err := s.Store.UpdateKey(ctx, id, func(k *Key) (*Key, error) {
		if k.RevokedAt == nil {
			k.RevokedAt = &now
		}
		return nil, nil
	})
	if err != nil {
		return Key{}, fmt.Errorf("revoking a key: %w", err)
	}
	return k, s.refresh(ctx)
}

// Tenant returns one tenant, or ErrNotFound.
func (s *Issuer) Tenant(ctx context.Context, id string) (Tenant, error) {
	snap, err := s.Snapshot(ctx)
	if err != nil {
		return Tenant{}, err
	}
	for _, t := range snap.Tenants {
		if t.ID == id {
			return t, nil
		}
	}
	return Tenant{}, ErrNotFound
}

// Snapshot returns everything the store holds, read now.
func (s *Issuer) Snapshot(ctx context.Context) (*Snapshot, error) {
	snap, err := s.Store.Poll(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("reading the key store: %w", err)
	}
	return snap, nil
}

func (s *Issuer) tenantTiers(ctx context.Context) (map[string]string, error) {
	snap, err := s.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	tiers := make(map[string]string, len(snap.Tenants))
	for _, t := range snap.Tenants {
		tiers[t.ID] = t.Tier
	}
	return tiers, nil
}

// draw completes k with a fresh id and hash and returns the key's text.
func (s *Issuer) draw(now time.Time, k Key) (string, Key, error) {
	random := s.Random
	if random == nil {
		random = rand.Reader
	}
	if len(k.Scopes) == 0 {
		k.Scopes = []string{"*"}
	}
	text, id, err := newKeyText(k.Tier, now, random)
	if err != nil {
		return "", Key{}, err
	}
	// The rows of a rotation share nothing that one of them could change.
	k.Scopes, k.Allow = slices.Clone(k.Scopes), slices.Clone(k.Allow)
	k.ID, k.Hash, k.CreatedAt = id, HashKey(text), now
	if err := k.Validate(); err != nil {
		return "", Key{}, &InvalidError{err}
	}
	return text, k, nil
}

// fits asks Check about a tenant whose tier or limits are not what they were.
func (s *Issuer) fits(was, t Tenant) error {
	if s.Check == nil || t.Limits == (api.TenantLimits{}) || t.Tier == was.Tier && t.Limits == was.Limits {
		return nil
	}
	return s.Check(t)
}

func (s *Issuer) knownTier(tier string) error {
	tiers := s.Tiers
	if s.TiersNow != nil {
		tiers = s.TiersNow()
	}
	if slices.Contains(tiers, tier) {
		return nil
	}
	return fmt.Errorf("tier %.70q is not one of %q", tier, tiers)
}

// refresh failing does not undo the change: it is stored, and in force here at
// the next poll that succeeds.
func (s *Issuer) refresh(ctx context.Context) error {
	if s.Refresh == nil {
		return nil
	}
	if err := s.Refresh(ctx); err != nil {
		return &RefreshError{err}
	}
	return nil
}

// InvalidError says that the row asked for cannot be stored; its text may be
// shown to the operator.
type InvalidError struct{ Err error }

func (e *InvalidError) Error() string { return e.Err.Error() }

// Unwrap returns the rule that was broken.
func (e *InvalidError) Unwrap() error { return e.Err }

// RefreshError says that a change is stored but this process could not read it
// back yet. The results returned beside it are valid.
type RefreshError struct{ Err error }

func (e *RefreshError) Error() string { return "stored, but not in force here yet: " + e.Err.Error() }

// Unwrap returns why the store could not be read.
func (e *RefreshError) Unwrap() error { return e.Err }
