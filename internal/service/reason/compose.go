package reason

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/omni-run/omni/internal/tool/catalog"
)

// number prints a value the way a person would: no more than six significant
// digits beyond the integer part.
func number(v any) string {
	x, ok := v.(float64)
	if !ok {
		return "unknown"
	}
	if a := math.Abs(x); a != 0 && (a >= 1e15 || a < 1e-4) {
		return strconv.FormatFloat(x, 'g', 6, 64)
	}
	digits := 6 - len(strconv.FormatFloat(math.Trunc(math.Abs(x)), 'f', 0, 64))
	text := strconv.FormatFloat(x, 'f', max(2, min(6, digits)), 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	if text == "-0" {
		return "0"
	}
	return text
}

func numbersOf(v any, most int) string {
	list, _ := v.([]any)
	parts := []string{}
	for _, item := range list[:min(len(list), most)] {
		parts = append(parts, number(item))
	}
	if len(list) > most {
		parts = append(parts, fmt.Sprintf("… (%d in all)", len(list)))
	}
	return strings.Join(parts, ", ")
}

func listOf(result map[string]any, field string) []any {
	list, _ := result[field].([]any)
	return list
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// tell says in a sentence what a tool found.
func tell(name string, result map[string]any) string {
	switch name {
	case catalog.Forecast:
		values := listOf(result, "forecast")
		text := fmt.Sprintf("Forecast of the next %d: %s", len(values), numbersOf(result["forecast"], 31))
		if model, ok := result["model"].(string); ok {
			text += " (model " + model + ")"
		}
		return text + "."
	case catalog.ForecastRevenue:
		parts := []string{}
		predictions := catalog.Objects(result["predictions"])
		for _, p := range predictions[:min(len(predictions), 31)] {
			parts = append(parts, fmt.Sprintf("%v %s", p["date"], number(p["predicted_revenue"])))
		}
		return fmt.Sprintf("Forecast of the next %d: %s; %s in total.", len(predictions), strings.Join(parts, ", "), number(result["total_predicted"]))
	case catalog.DetectAnomalies:
		return tellAnomalies(result)
	case catalog.FindOutliers:
		return tellOutliers(result)
	case catalog.Sentiment:
		return tellSentiment(result)
	case catalog.Recommend:
		return tellRecommendations(result)
	case catalog.Churn:
		return tellChurn(result)
	case catalog.Schedule:
		return tellSchedule(result)
	case catalog.Calculate:
		return fmt.Sprintf("%s = %s.", result["expression"], exact(result["value"]))
	case catalog.Describe:
		return fmt.Sprintf("Statistics of %s values: mean %s, median %s, minimum %s, maximum %s, sum %s, standard deviation %s, trend %s a step.",
			number(result["count"]), number(result["mean"]), number(result["median"]), number(result["min"]), number(result["max"]),
			number(result["sum"]), number(result["std"]), number(result["slope"]))
	case catalog.Compare:
		return tellComparison(result)
	case catalog.RemoveAnomalies:
		return fmt.Sprintf("Replaced %s by the line between their neighbours.", plural(whole(result["replaced"]), "anomalous point", "anomalous points"))
	case catalog.ExtractSeries:
		return fmt.Sprintf("Took %s.", plural(len(listOf(result, "series")), "value of the column", "values of the column"))
	case catalog.RankTexts, catalog.SearchVectors:
		return tellMatches(result)
	}
	return "done."
}

// exact prints a calculated value without rounding away its digits.
func exact(v any) string {
	x, ok := v.(float64)
	if !ok {
		return "unknown"
	}
	text := strconv.FormatFloat(x, 'f', -1, 64)
	if digits := len(strings.TrimLeft(strings.ReplaceAll(text, ".", ""), "-0")); digits > 15 {
		text = strconv.FormatFloat(x, 'g', 12, 64)
	}
	return text
}

func whole(v any) int {
	x, _ := v.(float64)
	return int(x)
}

func tellAnomalies(result map[string]any) string {
	found := catalog.Objects(result["anomalies"])
	if len(found) == 0 {
		return "No unusual points."
	}
	parts := []string{}
	for _, a := range found[:min(len(found), 5)] {
		text := fmt.Sprintf("index %s (value %s", number(a["index"]), number(a["value"]))
		if _, ok := a["expected"].(float64); ok {
			text += ", expected " + number(a["expected"])
		}
		if severity, ok := a["severity"].(string); ok {
			text += ", " + severity
		}
		parts = append(parts, text+")")
	}
	more := ""
	if len(found) > 5 {
		more = fmt.Sprintf(" and %d more", len(found)-5)
	}
	return plural(len(found), "unusual point", "unusual points") + " at " + strings.Join(parts, ", ") + more + "."
}

func tellOutliers(result map[string]any) string {
	found := catalog.Objects(result["anomalies"])
	if len(found) == 0 {
		return "No outlying rows."
	}
	parts := []string{}
	for _, a := range found[:min(len(found), 5)] {
		parts = append(parts, fmt.Sprintf("row %s (score %s)", number(a["index"]), number(a["anomaly_score"])))
	}
	return plural(len(found), "outlying row", "outlying rows") + ": " + strings.Join(parts, ", ") + "."
}

func tellSentiment(result map[string]any) string {
	list := catalog.Objects(result["results"])
	counts := map[string]int{}
	parts, sum := []string{}, 0.0
	for i, r := range list {
		label, _ := r["sentiment"].(string)
		counts[label]++
		polarity, _ := r["polarity"].(float64)
		sum += polarity
		if i < 10 {
			text, _ := r["text"].(string)
			parts = append(parts, fmt.Sprintf("%.60q is %s (%s)", text, label, number(r["polarity"])))
		}
	}
	if len(list) == 0 {
		return "No text was analyzed."
	}
	return fmt.Sprintf("%s: %d positive, %d neutral, %d negative, mean polarity %s. %s.", plural(len(list), "text", "texts"),
		counts["positive"], counts["neutral"], counts["negative"], number(sum/float64(len(list))), strings.Join(parts, "; "))
}

func tellRecommendations(result map[string]any) string {
	list := catalog.Objects(result["recommendations"])
	if len(list) == 0 {
		return "No recommendations: the catalogue holds nothing to recommend to this user."
	}
	parts := []string{}
	for _, r := range list {
		id := r["item_id"]
		if id == nil {
			id = r["product_id"]
		}
		parts = append(parts, fmt.Sprintf("%v (%s)", id, number(r["score"])))
	}
	return "Recommended: " + strings.Join(parts, ", ") + "."
}

func tellChurn(result map[string]any) string {
	text := fmt.Sprintf("Churn probability %s, risk %v", number(result["churn_probability"]), result["risk_level"])
	parts := []string{}
	drivers := catalog.Objects(result["drivers"])
	for _, d := range drivers[:min(len(drivers), 3)] {
		parts = append(parts, fmt.Sprintf("%v (%s)", d["feature"], number(d["contribution"])))
	}
	if len(parts) > 0 {
		text += "; driven by " + strings.Join(parts, ", ")
	}
	return text + "."
}

func tellSchedule(result map[string]any) string {
	parts := []string{}
	list := catalog.Objects(result["assignments"])
	for _, a := range list[:min(len(list), 20)] {
		parts = append(parts, fmt.Sprintf("%v on %v from %s to %s", a["task"], a["worker"], number(a["start"]), number(a["end"])))
	}
	return fmt.Sprintf("Schedule of %s with makespan %s (lower bound %s): %s.", plural(len(list), "task", "tasks"),
		number(result["makespan"]), number(result["lower_bound"]), strings.Join(parts, "; "))
}

func tellComparison(result map[string]any) string {
	names := listOf(result, "names")
	a, b := "first", "second"
	if len(names) == 2 {
		a, b = fmt.Sprint(names[0]), fmt.Sprint(names[1])
	}
	text := fmt.Sprintf("%s has mean %s, %s has mean %s: a difference of %s", a, number(result["first_mean"]), b, number(result["second_mean"]), number(result["mean_difference"]))
	if _, ok := result["percent_change"]; ok {
		text += " (" + number(result["percent_change"]) + "%)"
	}
	if _, ok := result["correlation"]; ok {
		text += ", correlation " + number(result["correlation"])
	}
	first, one := result["first_growth_percent"].(float64)
	second, two := result["second_growth_percent"].(float64)
	if one && two {
		text += fmt.Sprintf("; from first to last value %s changed by %s%%, %s by %s%%", a, number(first), b, number(second))
	}
	return text + "."
}

func tellMatches(result map[string]any) string {
	list := catalog.Objects(result["ranking"])
	if list == nil {
		list = catalog.Objects(result["results"])
	}
	if len(list) == 0 {
		return "Nothing matches."
	}
	parts := []string{}
	for _, m := range list[:min(len(list), 5)] {
		what := m["text"]
		if what == nil {
			what = m["id"]
		}
		parts = append(parts, fmt.Sprintf("%.80v (%s)", what, number(m["score"])))
	}
	return "Best matches: " + strings.Join(parts, "; ") + "."
}

// compose says what came of each goal, in the order asked.
func (x *session) compose() string {
	var parts []string
	several := len(x.u.facts.of(kindSeries)) > 1 || len(x.u.facts.of(kindTexts)) > 1
	for _, g := range x.u.goals {
		at, ok := x.facts[g.fact]
		if !ok || at < 0 {
			parts = append(parts, fmt.Sprintf("%s could not be completed: %s.", g.tool, x.failureOf(g)))
			continue
		}
		st := x.steps[at]
		text := tell(st.operation.tool, st.result)
		if g.tool == catalog.Describe {
			text = tellAsked(g.clause, st.result) + text
		}
		switch {
		case g.tool == catalog.Forecast && isOneOf(kindSeries+":"+g.subject+clean, st.operation.needs):
			text = "Without the unusual points: " + text
		case g.of == "forecast":
			text = "Of the forecast: " + text
		case several && g.subject != "" && g.tool != catalog.Compare:
			text = g.subject + ": " + text
		}
		parts = append(parts, text)
		if later, ok := x.facts[g.fact+clean]; ok && g.tool == catalog.Forecast && later >= 0 && later != at {
			parts = append(parts, "Without the unusual points: "+tell(catalog.Forecast, x.steps[later].result))
		}
	}
	if len(x.u.unmet) > 0 {
		parts = append(parts, fmt.Sprintf("Not done, because no tool serves it: %.200s.", strings.Join(x.u.unmet, "; ")))
	}
	return strings.Join(parts, " ")
}

func (x *session) failureOf(g goal) string {
	for i := len(x.steps) - 1; i >= 0; i-- {
		if st := x.steps[i]; st.err != nil && (st.operation.tool == g.tool || i == len(x.steps)-1) {
			return spoken(st.err)
		}
	}
	for _, st := range x.steps {
		if st.err != nil {
			return spoken(st.err)
		}
	}
	return "it was not reached within the budget"
}
