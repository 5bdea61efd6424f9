package edge

import (
	"errors"

	"github.com/omni-run/omni/internal/config"
	"github.com/omni-run/omni/internal/ratelimit"
)

// Limits are the four limits a call meets, each of which remembers what was
// taken.
type Limits struct {
	// Rate is per tenant, all its keys together.
	Rate ratelimit.Limiter
	// Quota is the month's units.
	Quota *ratelimit.Quota
	// Calls counts a tenant's calls under way.
	Calls *ratelimit.Concurrency
	// Addresses guards what needs no key.
	Addresses *ratelimit.Guard
	// Scope says for /health who counts the rates at this moment; nil for this
	// process alone.
	Scope func() string
}

func ratePolicy(t config.Tier) ratelimit.Policy {
	return ratelimit.Policy{Limit: t.RequestsPerMinute, Burst: t.Burst}
}

// limitRate charges the tenant for the call, whatever becomes of it: unknown
// paths and refused bodies are no way around the limit.
func (g *Gateway) limitRate(next Handler) Handler {
	return func(x *Exchange) error {
		policy, units := ratePolicy(x.Tier), 1
		if x.Entry != nil {
			units = max(1, x.Entry.units)
		}
		if !policy.Unlimited() {
			// A tenant's own burst may be older than the cost of the route.
			policy.Burst = max(policy.Burst, units)
			d, err := g.Limits.Rate.Take(x.Context(), x.Principal.Tenant, policy, units)
			if err != nil {
				return err
			}
			d.WriteHeaders(x.W.Header(), policy)
			if !d.Allowed {
				g.metrics.refusals.WithLabelValues(x.Principal.Tier, "rate").Inc()
				return d.Refusal()
			}
		}
		if err := g.Limits.Quota.Check(x.Principal.Tenant, x.Tier.MonthQuota(), int64(units)); err != nil {
			g.metrics.refusals.WithLabelValues(x.Principal.Tier, "month").Inc()
			return err
		}
		return next(x)
	}
}

// limitConcurrency bounds the tenant's calls under way, held ones included.
func (g *Gateway) limitConcurrency(next Handler) Handler {
	return func(x *Exchange) error {
		if x.Entry.handle != nil {
			return next(x) // answered here, at once
		}
		if !g.Limits.Calls.Acquire(x.Principal.Tenant, x.Tier.Concurrent) {
			g.metrics.refusals.WithLabelValues(x.Principal.Tier, "concurrent").Inc()
			return ratelimit.TooMany(x.Tier.Concurrent)
		}
		defer g.Limits.Calls.Release(x.Principal.Tenant)
		return next(x)
	}
}

// guardAddress keeps one address from flooding the public paths.
func (g *Gateway) guardAddress(next Handler) Handler {
	return func(x *Exchange) error {
		if err := g.chargeAddress(x); err != nil {
			return err
		}
		return next(x)
	}
}

func (g *Gateway) chargeAddress(x *Exchange) error {
	d := g.Limits.Addresses.Take(x.Remote)
	if d.Allowed {
		return nil
	}
	g.metrics.refusals.WithLabelValues("none", "address").Inc()
	return d.Refusal()
}

// errNoLimits is a wiring mistake.
var errNoLimits = errors.New("edge: every limit must be given")

func (l Limits) scope() string {
	if l.Scope == nil {
		return "local"
	}
	return l.Scope()
}

func (l Limits) validate() error {
	if l.Rate == nil || l.Quota == nil || l.Calls == nil || l.Addresses == nil {
		return errNoLimits
	}
	return nil
}
