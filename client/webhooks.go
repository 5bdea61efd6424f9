package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/omni-run/omni/api"
)

// Webhooks lists the tenant's webhooks: GET /webhooks.
func (c *Client) Webhooks(ctx context.Context, o ...CallOption) (*api.WebhooksAnswer, error) {
	return get[api.WebhooksAnswer](ctx, c, "/webhooks", o)
}

// Webhook shows a webhook and what became of its newest messages.
func (c *Client) Webhook(ctx context.Context, id string, o ...CallOption) (*api.WebhookAnswer, error) {
	return get[api.WebhookAnswer](ctx, c, "/webhooks/"+url.PathEscape(id), o)
}

// CreateWebhook adds a webhook. The answer shows its secret, once.
func (c *Client) CreateWebhook(ctx context.Context, req *api.CreateWebhookRequest, o ...CallOption) (*api.NewWebhookAnswer, error) {
	return post[api.NewWebhookAnswer](ctx, c, "/webhooks", req, o)
}

// DeleteWebhook removes a webhook.
func (c *Client) DeleteWebhook(ctx context.Context, id string, o ...CallOption) (*api.DeleteWebhookAnswer, error) {
	return send[api.DeleteWebhookAnswer](ctx, c, http.MethodDelete, "/webhooks/"+url.PathEscape(id), nil, o)
}

// RotateWebhook gives a webhook a new secret, shown once; messages are signed
// with the old one too until the overlap ends.
func (c *Client) RotateWebhook(ctx context.Context, id string, req *api.RotateWebhookRequest, o ...CallOption) (*api.RotateWebhookAnswer, error) {
	return post[api.RotateWebhookAnswer](ctx, c, "/webhooks/"+url.PathEscape(id)+"/rotate", req, o)
}

// TestWebhook sends a webhook a message that says nothing.
func (c *Client) TestWebhook(ctx context.Context, id string, o ...CallOption) (*api.TestWebhookAnswer, error) {
	return post[api.TestWebhookAnswer](ctx, c, "/webhooks/"+url.PathEscape(id)+"/test", nil, o)
}
