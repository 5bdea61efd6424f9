package reason

import (
	"context"
	"errors"
	"math"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/tool"
	"github.com/omni-run/omni/internal/tool/catalog"
)

const (
	longList  = 256
	shortList = 32
)

// plainJSON turns the Go lists a plan may hold into decoded JSON, NaN as null.
func plainJSON(v any) any {
	switch x := v.(type) {
	case []float64:
		return catalog.Nullable(x)
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, item := range x {
			out[k] = plainJSON(item)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, item := range x {
			out[i] = plainJSON(item)
		}
		return out
	case float64:
		if math.IsNaN(x) || math.IsInf(x, 0) {
			return nil
		}
	}
	return v
}

// cut shortens lists to at most n entries and says so beside them.
func cut(v any, n int) any {
	switch x := v.(type) {
	case map[string]any:
		out := make(map[string]any, len(x))
		for k, item := range x {
			out[k] = cut(item, n)
			if list, ok := item.([]any); ok && len(list) > n {
				out[k+"_total"] = float64(len(list))
			}
		}
		return out
	case []any:
		if len(x) > n {
			x = x[:n]
		}
		out := make([]any, len(x))
		for i, item := range x {
			out[i] = cut(item, n)
		}
		return out
	}
	return v
}

// size estimates the entries of a value.
func size(v any) int {
	n := 1
	switch x := v.(type) {
	case map[string]any:
		for _, item := range x {
			n += size(item)
		}
	case []any:
		for _, item := range x {
			n += size(item)
		}
	}
	return n
}

func compact(result map[string]any) map[string]any {
	out, _ := cut(plainJSON(result), longList).(map[string]any)
	if size(out) > 8*longList {
		out, _ = cut(out, shortList).(map[string]any)
	}
	return out
}

// execution sums up what running gave.
func (x *session) execution(planID string) api.ReasonExecution {
	e := api.ReasonExecution{PlanID: planID, TotalSteps: len(x.steps), Errors: []string{}, Output: map[string]api.ReasonOutput{}}
	for i, st := range x.steps {
		if st.err != nil {
			e.Errors = append(e.Errors, identifier(i)+" "+st.operation.tool+": "+spoken(st.err))
			continue
		}
		if st.done {
			e.StepsCompleted++
			e.Output[identifier(i)] = api.ReasonOutput{Action: st.operation.tool, Result: compact(st.result)}
		}
	}
	e.Success = e.StepsCompleted > 0
	for _, g := range x.u.goals {
		if _, ok := x.facts[g.fact]; !ok {
			e.Success = false
		}
	}
	return e
}

// spoken is the part of an error a caller may read.
func spoken(err error) string {
	var known *api.Error
	if errors.As(err, &known) {
		return known.Code + ": " + known.Message
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "did not finish in time"
	}
	if errors.Is(err, context.Canceled) {
		return "was cancelled"
	}
	if errors.Is(err, errBudget) || errors.Is(err, errEarlier) {
		return err.Error()
	}
	var wrong *tool.ArgumentError
	if errors.As(err, &wrong) {
		return wrong.Error()
	}
	return "failed; the log has the cause"
}

// answer composes the session into the caller's answer.
func (x *session) answer() *api.ReasonAnswer {
	p := x.planOf()
	text := x.compose()
	x.think("answer", nil, "%s", text)
	for _, c := range x.u.unmet {
		x.call.Warn("no tool serves this part of the problem: %.200s", c)
	}
	return &api.ReasonAnswer{
		Problem: x.req.Problem, ReasoningMethod: x.req.ReasoningMethod, Provider: "offline", Deterministic: true,
		Thoughts: x.thoughts, Plan: p, ExecutionResult: x.execution(p.PlanID), Text: text, StoppedBy: x.stopped,
	}
}
