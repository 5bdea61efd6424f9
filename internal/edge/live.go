package edge

import (
	"fmt"
	"net/netip"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/omni-run/omni/internal/config"
)

// Loaded is a configuration and how it came to be in force.
type Loaded struct {
	config.Config
	// Version names the values; At is when they came into force.
	Version string
	At      time.Time
}

// live is all of the configuration that can change while the gateway runs. It
// is never changed itself: an exchange keeps the one it began with to its end,
// so that no call sees parts of two.
type live struct {
	cfg     config.Config
	version string
	at      time.Time
	table   *table
	proxies []netip.Prefix
	cors    *cors

	// users counts the exchanges that keep it, and one while it is the current
	// one. At zero, which is for good, unused is closed.
	users  atomic.Int64
	unused chan struct{}
}

// newLive prepares a configuration. Routes that are the same as in the former
// one, which may be nil, keep what was learned about them.
func (g *Gateway) newLive(c Loaded, former *live) (*live, error) {
	l := &live{cfg: c.Config, version: c.Version, at: c.At, cors: newCORS(c.CORS), unused: make(chan struct{})}
	for _, cidr := range c.TrustedProxies {
		p, err := netip.ParsePrefix(cidr)
		if err != nil {
			return nil, fmt.Errorf("edge: trusted proxy: %w", err)
		}
		l.proxies = append(l.proxies, p)
	}
	var known map[string]*entry
	if former != nil {
		known = former.table.byName
	}
	entries := g.entries(c.Routes)
	for i, e := range entries {
		if old := known[e.name()]; old != nil && old.same(e) {
			entries[i] = old
			continue
		}
		e.generation = g.generation.Add(1)
	}
	t, err := newTable(entries)
	if err != nil {
		return nil, err
	}
	l.table = t
	l.users.Store(1)
	return l, nil
}

// same reports whether two entries of one name do the same.
func (e *entry) same(other *entry) bool {
	if e.handle != nil || other.handle != nil {
		return e.handle != nil && other.handle != nil // the gateway's own, which are always the same
	}
	return reflect.DeepEqual(e.route, other.route)
}

// take returns the configuration in force, for the caller to release.
func (g *Gateway) take() *live {
	for {
		l := g.live.Load()
		for n := l.users.Load(); n > 0; n = l.users.Load() {
			if l.users.CompareAndSwap(n, n+1) {
				return l
			}
		}
	}
}

func (l *live) release() {
	if l.users.Add(-1) == 0 {
		close(l.unused)
	}
}

// Reconfigure makes a prepared configuration the one for all exchanges that
// begin from now on. What it returns is closed when the last that began with
// the former one has ended.
type Reconfigure func() (former <-chan struct{})

// Prepare checks a configuration as far as the edge is concerned and changes
// nothing. Only the parts that a running gateway can change are looked at.
// Between Prepare and the end of what it returns no other may be prepared.
func (g *Gateway) Prepare(c Loaded) (Reconfigure, error) {
	next, err := g.newLive(c, g.live.Load())
	if err != nil {
		return nil, err
	}
	var once sync.Once
	return func() <-chan struct{} {
		former := g.live.Load()
		once.Do(func() {
			g.metrics.knowTiers(c.Tiers)
			g.live.Store(next)
			former.release()
		})
		return former.unused
	}, nil
}

// ConfigRefused says whether the newest configuration was refused, so that an
// older one is in force. GET /health tells.
func (g *Gateway) ConfigRefused(refused bool) { g.refused.Store(refused) }

// configHealth is what /health says of the configuration: nothing that a stranger
// should not know.
func (g *Gateway) configHealth(l *live) map[string]any {
	out := map[string]any{"version": l.version, "loaded_at": l.at.UTC().Format(time.RFC3339)}
	if g.refused.Load() {
		out["error"] = "the newest configuration was refused and this one serves on; the log and /admin/config say why"
	}
	return out
}
