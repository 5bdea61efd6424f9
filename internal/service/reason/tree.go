package reason

import (
	"context"
	"fmt"
	"math"
	"sort"
	"strings"

	"github.com/omni-run/omni/internal/ml/plan"
	"github.com/omni-run/omni/internal/tool/catalog"
)

// candidate is one plan a tree of thought considers.
type candidate struct {
	node    string
	name    string
	goals   []string
	replace map[string]string // goal fact to the fact that stands for it
	plan    *plan.Plan
	cost    float64
	expects float64 // expected relative error of the forecasts, 0 without any
	covers  float64
	score   float64
	why     string
}

// Weights of a candidate's score: what it reaches, less what it costs and the
// error a back-test of a cheap stand-in expects.
const (
	priceOfCost  = 0.01
	priceOfError = 1.0
)

// tree of thought (Yao et al., 2023): several plans are drawn up and scored, the
// weak are pruned, the best is run.
func (x *session) tree(ctx context.Context) error {
	root := x.think("root", nil, "%s asked for: %s.", plural(len(x.u.goals), "thing is", "things are"), strings.Join(x.wanted(), ", "))
	root.Node = "n0"
	candidates := x.candidates()
	for i := range candidates {
		c := &candidates[i]
		c.node = fmt.Sprintf("n%d", i+1)
		problem, p, err := x.find(ctx, c.goals)
		if err != nil {
			return err
		}
		c.plan, c.cost = p, p.Cost
		if len(p.Steps) > x.budget.MaxSteps {
			c.covers *= float64(x.budget.MaxSteps) / float64(len(p.Steps))
		}
		c.score = c.covers - priceOfCost*c.cost - priceOfError*c.expects
		names := make([]string, len(p.Steps))
		for j, st := range p.Steps {
			names[j] = problem.Actions[st.Action].Name
		}
		t := x.think("candidate", map[string]any{"cost": c.cost, "coverage": c.covers, "expected_error": c.expects, "tools": names},
			"%s: %s. Coverage %s, cost %s%s.", c.name, strings.Join(names, ", "), number(c.covers), number(c.cost), c.why)
		t.Node, t.Parent = c.node, "n0"
		score := math.Round(c.score*1e6) / 1e6
		t.Score = &score
	}
	order := make([]int, len(candidates))
	for i := range order {
		order[i] = i
	}
	sort.SliceStable(order, func(a, b int) bool { return candidates[order[a]].score > candidates[order[b]].score })
	best := &candidates[order[0]]
	for _, i := range order[1:] {
		c := &candidates[i]
		t := x.think("prune", nil, "%s scores %s, less than %s.", c.name, number(c.score), number(best.score))
		t.Node, t.Parent, t.Pruned = c.node, "n0", true
	}
	t := x.think("choose", nil, "%s scores best, %s, and is run.", best.name, number(best.score))
	t.Node, t.Parent = best.node, "n0"
	places := x.accept(best.plan)
	if err := x.checkArguments(places); err != nil {
		return err
	}
	x.run(ctx, places)
	from := len(x.thoughts)
	x.describeResults(places)
	for i := from; i < len(x.thoughts); i++ {
		x.thoughts[i].Node, x.thoughts[i].Parent = fmt.Sprintf("%s.%d", best.node, i-from+1), best.node
	}
	for fact, stand := range best.replace {
		if at, ok := x.facts[stand]; ok {
			x.facts[fact] = at
		}
	}
	return nil
}

// candidates draws up the plans worth comparing: the direct one; for forecasts
// one over the series without its unusual points; and one that also describes
// what it works on, so that the answer can be checked.
func (x *session) candidates() []candidate {
	direct := candidate{name: "The direct plan", goals: x.wanted(), covers: 1}
	cleaned := candidate{name: "The plan that removes unusual points first", covers: 1, replace: map[string]string{}}
	for _, g := range x.u.goals {
		fact := g.fact
		if g.tool == catalog.Forecast && x.longEnough(g.subject, 0) {
			raw, tidy := backtests(x.u.facts.get(g.subject).value.([]float64), x.u.horizon())
			direct.expects, cleaned.expects = max(direct.expects, raw), max(cleaned.expects, tidy)
			cleaned.replace[fact] = fact + clean
			fact += clean
		}
		if g.of == "forecast" && cleaned.replace["forecast:"+g.subject] != "" {
			cleaned.replace[fact] = fact + clean
			fact += clean
		}
		cleaned.goals = append(cleaned.goals, fact)
	}
	described := candidate{name: "The plan that describes its inputs as well", goals: append([]string{}, direct.goals...), covers: 1, expects: direct.expects}
	for _, g := range x.u.goals {
		if o := x.u.facts.get(g.subject); o != nil && o.kind == kindSeries && !isOneOf("statistics:"+o.name, described.goals) {
			described.goals = append(described.goals, "statistics:"+o.name)
		}
	}
	out := []candidate{direct}
	if len(cleaned.replace) > 0 {
		direct.why = fmt.Sprintf("; a back-test expects an error of %s", percent(direct.expects))
		cleaned.why = fmt.Sprintf("; a back-test expects an error of %s", percent(cleaned.expects))
		out = []candidate{direct, cleaned}
	}
	if len(described.goals) > len(direct.goals) {
		described.why = direct.why
		out = append(out, described)
	}
	for i, g := range x.u.goals {
		if len(x.u.goals) > 1 && len(out) < 4 {
			only := append(append([]string{}, direct.goals[:i]...), direct.goals[i+1:]...)
			out = append(out, candidate{name: "The plan that leaves out " + g.tool, goals: only, covers: 1 - 1/float64(len(x.u.goals)), expects: 0})
		}
	}
	if len(out) == 1 {
		out = append(out, x.onlyGoal(direct))
	}
	return out
}

// onlyGoal is the alternative where one tool does all: run it twice to confirm.
func (x *session) onlyGoal(direct candidate) candidate {
	for _, o := range x.domain.operations {
		if o.adds[0] == direct.goals[0] {
			again := o
			again.adds = []string{o.adds[0] + " confirmed"}
			again.needs = append(append([]string{}, o.needs...), o.adds[0])
			x.domain.add(again)
			return candidate{name: "The plan that runs the tool a second time to confirm", goals: append([]string{again.adds[0]}, direct.goals...), covers: 1}
		}
	}
	return candidate{name: "The same plan in another order", goals: direct.goals, covers: 1}
}

func percent(share float64) string { return number(100*share) + "%" }
