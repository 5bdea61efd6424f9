// Package api is the vocabulary that the gateway, the workers and the clients
// share: request and answer bodies, the error envelope, header names. It
// imports the standard library only, so that anything may import it.
//
// Each capability has a file of its own. A request body embeds [Request], an
// answer body embeds [Answer].
package api

// Request holds the fields every request body accepts.
type Request struct {
	// TenantID is accepted for compatibility and ignored for authority: the
	// tenant is the key's. A differing one is reported in Answer.Warnings.
	TenantID string `json:"tenant_id,omitempty"`
}

// ClaimedTenant returns the tenant the body names, which proves nothing.
func (r *Request) ClaimedTenant() string { return r.TenantID }

// Answer holds the fields every JSON answer bears. The worker's shell fills
// them; a service sets Status only when it is not "success".
type Answer struct {
	Status    string   `json:"status"`
	TenantID  string   `json:"tenant_id,omitempty"`
	RequestID string   `json:"request_id"`
	Warnings  []string `json:"warnings"`
}

// Base gives the shell access to the common fields of any answer.
func (a *Answer) Base() *Answer { return a }

// Header names of the contract.
const (
	HeaderAPIKey           = "X-API-Key"
	HeaderRequestID        = "X-Request-ID"
	HeaderTenantID         = "X-Tenant-ID"
	HeaderTenantTier       = "X-Tenant-Tier"
	HeaderTraceparent      = "Traceparent"
	HeaderMaxWait          = "X-Omni-Max-Wait"
	HeaderColdStart        = "X-Omni-Cold-Start"
	HeaderIdempotencyKey   = "Idempotency-Key"
	HeaderIdempotentReplay = "Idempotent-Replay"
	// HeaderModelVersion stands on a worker's answer that would be the same
	// again as long as this version is.
	HeaderModelVersion = "X-Omni-Model-Version"
	// HeaderCacheStatus tells a caller whether an answer was kept (RFC 9211).
	HeaderCacheStatus = "Cache-Status"
	HeaderWorkerToken = "X-Omni-Worker-Token"
	// HeaderDeadline tells the worker how many milliseconds the caller still
	// waits.
	HeaderDeadline = "X-Omni-Deadline-Ms"
)

// InternalPrefix stands before every public path on a worker.
const InternalPrefix = "/internal"
