package edge

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/observe"
)

// identify gives the request its identity, ours and the trace's, and puts the
// first on the answer whatever becomes of it.
func (g *Gateway) identify(next Handler) Handler {
	return func(x *Exchange) error {
		x.RequestID = x.R.Header.Get(api.HeaderRequestID)
		if !observe.ValidRequestID(x.RequestID) || len(x.R.Header[http.CanonicalHeaderKey(api.HeaderRequestID)]) > 1 {
			x.RequestID = observe.NewRequestID()
		}
		x.Trace = observe.Continue(x.R.Header.Get(api.HeaderTraceparent))
		x.Remote = g.remoteAddr(x.R)
		h := x.W.Header()
		h["X-Request-Id"] = []string{x.RequestID}
		h["X-Content-Type-Options"] = []string{"nosniff"}
		return next(x)
	}
}

// remoteAddr is the caller's address: the peer's, or, when the peer is a
// trusted proxy, the last address in X-Forwarded-For that is not one.
func (g *Gateway) remoteAddr(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	addr := peer.Addr().Unmap()
	if !g.trustedProxy(addr) {
		return addr
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			return addr
		}
		if addr = hop.Unmap(); !g.trustedProxy(addr) {
			return addr
		}
	}
	return addr
}

func (g *Gateway) trustedProxy(a netip.Addr) bool {
	for _, p := range g.proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
