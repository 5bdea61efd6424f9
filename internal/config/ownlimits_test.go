package config_test

import (
	"testing"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/config"
)

func to[T any](v T) *T { return &v }

func TestTierWithOwnLimits(t *testing.T) {
	t.Parallel()
	tier := config.Tier{RequestsPerMinute: 100, Burst: 20, Concurrent: 5, MaxBody: 4096, MonthlyUnits: to(int64(1000)), Weight: 2}
	if got := tier.With(&api.TenantLimits{}); got != tier {
		t.Errorf("no limits of its own: %+v", got)
	}
	got := tier.With(&api.TenantLimits{RequestsPerMinute: to(7), Burst: to(30), Concurrent: to(1), MaxBody: to(int64(2048)), MonthlyUnits: to(int64(0)), Weight: to(9)})
	if got.RequestsPerMinute != 7 || got.Burst != 30 || got.Concurrent != 1 || got.MaxBody != 2048 || got.MonthQuota() != 0 || got.Weight != 9 {
		t.Errorf("all of its own: %+v", got)
	}
	if got = tier.With(&api.TenantLimits{Weight: to(3)}); got.MonthQuota() != 1000 || got.Burst != 20 || got.Weight != 3 {
		t.Errorf("one of its own: %+v", got)
	}
	// The tier's rate fell after the burst was checked.
	tier.RequestsPerMinute = 1
	if got = tier.With(&api.TenantLimits{Burst: to(100_000_000)}); got.Burst != 49*24*60 {
		t.Errorf("a burst that would take centuries to come back: %+v", got)
	}
}
