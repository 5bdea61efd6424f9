package authn

import (
	"context"

	"github.com/omni-run/omni/api"
)

// Tenant returns the tier of a tenant of the store, and its own limits as a
// Principal has them: ErrUnknown if there is
// none, ErrDisabled if its keys are refused, and an *api.Error (503) while the
// store has been out of reach for too long. Like Authenticate it answers from
// memory.
func (a *Authenticator) Tenant(ctx context.Context, id string) (tier string, limits *api.TenantLimits, err error) {
	if a.opts.Store == nil {
		return "", nil, ErrUnknown
	}
	a.ensureFresh(ctx)
	if a.health.tooStale(a.opts.Now(), a.opts.MaxStale) {
		return "", nil, unavailable(a.health.last())
	}
	t, known := a.current.Load().byID[id]
	switch {
	case !known:
		return "", nil, ErrUnknown
	case t.DisabledAt != nil:
		return "", nil, ErrDisabled
	}
	return t.Tier, t.ownLimits(), nil
}
