package authn

import "context"

// Tenant returns the tier of a tenant of the store: ErrUnknown if there is
// none, ErrDisabled if its keys are refused, and an *api.Error (503) while the
// store has been out of reach for too long. Like Authenticate it answers from
// memory.
func (a *Authenticator) Tenant(ctx context.Context, id string) (tier string, err error) {
	if a.opts.Store == nil {
		return "", ErrUnknown
	}
	a.ensureFresh(ctx)
	if a.health.tooStale(a.opts.Now(), a.opts.MaxStale) {
		return "", unavailable(a.health.last())
	}
	t, known := a.current.Load().byID[id]
	switch {
	case !known:
		return "", ErrUnknown
	case t.DisabledAt != nil:
		return "", ErrDisabled
	}
	return t.Tier, nil
}
