package client

import (
	"context"

	"github.com/omni-run/omni/api"
)

// Health is what GET /health answers: the gateway's own health.
type Health struct {
	Status        string  `json:"status"`
	Service       string  `json:"service"`
	Version       string  `json:"version"`
	Mode          string  `json:"mode"`
	UptimeSeconds float64 `json:"uptime_seconds"`
	Workers       struct {
		Ready int `json:"ready"`
		Total int `json:"total"`
	} `json:"workers"`
}

// Health asks the gateway how it is; no key is needed.
func (c *Client) Health(ctx context.Context, o ...CallOption) (*Health, error) {
	return get[Health](ctx, c, "/health", o)
}

// Metrics returns the Prometheus text of the gateway and its workers; no key
// is needed.
func (c *Client) Metrics(ctx context.Context, o ...CallOption) ([]byte, error) {
	accept := func(x *call) { x.header.Set("Accept", "text/plain") }
	return c.Do(ctx, "GET", "/metrics", nil, append([]CallOption{accept}, o...)...)
}

// Usage reports what the key's tenant used. From and to are days (YYYY-MM-DD,
// both included); empty ones mean the last 30 days: GET /usage.
func (c *Client) Usage(ctx context.Context, from, to string, o ...CallOption) (*api.UsageAnswer, error) {
	return get[api.UsageAnswer](ctx, c, "/usage"+query("from", from, "to", to), o)
}
