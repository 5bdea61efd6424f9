package api

import "time"

// AdminTenant is a tenant as /admin shows it.
type AdminTenant struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"`
	Tier       string     `json:"tier"`
	CreatedAt  time.Time  `json:"created_at"`
	DisabledAt *time.Time `json:"disabled_at,omitempty"`
	// Limits are the tenant's own; those that are absent are its tier's.
	Limits TenantLimits `json:"limits"`
}

// AdminKey is a key as /admin shows it: never its secret, nor the hash of it.
type AdminKey struct {
	ID     string   `json:"id"`
	Tenant string   `json:"tenant"`
	Name   string   `json:"name"`
	Scopes []string `json:"scopes"`
	// Allow lists the networks from which alone the key may be used; empty
	// means from everywhere.
	Allow       []string   `json:"allow"`
	State       string     `json:"state"`
	CreatedAt   time.Time  `json:"created_at"`
	ExpiresAt   *time.Time `json:"expires_at,omitempty"`
	RevokedAt   *time.Time `json:"revoked_at,omitempty"`
	RotatedFrom string     `json:"rotated_from,omitempty"`
	RotatedTo   string     `json:"rotated_to,omitempty"`
}

// States of a key.
const (
	KeyActive  = "active"
	KeyExpired = "expired"
	KeyRevoked = "revoked"
)

// CreateTenantRequest is the body of POST /admin/tenants.
type CreateTenantRequest struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
	Tier string `json:"tier"`
	// Limits of the tenant alone, from its first call on; those that are absent
	// or null are its tier's.
	Limits Change[TenantLimitsChange] `json:"limits,omitzero"`
}

// UpdateTenantRequest is the body of PATCH /admin/tenants/{id}; absent fields
// stay as they are.
type UpdateTenantRequest struct {
	Name     *string `json:"name,omitempty"`
	Tier     *string `json:"tier,omitempty"`
	Disabled *bool   `json:"disabled,omitempty"`
	// Limits of the tenant alone; null gives all of them back to the tier.
	Limits Change[TenantLimitsChange] `json:"limits,omitzero"`
}

// CreateKeyRequest is the body of POST /admin/keys. No scopes means all of
// them; no allow means from every address; no expires_at means never.
type CreateKeyRequest struct {
	Tenant string   `json:"tenant"`
	Name   string   `json:"name,omitempty"`
	Scopes []string `json:"scopes,omitempty"`
	// Allow lists networks such as 10.0.0.0/8, or addresses.
	Allow     []string   `json:"allow,omitempty"`
	ExpiresAt *time.Time `json:"expires_at,omitempty"`
}

// UpdateKeyRequest is the body of PATCH /admin/keys/{id}; absent fields stay as
// they are. An empty list of networks means from every address.
type UpdateKeyRequest struct {
	Name   *string   `json:"name,omitempty"`
	Scopes *[]string `json:"scopes,omitempty"`
	Allow  *[]string `json:"allow,omitempty"`
}

// RotateKeyRequest is the body of POST /admin/keys/{id}/rotate. Overlap is how
// long the old key stays valid, such as "24h" (the default) or "0s".
type RotateKeyRequest struct {
	Overlap *string `json:"overlap,omitempty"`
}

// TenantAnswer answers what makes, changes or shows one tenant.
type TenantAnswer struct {
	Answer
	Tenant AdminTenant `json:"tenant"`
}

// TenantsAnswer answers GET /admin/tenants. NextCursor is absent on the last
// page.
type TenantsAnswer struct {
	Answer
	Tenants    []AdminTenant `json:"tenants"`
	NextCursor string        `json:"next_cursor,omitempty"`
}

// KeyAnswer answers what shows or revokes one key.
type KeyAnswer struct {
	Answer
	Key AdminKey `json:"key"`
}

// NewKeyAnswer answers what makes a key. Secret is the text to send in
// X-API-Key; it is shown this once and stored nowhere.
type NewKeyAnswer struct {
	Answer
	Secret string   `json:"api_key"`
	Key    AdminKey `json:"key"`
	// Replaces is, after a rotation, the old key with its new expiry.
	Replaces *AdminKey `json:"replaces,omitempty"`
}

// KeysAnswer answers GET /admin/keys. NextCursor is absent on the last page.
type KeysAnswer struct {
	Answer
	Keys       []AdminKey `json:"keys"`
	NextCursor string     `json:"next_cursor,omitempty"`
}

// AuditEntry is one act of an administrator, and what came of it.
type AuditEntry struct {
	Seq int64     `json:"seq"`
	At  time.Time `json:"at"`
	// Actor is "master", or "local:" and a user for the command line.
	Actor string `json:"actor"`
	// Act is what was done, such as "key.revoke".
	Act    string `json:"act"`
	Target string `json:"target"`
	Tenant string `json:"tenant"`
	// Outcome is "ok" or an error code.
	Outcome   string            `json:"outcome"`
	RequestID string            `json:"request_id"`
	Address   string            `json:"address"`
	Detail    map[string]string `json:"detail"`
}

// AuditAnswer answers GET /admin/audit, the newest entries first. NextCursor is
// absent on the last page.
type AuditAnswer struct {
	Answer
	Entries    []AuditEntry `json:"entries"`
	NextCursor string       `json:"next_cursor,omitempty"`
}

// TenantUsage is the total of one tenant in a range of days.
type TenantUsage struct {
	Tenant       string `json:"tenant"`
	Requests     int64  `json:"requests"`
	Units        int64  `json:"units"`
	Errors       int64  `json:"errors"`
	ServerErrors int64  `json:"server_errors"`
}

// UsageSummaryAnswer answers GET /admin/usage without a tenant.
type UsageSummaryAnswer struct {
	Answer
	From       string        `json:"from"`
	To         string        `json:"to"`
	Tenants    []TenantUsage `json:"tenants"`
	NextCursor string        `json:"next_cursor,omitempty"`
}

// WorkersAnswer answers GET /admin/workers. What is said of each worker is the
// pool's to define.
type WorkersAnswer struct {
	Answer
	Workers any `json:"workers"`
}

// DrainAnswer answers POST /admin/workers/{name}/drain.
type DrainAnswer struct {
	Answer
	Worker string `json:"worker"`
	State  string `json:"state"`
}

// ConfigAnswer answers GET /admin/config: the version of the configuration in
// force, since when it is, and its values, secrets left out.
type ConfigAnswer struct {
	Answer
	Version  string    `json:"version"`
	LoadedAt time.Time `json:"loaded_at"`
	// Refused says why a newer configuration is not in force.
	Refused *ConfigRefused `json:"refused,omitempty"`
	Config  any            `json:"config"`
}

// ConfigRefused is a configuration that could not be put into force.
type ConfigRefused struct {
	At     time.Time `json:"at"`
	Reason string    `json:"reason"`
}

// ConfigReloadAnswer answers POST /admin/config/reload.
type ConfigReloadAnswer struct {
	Answer
	// Outcome is applied, or unchanged if the file says what is in force.
	Outcome  string    `json:"outcome"`
	Version  string    `json:"version"`
	LoadedAt time.Time `json:"loaded_at"`
}
