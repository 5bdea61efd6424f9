package reason

import (
	"context"
	"fmt"

	"github.com/omni-run/omni/internal/tool/catalog"
)

// react (Yao et al., 2023) interleaves: choose one tool, run it, look at what it
// gave, and let that decide what comes next. Observations can add goals nobody
// asked for in so many words: a forecast without the unusual points once some
// were found, a longer search when a schedule is far from its bound.
func (x *session) react(ctx context.Context) error {
	open := append([]goal{}, x.u.goals...)
	for len(open) > 0 && x.stopped == "final" {
		g := open[0]
		if _, done := x.facts[g.fact]; done {
			open = open[1:]
			continue
		}
		_, p, err := x.find(ctx, []string{g.fact})
		if err != nil {
			return err
		}
		p.Steps = p.Steps[:1] // only the next action is committed to
		places := x.accept(p)
		st := &x.steps[places[0]]
		x.think("thought", map[string]any{"goal": g.fact, "open_goals": len(open)}, "%s Next towards %s: %s.", x.because(g), short(g.fact), st.operation.tool).Tool = st.operation.tool
		if err := x.checkArguments(places); err != nil {
			return err
		}
		x.think("action", nil, "Call %s as %s.", st.operation.tool, identifier(places[0])).Tool = st.operation.tool
		x.run(ctx, places)
		if st.err != nil {
			x.think("observation", nil, "%s failed: %s. The goal is given up.", st.operation.tool, spoken(st.err)).Tool = st.operation.tool
			open = open[1:]
			continue
		}
		x.think("observation", nil, "%s", tell(st.operation.tool, st.result)).Tool = st.operation.tool
		open = append(open, x.followUp(places[0])...)
	}
	if x.stopped == "final" {
		x.think("thought", nil, "No goal is open; the observations suffice to answer.")
	}
	return nil
}

func (x *session) because(g goal) string {
	if g.why == followed {
		return g.clause
	}
	return fmt.Sprintf("The problem says %q (%s).", short(g.clause), g.why)
}

const followed = "an observation"

// followUp turns an observation into further goals.
func (x *session) followUp(at int) []goal {
	st := x.steps[at]
	var out []goal
	add := func(name, fact, reason string) {
		if _, done := x.facts[fact]; !done {
			out = append(out, goal{tool: name, fact: fact, clause: reason, why: followed})
		}
	}
	for _, g := range x.u.goals {
		subject := g.subject
		found := x.anomaliesIn(subject)
		if g.tool != catalog.Forecast || found == nil || len(found) == 0 || !x.longEnough(subject, len(found)) {
			continue
		}
		if st.operation.tool == catalog.DetectAnomalies || st.operation.tool == catalog.Forecast {
			add(catalog.Forecast, "forecast:"+subject+clean, fmt.Sprintf("%s may bend the forecast, so it is made again without.", plural(len(found), "unusual point", "unusual points")))
		}
	}
	if st.operation.tool == catalog.DetectAnomalies && len(out) == 0 && len(catalog.Objects(st.result["anomalies"])) > 0 {
		for _, g := range x.u.goals {
			if g.fact == st.operation.adds[0] {
				add(catalog.Describe, "statistics:"+g.subject, "Unusual points were found; the series' statistics tell how far out they are.")
			}
		}
	}
	if st.operation.tool == catalog.Schedule {
		out = append(out, x.longerSearch(at)...)
	}
	return out
}

// anomaliesIn returns what was found in a series, nil when nobody looked.
func (x *session) anomaliesIn(subject string) []map[string]any {
	at, ok := x.facts["anomalies:"+subject]
	if !ok || at < 0 {
		return nil
	}
	return catalog.Objects(x.steps[at].result["anomalies"])
}

func (x *session) longEnough(subject string, anomalies int) bool {
	o := x.u.facts.get(subject)
	values, ok := o.value.([]float64)
	return ok && len(values)-anomalies >= shortestClean
}

// longerSearch adds, once, a schedule with more time when the first is more
// than a twentieth above its lower bound.
func (x *session) longerSearch(at int) []goal {
	st := x.steps[at]
	makespan, _ := st.result["makespan"].(float64)
	bound, ok := st.result["lower_bound"].(float64)
	if !ok || makespan <= bound*1.05 || st.operation.arguments["time_limit_ms"] != nil {
		return nil
	}
	again := st.operation
	again.arguments = map[string]any{"time_limit_ms": 2_000.0}
	for k, v := range st.operation.arguments {
		again.arguments[k] = v
	}
	fact := st.operation.adds[0] + " searched longer"
	again.adds = []string{fact}
	x.domain.add(again)
	return []goal{{tool: catalog.Schedule, fact: fact, why: followed, clause: fmt.Sprintf("The makespan %s is above the bound %s, so the search gets more time.", number(makespan), number(bound))}}
}
