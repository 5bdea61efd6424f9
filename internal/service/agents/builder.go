package agents

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/omni-run/omni/internal/ml/plan"
	"github.com/omni-run/omni/internal/tool/catalog"
)

// stage is a typed step a builder may put into a pipeline.
type stage struct {
	tool        string
	needs, adds []string
	cost        float64
	// asks begins each word that asks for what the stage gives; a stage without
	// it is a means only.
	asks []string
}

// stages are the platform's tools by what they need and give.
var stages = []stage{
	{catalog.DetectAnomalies, []string{"series"}, []string{"anomalies"}, 2, []string{"anomal", "unusual"}},
	{catalog.RemoveAnomalies, []string{"series", "anomalies"}, []string{"clean series"}, 1, nil},
	{catalog.Forecast, []string{"clean series"}, []string{"forecast"}, 5, []string{"forecast", "predict"}},
	{catalog.Describe, []string{"series"}, []string{"statistics"}, 1, []string{"statistic", "average", "descri"}},
	{catalog.Sentiment, []string{"texts"}, []string{"sentiment"}, 3, []string{"sentiment", "opinion"}},
	{catalog.FindOutliers, []string{"rows"}, []string{"outliers"}, 3, []string{"outlier"}},
	{catalog.Schedule, []string{"tasks", "workers"}, []string{"schedule"}, 5, []string{"schedul"}},
	{catalog.Recommend, []string{"user"}, []string{"recommendations"}, 3, []string{"recommend"}},
	{catalog.Churn, []string{"user"}, []string{"churn"}, 3, []string{"churn"}},
}

// build drafts a pipeline over the data the observation shows, and has the
// planner's validator simulate it.
func (l *look) build(ctx context.Context) error {
	have := l.kinds()
	problem := &plan.Problem{Initial: have, Goals: l.goals(have)}
	if len(problem.Goals) == 0 {
		return nil
	}
	for _, s := range stages {
		problem.Actions = append(problem.Actions, plan.Action{Name: s.tool, Needs: s.needs, Adds: s.adds, Cost: s.cost})
	}
	p, err := plan.Find(ctx, problem)
	var unreachable *plan.UnreachableError
	if errors.As(err, &unreachable) {
		l.kind = "pipeline_impossible"
		from := strings.Join(have, ", ")
		if from == "" {
			from = "nothing: the observation brings no data"
		}
		l.text = "No sequence of tools reaches " + strings.Join(unreachable.Goals, ", ") + " from " + from + "."
		l.proves("planner", l.text, 0.95)
		l.skip("draft_pipeline", l.text)
		return nil
	}
	if err != nil {
		return fmt.Errorf("drafting a pipeline: %w", err)
	}
	steps := []any{}
	for i, st := range p.Steps {
		a, after := problem.Actions[st.Action], []any{}
		for _, j := range st.After {
			after = append(after, fmt.Sprintf("step%d", j+1))
		}
		steps = append(steps, map[string]any{"id": fmt.Sprintf("step%d", i+1), "tool": a.Name, "needs": anyList(a.Needs), "gives": anyList(a.Adds), "after": after})
	}
	l.did("draft_pipeline", map[string]any{"steps": steps, "cost": p.Cost, "from": anyList(have), "to": anyList(problem.Goals)})
	if err := plan.Validate(problem, p); err != nil {
		return fmt.Errorf("the drafted pipeline does not validate: %w", err)
	}
	l.did("validate_pipeline", map[string]any{"valid": true, "steps": float64(len(steps)), "method": "simulation"})
	l.kind = "pipeline_drafted"
	l.text = fmt.Sprintf("A pipeline of %d steps leads from %s to %s; simulated, it reaches all of them.", len(steps), strings.Join(have, ", "), strings.Join(problem.Goals, ", "))
	l.proves("validator", "the simulation reaches every goal", 0.8)
	l.proves("data", fmt.Sprintf("%d kinds of data are there", len(have)), 0.2*float64(len(have))/float64(len(have)+1))
	return nil
}

func anyList(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}

// kinds names the data the observation brings.
func (l *look) kinds() []string {
	var out []string
	if len(l.seen.series) > 0 {
		out = append(out, "series")
	}
	raw := l.seen.raw
	if texts, ok := raw["texts"].([]any); ok && len(texts) > 0 {
		out = append(out, "texts")
	}
	for _, key := range []string{"rows", "tasks"} {
		if list, ok := raw[key].([]any); ok && len(catalog.Objects(list)) > 0 {
			out = append(out, key)
		}
	}
	if raw["workers"] != nil {
		out = append(out, "workers")
	}
	if raw["user_id"] != nil {
		out = append(out, "user")
	}
	return out
}

// goals are what the observation's goal or need names, else everything the data
// allow.
func (l *look) goals(have []string) []string {
	asked := ""
	for _, key := range []string{"goal", "need", "want", "task", "request"} {
		if text, ok := l.seen.raw[key].(string); ok {
			asked += " " + strings.ToLower(text)
		}
	}
	var named, possible []string
	holds := map[string]bool{}
	for _, f := range have {
		holds[f] = true
	}
	for _, s := range stages {
		goal := s.adds[0]
		if s.named(asked) {
			named = append(named, goal)
		}
		can := true
		for _, n := range s.needs {
			can = can && holds[n]
		}
		if can {
			for _, f := range s.adds {
				holds[f] = true
			}
			if s.asks != nil {
				possible = append(possible, goal)
			}
		}
	}
	if len(named) > 0 {
		return named
	}
	return possible
}

// named reports whether the words ask for what the stage gives.
func (s *stage) named(asked string) bool {
	for _, word := range strings.Fields(asked) {
		for _, start := range s.asks {
			if strings.HasPrefix(strings.Trim(word, "\"'(.,"), start) {
				return true
			}
		}
	}
	return false
}
