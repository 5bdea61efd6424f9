package reason

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/omni-run/omni/internal/ml/calc"
	"github.com/omni-run/omni/internal/tool/catalog"
)

const maxAttempts = 3

// flaw is what a verifier found wrong with a goal's result, and what to change.
type flaw struct {
	goal   goal
	what   string
	change string
	apply  func(*session)
}

// reflexion (Shinn et al., 2023): attempt, verify the results against the goals
// with checks that do not trust the tool, reflect on what failed, try again
// with that changed.
func (x *session) reflexion(ctx context.Context) error {
	for x.attempt = 1; x.attempt <= maxAttempts; x.attempt++ {
		var missing []string
		for _, fact := range x.wanted() {
			if _, ok := x.facts[fact]; !ok {
				missing = append(missing, fact)
			}
		}
		_, p, err := x.find(ctx, missing)
		if err != nil {
			return err
		}
		places := x.accept(p)
		x.think("attempt", map[string]any{"goals": len(missing)}, "Attempt %d runs %s for %s.", x.attempt, plural(len(places), "step", "steps"), strings.Join(missing, ", "))
		if err := x.checkArguments(places); err != nil {
			return err
		}
		x.run(ctx, places)
		x.describeResults(places)
		flaws := x.verify()
		if len(flaws) == 0 {
			x.think("verdict", nil, "Every result passes its checks.")
			break
		}
		for _, f := range flaws {
			x.think("verdict", nil, "%s: %s.", f.goal.fact, f.what)
		}
		if x.attempt == maxAttempts || x.stopped != "final" || !x.reflect(flaws) {
			x.think("reflection", nil, "Nothing more can be changed; the result stands with this doubt.")
			break
		}
	}
	x.attempt = 0
	return nil
}

// reflect applies the changes the flaws suggest and reports whether any did.
func (x *session) reflect(flaws []flaw) bool {
	changed := false
	for _, f := range flaws {
		if f.apply == nil {
			continue
		}
		f.apply(x)
		changed = true
		x.think("reflection", nil, "%s.", f.change)
	}
	return changed
}

// verify checks each goal's result.
func (x *session) verify() []flaw {
	var out []flaw
	for _, g := range x.u.goals {
		at, ok := x.facts[g.fact]
		if !ok || at < 0 {
			out = append(out, flaw{goal: g, what: "has no result: " + x.failureOf(g)})
			continue
		}
		st := x.steps[at]
		if f := x.check(g, st); f != nil {
			f.goal = g
			out = append(out, *f)
		}
	}
	return out
}

func (x *session) check(g goal, st step) *flaw {
	switch g.tool {
	case catalog.Forecast:
		return x.checkForecast(g, st)
	case catalog.DetectAnomalies:
		return x.checkAnomalies(g, st)
	case catalog.Sentiment:
		if want, got := len(x.u.facts.get(g.subject).value.([]any)), len(listOf(st.result, "results")); want != got {
			return &flaw{what: fmt.Sprintf("%d texts were given, %d were judged", want, got)}
		}
	case catalog.Calculate:
		again, err := calc.Eval("("+g.expression+")+0", nil)
		if v, ok := st.result["value"].(float64); err != nil || !ok || again != v {
			return &flaw{what: "a second evaluation disagrees"}
		}
	case catalog.Churn:
		if p, ok := st.result["churn_probability"].(float64); !ok || p < 0 || p > 1 {
			return &flaw{what: "the probability is outside 0 to 1"}
		}
	case catalog.Schedule:
		return x.checkSchedule(g, st)
	case catalog.Describe:
		low, high, mean := st.result["min"].(float64), st.result["max"].(float64), st.result["mean"]
		if m, ok := mean.(float64); ok && (m < low-1e-9*math.Abs(low) || m > high+1e-9*math.Abs(high)) {
			return &flaw{what: "the mean is outside the range"}
		}
	}
	return nil
}

// checkForecast asks for the right length, finite values, and a level within
// three times the spread of the past around where the trend leads.
func (x *session) checkForecast(g goal, st step) *flaw {
	values, err := catalog.Floats(listOf(st.result, "forecast"))
	if err != nil || len(values) != x.u.horizon() || len(catalog.Known(values)) != len(values) {
		return &flaw{what: fmt.Sprintf("%d finite values were wanted, %d came", x.u.horizon(), len(catalog.Known(values)))}
	}
	past := catalog.Known(x.u.facts.get(g.subject).value.([]float64))
	if len(past) < shortestClean {
		return nil
	}
	slope, spread := catalog.Slope(past), calc.Deviation(past)
	ahead := past[len(past)-1] + slope*float64(len(values))/2
	room := 3*spread + math.Abs(slope)*float64(len(values))
	off := math.Abs(calc.Mean(values) - ahead)
	bad := backtestError(st)
	switch {
	case room > 0 && off > room:
		return x.cleanedInstead(g, fmt.Sprintf("the mean forecast %s is far from %s, where the trend leads", number(calc.Mean(values)), number(ahead)))
	case bad > 1:
		return x.cleanedInstead(g, fmt.Sprintf("its own back-test error is %s times that of repeating the past", number(bad)))
	}
	return nil
}

// backtestError is the forecast's own scaled error, 0 when it states none.
func backtestError(st step) float64 {
	backtest, _ := st.result["backtest"].(map[string]any)
	mase, _ := backtest["mase"].(float64)
	return mase
}

// cleanedInstead retries the forecast on the series without unusual points.
func (x *session) cleanedInstead(g goal, what string) *flaw {
	f := &flaw{what: what}
	if _, tried := x.facts[g.fact+clean]; tried || !x.longEnough(g.subject, 2) {
		return f
	}
	f.change = "Unusual points may mislead the model: the next attempt forecasts the series without them"
	f.apply = func(x *session) {
		before := x.facts[g.fact]
		delete(x.facts, g.fact)
		x.domain.add(operation{
			tool: catalog.Forecast, needs: []string{kindSeries + ":" + g.subject + clean}, adds: []string{g.fact, g.fact + clean}, cost: 1,
			arguments: map[string]any{"time_series": resultRef{kindSeries + ":" + g.subject + clean, "series"}, "forecast_steps": float64(x.u.horizon())},
		})
		x.facts[g.fact+" first"] = before
	}
	return f
}

func (x *session) checkAnomalies(g goal, st step) *flaw {
	n := len(x.u.facts.get(g.subject).value.([]float64))
	found := len(catalog.Objects(st.result["anomalies"]))
	if float64(found) <= 0.2*float64(n) || found < 3 {
		return nil
	}
	f := &flaw{what: fmt.Sprintf("%d of %d points are called unusual, more than a fifth", found, n)}
	if st.operation.arguments["mode"] != nil {
		return f
	}
	f.change = "What is common is not unusual: the next attempt looks for change points instead"
	f.apply = func(x *session) {
		delete(x.facts, g.fact)
		again := st.operation
		again.arguments = map[string]any{"series": st.operation.arguments["series"], "mode": "changepoint"}
		again.adds, again.cost = []string{g.fact}, 0.5
		x.domain.add(again)
	}
	return f
}

// checkSchedule recomputes order and exclusivity from the assignments.
func (x *session) checkSchedule(g goal, st step) *flaw {
	end, start := map[string]float64{}, map[string]float64{}
	for _, a := range catalog.Objects(st.result["assignments"]) {
		id := fmt.Sprint(a["task"])
		start[id], _ = a["start"].(float64)
		end[id], _ = a["end"].(float64)
	}
	for _, task := range catalog.Objects(x.u.facts.get(g.subject).value) {
		id := fmt.Sprint(task["id"])
		if _, ok := end[id]; !ok {
			return &flaw{what: "task " + id + " is not in the schedule"}
		}
		before, _ := task["depends_on"].([]any)
		for _, b := range before {
			if start[id] < end[fmt.Sprint(b)]-1e-9 {
				return &flaw{what: fmt.Sprintf("task %s starts before %v ends", id, b)}
			}
		}
	}
	return nil
}
