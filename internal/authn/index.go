package authn

import "time"

// index is a snapshot arranged for look-up. It never changes once built.
type index struct {
	version string
	tenants int
	keys    map[string]*entry
	byID    map[string]*Tenant
}

// entry is one key with everything that decides about it, so that a request
// needs one look-up.
type entry struct {
	principal Principal
	hash      Hash
	tier      string
	revoked   bool
	disabled  bool
	// expires is the zero time for a key that never expires.
	expires time.Time
}

func newIndex(s *Snapshot) *index {
	tenants := make(map[string]*Tenant, len(s.Tenants))
	for i := range s.Tenants {
		tenants[s.Tenants[i].ID] = &s.Tenants[i]
	}
	ix := &index{version: s.Version, tenants: len(tenants), byID: tenants, keys: make(map[string]*entry, len(s.Keys))}
	for i := range s.Keys {
		k := &s.Keys[i]
		// A key without a tenant cannot come out of our own stores; should a
		// hand have edited one, it opens nothing.
		t, ok := tenants[k.Tenant]
		if !ok || ReservedTenant(k.Tenant) {
			continue
		}
		e := &entry{
			principal: Principal{Tenant: t.ID, Tier: t.Tier, KeyID: k.ID, Scopes: k.Scopes, Networks: k.Allow, Limits: t.ownLimits()},
			hash:      k.Hash, tier: k.Tier, revoked: k.RevokedAt != nil, disabled: t.DisabledAt != nil,
		}
		if k.ExpiresAt != nil {
			e.expires = *k.ExpiresAt
		}
		ix.keys[k.ID] = e
	}
	return ix
}

// verdict says why e refuses at the moment now, or nil. The hash has been
// compared already.
func (e *entry) verdict(now time.Time) error {
	switch {
	case e.revoked:
		return ErrRevoked
	case !e.expires.IsZero() && !now.Before(e.expires):
		return ErrExpired
	case e.disabled:
		return ErrDisabled
	}
	return nil
}
