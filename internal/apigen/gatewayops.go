package main

// gatewayOperations are the paths the gateway answers itself.
func gatewayOperations() []operation {
	days := [][2]string{{"from", "first day, YYYY-MM-DD; default 30 days ago"}, {"to", "last day, YYYY-MM-DD; default today"}}
	return []operation{
		{Method: "GET", Path: "/", Tag: "service", Summary: "What this is and what it answers", Public: true},
		{Method: "GET", Path: "/health", Tag: "service", Summary: "The gateway's own health; never waits for a worker", Public: true},
		{Method: "GET", Path: "/health/live", Tag: "service", Summary: "200 while the process runs", Public: true},
		{Method: "GET", Path: "/health/ready", Tag: "service", Summary: "503 while the gateway drains, else 200", Public: true},
		{Method: "GET", Path: "/metrics", Tag: "service", Summary: "Prometheus metrics of the gateway and of every worker", Public: true, ContentType: "text/plain"},
		{Method: "GET", Path: "/docs", Tag: "service", Summary: "This documentation", Public: true, ContentType: "text/html"},
		{Method: "GET", Path: "/openapi.json", Tag: "service", Summary: "The OpenAPI 3.1 document", Public: true},
		{Method: "GET", Path: "/usage", Tag: "account", Summary: "What your tenant used, by route and day", Notes: "CSV with Accept: text/csv or ?format=csv.", Answer: "UsageAnswer", Scope: "usage", Units: 1, Query: days},
		{Method: "GET", Path: "/jobs", Tag: "jobs", Summary: "Your newest jobs, without their results", Answer: "JobList", Scope: "jobs", Units: 1, Query: [][2]string{{"limit", "1 to 200; default 20"}}},
		{Method: "GET", Path: "/jobs/{id}", Tag: "jobs", Summary: "One job, with its result once it has succeeded", Answer: "Job", Scope: "jobs", Units: 1},
		{Method: "DELETE", Path: "/jobs/{id}", Tag: "jobs", Summary: "Cancel a job, through to the model", Answer: "Job", Scope: "jobs", Units: 1},
		{Method: "GET", Path: "/jobs/{id}/events", Tag: "jobs", Summary: "The job's changes as server-sent events, until it ends", Scope: "jobs", Units: 1, ContentType: "text/event-stream"},
		{Method: "GET", Path: "/webhooks", Tag: "jobs", Summary: "Your webhooks, without their secrets", Answer: "WebhooksAnswer", Scope: "jobs", Units: 1},
		{Method: "POST", Path: "/webhooks", Status: 201, Tag: "jobs", Summary: "Add a webhook; the answer shows its secret this once", Notes: "Messages are signed as Standard Webhooks: webhook-id, webhook-timestamp, webhook-signature. An Idempotency-Key is not taken here, because no secret is kept for repetition.", Request: "CreateWebhookRequest", Answer: "NewWebhookAnswer", Scope: "jobs", Units: 1, Required: []string{"url"}, Example: `{"url":"https://example.com/omni","events":["job.succeeded","job.failed"]}`},
		{Method: "GET", Path: "/webhooks/{id}", Tag: "jobs", Summary: "One webhook and what became of its newest messages", Answer: "WebhookAnswer", Scope: "jobs", Units: 1},
		{Method: "DELETE", Path: "/webhooks/{id}", Tag: "jobs", Summary: "Remove a webhook; what was not delivered is not", Answer: "DeleteWebhookAnswer", Scope: "jobs", Units: 1},
		{Method: "POST", Path: "/webhooks/{id}/rotate", Tag: "jobs", Summary: "A new secret; messages are signed with both for an overlap", Request: "RotateWebhookRequest", Answer: "RotateWebhookAnswer", Scope: "jobs", Units: 1, Required: []string{}, Example: `{"overlap":"24h"}`},
		{Method: "POST", Path: "/webhooks/{id}/test", Status: 202, Tag: "jobs", Summary: "Send a webhook.test message; one that is taken makes a disabled webhook active again", Answer: "TestWebhookAnswer", Scope: "jobs", Units: 1},
		{Method: "GET", Path: "/admin/tenants", Tag: "admin", Summary: "List tenants", Master: true, Answer: "TenantsAnswer"},
		{Method: "POST", Path: "/admin/tenants", Status: 201, Tag: "admin", Summary: "Create a tenant, with limits of its own if it is to have any", Master: true, Request: "CreateTenantRequest", Answer: "TenantAnswer", Required: []string{"id", "tier"}, Example: `{"id":"acme","tier":"pro","name":"Acme Ltd","limits":{"requests_per_minute":500,"burst":50}}`},
		{Method: "GET", Path: "/admin/tenants/{id}", Tag: "admin", Summary: "One tenant", Master: true, Answer: "TenantAnswer"},
		{Method: "PATCH", Path: "/admin/tenants/{id}", Tag: "admin", Summary: "Change a tenant's name, tier or own limits, disable or enable it", Master: true, Request: "UpdateTenantRequest", Answer: "TenantAnswer", Required: []string{}, Example: `{"limits":{"requests_per_minute":500,"monthly_units":0,"burst":null}}`},
		{Method: "GET", Path: "/admin/keys", Tag: "admin", Summary: "List keys, never their secrets", Master: true, Answer: "KeysAnswer"},
		{Method: "POST", Path: "/admin/keys", Status: 201, Tag: "admin", Summary: "Create a key; the answer shows it this once", Master: true, Request: "CreateKeyRequest", Answer: "NewKeyAnswer", Required: []string{"tenant"}, Example: `{"tenant":"acme","name":"backend","scopes":["predict"]}`},
		{Method: "GET", Path: "/admin/keys/{id}", Tag: "admin", Summary: "One key, never its secret", Master: true, Answer: "KeyAnswer"},
		{Method: "DELETE", Path: "/admin/keys/{id}", Tag: "admin", Summary: "Revoke a key, in force everywhere in under a second", Master: true, Answer: "KeyAnswer"},
		{Method: "PATCH", Path: "/admin/keys/{id}", Tag: "admin", Summary: "Change a key's name, scopes or networks", Master: true, Request: "UpdateKeyRequest", Answer: "KeyAnswer", Required: []string{}, Example: `{"allow":["10.0.0.0/8"]}`},
		{Method: "POST", Path: "/admin/keys/{id}/rotate", Status: 201, Tag: "admin", Summary: "A new key for an old one, both valid for an overlap", Master: true, Request: "RotateKeyRequest", Answer: "NewKeyAnswer", Required: []string{}, Example: `{"overlap":"24h"}`},
		{Method: "POST", Path: "/admin/keys/{id}/revoke", Tag: "admin", Summary: "Revoke a key, in force everywhere in under a second", Master: true, Answer: "KeyAnswer"},
		{Method: "GET", Path: "/admin/audit", Tag: "admin", Summary: "What administrators did, newest first", Master: true, Answer: "AuditAnswer", Query: [][2]string{{"since", "first moment, RFC 3339"}, {"limit", "1 to 200, default 50"}, {"cursor", "the last answer's next_cursor"}}},
		{Method: "GET", Path: "/admin/usage", Tag: "admin", Summary: "Usage of one tenant, or a line for each", Master: true, Answer: "UsageSummaryAnswer", Query: append([][2]string{{"tenant", "one tenant's id"}}, days...)},
		{Method: "GET", Path: "/admin/workers", Tag: "admin", Summary: "The workers and what state each is in", Master: true, Answer: "WorkersAnswer"},
		{Method: "POST", Path: "/admin/workers/{name}/drain", Tag: "admin", Summary: "Give a worker no new work", Master: true, Answer: "DrainAnswer"},
		{Method: "GET", Path: "/admin/config", Tag: "admin", Summary: "Which configuration is in force", Master: true, Answer: "ConfigAnswer"},
		{Method: "POST", Path: "/admin/config/reload", Tag: "admin", Summary: "Put what the configuration file says now into force", Notes: "422 config_refused says why it cannot be; what was in force serves on.", Master: true, Answer: "ConfigReloadAnswer"},
	}
}
