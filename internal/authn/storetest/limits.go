package storetest

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/authn"
)

func to[T any](v T) *T { return &v }

// limitsOf are a tenant's own limits as JSON, which tells 0 from absent.
func limitsOf(t *testing.T, s authn.Store, id string) string {
	t.Helper()
	for _, x := range load(t, s).Tenants {
		if x.ID == id {
			text, err := json.Marshal(x.Limits)
			must(t, err)
			return string(text)
		}
	}
	t.Fatalf("no tenant %s", id)
	return ""
}

// ownLimits: they come back as they were put, 0 is not absent, they are one
// tenant's alone, and another process has them in force without being told.
func ownLimits(t *testing.T, open Opener) {
	ctx, s := t.Context(), open(t)
	full := tenant("full")
	full.Limits = api.TenantLimits{
		RequestsPerMinute: to(7), Burst: to(100_000_000), Concurrent: to(1), MaxBody: to(int64(1 << 30)), MonthlyUnits: to(int64(1 << 53)), Weight: to(10_000),
	}
	must(t, s.PutTenant(ctx, full))
	must(t, s.PutTenant(ctx, tenant("plain")))
	issuer := &authn.Issuer{Store: s, Tiers: []string{"pro"}}
	text, _, err := issuer.CreateKey(ctx, authn.NewKey{Tenant: "full"})
	must(t, err)
	gateway := authenticator(t, open(t))
	inForce := func() *api.TenantLimits {
		p, err := gateway.Authenticate(ctx, text)
		must(t, err)
		_, limits, err := gateway.Tenant(ctx, "full")
		must(t, err)
		if (p.Limits == nil) != (limits == nil) {
			return nil // between two snapshots
		}
		return limits
	}
	if l := inForce(); l == nil || *l.MonthlyUnits != 1<<53 || *l.RequestsPerMinute != 7 {
		t.Fatalf("in force: %+v", l)
	}
	const all = `{"requests_per_minute":7,"burst":100000000,"concurrent":1,"max_body":1073741824,"monthly_units":9007199254740992,"weight":10000}`
	if got := limitsOf(t, s, "full"); got != all {
		t.Errorf("came back as %s", got)
	}
	_, err = issuer.UpdateTenant(ctx, "full", func(x *authn.Tenant) {
		x.Limits.MonthlyUnits, x.Limits.Burst, x.Limits.Weight = to(int64(0)), nil, nil
	})
	must(t, err)
	if got := limitsOf(t, s, "full"); got != `{"requests_per_minute":7,"concurrent":1,"max_body":1073741824,"monthly_units":0}` {
		t.Errorf("0 and absent came back as %s", got)
	}
	until(t, "the change is in force elsewhere", func() bool {
		l := inForce()
		return l != nil && *l.MonthlyUnits == 0 && l.Burst == nil
	})
	if got := limitsOf(t, s, "plain"); got != "{}" {
		t.Errorf("another tenant has %s", got)
	}
	_, err = issuer.UpdateTenant(ctx, "full", func(x *authn.Tenant) { x.Limits.Burst = to(0) })
	if limit := (*authn.LimitError)(nil); !errors.As(err, &limit) || limit.Field != "burst" {
		t.Errorf("a burst of 0: %v", err)
	}
	_, err = issuer.UpdateTenant(ctx, "full", func(x *authn.Tenant) { x.Limits = api.TenantLimits{} })
	must(t, err)
	if got := limitsOf(t, s, "full"); got != "{}" {
		t.Errorf("cleared they are %s", got)
	}
	until(t, "the tier's are in force elsewhere", func() bool {
		p, err := gateway.Authenticate(ctx, text)
		must(t, err)
		return p.Limits == nil
	})
}
