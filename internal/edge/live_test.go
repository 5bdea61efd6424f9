package edge

import (
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/omni-run/omni/internal/config"
	"github.com/omni-run/omni/internal/ratelimit"
)

func bare(t *testing.T, c config.Config) *Gateway {
	t.Helper()
	guard, err := ratelimit.NewGuard(ratelimit.Policy{Limit: 1, Burst: 1}, 0, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	g, err := New(Deps{
		Config: Loaded{Config: c, Version: "one"}, Registry: prometheus.NewRegistry(),
		Limits: Limits{Rate: ratelimit.NewMemory(0, time.Now), Quota: &ratelimit.Quota{}, Calls: ratelimit.NewConcurrency(), Addresses: guard},
	})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// What was learned about a route stays as long as the route is the same, and
// no longer: another service's answers must not be given for its.
func TestEntriesOutliveAReload(t *testing.T) {
	t.Parallel()
	c := config.Config{NoDefaultRoutes: true, Routes: []config.Route{
		{Method: "POST", Path: "/same", Service: "a"}, {Method: "POST", Path: "/other/{id}", Service: "a"},
	}}.WithDefaults()
	g := bare(t, c)
	entryOf := func(path, method string) *entry {
		entries, _ := g.live.Load().table.find(path)
		return pick(entries, method)
	}
	same, other, own := entryOf("/same", "POST"), entryOf("/other/1", "POST"), entryOf("/usage", "GET")
	version := "v1"
	same.version.Store(&version)
	c.Routes = []config.Route{{Method: "POST", Path: "/other/{id}", Service: "b"}, {Method: "POST", Path: "/same", Service: "a"}}
	c = c.WithDefaults()
	swap, err := g.Prepare(Loaded{Config: c, Version: "two"})
	if err != nil {
		t.Fatal(err)
	}
	if entryOf("/other/1", "POST") != other {
		t.Error("preparing changed what is in force")
	}
	kept := g.take() // an exchange under way
	former := swap()
	if entryOf("/same", "POST") != same || entryOf("/usage", "GET") != own {
		t.Error("an unchanged route is another")
	}
	if e := entryOf("/other/1", "POST"); e == other || e.generation == other.generation || e.route.Service != "b" {
		t.Error("a changed route is the same")
	}
	if kept.version != "one" || kept.table == g.live.Load().table {
		t.Error("an exchange under way sees another configuration")
	}
	select {
	case <-former:
		t.Error("the former configuration is in use, and said not to be")
	default:
	}
	kept.release()
	<-former
}

func TestPrepareRefuses(t *testing.T) {
	t.Parallel()
	g := bare(t, config.Config{}.WithDefaults())
	for name, c := range map[string]config.Config{
		"route of the gateway's own": {Routes: []config.Route{{Method: "GET", Path: "/usage"}}},
		"proxy":                      {TrustedProxies: []string{"ten"}},
	} {
		before := g.live.Load()
		if _, err := g.Prepare(Loaded{Config: c}); err == nil || g.live.Load() != before {
			t.Errorf("%s: %v", name, err)
		}
	}
}
