package authn

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/omni-run/omni/api"
)

// MasterTenant is the tenant of the master key, and MasterTier its tier:
// unlimited, and the only one that may act on /admin.
const (
	MasterTenant = "master"
	MasterTier   = "master"
)

// demoTenantPrefix begins the tenants of the demo keys.
const demoTenantPrefix = "demo-tenant-"

// Principal is who stands behind a credential.
type Principal struct {
	Tenant string
	Tier   string
	KeyID  string
	// Scopes is shared between callers; read only.
	Scopes []string
	// Networks, when not empty, are those from which alone the key may be used.
	// Shared between callers; read only.
	Networks []netip.Prefix
	// Limits are the tenant's own, in place of its tier's; nil for none. Shared
	// between callers; read only.
	Limits *api.TenantLimits
	// Master marks the master key.
	Master bool
}

// Allows reports whether the key may use routes of the scope.
func (p *Principal) Allows(scope string) bool {
	return p.Master || slices.Contains(p.Scopes, "*") || slices.Contains(p.Scopes, scope)
}

// everyScope is what the demo keys and the master key bear.
var everyScope = []string{"*"}

// demo is one of the keys that development mode knows and no other does.
type demo struct {
	key       string
	principal Principal
}

var demos = [...]demo{
	{"demo-free-key-12345", Principal{Tenant: demoTenantPrefix + "1", Tier: "free", KeyID: "demo-free", Scopes: everyScope}},
	{"demo-pro-key-67890", Principal{Tenant: demoTenantPrefix + "2", Tier: "pro", KeyID: "demo-pro", Scopes: everyScope}},
	{"demo-enterprise-key-abcdef", Principal{Tenant: demoTenantPrefix + "3", Tier: "enterprise", KeyID: "demo-enterprise", Scopes: everyScope}},
}

// ReservedTenant reports whether the id belongs to the master key or to a demo
// key and so cannot be given to a customer.
func ReservedTenant(id string) bool {
	return id == MasterTenant || strings.HasPrefix(id, demoTenantPrefix)
}
