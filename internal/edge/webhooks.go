package edge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/omni-run/omni/api"
)

// Webhooks keeps a tenant's endpoints; see package jobs.
type Webhooks interface {
	CreateWebhook(ctx context.Context, tenant string, req *api.CreateWebhookRequest) (api.Webhook, string, error)
	ListWebhooks(ctx context.Context, tenant string) ([]api.Webhook, error)
	Webhook(ctx context.Context, tenant, id string) (api.Webhook, []api.Delivery, error)
	DeleteWebhook(ctx context.Context, tenant, id string) error
	RotateWebhook(ctx context.Context, tenant, id string, overlap time.Duration) (secret string, err error)
	TestWebhook(ctx context.Context, tenant, id string) (delivery string, err error)
}

// webhookEntries are the paths under which tenants keep their endpoints. They
// need the scope of jobs, which is all that the messages are about.
func (g *Gateway) webhookEntries(own func(method, pattern, scope string, h Handler) *entry) []*entry {
	create := own(http.MethodPost, "/webhooks", "jobs", g.serveCreateWebhook)
	rotate := own(http.MethodPost, "/webhooks/{id}/rotate", "jobs", g.serveRotateWebhook)
	create.shownOnce, rotate.shownOnce = true, true
	return []*entry{
		create, rotate,
		own(http.MethodGet, "/webhooks", "jobs", g.serveWebhooks),
		own(http.MethodGet, "/webhooks/{id}", "jobs", g.serveWebhook),
		own(http.MethodDelete, "/webhooks/{id}", "jobs", g.serveDeleteWebhook),
		own(http.MethodPost, "/webhooks/{id}/test", "jobs", g.serveTestWebhook),
	}
}

func (g *Gateway) serveWebhooks(x *Exchange) error {
	list, err := g.Jobs.ListWebhooks(x.Context(), x.Principal.Tenant)
	if err != nil {
		return err
	}
	return unstored(x, http.StatusOK, api.WebhooksAnswer{Webhooks: list, RequestID: x.RequestID})
}

func (g *Gateway) serveWebhook(x *Exchange) error {
	w, deliveries, err := g.Jobs.Webhook(x.Context(), x.Principal.Tenant, x.Values["id"])
	if err != nil {
		return err
	}
	return unstored(x, http.StatusOK, api.WebhookAnswer{Webhook: w, Deliveries: deliveries, RequestID: x.RequestID})
}

func (g *Gateway) serveCreateWebhook(x *Exchange) error {
	var req api.CreateWebhookRequest
	if err := readInto(x.Body, &req); err != nil {
		return err
	}
	w, secret, err := g.Jobs.CreateWebhook(x.Context(), x.Principal.Tenant, &req)
	if err != nil {
		return err
	}
	x.W.Header()["Location"] = []string{"/webhooks/" + w.ID}
	return unstored(x, http.StatusCreated, api.NewWebhookAnswer{Webhook: w, Secret: secret, RequestID: x.RequestID})
}

func (g *Gateway) serveDeleteWebhook(x *Exchange) error {
	id := x.Values["id"]
	if err := g.Jobs.DeleteWebhook(x.Context(), x.Principal.Tenant, id); err != nil {
		return err
	}
	return unstored(x, http.StatusOK, api.DeleteWebhookAnswer{ID: id, Deleted: true, RequestID: x.RequestID})
}

// maxOverlap bounds how long a secret outlives its rotation.
const maxOverlap = 30 * 24 * time.Hour

func (g *Gateway) serveRotateWebhook(x *Exchange) error {
	var req api.RotateWebhookRequest
	if len(x.Body) > 0 {
		if err := readInto(x.Body, &req); err != nil {
			return err
		}
	}
	overlap := 24 * time.Hour
	if req.Overlap != "" {
		var err error
		if overlap, err = time.ParseDuration(req.Overlap); err != nil || overlap < 0 || overlap > maxOverlap {
			return api.Unprocessable("bad_overlap", "overlap takes a duration from 0s to 720h").At("overlap", "got %.32q", req.Overlap)
		}
	}
	id := x.Values["id"]
	secret, err := g.Jobs.RotateWebhook(x.Context(), x.Principal.Tenant, id, overlap)
	if err != nil {
		return err
	}
	return unstored(x, http.StatusOK, api.RotateWebhookAnswer{ID: id, Secret: secret, RequestID: x.RequestID})
}

func (g *Gateway) serveTestWebhook(x *Exchange) error {
	delivery, err := g.Jobs.TestWebhook(x.Context(), x.Principal.Tenant, x.Values["id"])
	if err != nil {
		return err
	}
	return unstored(x, http.StatusAccepted, api.TestWebhookAnswer{DeliveryID: delivery, RequestID: x.RequestID})
}

func unstored(x *Exchange, status int, v any) error {
	x.W.Header()["Cache-Control"] = noStore
	return writeJSON(x, status, v)
}

// readInto reads a body of the gateway's own paths, strictly. readBody has
// checked that it is JSON.
func readInto(body []byte, dst any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return api.BadRequest("empty_body", "the body is empty; send a JSON object")
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	err := d.Decode(dst)
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind):
		return api.Unprocessable("wrong_type", "%s: a JSON %s does not fit here", kind.Field, kind.Value).At(kind.Field, "got %s", kind.Value)
	case err != nil:
		name, _ := strings.CutPrefix(err.Error(), "json: unknown field ")
		return api.BadRequest("unknown_field", "unknown field %.80s", name).At(strings.Trim(name, `"`), "unknown field")
	}
	return nil
}
