package reason

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/state"
)

const (
	streamReasoning = "reason.reasoning"
	streamExecution = "reason.execution"
	maxRemembered   = 64 << 10
)

// reasoned is one entry of the reasoning history.
type reasoned struct {
	At              time.Time     `json:"at"`
	RequestID       string        `json:"request_id"`
	Problem         string        `json:"problem"`
	ReasoningMethod string        `json:"reasoning_method"`
	Provider        string        `json:"provider"`
	Deterministic   bool          `json:"deterministic"`
	PlanID          string        `json:"plan_id"`
	Thoughts        []api.Thought `json:"thoughts"`
	Answer          string        `json:"answer"`
}

// executed is one entry of the execution history.
type executed struct {
	At        time.Time        `json:"at"`
	RequestID string           `json:"request_id"`
	Problem   string           `json:"problem"`
	Plan      []api.ReasonStep `json:"steps"`
	api.ReasonExecution
}

// remember commits both entries before the caller is answered.
func (s *Service) remember(ctx context.Context, call *service.Call, a *api.ReasonAnswer) error {
	at := s.deps.Now().UTC()
	r := reasoned{at, call.RequestID, a.Problem, a.ReasoningMethod, a.Provider, a.Deterministic, a.Plan.PlanID, a.Thoughts, a.Text}
	e := executed{at, call.RequestID, a.Problem, a.Plan.Steps, a.ExecutionResult}
	rawReasoned, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("writing the reasoning history: %w", err)
	}
	rawExecuted, err := json.Marshal(e)
	if err == nil && len(rawExecuted) > maxRemembered {
		e.Output, e.Plan = nil, withoutLists(e.Plan)
		rawExecuted, err = json.Marshal(e)
	}
	if err != nil {
		return fmt.Errorf("writing the execution history: %w", err)
	}
	for _, entry := range []struct {
		stream string
		value  []byte
	}{{streamReasoning, rawReasoned}, {streamExecution, rawExecuted}} {
		if _, err := s.deps.Store.Append(ctx, call.Tenant, entry.stream, state.Event{Value: entry.value}); err != nil {
			return err
		}
		if err := s.deps.Store.Trim(ctx, call.Tenant, entry.stream, MaxHistory); err != nil {
			return err
		}
	}
	return nil
}

// withoutLists drops arguments given by value, which may be long.
func withoutLists(steps []api.ReasonStep) []api.ReasonStep {
	out := make([]api.ReasonStep, len(steps))
	for i, s := range steps {
		out[i] = s
		out[i].Arguments = nil
	}
	return out
}

func (s *Service) reasoningHistory(ctx context.Context, call *service.Call) (*api.HistoryAnswer, error) {
	return s.history(ctx, call, streamReasoning)
}

func (s *Service) executionHistory(ctx context.Context, call *service.Call) (*api.HistoryAnswer, error) {
	return s.history(ctx, call, streamExecution)
}

func (s *Service) history(ctx context.Context, call *service.Call, stream string) (*api.HistoryAnswer, error) {
	limit := 10
	if given := call.Query.Get("limit"); given != "" {
		n, err := strconv.Atoi(given)
		if err != nil || n < 1 || n > MaxHistory {
			return nil, api.Unprocessable("limit_out_of_range", "limit must be a whole number from 1 to %d", MaxHistory).At("limit", "is %.32q", given)
		}
		limit = n
	}
	total, err := s.deps.Store.CountEvents(ctx, call.Tenant, stream)
	if err != nil {
		return nil, err
	}
	events, err := s.deps.Store.Newest(ctx, call.Tenant, stream, limit)
	if err != nil {
		return nil, err
	}
	out := &api.HistoryAnswer{NTotal: total, History: []json.RawMessage{}}
	for _, e := range events {
		out.History = append(out.History, e.Value)
	}
	return out, nil
}
