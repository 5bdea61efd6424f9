package client

import (
	"context"

	"github.com/omni-run/omni/api"
)

// Forecast continues any series of numbers: POST /predict/revenue-lstm.
func (c *Client) Forecast(ctx context.Context, req *api.ForecastRequest, o ...CallOption) (*api.ForecastAnswer, error) {
	return post[api.ForecastAnswer](ctx, c, "/predict/revenue-lstm", req, o)
}

// Revenue continues dated revenue: POST /predict/revenue.
func (c *Client) Revenue(ctx context.Context, req *api.RevenueRequest, o ...CallOption) (*api.RevenueAnswer, error) {
	return post[api.RevenueAnswer](ctx, c, "/predict/revenue", req, o)
}

// Backtest compares models on the ends of a series: POST /predict/backtest.
func (c *Client) Backtest(ctx context.Context, req *api.BacktestRequest, o ...CallOption) (*api.BacktestAnswer, error) {
	return post[api.BacktestAnswer](ctx, c, "/predict/backtest", req, o)
}

// Churn tells how likely a user is to leave: POST /predict/churn.
func (c *Client) Churn(ctx context.Context, req *api.ChurnRequest, o ...CallOption) (*api.ChurnAnswer, error) {
	return post[api.ChurnAnswer](ctx, c, "/predict/churn", req, o)
}

// TrainChurn learns from labelled users: POST /predict/churn/train.
func (c *Client) TrainChurn(ctx context.Context, req *api.ChurnTrainRequest, o ...CallOption) (*api.ChurnTrainAnswer, error) {
	return post[api.ChurnTrainAnswer](ctx, c, "/predict/churn/train", req, o)
}

// DetectAnomalies finds unusual points in series: POST /anomaly/detect.
func (c *Client) DetectAnomalies(ctx context.Context, req *api.DetectRequest, o ...CallOption) (*api.DetectAnswer, error) {
	return post[api.DetectAnswer](ctx, c, "/anomaly/detect", req, o)
}

// IsolationForest finds unusual rows: POST /anomaly/isolation-forest.
func (c *Client) IsolationForest(ctx context.Context, req *api.IsolationForestRequest, o ...CallOption) (*api.IsolationForestAnswer, error) {
	return post[api.IsolationForestAnswer](ctx, c, "/anomaly/isolation-forest", req, o)
}
