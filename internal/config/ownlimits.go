package config

import (
	"cmp"

	"github.com/omni-run/omni/api"
)

// With is the tier with a tenant's own limits in place of its own. Because
// the tier may have changed since they were checked, a burst that would take
// too long to come back is cut to what does not.
func (t Tier) With(own *api.TenantLimits) Tier {
	set(&t.RequestsPerMinute, own.RequestsPerMinute)
	set(&t.Burst, own.Burst)
	set(&t.Concurrent, own.Concurrent)
	set(&t.MaxBody, own.MaxBody)
	set(&t.Weight, own.Weight)
	if own.MonthlyUnits != nil {
		t.MonthlyUnits = own.MonthlyUnits
	}
	t.Burst = min(t.Burst, mostBurst(t.RequestsPerMinute))
	return t
}

func set[T any](field, own *T) {
	if own != nil {
		*field = *own
	}
}

// BurstRange is what a burst must lie in at so many requests a minute, and the
// path of the dearest route, which sets the least.
func (c Config) BurstRange(perMinute int) (least int, dearest string, most int) {
	least = 1
	for _, r := range c.Routes {
		if cmp.Or(r.Units, 1) > least {
			least, dearest = r.Units, r.Path
		}
	}
	return least, dearest, mostBurst(perMinute)
}

// maxRefillMinutes is a little below what ratelimit.Policy allows.
const maxRefillMinutes = 49 * 24 * 60

func mostBurst(perMinute int) int { return perMinute * maxRefillMinutes }
