package authn_test

import (
	"errors"
	"testing"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/authn"
)

func to[T any](v T) *T { return &v }

// TestOwnLimitsAreHeldToTheirRange: each border is let through, one beyond is
// refused by the name of its field.
func TestOwnLimitsAreHeldToTheirRange(t *testing.T) {
	t.Parallel()
	for field, c := range map[string]struct {
		least, most int64
		limits      func(n int64) api.TenantLimits
	}{
		"requests_per_minute": {1, 100_000_000, func(n int64) api.TenantLimits { return api.TenantLimits{RequestsPerMinute: to(int(n))} }},
		"burst":               {1, 100_000_000, func(n int64) api.TenantLimits { return api.TenantLimits{Burst: to(int(n))} }},
		"concurrent":          {1, 1_000_000, func(n int64) api.TenantLimits { return api.TenantLimits{Concurrent: to(int(n))} }},
		"max_body":            {1024, 1 << 30, func(n int64) api.TenantLimits { return api.TenantLimits{MaxBody: to(n)} }},
		"monthly_units":       {0, 1 << 53, func(n int64) api.TenantLimits { return api.TenantLimits{MonthlyUnits: to(n)} }},
		"weight":              {1, 10_000, func(n int64) api.TenantLimits { return api.TenantLimits{Weight: to(int(n))} }},
	} {
		for n, good := range map[int64]bool{c.least - 1: false, c.least: true, c.most: true, c.most + 1: false} {
			x := authn.Tenant{ID: "acme", Tier: "pro", CreatedAt: time.Unix(0, 0), Limits: c.limits(n)}
			err := x.Validate()
			var limit *authn.LimitError
			if good != (err == nil) || !good && (!errors.As(err, &limit) || limit.Field != field) {
				t.Errorf("%s = %d: %v", field, n, err)
			}
		}
	}
}
