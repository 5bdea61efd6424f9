package authn

import (
	"fmt"

	"github.com/omni-run/omni/api"
)

// LimitError says which of a tenant's own limits cannot be, and why.
type LimitError struct {
	// Field is the limit's JSON name, such as "burst".
	Field string
	// Problem says what is wrong, and what would be right.
	Problem string
}

func (e *LimitError) Error() string { return "limits." + e.Field + " " + e.Problem }

// ownLimits is what the Principals of all the tenant's keys share.
func (t *Tenant) ownLimits() *api.TenantLimits {
	if t.Limits == (api.TenantLimits{}) {
		return nil
	}
	return &t.Limits
}

// mostUnits keeps every number of units exact in JSON, where many read
// numbers as float64.
const mostUnits = 1 << 53

// validLimits holds each limit to what the same setting of a tier is held to.
// What depends on the configuration is Issuer.Check's to say.
func validLimits(l *api.TenantLimits) error {
	for _, x := range []struct {
		field       string
		value       *int64
		least, most int64
	}{
		{"requests_per_minute", wide(l.RequestsPerMinute), 1, 100_000_000},
		{"burst", wide(l.Burst), 1, 100_000_000},
		{"concurrent", wide(l.Concurrent), 1, 1_000_000},
		{"max_body", l.MaxBody, 1 << 10, 1 << 30},
		{"monthly_units", l.MonthlyUnits, 0, mostUnits},
		{"weight", wide(l.Weight), 1, 10_000},
	} {
		if x.value != nil && (*x.value < x.least || *x.value > x.most) {
			return &LimitError{x.field, fmt.Sprintf("= %d, must be in [%d, %d], or null for the tier's", *x.value, x.least, x.most)}
		}
	}
	return nil
}

func wide(n *int) *int64 {
	if n == nil {
		return nil
	}
	v := int64(*n)
	return &v
}
