package edge

import (
	"net/http"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/authn"
	"github.com/omni-run/omni/internal/config"
)

// masterTier is what the master key is allowed: everything the gateway can
// take in.
func (l *live) masterTier() config.Tier {
	return config.Tier{Concurrent: 1 << 20, MaxBody: l.cfg.Limits.MaxBody, Weight: 64}
}

// authenticate finds out who calls. Calls without a valid key draw on the
// budget of their address, so that keys cannot be guessed at speed.
func (g *Gateway) authenticate(next Handler) Handler {
	return func(x *Exchange) error {
		presented, err := authn.Credential(x.R.Header)
		if err == nil {
			x.Principal, err = g.Keys.Authenticate(x.Context(), presented)
		}
		if err == nil && !x.Principal.AllowsFrom(x.Remote) {
			err = authn.AddressNotAllowed(x.Remote)
		}
		if err != nil {
			if limited := g.chargeAddress(x); limited != nil {
				return limited
			}
			return err
		}
		if x.Principal.Master {
			x.Tier = x.live.masterTier()
			return next(x)
		}
		tier, known := x.live.cfg.Tiers[x.Principal.Tier]
		if !known {
			return api.NewError(http.StatusForbidden, "unknown_tier", "this key's tier %q is not one the gateway knows", x.Principal.Tier)
		}
		x.Tier = tier
		if own := x.Principal.Limits; own != nil {
			x.Tier = tier.With(own)
		}
		return next(x)
	}
}

// route refuses what the table does not hold and what the key may not use.
func (g *Gateway) route(next Handler) Handler {
	return func(x *Exchange) error {
		if x.Entry == nil {
			if entries, _ := x.live.table.find(x.Path); len(entries) > 0 {
				allow := allowed(entries)
				x.W.Header().Set("Allow", allow)
				return api.NewError(http.StatusMethodNotAllowed, "method_not_allowed", "this path takes %s", allow)
			}
			return api.NotFound("not_found", "there is no such path; /openapi.json lists those there are")
		}
		switch {
		case x.Entry.master && !x.Principal.Master:
			return authn.MasterOnly()
		case x.Entry.scope != "" && !x.Principal.Allows(x.Entry.scope):
			return authn.InsufficientScope(x.Entry.scope)
		}
		return next(x)
	}
}

func errAbsoluteTarget() error {
	return api.BadRequest("bad_target", "ask for a path of this service; it is no proxy")
}
