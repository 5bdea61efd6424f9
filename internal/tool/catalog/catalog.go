// Package catalog holds Omni's own tools: each capability of the platform as
// a tool a planner, an agent or a language model can call, and the local
// computations that join them.
package catalog

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/omni-run/omni/internal/tool"
)

// Limits of what a tool takes.
const (
	MaxPoints  = 100_000
	MaxTexts   = 1_000
	MaxText    = 20_000
	MaxRows    = 20_000
	MaxTasks   = 1_000
	MaxHorizon = 1_000
)

// Names of the tools.
const (
	Forecast        = "forecast"
	ForecastRevenue = "forecast_revenue"
	DetectAnomalies = "detect_anomalies"
	FindOutliers    = "find_outliers"
	Sentiment       = "analyze_sentiment"
	Recommend       = "recommend_products"
	Schedule        = "schedule_tasks"
	Churn           = "predict_churn"
	SearchVectors   = "search_texts"
	RankTexts       = "rank_texts"
	Calculate       = "calculate"
	Describe        = "describe_series"
	Compare         = "compare_series"
	RemoveAnomalies = "remove_anomalies"
	ExtractSeries   = "extract_series"
)

// Tools returns the whole catalogue.
func Tools() []tool.Tool {
	return append(platform(), local()...)
}

func bound(x float64) *float64 { return &x }

func text(description string, longest int) *tool.Schema {
	return &tool.Schema{Type: "string", Description: description, MaxLength: longest}
}

func whole(description string, low, high float64) *tool.Schema {
	return &tool.Schema{Type: "integer", Description: description, Minimum: bound(low), Maximum: bound(high)}
}

func numbers(description string, least int) *tool.Schema {
	return &tool.Schema{
		Type: "array", Description: description, MinItems: least, MaxItems: MaxPoints,
		Items: &tool.Schema{Type: "number", Nullable: true},
	}
}

func object(required []string, properties map[string]*tool.Schema) *tool.Schema {
	return &tool.Schema{Type: "object", Closed: true, Required: required, Properties: properties}
}

// post makes a tool's function that posts body(arguments) to a path.
func post(path string, body func(arguments map[string]any) map[string]any) func(context.Context, tool.Invoke, map[string]any) (map[string]any, error) {
	return func(ctx context.Context, invoke tool.Invoke, arguments map[string]any) (map[string]any, error) {
		raw, err := invoke(ctx, "POST", path, body(arguments))
		if err != nil {
			return nil, err
		}
		var out map[string]any
		if err := json.Unmarshal(raw, &out); err != nil {
			return nil, fmt.Errorf("reading the answer of %s: %w", path, err)
		}
		for _, field := range []string{"status", "tenant_id", "request_id"} {
			delete(out, field)
		}
		return out, nil
	}
}

// pass copies the arguments as they are, series as lists in which NaN is null.
func pass(arguments map[string]any) map[string]any {
	out := make(map[string]any, len(arguments))
	for name, v := range arguments {
		if list, ok := v.([]float64); ok {
			v = Nullable(list)
		}
		out[name] = v
	}
	return out
}
