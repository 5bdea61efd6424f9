package e2e

import (
	"strings"
	"testing"

	"github.com/omni-run/omni/internal/ratelimit/redislimit/redistest"
)

// Two gateways share their limits through Redis, lose it, and find it again.
// The password of its URL shows up nowhere.
func TestGatewaysShareTheirLimits(t *testing.T) {
	t.Parallel()
	const password = "a-password-of-redis"
	redis := redistest.Start(t, "--requirepass", password)
	var both [2]*gateway
	for i := range both {
		both[i] = startGateway(t, gatewaySetup{
			worker: startStub(t, nil).URL,
			// The free tier gets one unit back a minute: none during this test.
			yaml: "tiers: {free: {requests_per_minute: 1, burst: 20}}\nlimit_store: {kind: redis, timeout: 5s, gateways: 2}\n",
			env:  []string{"OMNI_REDIS_URL=redis://:" + password + "@" + redis.Addr + "/0"},
		})
	}
	limits := func(g *gateway) string { return g.call("GET", "/health", "", "").field(t, "limits").(string) }
	all := func(want string) {
		t.Helper()
		for _, g := range both {
			eventually(t, want, func() bool { return limits(g) == want })
		}
	}
	// admitted makes 15 calls on each gateway in turn.
	admitted := func() (n int) {
		t.Helper()
		for i := range 30 {
			switch a := both[i%2].call("GET", "/usage", freeKey, ""); a.status {
			case 200:
				n++
			case 429:
				if a.header.Get("X-RateLimit-Limit") != "1" || a.header.Get("Retry-After") == "" {
					t.Errorf("headers %v", a.header)
				}
			default:
				t.Fatal(a)
			}
		}
		return n
	}
	gauge := func(name string, want float64) {
		t.Helper()
		for _, g := range both {
			if v := metric(string(g.call("GET", "/metrics", "", "").body), name); v != want {
				t.Errorf("%s = %v, want %v", name, v, want)
			}
		}
	}
	all("shared")
	gauge("omni_gateway_limits_local", 0)
	if n := admitted(); n < 20 || n > 21 {
		t.Errorf("two gateways admitted %d calls, want the burst of 20", n)
	}
	redis.Kill()
	all("local (redis unreachable)")
	gauge("omni_gateway_limits_local", 1)
	gauge("omni_gateway_limit_store_fallbacks_total", 1)
	if n := admitted(); n < 20 || n > 22 {
		t.Errorf("each on its own, two gateways admitted %d calls, want a half of 20 each", n)
	}
	gauge("omni_gateway_limit_store_local_decisions_total", 15)
	if err := redis.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	all("shared")
	gauge("omni_gateway_limits_local", 0)
	for _, g := range both {
		said := g.out.String() + string(g.want(200, "GET", "/admin/config", masterKey, "").body) + string(g.call("GET", "/metrics", "", "").body)
		if strings.Contains(said, password) {
			t.Error("the password of redis is shown")
		}
		if line := g.logged("gateway listens")["limits"].(string); !strings.Contains(line, "shared through redis at "+redis.Addr) {
			t.Errorf("at the start it says %q", line)
		}
		for _, change := range []string{"rate limits are shared", "rate limits are local: redis is unreachable"} {
			g.logged(change)
		}
	}
}

// A gateway whose Redis is not there starts at once, limits by its share and
// says so.
func TestGatewayStartsWithoutItsRedis(t *testing.T) {
	t.Parallel()
	g := startGateway(t, gatewaySetup{
		worker: startStub(t, nil).URL,
		yaml:   "tiers: {free: {requests_per_minute: 1, burst: 20}}\nlimit_store: {url: 'redis://127.0.0.1:1', gateways: 2}\n",
	})
	if a := g.want(200, "GET", "/health", "", ""); a.field(t, "limits") != "local (redis unreachable)" {
		t.Errorf("health: %s", a)
	}
	n := 0
	for range 20 {
		if g.call("GET", "/usage", freeKey, "").status == 200 {
			n++
		}
	}
	if n < 10 || n > 11 {
		t.Errorf("%d calls admitted, want half of the burst of 20", n)
	}
	g.logged("rate limits are local: redis is unreachable")
}
