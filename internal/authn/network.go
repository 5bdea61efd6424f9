package authn

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"

	"github.com/omni-run/omni/api"
)

// maxNetworks bounds a key's list of networks.
const maxNetworks = 64

// ParseNetworks reads networks such as 10.0.0.0/8 or 2001:db8::/32; a single
// address stands for itself.
func ParseNetworks(list []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for i, text := range list {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			addr, err := netip.ParseAddr(text)
			if err != nil || addr.Zone() != "" {
				return nil, fmt.Errorf("allow[%d] %.50q is neither a network such as 10.0.0.0/8 nor an address", i, text)
			}
			p = netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen())
		}
		out = append(out, p)
	}
	if err := validNetworks(out); err != nil {
		return nil, err
	}
	return out, nil
}

// NetworkTexts writes networks as ParseNetworks reads them.
func NetworkTexts(list []netip.Prefix) []string {
	var out []string
	for _, p := range list {
		out = append(out, p.String())
	}
	return out
}

func validNetworks(list []netip.Prefix) error {
	if len(list) > maxNetworks {
		return fmt.Errorf("allow has %d networks, must have at most %d", len(list), maxNetworks)
	}
	for i, p := range list {
		switch {
		case !p.IsValid():
			return fmt.Errorf("allow[%d] is not a network", i)
		case p.Addr().Is4In6():
			return fmt.Errorf("allow[%d] %s is an IPv4 network in IPv6 clothes; write it as IPv4", i, p)
		case p != p.Masked():
			// Most likely a mistyped length, which could let too many in.
			return fmt.Errorf("allow[%d] %s has bits beyond its length; %s is the network", i, p, p.Masked())
		case slices.Contains(list[:i], p):
			return fmt.Errorf("allow[%d] %s is there twice", i, p)
		}
	}
	return nil
}

// AllowsFrom reports whether the key may be used from the address. A key with
// a list is refused where the address is not known.
func (p *Principal) AllowsFrom(addr netip.Addr) bool {
	if len(p.Networks) == 0 {
		return true
	}
	addr = addr.Unmap().WithZone("")
	for _, n := range p.Networks {
		if n.Contains(addr) {
			return true
		}
	}
	return false
}

// AddressNotAllowed is the answer to a key that is valid but not where it is
// used. It does not say where it would be.
func AddressNotAllowed(from netip.Addr) *api.Error {
	return api.NewError(http.StatusForbidden, "address_not_allowed", "this key may not be used from the address %s", from)
}
