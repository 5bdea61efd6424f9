package admin_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/omni-run/omni/internal/authn"
)

// limits are what a tenant has of its own, as JSON.
func (b *bundle) limits(out map[string]any) string {
	b.t.Helper()
	tenant, ok := out["tenant"].(map[string]any)
	if !ok {
		b.t.Fatalf("no tenant in %v", out)
	}
	text, err := json.Marshal(tenant["limits"])
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

func TestOwnLimits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.call(201, "POST", "/admin/tenants", `{"id":"acme","tier":"pro"}`)
	b.call(201, "POST", "/admin/tenants", `{"id":"other","tier":"pro"}`)
	for _, step := range []struct{ body, want string }{
		{`{"limits":{"burst":50,"requests_per_minute":500}}`, `{"burst":50,"requests_per_minute":500}`},
		{`{"name":"Acme"}`, `{"burst":50,"requests_per_minute":500}`},
		{`{"limits":{"burst":null,"monthly_units":0}}`, `{"monthly_units":0,"requests_per_minute":500}`},
		{`{"limits":{}}`, `{"monthly_units":0,"requests_per_minute":500}`},
		{`{"limits":{"monthly_units":250}}`, `{"monthly_units":250,"requests_per_minute":500}`},
	} {
		if got := b.limits(b.call(200, "PATCH", "/admin/tenants/acme", step.body)); got != step.want {
			t.Errorf("after %s: %s, want %s", step.body, got, step.want)
		}
		if got := b.limits(b.call(200, "GET", "/admin/tenants/acme", "")); got != step.want {
			t.Errorf("shown after %s: %s, want %s", step.body, got, step.want)
		}
		if got := b.limits(b.call(200, "GET", "/admin/tenants/other", "")); got != `{}` {
			t.Errorf("another tenant has %s", got)
		}
	}
	for tenant, want := range map[string]string{"acme": "250", "other": "1000"} {
		if got := get(b.call(200, "GET", "/admin/usage?tenant="+tenant, ""), "month", "units_limit"); got != want {
			t.Errorf("%s may use %s units a month, want %s", tenant, got, want)
		}
	}
	if got := b.limits(b.call(200, "PATCH", "/admin/tenants/acme", `{"limits":null}`)); got != `{}` {
		t.Errorf("cleared: %s", got)
	}
	audit := fmt.Sprint(b.call(200, "GET", "/admin/audit", ""))
	for _, want := range []string{"limits.burst:50", "limits.burst:the tier's", "limits.monthly_units:0", "limits:the tier's"} {
		if !strings.Contains(audit, want) {
			t.Errorf("the audit log lacks %q: %s", want, audit)
		}
	}
}

// A new tenant's limits are its own from the beginning; null and absent ones
// are the tier's.
func TestLimitsOfANewTenant(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for id, c := range map[string]struct{ limits, want string }{
		"some":   {`{"burst":50,"monthly_units":250,"weight":null}`, `{"burst":50,"monthly_units":250}`},
		"zero":   {`{"monthly_units":0}`, `{"monthly_units":0}`},
		"empty":  {`{}`, `{}`},
		"absent": {`null`, `{}`},
	} {
		body := `{"id":"` + id + `","tier":"pro","limits":` + c.limits + `}`
		if got := b.limits(b.call(201, "POST", "/admin/tenants", body)); got != c.want {
			t.Errorf("%s: created with %s, want %s", id, got, c.want)
		}
		if got := b.limits(b.call(200, "GET", "/admin/tenants/"+id, "")); got != c.want {
			t.Errorf("%s: shown with %s, want %s", id, got, c.want)
		}
	}
	if got := get(b.call(200, "GET", "/admin/usage?tenant=some", ""), "month", "units_limit"); got != "250" {
		t.Errorf("it may use %s units a month, want 250", got)
	}
	audit := fmt.Sprint(b.call(200, "GET", "/admin/audit", ""))
	for _, want := range []string{"limits.burst:50", "limits.monthly_units:0", "limits.weight:the tier's"} {
		if !strings.Contains(audit, want) {
			t.Errorf("the audit log lacks %q: %s", want, audit)
		}
	}
}

// burstOfFive is a check like the gateway's, which knows what routes cost.
func burstOfFive(t authn.Tenant) error {
	if t.Limits.Burst != nil && *t.Limits.Burst < 5 {
		return &authn.LimitError{Field: "burst", Problem: "is less than the dearest route costs"}
	}
	return nil
}

// A tenant whose limits are refused is not made, whichever layer refuses them.
func TestBadLimitsMakeNoTenant(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deps.Issuer.Check = burstOfFive
	for _, c := range []struct {
		limits, code, field string
		status              int
	}{
		{`{"burst":0}`, "invalid_value", "limits.burst", 422},
		{`{"burst":4}`, "invalid_value", "limits.burst", 422},
		{`{"monthly_units":-1}`, "invalid_value", "limits.monthly_units", 422},
		{`{"weight":10001,"burst":50}`, "invalid_value", "limits.weight", 422},
		{`{"burst":"50"}`, "wrong_type", "limits.burst", 422},
		{`{"rate":50}`, "unknown_field", "", 400},
		{`50`, "wrong_type", "limits", 422},
	} {
		out := b.call(c.status, "POST", "/admin/tenants", `{"id":"acme","tier":"pro","limits":`+c.limits+`}`)
		if out["error"] != c.code || !strings.Contains(fmt.Sprint(out["details"]), c.field) {
			t.Errorf("%s: %v", c.limits, out)
		}
		b.call(404, "GET", "/admin/tenants/acme", "")
	}
}

// A refused limit is named, and changes nothing.
func TestBadLimitsAreNamed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.deps.Issuer.Check = burstOfFive
	b.call(201, "POST", "/admin/tenants", `{"id":"acme","tier":"pro"}`)
	b.call(200, "PATCH", "/admin/tenants/acme", `{"limits":{"weight":3}}`)
	for field, values := range map[string][]string{
		"requests_per_minute": {"0", "-1", "100000001"}, "burst": {"0", "4", "100000001"}, "concurrent": {"0", "1000001"},
		"max_body": {"0", "1023", "1073741825"}, "monthly_units": {"-1", "9007199254740993"}, "weight": {"0", "10001"},
	} {
		for _, v := range values {
			out := b.call(422, "PATCH", "/admin/tenants/acme", `{"name":"changed","limits":{"`+field+`":`+v+`}}`)
			details := fmt.Sprint(out["details"])
			if out["error"] != "invalid_value" || !strings.Contains(details, "field:limits."+field+" ") {
				t.Errorf("%s = %s: %v", field, v, out)
			}
		}
		out := b.call(422, "PATCH", "/admin/tenants/acme", `{"limits":{"`+field+`":"1"}}`)
		if details := fmt.Sprint(out["details"]); !strings.Contains(details, "field:limits."+field) {
			t.Errorf("%s as text: %v", field, out)
		}
	}
	if out := b.call(200, "GET", "/admin/tenants/acme", ""); b.limits(out) != `{"weight":3}` || get(out, "tenant", "name") != "" {
		t.Errorf("a refused change left %v", out)
	}
	// What a later configuration made unfit does not keep a tenant from being
	// disabled.
	b.call(200, "PATCH", "/admin/tenants/acme", `{"limits":{"burst":7}}`)
	b.deps.Issuer.Check = func(authn.Tenant) error { return &authn.LimitError{Field: "burst", Problem: "is unfit now"} }
	b.call(200, "PATCH", "/admin/tenants/acme", `{"disabled":true}`)
	b.call(422, "PATCH", "/admin/tenants/acme", `{"tier":"free"}`)
	b.call(200, "PATCH", "/admin/tenants/acme", `{"limits":null}`)
}
