package e2e

import (
	"strings"
	"sync"
	"testing"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/postgres/postgrestest"
	"github.com/omni-run/omni/internal/ratelimit/redislimit/redistest"
)

// spaces make a body longer, and its content no other.
var spaces = strings.Repeat(" ", 3000)

// Limits of one tenant's own, set through one of two gateways, are in force on
// both, and are never another tenant's.
func TestOwnLimitsOnEveryGateway(t *testing.T) {
	t.Parallel()
	w := startStub(t, nil)
	setup := gatewaySetup{
		worker: w.URL, mode: "production",
		env: []string{"OMNI_KEYS_URL=" + postgrestest.Start(t).NewDatabase(t), "OMNI_REDIS_URL=redis://" + redistest.Start(t).Addr + "/0"},
	}
	both := []*gateway{startGateway(t, setup), startGateway(t, setup)}
	a := both[0]
	for _, g := range both {
		g.workersReady()
		eventually(t, "shared limits", func() bool { return g.call("GET", "/health", "", "").field(t, "limits") == "shared" })
	}
	acme, _ := a.adminKey("acme", "pro", `"anomaly","usage"`)
	other, _ := a.adminKey("other", "pro", `"anomaly","usage"`)
	for _, key := range []string{acme, other} {
		eventually(t, "the key on the other gateway", func() bool { return both[1].call("GET", "/usage", key, "").status == 200 })
	}
	for _, g := range both {
		g.want(200, "POST", "/anomaly/detect", acme, detect) // each ledger has a unit of acme's
	}
	change := func(limits string) {
		t.Helper()
		a.want(200, "PATCH", "/admin/tenants/acme", masterKey, `{"limits":`+limits+`}`)
	}
	inForce := func(g *gateway) *api.TenantLimits {
		var u api.UsageAnswer
		g.call("GET", "/usage", acme, "").into(t, &u)
		return u.Limits
	}
	// alone asks that the other tenant meets its tier's limits still.
	alone := func() {
		t.Helper()
		for _, g := range both {
			got := g.want(200, "POST", "/anomaly/detect", other, detect+spaces)
			if limit := got.header.Get("X-RateLimit-Limit"); limit != "1000" {
				t.Errorf("the other tenant's limit is %s", limit)
			}
			var u api.UsageAnswer
			g.want(200, "GET", "/usage", other, "").into(t, &u)
			if *u.Limits.Burst != 100 || *u.Limits.MaxBody != 16<<20 || *u.Month.UnitsLimit != 5_000_000 {
				t.Errorf("the other tenant's limits: %+v", *u.Limits)
			}
		}
	}

	// The rate: one unit back a minute, so that the burst is all there is.
	change(`{"requests_per_minute":1,"burst":40}`)
	admitted, refused := 0, 0
	eventually(t, "the burst used up on both gateways", func() bool {
		for _, g := range both {
			got := g.call("GET", "/usage", acme, "")
			switch limit := got.header.Get("X-RateLimit-Limit"); {
			case limit != "1": // not in force here yet
			case got.status == 200:
				admitted++
				if policy := got.header.Get("RateLimit-Policy"); policy != `"default";q=1;w=60` {
					t.Errorf("policy %s", policy)
				}
			case got.code() == "rate_limited":
				refused++
			}
		}
		return refused >= 4
	})
	if admitted < 35 || admitted > 42 {
		t.Errorf("two gateways admitted %d calls together, want the burst of 40", admitted)
	}
	alone()

	// The month: 1 is used up, 0 is no quota, null is the tier's.
	for _, step := range []struct {
		limits string
		is     func(u api.UsageAnswer, got answer) bool
	}{
		{`{"requests_per_minute":100000,"burst":10000,"monthly_units":1}`, func(_ api.UsageAnswer, got answer) bool { return got.code() == "quota_exhausted" }},
		{`{"monthly_units":0}`, func(u api.UsageAnswer, got answer) bool {
			return got.status == 200 && u.Month.UnitsLimit == nil && *u.Limits.MonthlyUnits == 0
		}},
		{`{"monthly_units":null}`, func(u api.UsageAnswer, got answer) bool {
			return got.status == 200 && u.Month.UnitsLimit != nil && *u.Month.UnitsLimit == 5_000_000
		}},
		{`{"monthly_units":9000000}`, func(u api.UsageAnswer, got answer) bool {
			return got.status == 200 && u.Month.UnitsLimit != nil && *u.Month.UnitsLimit == 9_000_000 && *u.Month.UnitsLeft == 9_000_000-u.Month.UnitsUsed
		}},
	} {
		change(step.limits)
		for _, g := range both {
			eventually(t, step.limits, func() bool {
				var u api.UsageAnswer
				got := g.call("GET", "/usage", acme, "")
				got.into(t, &u)
				return step.is(u, got)
			})
		}
		alone()
	}

	// The body.
	change(`{"max_body":1024}`)
	for _, g := range both {
		eventually(t, "a smaller body", func() bool {
			return g.call("POST", "/anomaly/detect", acme, detect+spaces).code() == "body_too_large"
		})
		g.want(200, "POST", "/anomaly/detect", acme, detect)
	}
	alone()

	// Calls at a time.
	change(`{"concurrent":1,"max_body":null}`)
	for _, g := range both {
		eventually(t, "one call at a time", func() bool {
			l := inForce(g)
			return l != nil && *l.Concurrent == 1 && *l.MaxBody == 16<<20
		})
	}
	work := newGate()
	w.set(true, work.handle)
	entered := int32(0)
	var wg sync.WaitGroup
	begin := func(key string) {
		entered++
		wg.Go(func() {
			if got, err := try("POST", a.url+"/anomaly/detect", key, detect); err != nil || got.status != 200 {
				t.Errorf("a call that waits: %v %s", err, got)
			}
		})
		eventually(t, "a call inside", func() bool { return work.entered.Load() == entered })
	}
	begin(acme)
	if got := a.want(429, "POST", "/anomaly/detect", acme, detect); got.code() != "too_many_concurrent_requests" {
		t.Error(got)
	}
	begin(other)
	work.open()
	wg.Wait()

	// What the configuration has no room for is named.
	for field, v := range map[string]string{"burst": "1", "max_body": "1073741824", "requests_per_minute": "0"} {
		var e api.ErrorBody
		a.want(422, "PATCH", "/admin/tenants/acme", masterKey, `{"limits":{"`+field+`":`+v+`}}`).into(t, &e)
		if len(e.Details) != 1 || e.Details[0].Field != "limits."+field {
			t.Errorf("%s: %+v", field, e)
		}
	}
	change(`null`)
	for _, g := range both {
		eventually(t, "the tier's limits", func() bool {
			l := inForce(g)
			return l != nil && *l.Concurrent == 100 && *l.RequestsPerMinute == 1000 && *l.Burst == 100
		})
	}
}
