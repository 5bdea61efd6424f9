package client

import (
	"context"

	"github.com/omni-run/omni/api"
)

// Recommend picks products for a user: POST /recommend/products.
func (c *Client) Recommend(ctx context.Context, req *api.RecommendProductsRequest, o ...CallOption) (*api.RecommendAnswer, error) {
	return post[api.RecommendAnswer](ctx, c, "/recommend/products", req, o)
}

// Similar finds items like the given ones: POST /recommend/similar.
func (c *Client) Similar(ctx context.Context, req *api.RecommendSimilarRequest, o ...CallOption) (*api.RecommendAnswer, error) {
	return post[api.RecommendAnswer](ctx, c, "/recommend/similar", req, o)
}

// PutItems adds or replaces items of the catalogue: POST /recommend/items.
func (c *Client) PutItems(ctx context.Context, req *api.RecommendItemsRequest, o ...CallOption) (*api.RecommendItemsAnswer, error) {
	return post[api.RecommendItemsAnswer](ctx, c, "/recommend/items", req, o)
}

// DeleteItems removes items: POST /recommend/items/delete.
func (c *Client) DeleteItems(ctx context.Context, req *api.RecommendDeleteRequest, o ...CallOption) (*api.RecommendDeleteAnswer, error) {
	return post[api.RecommendDeleteAnswer](ctx, c, "/recommend/items/delete", req, o)
}

// AddInteractions tells what users did: POST /recommend/interactions. Events
// with an event_id count once, however often they are sent.
func (c *Client) AddInteractions(ctx context.Context, req *api.RecommendInteractionsRequest, o ...CallOption) (*api.RecommendInteractionsAnswer, error) {
	return post[api.RecommendInteractionsAnswer](ctx, c, "/recommend/interactions", req, o)
}

// TrainRecommender learns from the interactions: POST /recommend/train.
func (c *Client) TrainRecommender(ctx context.Context, req *api.RecommendTrainRequest, o ...CallOption) (*api.RecommendTrainAnswer, error) {
	return post[api.RecommendTrainAnswer](ctx, c, "/recommend/train", req, o)
}
