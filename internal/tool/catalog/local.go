package catalog

import (
	"context"
	"fmt"
	"math"

	"github.com/omni-run/omni/internal/ml/calc"
	"github.com/omni-run/omni/internal/ml/route"
	"github.com/omni-run/omni/internal/tool"
)

// local lists the tools computed in place.
func local() []tool.Tool {
	return []tool.Tool{
		{
			Name: Calculate, Description: "Calculate an arithmetic expression exactly: sums, percentages, powers, functions.",
			Triggers: []string{"calculate", "compute", "how much is", "evaluate", "percent of", "square root", "multiply", "divide", "subtract"},
			Parameters: object([]string{"expression"}, map[string]*tool.Schema{
				"expression": text("such as 17% of 2340 or mean(sales) * 1.2", calc.MaxLength),
				"variables":  {Type: "object", Description: "named numbers or lists"},
			}),
			Gives: []string{"value"}, Cost: 1, Call: calculate,
		},
		{
			Name: Describe, Description: "Describe a series with statistics: count, mean, average, median, minimum, maximum, sum, total, standard deviation, quantiles, trend and growth.",
			Triggers: []string{"average", "mean", "median", "sum", "total", "minimum", "maximum", "min", "max", "highest", "lowest", "largest", "smallest", "standard deviation", "variance", "statistics", "statistic", "describe", "summarize the numbers", "summary statistics", "summarize this series", "summarize the series", "trend", "percentile", "quantile", "range", "growth", "add up", "add them", "sum them", "add these", "peak", "best", "worst", "distribution"},
			Parameters: object([]string{"values"}, map[string]*tool.Schema{
				"values": numbers("numbers", 1),
			}),
			Gives: []string{"mean", "median", "sum"}, Cost: 1, Call: describe,
		},
		{
			Name: Compare, Description: "Compare two series: difference of means and totals, percent change, growth of each, correlation.",
			Triggers: []string{"compare", "comparison", "versus", "vs", "difference between", "correlation", "correlate", "correlated", "which is better", "which is higher", "which is larger", "which of the two", "which series", "grew more", "grew faster", "rose more", "rose faster", "outperformed"},
			Parameters: object([]string{"first", "second"}, map[string]*tool.Schema{
				"first": numbers("first series", 1), "second": numbers("second series", 1),
				"names": {Type: "array", MaxItems: 2, Items: text("", 256)},
			}),
			Gives: []string{"mean_difference"}, Cost: 1, Call: compare,
		},
		{
			Name: RemoveAnomalies, Description: "Replace anomalous points of a series by the line between their neighbours.",
			Triggers: []string{"clean", "cleaned", "without the outliers", "without outliers", "without anomalies", "excluding outliers", "ignoring outliers", "remove outliers", "remove anomalies"},
			Parameters: object([]string{"series", "anomalies"}, map[string]*tool.Schema{
				"series":    numbers("values", 3),
				"anomalies": {Type: "array", MaxItems: MaxPoints, Description: "points with their index", Items: &tool.Schema{Type: "object", Required: []string{"index"}}},
			}),
			Gives: []string{"series"}, Cost: 1, Call: removeAnomalies,
		},
		{
			Name: ExtractSeries, Description: "Take one numeric column of a table as a series.",
			Parameters: object([]string{"rows", "column"}, map[string]*tool.Schema{
				"rows":   {Type: "array", MinItems: 1, MaxItems: MaxRows, Items: &tool.Schema{Type: "object"}},
				"column": text("which column", 256),
			}),
			Gives: []string{"series"}, Cost: 1, Call: extract,
		},
		{
			Name: RankTexts, Description: "Rank given texts by how well they match a query or question.",
			Triggers: []string{"most relevant", "best match", "matching", "which of these", "find the text", "find the document", "search for", "most similar", "closest", "relevant to"},
			Parameters: object([]string{"query", "texts"}, map[string]*tool.Schema{
				"query": text("what to look for", MaxText),
				"texts": {Type: "array", MinItems: 1, MaxItems: MaxTexts, Items: text("", MaxText)},
			}),
			Gives: []string{"ranking"}, Cost: 1, Call: rank,
		},
	}
}

func calculate(_ context.Context, _ tool.Invoke, a map[string]any) (map[string]any, error) {
	variables := map[string][]float64{}
	if given, ok := a["variables"].(map[string]any); ok {
		for name, v := range given {
			if x, ok := v.(float64); ok {
				variables[name] = []float64{x}
			} else if list, err := Floats(v); err == nil {
				variables[name] = Known(list)
			}
		}
	}
	expression := a["expression"].(string)
	x, err := calc.Eval(expression, variables)
	if err != nil {
		return nil, &tool.ArgumentError{Path: "expression", Problem: err.Error()}
	}
	return map[string]any{"expression": expression, "value": x}, nil
}

func describe(_ context.Context, _ tool.Invoke, a map[string]any) (map[string]any, error) {
	all, err := Floats(a["values"])
	if err != nil {
		return nil, &tool.ArgumentError{Path: "values", Problem: err.Error()}
	}
	x := Known(all)
	if len(x) == 0 {
		return nil, &tool.ArgumentError{Path: "values", Problem: "holds no number"}
	}
	low, high := 0, 0
	for i, v := range all {
		if math.IsNaN(v) {
			continue
		}
		if math.IsNaN(all[low]) || v < all[low] {
			low = i
		}
		if math.IsNaN(all[high]) || v > all[high] {
			high = i
		}
	}
	out := map[string]any{
		"count": float64(len(x)), "missing": float64(len(all) - len(x)),
		"mean": calc.Mean(x), "median": calc.Median(x), "min": all[low], "max": all[high], "min_index": float64(low), "max_index": float64(high),
		"sum": calc.Sum(x), "std": calc.Deviation(x), "q25": calc.Quantile(x, 0.25), "q75": calc.Quantile(x, 0.75),
		"first": x[0], "last": x[len(x)-1], "slope": Slope(x),
	}
	if g, ok := growth(x); ok {
		out["growth_percent"] = g
	}
	for name, v := range out {
		if f := v.(float64); math.IsInf(f, 0) || math.IsNaN(f) {
			delete(out, name) // sums of values near the largest float
		}
	}
	return out, nil
}

// Slope is the least-squares change per step; 0 for fewer than two values.
func Slope(x []float64) float64 {
	n := float64(len(x))
	if n < 2 {
		return 0
	}
	center, mean, up, down := (n-1)/2, calc.Mean(x), 0.0, 0.0
	for i, v := range x {
		d := float64(i) - center
		up += d * (v - mean)
		down += d * d
	}
	return up / down
}

func compare(_ context.Context, _ tool.Invoke, a map[string]any) (map[string]any, error) {
	lists := make([][]float64, 2)
	full := make([][]float64, 2)
	for i, field := range []string{"first", "second"} {
		x, err := Floats(a[field])
		if err != nil {
			return nil, &tool.ArgumentError{Path: field, Problem: err.Error()}
		}
		full[i], lists[i] = x, Known(x)
		if len(lists[i]) == 0 {
			return nil, &tool.ArgumentError{Path: field, Problem: "holds no number"}
		}
	}
	m, n := calc.Mean(lists[0]), calc.Mean(lists[1])
	out := map[string]any{
		"first_mean": m, "second_mean": n, "mean_difference": n - m,
		"first_sum": calc.Sum(lists[0]), "second_sum": calc.Sum(lists[1]),
		"first_std": calc.Deviation(lists[0]), "second_std": calc.Deviation(lists[1]),
	}
	for i, field := range []string{"first_growth_percent", "second_growth_percent"} {
		if g, ok := growth(lists[i]); ok {
			out[field] = g
		}
	}
	if m != 0 {
		out["percent_change"] = 100 * (n - m) / math.Abs(m)
	}
	if r, ok := correlation(full[0], full[1]); ok {
		out["correlation"] = r
	}
	if names, ok := a["names"]; ok {
		out["names"] = names
	}
	return out, nil
}

// growth is the change from the first to the last value in percent of the
// first; there is none of a single value or from 0.
func growth(x []float64) (float64, bool) {
	if len(x) < 2 || x[0] == 0 {
		return 0, false
	}
	g := 100 * (x[len(x)-1] - x[0]) / math.Abs(x[0])
	return g, !math.IsInf(g, 0) && !math.IsNaN(g)
}

// correlation is Pearson's, over the places where both have a value.
func correlation(a, b []float64) (float64, bool) {
	if len(a) != len(b) {
		return 0, false
	}
	var x, y []float64
	for i := range a {
		if !math.IsNaN(a[i]) && !math.IsNaN(b[i]) {
			x, y = append(x, a[i]), append(y, b[i])
		}
	}
	sx, sy := calc.Deviation(x), calc.Deviation(y)
	if len(x) < 3 || !(sx > 0 && sy > 0) {
		return 0, false
	}
	mx, my, sum := calc.Mean(x), calc.Mean(y), 0.0
	for i := range x {
		sum += (x[i] - mx) / sx * ((y[i] - my) / sy)
	}
	r := sum / float64(len(x)-1)
	return max(-1, min(1, r)), !math.IsNaN(r)
}

func removeAnomalies(_ context.Context, _ tool.Invoke, a map[string]any) (map[string]any, error) {
	series, err := Floats(a["series"])
	if err != nil {
		return nil, &tool.ArgumentError{Path: "series", Problem: err.Error()}
	}
	out := append([]float64{}, series...)
	replaced := 0
	for i, item := range Objects(a["anomalies"]) {
		at, ok := item["index"].(float64)
		if !ok || at < 0 || int(at) >= len(out) {
			return nil, &tool.ArgumentError{Path: fmt.Sprintf("anomalies[%d].index", i), Problem: "is not a place of the series"}
		}
		out[int(at)] = math.NaN()
		replaced++
	}
	if len(Known(out)) < 2 {
		return nil, &tool.ArgumentError{Path: "anomalies", Problem: "leave fewer than two values"}
	}
	Fill(out)
	return map[string]any{"series": Nullable(out), "replaced": float64(replaced)}, nil
}

func extract(_ context.Context, _ tool.Invoke, a map[string]any) (map[string]any, error) {
	column := a["column"].(string)
	rows := Objects(a["rows"])
	out := make([]float64, len(rows))
	found := false
	for i, row := range rows {
		switch v := row[column].(type) {
		case float64:
			out[i], found = v, true
		case nil:
			out[i] = math.NaN()
		default:
			return nil, &tool.ArgumentError{Path: fmt.Sprintf("rows[%d].%s", i, column), Problem: "is not a number"}
		}
	}
	if !found {
		return nil, &tool.ArgumentError{Path: "column", Problem: "holds no number"}
	}
	return map[string]any{"series": Nullable(out)}, nil
}

func rank(_ context.Context, _ tool.Invoke, a map[string]any) (map[string]any, error) {
	texts, err := Strings(a["texts"])
	if err != nil {
		return nil, &tool.ArgumentError{Path: "texts", Problem: err.Error()}
	}
	documents := make([]route.Document, len(texts))
	for i, t := range texts {
		documents[i].Description = t
	}
	ranking := []any{}
	for _, m := range route.New(documents, route.Options{}).Rank(a["query"].(string), nil) {
		if m.Words > 0 {
			ranking = append(ranking, map[string]any{"index": float64(m.Index), "score": m.Words, "text": texts[m.Index]})
		}
	}
	return map[string]any{"ranking": ranking}, nil
}
