package client

import (
	"context"
	"net/url"

	"github.com/omni-run/omni/api"
)

// Models lists the tenant's models: GET /models.
func (c *Client) Models(ctx context.Context, o ...CallOption) (*api.ModelsAnswer, error) {
	return get[api.ModelsAnswer](ctx, c, "/models", o)
}

// TrainModel begins to train a version of a model: POST /models/train. Wait
// returns an api.ModelAnswer.
func (c *Client) TrainModel(ctx context.Context, req *api.ModelTrainRequest, o ...CallOption) (*api.JobAccepted, error) {
	return c.Async(ctx, "/models/train", req, o...)
}

// PromoteModel brings a version into use: POST /models/{name}/promote.
func (c *Client) PromoteModel(ctx context.Context, name string, req *api.ModelPromoteRequest, o ...CallOption) (*api.ModelAnswer, error) {
	return post[api.ModelAnswer](ctx, c, "/models/"+url.PathEscape(name)+"/promote", req, o)
}

// RollbackModel brings the version before into use: POST
// /models/{name}/rollback.
func (c *Client) RollbackModel(ctx context.Context, name string, o ...CallOption) (*api.ModelAnswer, error) {
	return post[api.ModelAnswer](ctx, c, "/models/"+url.PathEscape(name)+"/rollback", &api.ModelRollbackRequest{}, o)
}
