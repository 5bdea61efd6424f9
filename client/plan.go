package client

import (
	"context"
	"net/url"
	"strconv"

	"github.com/omni-run/omni/api"
)

// Coordinate plans tasks for workers: POST /swarm/coordinate.
func (c *Client) Coordinate(ctx context.Context, req *api.SwarmRequest, o ...CallOption) (*api.SwarmAnswer, error) {
	return post[api.SwarmAnswer](ctx, c, "/swarm/coordinate", req, o)
}

// RegisterAgent makes an agent, or changes its role: POST /agents/register.
func (c *Client) RegisterAgent(ctx context.Context, req *api.AgentRegisterRequest, o ...CallOption) (*api.AgentRegisterAnswer, error) {
	return post[api.AgentRegisterAnswer](ctx, c, "/agents/register", req, o)
}

// Observe shows the agents an observation: POST /agents/observe.
func (c *Client) Observe(ctx context.Context, req *api.AgentObserveRequest, o ...CallOption) (*api.AgentObserveAnswer, error) {
	return post[api.AgentObserveAnswer](ctx, c, "/agents/observe", req, o)
}

// Agents lists the tenant's agents: GET /agents/status.
func (c *Client) Agents(ctx context.Context, o ...CallOption) (*api.AgentStatusAnswer, error) {
	return get[api.AgentStatusAnswer](ctx, c, "/agents/status", o)
}

// Reason plans and carries out a problem in words: POST /agi/process.
func (c *Client) Reason(ctx context.Context, req *api.ReasonRequest, o ...CallOption) (*api.ReasonAnswer, error) {
	return post[api.ReasonAnswer](ctx, c, "/agi/process", req, o)
}

// ReasoningHistory lists past reasonings, newest first; limit 0 takes the
// gateway's default: GET /agi/reasoning/history.
func (c *Client) ReasoningHistory(ctx context.Context, limit int, o ...CallOption) (*api.HistoryAnswer, error) {
	return get[api.HistoryAnswer](ctx, c, "/agi/reasoning/history"+limited(limit), o)
}

// ExecutionHistory lists past executions, newest first; limit 0 takes the
// gateway's default: GET /agi/execution/history.
func (c *Client) ExecutionHistory(ctx context.Context, limit int, o ...CallOption) (*api.HistoryAnswer, error) {
	return get[api.HistoryAnswer](ctx, c, "/agi/execution/history"+limited(limit), o)
}

func limited(limit int) string {
	if limit == 0 {
		return ""
	}
	return "?limit=" + strconv.Itoa(limit)
}

// query renders parameters, leaving out the empty ones.
func query(pairs ...string) string {
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return ""
	}
	return "?" + q.Encode()
}
