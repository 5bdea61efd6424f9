package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/omni-run/omni/api"
)

// The paths below /admin need the master key.

// Tenants lists tenants, a page at a time: pass the answer's NextCursor as
// after, "" for the first page.
func (c *Client) Tenants(ctx context.Context, after string, o ...CallOption) (*api.TenantsAnswer, error) {
	return get[api.TenantsAnswer](ctx, c, "/admin/tenants"+query("cursor", after), o)
}

// Tenant shows one tenant.
func (c *Client) Tenant(ctx context.Context, id string, o ...CallOption) (*api.TenantAnswer, error) {
	return get[api.TenantAnswer](ctx, c, "/admin/tenants/"+url.PathEscape(id), o)
}

// CreateTenant makes a tenant. Limits of its own hold from its first call on:
//
//	limits := api.TenantLimitsChange{Burst: api.To(50)}
//	c.CreateTenant(ctx, &api.CreateTenantRequest{ID: "acme", Tier: "pro", Limits: api.To(limits)})
func (c *Client) CreateTenant(ctx context.Context, req *api.CreateTenantRequest, o ...CallOption) (*api.TenantAnswer, error) {
	return post[api.TenantAnswer](ctx, c, "/admin/tenants", req, o)
}

// UpdateTenant changes a tenant's name, tier, own limits or state.
func (c *Client) UpdateTenant(ctx context.Context, id string, req *api.UpdateTenantRequest, o ...CallOption) (*api.TenantAnswer, error) {
	return send[api.TenantAnswer](ctx, c, http.MethodPatch, "/admin/tenants/"+url.PathEscape(id), req, o)
}

// Keys lists keys, those of one tenant if it is given, a page at a time.
func (c *Client) Keys(ctx context.Context, tenant, after string, o ...CallOption) (*api.KeysAnswer, error) {
	return get[api.KeysAnswer](ctx, c, "/admin/keys"+query("tenant", tenant, "cursor", after), o)
}

// CreateKey makes a key. The answer shows its text, once.
func (c *Client) CreateKey(ctx context.Context, req *api.CreateKeyRequest, o ...CallOption) (*api.NewKeyAnswer, error) {
	return post[api.NewKeyAnswer](ctx, c, "/admin/keys", req, o)
}

// UpdateKey changes a key's name, scopes or networks.
func (c *Client) UpdateKey(ctx context.Context, id string, req *api.UpdateKeyRequest, o ...CallOption) (*api.KeyAnswer, error) {
	return send[api.KeyAnswer](ctx, c, http.MethodPatch, "/admin/keys/"+url.PathEscape(id), req, o)
}

// Audit lists what administrators did since a moment (RFC 3339; "" for the
// beginning), the newest first, a page of at most limit entries at a time
// (0 for the gateway's default).
func (c *Client) Audit(ctx context.Context, since string, limit int, after string, o ...CallOption) (*api.AuditAnswer, error) {
	n := ""
	if limit > 0 {
		n = strconv.Itoa(limit)
	}
	return get[api.AuditAnswer](ctx, c, "/admin/audit"+query("since", since, "limit", n, "cursor", after), o)
}

// RotateKey makes a successor of a key; the old one stays valid for the
// overlap.
func (c *Client) RotateKey(ctx context.Context, id string, req *api.RotateKeyRequest, o ...CallOption) (*api.NewKeyAnswer, error) {
	return post[api.NewKeyAnswer](ctx, c, "/admin/keys/"+url.PathEscape(id)+"/rotate", req, o)
}

// RevokeKey ends a key for good.
func (c *Client) RevokeKey(ctx context.Context, id string, o ...CallOption) (*api.KeyAnswer, error) {
	return send[api.KeyAnswer](ctx, c, http.MethodDelete, "/admin/keys/"+url.PathEscape(id), nil, o)
}

// UsageOf reports what one tenant used; see [Client.Usage].
func (c *Client) UsageOf(ctx context.Context, tenant, from, to string, o ...CallOption) (*api.UsageAnswer, error) {
	return get[api.UsageAnswer](ctx, c, "/admin/usage"+query("tenant", tenant, "from", from, "to", to), o)
}

// UsageByTenant reports each tenant's total, a page at a time.
func (c *Client) UsageByTenant(ctx context.Context, from, to, after string, o ...CallOption) (*api.UsageSummaryAnswer, error) {
	return get[api.UsageSummaryAnswer](ctx, c, "/admin/usage"+query("from", from, "to", to, "cursor", after), o)
}

// Workers shows the workers behind the gateway.
func (c *Client) Workers(ctx context.Context, o ...CallOption) (*api.WorkersAnswer, error) {
	return get[api.WorkersAnswer](ctx, c, "/admin/workers", o)
}

// DrainWorker sends a worker no more calls.
func (c *Client) DrainWorker(ctx context.Context, name string, o ...CallOption) (*api.DrainAnswer, error) {
	return post[api.DrainAnswer](ctx, c, "/admin/workers/"+url.PathEscape(name)+"/drain", nil, o)
}

// Config shows the configuration in force.
func (c *Client) Config(ctx context.Context, o ...CallOption) (*api.ConfigAnswer, error) {
	return get[api.ConfigAnswer](ctx, c, "/admin/config", o)
}

// ReloadConfig puts what the gateway's configuration file says now into force.
// An error with the code config_refused says why it cannot be.
func (c *Client) ReloadConfig(ctx context.Context, o ...CallOption) (*api.ConfigReloadAnswer, error) {
	return post[api.ConfigReloadAnswer](ctx, c, "/admin/config/reload", nil, o)
}
