package client

import (
	"context"

	"github.com/omni-run/omni/api"
)

// Sentiment reads the mood of texts: POST /sentiment/analyze.
func (c *Client) Sentiment(ctx context.Context, req *api.SentimentRequest, o ...CallOption) (*api.SentimentAnswer, error) {
	return post[api.SentimentAnswer](ctx, c, "/sentiment/analyze", req, o)
}

// UpsertVectors stores texts to be found by meaning: POST /vectors/upsert.
func (c *Client) UpsertVectors(ctx context.Context, req *api.VectorsUpsertRequest, o ...CallOption) (*api.VectorsUpsertAnswer, error) {
	return post[api.VectorsUpsertAnswer](ctx, c, "/vectors/upsert", req, o)
}

// QueryVectors finds stored texts of like meaning: POST /vectors/query.
func (c *Client) QueryVectors(ctx context.Context, req *api.VectorsQueryRequest, o ...CallOption) (*api.VectorsQueryAnswer, error) {
	return post[api.VectorsQueryAnswer](ctx, c, "/vectors/query", req, o)
}

// DeleteVectors removes stored texts: POST /vectors/delete.
func (c *Client) DeleteVectors(ctx context.Context, req *api.VectorsDeleteRequest, o ...CallOption) (*api.VectorsDeleteAnswer, error) {
	return post[api.VectorsDeleteAnswer](ctx, c, "/vectors/delete", req, o)
}
