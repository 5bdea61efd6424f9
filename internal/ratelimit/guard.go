package ratelimit

import (
	"net/netip"
	"sync/atomic"
	"time"
)

// Guard limits by address, for paths that need no key and for credentials
// that fail. It remembers a bounded number of addresses.
type Guard struct {
	policy atomic.Pointer[Policy]
	clock  clock
	table  *table[[16]byte]
}

// DefaultAddresses is how many addresses a Guard remembers unless told
// otherwise.
const DefaultAddresses = 1 << 16

// NewGuard makes a guard for about addresses addresses at a time; 0 means
// DefaultAddresses.
func NewGuard(p Policy, addresses int, now func() time.Time) (*Guard, error) {
	if err := p.Validate(1); err != nil {
		return nil, err
	}
	if addresses <= 0 {
		addresses = DefaultAddresses
	}
	g := &Guard{clock: newClock(now), table: newTable[[16]byte](addresses)}
	g.policy.Store(&p)
	return g, nil
}

// Policy returns the guard's policy, for the headers.
func (g *Guard) Policy() Policy { return *g.policy.Load() }

// SetPolicy replaces the policy. What addresses have used stays used.
func (g *Guard) SetPolicy(p Policy) error {
	if err := p.Validate(1); err != nil {
		return err
	}
	g.policy.Store(&p)
	return nil
}

// Take counts one call from the address.
func (g *Guard) Take(from netip.Addr) Decision {
	policy := g.Policy()
	if policy.Unlimited() {
		return Decision{Allowed: true}
	}
	wall, now := g.clock.read()
	d := g.table.take(network(from), now, policy, 1)
	d.ResetAt = resetAt(wall, d.ResetAfter)
	return d
}

// Len returns how many addresses are remembered.
func (g *Guard) Len() int { return g.table.len() }

// network is what counts as one caller: an IPv4 address, however written, or
// the /64 of an IPv6 address, which one subscriber owns as a whole. Unknown
// addresses share one bucket.
func network(a netip.Addr) [16]byte {
	if !a.IsValid() {
		return [16]byte{}
	}
	a = a.Unmap()
	full := a.As16()
	if a.Is6() {
		clear(full[8:])
	}
	return full
}
