package agents

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/tool"
)

// insufficient is the hypothesis of an agent that recognised nothing.
const insufficient = "insufficient_evidence"

// Statuses of actions.
const (
	succeeded = "succeeded"
	failed    = "failed"
	skipped   = "skipped"
)

// look is one agent looking at one observation.
type look struct {
	s        *Service
	call     *service.Call
	invoke   tool.Invoke
	seen     *observation
	agent    *agent
	learned  map[string]*baseline
	kind     string
	text     string
	evidence []api.AgentEvidence
	actions  []api.AgentAction
}

func (s *Service) observe(ctx context.Context, call *service.Call, req *api.AgentObserveRequest) (*api.AgentObserveAnswer, error) {
	for i, r := range req.AgentRoles {
		if !slices.Contains(Roles, r) {
			return nil, unknownRole(field("agent_roles", i), r)
		}
	}
	if req.Observation == nil {
		return nil, api.Unprocessable("missing_observation", "observation is missing; send an object").At("observation", "is missing")
	}
	seen, err := read(req.Observation)
	if err != nil {
		return nil, err
	}
	all, err := s.agents(ctx, call.Tenant)
	if err != nil {
		return nil, err
	}
	var asked []*agent
	for _, a := range all {
		if len(req.AgentRoles) == 0 || slices.Contains(req.AgentRoles, a.Role) {
			asked = append(asked, a)
		}
	}
	out := &api.AgentObserveAnswer{NAgents: len(asked), Results: []api.AgentResult{}}
	if len(asked) == 0 {
		call.Warn("no agent is registered for this observation; see POST /agents/register")
		return out, nil
	}
	learned, err := s.baselines(ctx, call.Tenant, seen)
	if err != nil {
		return nil, err
	}
	for i, a := range asked {
		l := &look{s: s, call: call, invoke: tool.Bind(s.deps.Invoker, call), seen: seen, agent: a, learned: learned, kind: insufficient}
		if err := l.work(ctx); err != nil {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, api.NewError(504, "deadline", "the agents did not finish in time").Because(ctx.Err())
		}
		out.Results = append(out.Results, l.result())
		call.Progress(float64(i+1) / float64(len(asked)))
	}
	if err := s.keep(context.WithoutCancel(ctx), call, seen, out.Results); err != nil {
		return nil, err
	}
	return out, nil
}

// keep commits what the agents learned before the caller is answered. The rows
// are read again under the lock: the looking itself took none.
func (s *Service) keep(ctx context.Context, call *service.Call, seen *observation, results []api.AgentResult) error {
	mu := s.lock(call.Tenant)
	mu.Lock()
	defer mu.Unlock()
	all, err := s.agents(ctx, call.Tenant)
	if err != nil {
		return err
	}
	learns := false
	var changed []*agent
	for _, r := range results {
		learns = learns || r.Role == "learner" || r.Role == "monitor"
		for _, a := range all {
			if a.ID != r.AgentID {
				continue
			}
			if err := s.remember(ctx, call.Tenant, a, seen.subject(), r.Hypothesis); err != nil {
				return err
			}
			changed = append(changed, a)
		}
	}
	if learns {
		learned, err := s.baselines(ctx, call.Tenant, seen)
		if err != nil {
			return err
		}
		if err := s.learn(ctx, call, seen, learned); err != nil {
			return err
		}
	}
	return s.save(ctx, call.Tenant, changed...)
}

func (l *look) work(ctx context.Context) error {
	switch l.agent.Role {
	case "healer":
		return l.heal(ctx)
	case "monitor":
		return l.monitor(ctx)
	case "optimizer":
		return l.optimize(ctx)
	case "learner":
		return l.learner()
	default:
		return l.build(ctx)
	}
}

func (l *look) result() api.AgentResult {
	h := api.AgentHypothesis{Type: l.kind, Explanation: l.text, Evidence: l.evidence, Confidence: confidence(l.evidence)}
	if h.Evidence == nil {
		h.Evidence = []api.AgentEvidence{}
	}
	if l.kind == insufficient {
		// What little was seen is still told; it must not read as certainty.
		h.Confidence = min(h.Confidence, 0.1)
		if h.Explanation == "" {
			h.Explanation = "Nothing in the observation could be judged in this role."
		}
	}
	if l.actions == nil {
		l.actions = []api.AgentAction{}
	}
	return api.AgentResult{AgentID: l.agent.ID, Role: l.agent.Role, Hypothesis: h, Actions: l.actions}
}

// confidence is the noisy-or of the evidence (Pearl, 1988): the chance that at
// least one of its independent parts proves the hypothesis, at most 0.99.
//
//	1 - product(1 - weight)
func confidence(evidence []api.AgentEvidence) float64 {
	open := 1.0
	for _, e := range evidence {
		open *= 1 - max(0, min(1, e.Weight))
	}
	return math.Round(min(0.99, 1-open)*1e4) / 1e4
}

func (l *look) proves(source, text string, weight float64) {
	l.evidence = append(l.evidence, api.AgentEvidence{Source: source, Text: text, Weight: math.Round(max(0, min(1, weight))*1e4) / 1e4})
}

// use runs a tool as an action of the agent.
func (l *look) use(ctx context.Context, kind, name string, arguments map[string]any, digest func(map[string]any) map[string]any) map[string]any {
	result, err := l.s.tools.Run(ctx, l.invoke, name, arguments)
	if err != nil {
		l.s.deps.Log.Info("an agent's tool failed", "tenant", l.call.Tenant, "tool", name, "error", err)
		l.actions = append(l.actions, api.AgentAction{Type: kind, Result: map[string]any{}, Status: failed, Reason: spoken(err)})
		return nil
	}
	l.did(kind, digest(result))
	return result
}

func (l *look) did(kind string, result map[string]any) {
	l.actions = append(l.actions, api.AgentAction{Type: kind, Result: result, Status: succeeded})
}

func (l *look) skip(kind, reason string) {
	l.actions = append(l.actions, api.AgentAction{Type: kind, Result: map[string]any{}, Status: skipped, Reason: reason})
}

// spoken is the part of an error a caller may read.
func spoken(err error) string {
	var known *api.Error
	var wrong *tool.ArgumentError
	switch {
	case errors.As(err, &known):
		return known.Code + ": " + known.Message
	case errors.As(err, &wrong):
		return wrong.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "did not finish in time"
	}
	return "failed; the log has the cause"
}

func sentence(parts []string) string {
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, "; ") + "."
}
