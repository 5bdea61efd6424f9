package reason

import (
	"github.com/omni-run/omni/internal/ml/plan"
	"github.com/omni-run/omni/internal/tool/catalog"
)

// contextRef stands in a plan for a value of the request.
type contextRef struct{ object string }

// resultRef stands in a plan for a field of the result that made a fact true.
type resultRef struct{ fact, field string }

// operation is a grounded use of a tool: the planner's action with the
// arguments it will be called with.
type operation struct {
	tool      string
	arguments map[string]any
	needs     []string
	adds      []string
	cost      float64
}

// domain holds the operations the planner may choose from.
type domain struct {
	initial    []string
	operations []operation
}

func (d *domain) add(o operation) { d.operations = append(d.operations, o) }

// problem renders the domain for the planner.
func (d *domain) problem(initial, goals []string) *plan.Problem {
	p := &plan.Problem{Initial: initial, Goals: goals}
	for _, o := range d.operations {
		p.Actions = append(p.Actions, plan.Action{Name: o.tool, Needs: o.needs, Adds: o.adds, Cost: o.cost})
	}
	return p
}

const (
	clean         = " without anomalies"
	assumedSteps  = 7
	shortestClean = 8
)

// ground builds every operation that could serve the goals.
func (s *Service) ground(u *understanding) *domain {
	d := &domain{}
	for _, o := range u.facts.objects {
		switch {
		case o.table != "":
			d.add(operation{
				tool: catalog.ExtractSeries, needs: []string{kindRows + ":" + o.table}, adds: []string{kindSeries + ":" + o.name},
				arguments: map[string]any{"rows": contextRef{o.table}, "column": o.column}, cost: 1,
			})
			if rows := datedRevenue(u.facts.get(o.table), o.column); rows != nil {
				d.add(operation{
					tool: catalog.ForecastRevenue, needs: []string{kindRows + ":" + o.table}, adds: []string{"forecast:" + o.name}, cost: 5,
					arguments: map[string]any{"historical_data": rows, "forecast_days": float64(u.horizon())},
				})
			}
		default:
			d.initial = append(d.initial, o.kind+":"+o.name)
		}
		if o.kind == kindSeries {
			s.groundSeries(u, d, o)
		}
	}
	for _, g := range u.goals {
		s.groundGoal(u, d, g)
	}
	return d
}

func (u *understanding) horizon() int {
	if u.facts.horizon == 0 {
		return assumedSteps
	}
	return u.facts.horizon
}

// seriesArgument is where a tool reads a series from.
func seriesArgument(o object) any {
	if o.table != "" {
		return resultRef{kindSeries + ":" + o.name, "series"}
	}
	return contextRef{o.name}
}

func (s *Service) groundSeries(u *understanding, d *domain, o object) {
	name, whole := o.name, seriesArgument(o)
	own := kindSeries + ":" + name
	forecast := func(subject string, argument any, extra float64) {
		d.add(operation{
			tool: catalog.Forecast, needs: []string{kindSeries + ":" + subject}, adds: []string{"forecast:" + subject},
			arguments: map[string]any{"time_series": argument, "forecast_steps": float64(u.horizon())}, cost: 5 + extra,
		})
		d.add(operation{
			tool: catalog.Describe, needs: []string{"forecast:" + subject}, adds: []string{"statistics:forecast:" + subject},
			arguments: map[string]any{"values": resultRef{"forecast:" + subject, "forecast"}}, cost: 1,
		})
	}
	forecast(name, whole, 0)
	cleaned := resultRef{own + clean, "series"}
	forecast(name+clean, cleaned, 0)
	d.add(operation{tool: catalog.DetectAnomalies, needs: []string{own}, adds: []string{"anomalies:" + name}, arguments: map[string]any{"series": whole}, cost: 2})
	d.add(operation{tool: catalog.Describe, needs: []string{own}, adds: []string{"statistics:" + name}, arguments: map[string]any{"values": whole}, cost: 1})
	d.add(operation{tool: catalog.Describe, needs: []string{own + clean}, adds: []string{"statistics:" + name + clean}, arguments: map[string]any{"values": cleaned}, cost: 1})
	d.add(operation{
		tool: catalog.RemoveAnomalies, needs: []string{own, "anomalies:" + name}, adds: []string{own + clean}, cost: 1,
		arguments: map[string]any{"series": whole, "anomalies": resultRef{"anomalies:" + name, "anomalies"}},
	})
}

func (s *Service) groundGoal(u *understanding, d *domain, g goal) {
	o := operation{tool: g.tool, adds: []string{g.fact}, cost: s.tools.Get(g.tool).Cost}
	subject := u.facts.get(g.subject)
	switch g.tool {
	case catalog.Compare:
		first, second := *subject, *u.facts.get(g.second)
		o.needs = []string{kindSeries + ":" + first.name, kindSeries + ":" + second.name}
		o.arguments = map[string]any{"first": seriesArgument(first), "second": seriesArgument(second), "names": []any{first.name, second.name}}
	case catalog.FindOutliers:
		o.needs = []string{kindRows + ":" + g.subject}
		o.arguments = map[string]any{"data": numericRows(subject), "seed": 0.0}
		if c, ok := u.facts.scalars["contamination"]; ok {
			o.arguments["contamination"] = c
		}
	case catalog.Sentiment:
		o.needs = []string{kindTexts + ":" + g.subject}
		o.arguments = map[string]any{"texts": valueOf(subject)}
	case catalog.RankTexts:
		o.needs = []string{kindTexts + ":" + g.subject}
		o.arguments = map[string]any{"query": g.query, "texts": valueOf(subject)}
	case catalog.SearchVectors:
		o.arguments = map[string]any{"text": g.query}
		if u.facts.limit > 0 {
			o.arguments["top_k"] = float64(u.facts.limit)
		}
	case catalog.Calculate:
		o.arguments = map[string]any{"expression": g.expression}
	case catalog.Recommend:
		o.needs = []string{kindUser + ":" + g.subject}
		o.arguments = map[string]any{"user_id": subject.value}
		if u.facts.limit > 0 {
			o.arguments["limit"] = float64(u.facts.limit)
		}
		if c := u.preferences(); len(c) > 0 {
			o.arguments["context"] = c
		}
	case catalog.Churn:
		o.needs = []string{kindUser + ":" + g.subject}
		o.arguments = map[string]any{"user_id": subject.value, "context": u.features()}
	case catalog.Schedule:
		workers := u.facts.of(kindWorkers)[0]
		o.needs = []string{kindTasks + ":" + g.subject, kindWorkers + ":" + workers.name}
		o.arguments = map[string]any{"goal": g.clause, "tasks": contextRef{g.subject}, "workers": valueOf(&workers), "seed": 0.0}
		if objective := u.objective(g.clause); objective != "" {
			o.arguments["objective"] = objective
		}
	default:
		return // series tools are grounded with their series
	}
	d.add(o)
}

// valueOf refers to an object that stands in the context, or gives it.
func valueOf(o *object) any {
	if o.literal || o.kind == kindTexts {
		return o.value
	}
	return contextRef{o.name}
}

// datedRevenue renders rows of date and revenue, or nil when they are not that.
func datedRevenue(table *object, column string) []any {
	if table == nil || column != "revenue" && column != "sales" && column != "amount" {
		return nil
	}
	var out []any
	for _, row := range catalog.Objects(table.value) {
		date, ok := row["date"].(string)
		if !ok {
			return nil
		}
		out = append(out, map[string]any{"date": date, "revenue": row[column]})
	}
	return out
}
