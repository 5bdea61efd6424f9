package edge

import (
	"net/http"
	"net/netip"
	"strings"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/observe"
)

// Header names as the maps hold them, so that no call has to bring them into
// that form.
var (
	keyRequestID      = http.CanonicalHeaderKey(api.HeaderRequestID)
	keyTraceparent    = http.CanonicalHeaderKey(api.HeaderTraceparent)
	keyTenantTier     = http.CanonicalHeaderKey(api.HeaderTenantTier)
	keyMaxWait        = http.CanonicalHeaderKey(api.HeaderMaxWait)
	keyIdempotencyKey = http.CanonicalHeaderKey(api.HeaderIdempotencyKey)
	keyColdStart      = http.CanonicalHeaderKey(api.HeaderColdStart)
)

// Header values that are always the same. They are shared between answers, so
// nothing may write into them; http.Header's own methods do not.
var (
	nosniff = []string{"nosniff"}
	noStore = []string{"no-store"}
	yes     = []string{"true"}
)

// first is the first value of a header, whose name is in canonical form.
func first(h http.Header, key string) string {
	if v := h[key]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// identify gives the request its identity, ours and the trace's, and puts the
// first on the answer whatever becomes of it.
func (g *Gateway) identify(next Handler) Handler {
	return func(x *Exchange) error {
		x.RequestID = first(x.R.Header, keyRequestID)
		if !observe.ValidRequestID(x.RequestID) || len(x.R.Header[keyRequestID]) > 1 {
			x.RequestID = observe.NewRequestID()
		}
		x.Trace = observe.Continue(first(x.R.Header, keyTraceparent))
		g.sample(x)
		x.Remote = x.live.remoteAddr(x.R, x.peer())
		h := x.W.Header()
		h["X-Request-Id"] = x.value(slotRequestID, x.RequestID)
		h["X-Content-Type-Options"] = nosniff
		return next(x)
	}
}

// peer is who the connection is with.
func (x *Exchange) peer() netip.AddrPort {
	if known, ok := x.out.ResponseWriter.(interface{ Peer() netip.AddrPort }); ok {
		return known.Peer()
	}
	peer, _ := netip.ParseAddrPort(x.R.RemoteAddr) // not valid: then there is no address
	return peer
}

// remoteAddr is the caller's address: the peer's, or, when the peer is a
// trusted proxy, the last address in X-Forwarded-For that is not one.
func (l *live) remoteAddr(r *http.Request, peer netip.AddrPort) netip.Addr {
	if !peer.IsValid() {
		return netip.Addr{}
	}
	addr := peer.Addr().Unmap()
	if !l.trustedProxy(addr) {
		return addr
	}
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			return addr
		}
		if addr = hop.Unmap(); !l.trustedProxy(addr) {
			return addr
		}
	}
	return addr
}

// remoteText is the caller's address in words: as a rule the beginning of what
// the server says already.
func (x *Exchange) remoteText() string {
	host, _, found := strings.Cut(x.R.RemoteAddr, ":")
	if found && x.Remote.Is4() {
		var buf [15]byte
		if string(x.Remote.AppendTo(buf[:0])) == host {
			return host
		}
	}
	return x.Remote.String()
}

func (l *live) trustedProxy(a netip.Addr) bool {
	for _, p := range l.proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
