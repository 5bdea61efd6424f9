package config

import (
	"time"
)

// WithDefaults returns a copy in which every unset field has its default.
func (c Config) WithDefaults() Config {
	or(&c.Mode, ModeProduction)
	if c.Listen == "" {
		c.Listen = ":8080"
		if c.Mode == ModeDevelopment {
			c.Listen = "127.0.0.1:8080"
		}
	}
	or(&c.DataDir, "./omni-data")
	or(&c.Log.Level, "info")
	or(&c.Log.Format, "json")
	if c.Log.Access == nil {
		yes := true
		c.Log.Access = &yes
	}
	or(&c.Server, ServerHTTP1)
	or(&c.Sentry.Environment, c.Mode)
	c.Keys = c.Keys.withDefaults(c.DataDir)
	c.OIDC = c.OIDC.withDefaults()
	c.CORS = c.CORS.withDefaults()
	c.Limits = c.Limits.withDefaults(c.Mode)
	or(&c.Traces.Sample, 0.1)
	c.LimitStore = c.LimitStore.withDefaults()
	c.Hold = c.Hold.withDefaults()
	c.Balance = c.Balance.withDefaults()
	c.Jobs = c.Jobs.withDefaults()
	c.Idempotency = c.Idempotency.withDefaults(c.Jobs)
	c.Webhooks = c.Webhooks.withDefaults(c.Mode)
	if c.Cache.Enabled == nil {
		yes := true
		c.Cache.Enabled = &yes
	}
	or(&c.Cache.MaxBytes, 64<<20)
	or(&c.Cache.TenantBytes, c.Cache.MaxBytes/4)
	c.Tiers = tiersWithDefaults(c.Tiers)
	c.Workers = workersWithDefaults(c.Workers)
	c.Routes = c.routesWithDefaults()
	return c
}

func (l Limits) withDefaults(mode string) Limits {
	or(&l.MaxBody, 32<<20)
	or(&l.MaxHeader, 64<<10)
	or(&l.HeaderTimeout, Duration(10*time.Second))
	or(&l.BodyTimeout, Duration(time.Minute))
	or(&l.IdleTimeout, Duration(2*time.Minute))
	or(&l.JSONDepth, 64)
	or(&l.PublicPerMinute, 6_000)
	or(&l.DrainTimeout, Duration(9*time.Second))
	if l.LameDuck == nil {
		duck := Duration(time.Second)
		if mode == ModeDevelopment {
			duck = 0
		}
		l.LameDuck = &duck
	}
	return l
}

func (h Hold) withDefaults() Hold {
	or(&h.MaxWait, Duration(300*time.Second))
	or(&h.MaxRequests, 10_000)
	or(&h.MaxBytes, 256<<20)
	or(&h.TenantRequests, 1_000)
	or(&h.TenantBytes, 64<<20)
	if h.Credit == nil {
		calls := 8
		h.Credit = &calls
	}
	return h
}

// DefaultTiers are the plans of the contract.
func DefaultTiers() map[string]Tier {
	return map[string]Tier{
		"free":       {RequestsPerMinute: 100, Concurrent: 20, MaxBody: 4 << 20, MonthlyUnits: units(100_000), Weight: 1},
		"pro":        {RequestsPerMinute: 1_000, Concurrent: 100, MaxBody: 16 << 20, MonthlyUnits: units(5_000_000), Weight: 4},
		"enterprise": {RequestsPerMinute: 10_000, Concurrent: 1_000, MaxBody: 32 << 20, MonthlyUnits: units(0), Weight: 16},
	}
}

func tiersWithDefaults(given map[string]Tier) map[string]Tier {
	out := DefaultTiers()
	for name, t := range given {
		base, known := out[name]
		if !known {
			base = out["free"]
			base.MonthlyUnits = units(0)
		}
		or(&t.RequestsPerMinute, base.RequestsPerMinute)
		or(&t.Concurrent, base.Concurrent)
		or(&t.MaxBody, base.MaxBody)
		or(&t.MonthlyUnits, base.MonthlyUnits)
		or(&t.Weight, base.Weight)
		out[name] = t
	}
	for name, t := range out {
		or(&t.Burst, max(20, t.RequestsPerMinute/10))
		out[name] = t
	}
	return out
}

func units(n int64) *int64 { return &n }

func or[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
