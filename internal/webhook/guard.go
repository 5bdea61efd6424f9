package webhook

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// Guard says where messages may go.
type Guard struct {
	// Allow are networks that may be reached though they are not public.
	Allow []netip.Prefix
	// AllowHTTP lets messages go without TLS.
	AllowHTTP bool
}

// errForbidden says that an address is not one for tenants to name.
var errForbidden = errors.New("webhook: the address is not a public one")

// notPublic are networks that net/netip does not know as private: for
// carriers, protocols, tests and documentation, and those of IPv6 that lead
// into IPv4.
var notPublic = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10", "::/96",
)

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, p := range list {
		out[i] = netip.MustParsePrefix(p)
	}
	return out
}

// Permits reports whether a message may be sent to the address.
func (g Guard) Permits(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	for _, p := range g.Allow {
		if p.Contains(a) {
			return true
		}
	}
	if !a.IsGlobalUnicast() || a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() {
		return false
	}
	for _, p := range notPublic {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

// maxURL bounds a URL, in bytes.
const maxURL = 2048

// Check returns what is wrong with a URL, in words for its owner, or "".
// Names are not resolved here: what they mean counts at the moment of sending.
func (g Guard) Check(raw string) string {
	u, err := url.Parse(raw)
	switch {
	case len(raw) > maxURL:
		return fmt.Sprintf("has %d bytes; the limit is %d", len(raw), maxURL)
	case err != nil, u.Opaque != "", u.Hostname() == "", strings.ContainsAny(raw, " \t\r\n"):
		return "is not a URL with a host"
	case u.Scheme != "https" && (u.Scheme != "http" || !g.AllowHTTP):
		return "must begin with https://"
	case u.User != nil:
		return "must not hold a user or a password; the signature says who sends"
	case u.Fragment != "":
		return "must not hold a fragment"
	}
	if a, err := netip.ParseAddr(u.Hostname()); err == nil && !g.Permits(a) {
		return "names an address that is not public"
	}
	if host := strings.ToLower(strings.TrimSuffix(u.Hostname(), ".")); (host == "localhost" || strings.HasSuffix(host, ".localhost")) && !g.Permits(netip.MustParseAddr("127.0.0.1")) {
		return "names an address that is not public"
	}
	return ""
}

// Client returns an HTTP client that connects to permitted addresses only. It
// checks the address that is dialled, after names are resolved, so that a name
// cannot mean one thing when it is checked and another when it is used. It
// follows no redirect and uses no proxy.
func (g Guard) Client(timeout time.Duration) *http.Client {
	dialer := &net.Dialer{Timeout: 5 * time.Second, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		at, err := netip.ParseAddrPort(address)
		if err != nil || !g.Permits(at.Addr()) {
			return errForbidden
		}
		return nil
	}}
	return &http.Client{
		Timeout:       timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: 5 * time.Second, ResponseHeaderTimeout: timeout,
			MaxResponseHeaderBytes: 16 << 10, MaxIdleConns: 32, MaxIdleConnsPerHost: 2, IdleConnTimeout: 30 * time.Second, ForceAttemptHTTP2: true,
		},
	}
}
