package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// A canary gets its tenants' calls while it is ready; when it dies, nobody is
// without an answer. A mirror gets copies that nobody sees.
func TestCanaryAndMirror(t *testing.T) {
	t.Parallel()
	main, next, shadow := startStub(t, nil), startStub(t, nil), startStub(t, nil)
	g := startGateway(t, gatewaySetup{yaml: fmt.Sprintf(`
workers:
  - {name: main, url: %q}
  - {name: next, url: %q, pool: next}
  - {name: shadow, url: %q, pool: shadow}
routes:
  - {method: POST, path: /predict/churn, service: churn, scope: predict, idempotent: true, canary: {pool: next, tenants: [demo-tenant-2]}, mirror: {pool: shadow}}
`, main.URL, next.URL, shadow.URL)})
	eventually(t, "three ready workers", func() bool {
		var h struct{ Workers struct{ Ready int } }
		g.call("GET", "/health", "", "").into(t, &h)
		return h.Workers.Ready == 3
	})
	for range 3 {
		g.want(200, "POST", "/predict/churn", enterpriseKey, `{}`)
		g.want(200, "POST", "/predict/churn", proKey, `{}`)
	}
	g.want(200, "POST", "/predict/revenue", proKey, `{}`) // a route without a canary
	if m, n := main.count(), next.count(); m != 4 || n != 3 {
		t.Errorf("the main worker got %d calls, the canary %d", m, n)
	}
	eventually(t, "six copies", func() bool { return shadow.count() == 6 })
	if used := g.usageOf(proKey, "/predict/churn"); used != 3 {
		t.Errorf("%d calls in the ledger: copies must not count", used)
	}
	next.CloseClientConnections()
	next.Listener.Close()
	for range 5 {
		g.want(200, "POST", "/predict/churn", proKey, `{}`)
	}
	text := string(g.want(200, "GET", "/metrics", "", "").body)
	if !strings.Contains(text, `omni_gateway_mirrored_total{outcome="answered"}`) {
		t.Error("copies are not counted")
	}
}
