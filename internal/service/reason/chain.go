package reason

import (
	"context"
	"fmt"
	"strings"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/plan"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/tool/catalog"
)

// offline solves the problem with the planner, by the method asked for.
func (s *Service) offline(ctx context.Context, call *service.Call, req *api.ReasonRequest, budget api.ReasonBudget) (*api.ReasonAnswer, error) {
	u, err := s.understand(req)
	if err != nil {
		return nil, err
	}
	x := s.newSession(call, req, u, budget)
	switch req.ReasoningMethod {
	case "react":
		err = x.react(ctx)
	case "tree_of_thought":
		err = x.tree(ctx)
	case "reflexion":
		err = x.reflexion(ctx)
	default:
		err = x.chain(ctx)
	}
	if err != nil {
		return nil, err
	}
	return x.answer(), nil
}

// chain of thought: derive every goal, plan once, explain, execute.
func (x *session) chain(ctx context.Context) error {
	x.describeFacts()
	x.describeGoals()
	_, p, err := x.find(ctx, x.wanted())
	if err != nil {
		return err
	}
	places := x.accept(p)
	x.describePlan(p, places)
	if err := x.checkArguments(places); err != nil {
		return err
	}
	x.run(ctx, places)
	x.describeResults(places)
	return nil
}

func (x *session) wanted() []string {
	out := make([]string, len(x.u.goals))
	for i, g := range x.u.goals {
		out[i] = g.fact
	}
	return out
}

func (x *session) describeFacts() {
	var parts []string
	for _, o := range x.u.facts.objects {
		switch v := o.value.(type) {
		case []float64:
			parts = append(parts, fmt.Sprintf("%s is a series of %d values", o.name, len(v)))
		case []any:
			parts = append(parts, fmt.Sprintf("%s holds %d %s", o.name, len(v), o.kind))
		default:
			parts = append(parts, fmt.Sprintf("%s is the %s %.64v", o.name, o.kind, v))
		}
	}
	if len(parts) == 0 {
		parts = []string{"no data beside the words"}
	}
	x.think("facts", nil, "Given: %s.", strings.Join(parts, "; "))
	if f := x.u.facts; x.forecasts() {
		if f.stated == "" {
			x.think("assumption", map[string]any{"horizon": assumedSteps}, "No horizon is stated; %d steps are assumed.", assumedSteps)
		} else {
			x.think("facts", map[string]any{"horizon": f.horizon}, "The horizon is %d, from %s.", f.horizon, f.stated)
		}
	}
}

func (x *session) forecasts() bool {
	for _, g := range x.u.goals {
		if g.tool == catalog.Forecast || g.of == "forecast" {
			return true
		}
	}
	return false
}

func (x *session) describeGoals() {
	for _, g := range x.u.goals {
		t := x.think("derive", map[string]any{"goal": g.fact}, "%q asks for %s (%s), so the goal is %s.", short(g.clause), g.tool, g.why, short(g.fact))
		t.Tool = g.tool
	}
	for _, c := range x.u.unmet {
		x.think("gap", nil, "%q asks for something no tool does; it is left out.", short(c))
	}
}

func short(text string) string {
	if r := []rune(text); len(r) > 160 {
		return string(r[:160]) + "…"
	}
	return text
}

func (x *session) describePlan(p *plan.Plan, places []int) {
	var parts []string
	for _, i := range places {
		text := identifier(i) + " " + x.steps[i].operation.tool
		if len(x.steps[i].after) > 0 {
			var after []string
			for _, a := range x.steps[i].after {
				after = append(after, identifier(a))
			}
			text += " after " + strings.Join(after, ", ")
		}
		parts = append(parts, text)
	}
	x.think("plan", map[string]any{"cost": p.Cost, "states_expanded": p.Expanded},
		"The cheapest plan has %s at cost %s: %s. Simulated step by step, it reaches every goal.", plural(len(places), "step", "steps"), number(p.Cost), strings.Join(parts, "; "))
}

// describeResults records what each step gave, in the plan's order.
func (x *session) describeResults(places []int) {
	for _, i := range places {
		st := x.steps[i]
		var t *api.Thought
		if st.err != nil {
			t = x.think("failure", nil, "%s %s failed: %s", identifier(i), st.operation.tool, spoken(st.err))
		} else {
			t = x.think("observation", nil, "%s %s: %s", identifier(i), st.operation.tool, tell(st.operation.tool, st.result))
		}
		t.Tool = st.operation.tool
	}
}
