package catalog

import "github.com/omni-run/omni/internal/tool"

// platform lists the tools that other services answer.
func platform() []tool.Tool {
	return append(seriesTools(), tool.Tool{
		Name: Sentiment, Description: "Analyze the sentiment of texts, reviews or customer feedback: positive, neutral or negative, with emotion and keywords.",
		Triggers: []string{"sentiment", "sentiments", "emotion", "emotions", "feel about", "feeling", "mood", "opinion", "tone", "positive or negative", "happy", "unhappy", "satisfied", "satisfaction"},
		Parameters: object([]string{"texts"}, map[string]*tool.Schema{
			"texts": {Type: "array", Description: "texts to analyze", MinItems: 1, MaxItems: MaxTexts, Items: text("", MaxText)},
		}),
		Gives: []string{"results"}, Cost: 3, Call: post("/sentiment/analyze", pass),
	}, tool.Tool{
		Name: Recommend, Description: "Recommend products or items to a user from what was viewed, bought and liked.",
		Triggers: []string{"recommend", "recommendation", "recommendations", "suggest products", "suggest items", "which products", "what products", "cross sell", "upsell", "you may also like"},
		Parameters: object([]string{"user_id"}, map[string]*tool.Schema{
			"user_id": text("the user to recommend to", 256),
			"context": {Type: "object", Description: "recent_views, preferences, query, exclude"},
			"limit":   whole("how many products", 1, 100),
		}),
		Gives: []string{"recommendations"}, Cost: 3, Call: post("/recommend/products", pass),
	}, tool.Tool{
		Name: Churn, Description: "Predict the probability that a user or customer churns (leaves, cancels) and what drives it.",
		Triggers: []string{"churn", "churning", "attrition", "likely to leave", "going to leave", "cancel their subscription", "cancel subscription", "retention risk", "at risk of leaving"},
		Parameters: object([]string{"user_id"}, map[string]*tool.Schema{
			"user_id": text("the user", 256),
			"context": {Type: "object", Description: "features of the user"},
		}),
		Gives: []string{"churn_probability"}, Cost: 3, Call: post("/predict/churn", pass),
	}, tool.Tool{
		Name: Schedule, Description: "Schedule tasks on workers: optimize who does what and when, for the shortest makespan, tardiness or cost.",
		Triggers: []string{"schedule", "scheduling", "assign", "assignment", "allocate", "makespan", "task plan", "plan the tasks", "plan these tasks", "distribute the tasks", "distribute tasks", "coordinate", "dispatch", "work plan", "optimize the tasks", "optimise the tasks", "these tasks", "the tasks", "all tasks", "all jobs", "these jobs", "the jobs", "allocation", "workload"},
		Parameters: object([]string{"tasks", "workers"}, map[string]*tool.Schema{
			"goal":          text("what to optimize", 2_000),
			"tasks":         {Type: "array", Description: "tasks with id, duration, priority, depends_on, skills, deadline", MinItems: 1, MaxItems: MaxTasks, Items: &tool.Schema{Type: "object", Required: []string{"id"}}},
			"workers":       {Description: "a count, or workers with id, skills, speed, capacity"},
			"objective":     {Type: "string", Enum: []string{"makespan", "weighted_tardiness", "cost"}},
			"time_limit_ms": whole("search time", 1, 60_000),
			"seed":          whole("random seed", 0, 1<<31),
		}),
		Gives: []string{"assignments"}, Cost: 5, Call: post("/swarm/coordinate", func(a map[string]any) map[string]any {
			inner := map[string]any{"tasks": keep(a["tasks"], taskFields), "workers": keep(a["workers"], workerFields)}
			if a["objective"] != nil {
				inner["objective"] = a["objective"]
			}
			body := map[string]any{"goal": "schedule the tasks", "context": inner}
			for _, field := range []string{"goal", "time_limit_ms", "seed"} {
				if a[field] != nil {
					body[field] = a[field]
				}
			}
			return body
		}),
	}, tool.Tool{
		Name: SearchVectors, Description: "Search the texts stored in the vector index for those nearest in meaning to a query.",
		Triggers: []string{"vector search", "search the index", "search our documents", "search the documents", "search the knowledge base", "look up in", "find similar documents", "semantic search", "search for"},
		Parameters: object([]string{"text"}, map[string]*tool.Schema{
			"text": text("what to look for", MaxText), "top_k": whole("how many", 1, 100),
		}),
		Gives: []string{"results"}, Cost: 2, Call: post("/vectors/query", pass),
	})
}

func seriesTools() []tool.Tool {
	return []tool.Tool{
		{
			Name: Forecast, Description: "Forecast the next values of a time series such as revenue, sales or demand, with prediction intervals.",
			Triggers: []string{"forecast", "forecasts", "forecasting", "predict the next", "project the next", "projection", "extrapolate", "next week", "next month", "next quarter", "coming days", "coming weeks", "predict revenue", "predict sales", "predict demand", "predict future", "future values", "keep growing", "keep rising", "keep falling", "continue to grow", "will revenue", "will sales", "will demand", "in the future", "next values", "outlook"},
			Parameters: object([]string{"time_series", "forecast_steps"}, map[string]*tool.Schema{
				"time_series":     numbers("past values, oldest first", 2),
				"forecast_steps":  whole("horizon: how many steps ahead", 1, MaxHorizon),
				"sequence_length": whole("how many past values the network sees at once", 1, 1_000),
				"mode":            {Type: "string", Enum: []string{"auto", "global", "local"}},
			}),
			Gives: []string{"forecast"}, Cost: 5, Call: post("/predict/revenue-lstm", func(a map[string]any) map[string]any {
				body := pass(a)
				series, _ := Floats(a["time_series"])
				if body["sequence_length"] == nil {
					body["sequence_length"] = min(10, max(2, len(series)/3))
				}
				if HasGaps(series) {
					body["impute"] = "linear"
				}
				return body
			}),
		},
		{
			Name: ForecastRevenue, Description: "Forecast revenue for coming days from dated rows of past revenue.",
			Triggers: []string{"forecast", "predict revenue", "revenue forecast"},
			Parameters: object([]string{"historical_data", "forecast_days"}, map[string]*tool.Schema{
				"historical_data": {Type: "array", MinItems: 2, MaxItems: MaxRows, Description: "rows of date and revenue", Items: object([]string{"date", "revenue"}, map[string]*tool.Schema{
					"date": text("", 64), "revenue": {Type: "number"},
				})},
				"forecast_days": whole("how many days ahead", 1, MaxHorizon),
			}),
			Gives: []string{"predictions"}, Cost: 5, Call: post("/predict/revenue", pass),
		},
		{
			Name: DetectAnomalies, Description: "Detect anomalies: unusual points, spikes, drops, outliers in a time series or metric.",
			Triggers: []string{"anomaly", "anomalies", "anomalous", "unusual", "abnormal", "spike", "spikes", "outlier", "outliers", "strange", "odd", "suspicious", "irregular", "irregularities", "out of the ordinary", "weird", "unexpected", "stand out", "stands out", "anything wrong"},
			Parameters: object([]string{"series"}, map[string]*tool.Schema{
				"series":      numbers("values in order of time", 3),
				"sensitivity": {Type: "number", Minimum: bound(0), Maximum: bound(100)},
				"period":      whole("season length", 1, 10_000),
				"mode":        {Type: "string", Enum: []string{"entire", "last", "changepoint"}},
			}),
			Gives: []string{"anomalies"}, Cost: 2, Call: post("/anomaly/detect", pass),
		},
		{
			Name: FindOutliers, Description: "Find outlying rows in a table of several features with an isolation forest.",
			Triggers: []string{"isolation forest", "outlier", "outliers", "anomaly", "anomalies", "anomalous", "unusual", "abnormal", "suspicious", "fraud", "fraudulent", "strange", "odd"},
			Parameters: object([]string{"data"}, map[string]*tool.Schema{
				"data":          {Type: "array", MinItems: 2, MaxItems: MaxRows, Description: "rows, each an object of numbers", Items: &tool.Schema{Type: "object"}},
				"contamination": {Type: "number", Minimum: bound(0.0001), Maximum: bound(0.5)},
				"seed":          whole("random seed", 0, 1<<31),
			}),
			Gives: []string{"anomalies"}, Cost: 3, Call: post("/anomaly/isolation-forest", pass),
		},
	}
}

// Fields of a task and a worker that the scheduler takes; what else a caller's
// rows hold (a name, a colour) is not its business.
var (
	taskFields   = []string{"id", "priority", "duration", "durations", "depends_on", "skills", "deadline", "release", "demand"}
	workerFields = []string{"id", "skills", "speed", "capacity", "cost"}
)

// keep reduces the objects of a list to the given fields.
func keep(v any, fields []string) any {
	list, ok := v.([]any)
	if !ok {
		return v
	}
	out := make([]any, len(list))
	for i, item := range list {
		object, ok := item.(map[string]any)
		if !ok {
			return v
		}
		kept := map[string]any{}
		for _, f := range fields {
			if x, ok := object[f]; ok {
				kept[f] = x
			}
		}
		out[i] = kept
	}
	return out
}
