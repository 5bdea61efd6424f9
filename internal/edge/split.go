package edge

import (
	"math/rand/v2"
	"slices"

	"github.com/omni-run/omni/internal/config"
	"github.com/omni-run/omni/internal/pool"
)

// lane is where a call goes: to the route's service, or to the canary's
// workers if it is one of theirs. A canary that is away, or dies under the
// call, is no outage: fallback is then the route's service.
func (g *Gateway) lane(x *Exchange) (service, fallback string) {
	r := &x.Entry.route
	c := &r.Canary
	if c.Pool == "" {
		return r.Service, ""
	}
	if !slices.Contains(c.Tenants, x.Principal.Tenant) && !drawn(c.Weight) {
		return r.Service, ""
	}
	return pool.Lane(r.Service, c.Pool), r.Service
}

// mirror is where a copy of a call goes, or "".
func mirror(r *config.Route) string {
	if r.Mirror.Pool == "" || !drawn(r.Mirror.Weight) {
		return ""
	}
	return pool.Lane(r.Service, r.Mirror.Pool)
}

// drawn is true for so many calls out of a hundred.
func drawn(percent float64) bool { return rand.Float64()*100 < percent } //nolint:gosec // a share, not a secret
