package api

import "time"

// Events that webhooks are told of.
const (
	EventJobSucceeded = "job.succeeded"
	EventJobFailed    = "job.failed"
	EventJobCancelled = "job.cancelled"
	EventTest         = "webhook.test"
)

// States of a webhook and of a delivery.
const (
	WebhookActive     = "active"
	WebhookDisabled   = "disabled"
	DeliveryPending   = "pending"
	DeliveryDelivered = "delivered"
	DeliveryFailed    = "failed"
)

// CreateWebhookRequest is the body of POST /webhooks.
type CreateWebhookRequest struct {
	// URL that is called, with https.
	URL string `json:"url"`
	// Events that are sent: job.succeeded, job.failed, job.cancelled; all by
	// default.
	Events []string `json:"events,omitempty"`
}

// Webhook is an endpoint of the tenant's.
type Webhook struct {
	ID     string   `json:"id"`
	URL    string   `json:"url"`
	Events []string `json:"events"`
	// State is active, or disabled after every delivery has failed for long.
	State     string    `json:"state"`
	CreatedAt time.Time `json:"created_at"`
	// FailingSince is when the first of the deliveries failed that have failed
	// without a success since.
	FailingSince *time.Time `json:"failing_since,omitempty"`
	DisabledAt   *time.Time `json:"disabled_at,omitempty"`
	// PreviousSecretUntil is how long messages bear a signature of the secret
	// before the last rotation too.
	PreviousSecretUntil *time.Time `json:"previous_secret_until,omitempty"`
}

// NewWebhookAnswer is the answer to POST /webhooks.
type NewWebhookAnswer struct {
	Webhook Webhook `json:"webhook"`
	// Secret signs the messages (Standard Webhooks). It is shown this once.
	Secret    string `json:"secret"`
	RequestID string `json:"request_id"`
}

// WebhooksAnswer is the answer to GET /webhooks, oldest first.
type WebhooksAnswer struct {
	Webhooks  []Webhook `json:"webhooks"`
	RequestID string    `json:"request_id"`
}

// WebhookAnswer is the answer to GET /webhooks/{id}.
type WebhookAnswer struct {
	Webhook Webhook `json:"webhook"`
	// Deliveries are the newest 50, newest first.
	Deliveries []Delivery `json:"deliveries"`
	RequestID  string     `json:"request_id"`
}

// Delivery is one message and what came of it.
type Delivery struct {
	// ID is the message's webhook-id, the same at each attempt.
	ID    string `json:"id"`
	Event string `json:"event"`
	// State is pending, delivered, or failed after the last attempt.
	State    string `json:"state"`
	Attempts int    `json:"attempts"`
	// AnswerStatus is the HTTP status of the last attempt; 0 when there was no
	// answer.
	AnswerStatus int        `json:"answer_status"`
	Problem      string     `json:"problem,omitempty"`
	CreatedAt    time.Time  `json:"created_at"`
	AttemptedAt  *time.Time `json:"attempted_at,omitempty"`
}

// RotateWebhookRequest is the body of POST /webhooks/{id}/rotate.
type RotateWebhookRequest struct {
	// Overlap is how long messages are signed with the old secret too, such as
	// "24h", which is the default; "0s" for not at all.
	Overlap string `json:"overlap,omitempty"`
}

// RotateWebhookAnswer is the answer to POST /webhooks/{id}/rotate.
type RotateWebhookAnswer struct {
	ID string `json:"id"`
	// Secret is the new one, shown this once.
	Secret    string `json:"secret"`
	RequestID string `json:"request_id"`
}

// TestWebhookAnswer is the answer to POST /webhooks/{id}/test.
type TestWebhookAnswer struct {
	// DeliveryID is the message's id; GET /webhooks/{id} tells what became of it.
	DeliveryID string `json:"delivery_id"`
	RequestID  string `json:"request_id"`
}

// DeleteWebhookAnswer is the answer to DELETE /webhooks/{id}.
type DeleteWebhookAnswer struct {
	ID        string `json:"id"`
	Deleted   bool   `json:"deleted"`
	RequestID string `json:"request_id"`
}

// WebhookMessage is what a webhook receives.
type WebhookMessage struct {
	// Type is the event.
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	// Data is the job as GET /jobs/{id} shows it, without its result.
	Data any `json:"data"`
}
