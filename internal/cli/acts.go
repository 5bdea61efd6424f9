package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/client"
	"github.com/omni-run/omni/internal/cli/csvdata"
	"github.com/omni-run/omni/internal/cli/sample"
	"github.com/omni-run/omni/internal/cli/table"
)

func (d *demo) forecast(ctx context.Context) (string, error) {
	s, err := csvdata.Read(sample.Sales(), csvdata.Options{})
	if err != nil {
		return "", err
	}
	steps := 12
	a, err := d.c.Forecast(ctx, &api.ForecastRequest{TimeSeries: s.Values, Timestamps: s.Timestamps(), ForecastSteps: &steps, Level: []float64{80, 95}})
	if err != nil {
		return "", err
	}
	if a.ForecastResult == nil || len(a.Forecast) != steps {
		return "", odd("no forecast of %d steps", steps)
	}
	var b strings.Builder
	b.WriteString(forecastChart(d.app.out, s, a.ForecastResult, 14, d.ascii))
	last := len(s.Values) - 1
	fmt.Fprintf(&b, "  %d months of revenue; %s would be %s after %s in the last December\n", len(s.Values), shortDate(a.Timestamps[steps-1], true),
		table.Number(a.Forecast[steps-1]), table.Number(s.Values[last]))
	fmt.Fprintf(&b, "  model %s; back-test MASE %s, sMAPE %s\n", a.Model, table.Optional(a.Backtest.MASE), table.Optional(a.Backtest.SMAPE))
	if a.Selection.Reason != "" {
		fmt.Fprintf(&b, "  %s\n", a.Selection.Reason)
	}
	return b.String(), nil
}

func (d *demo) revenue(ctx context.Context) (string, error) {
	s, err := csvdata.Read(sample.Sales(), csvdata.Options{})
	if err != nil {
		return "", err
	}
	req := &api.RevenueRequest{ForecastDays: new(int)}
	*req.ForecastDays = 3
	for i, v := range s.Values {
		req.HistoricalData = append(req.HistoricalData, api.RevenuePoint{Date: s.DateText(s.Dates[i]), Revenue: &v})
	}
	a, err := d.c.Revenue(ctx, req)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, p := range a.Predictions {
		fmt.Fprintf(&b, "  %s  %s  (%s to %s)\n", shortDate(p.Date, true), table.Number(p.PredictedRevenue), table.Number(p.LowerBound), table.Number(p.UpperBound))
	}
	fmt.Fprintf(&b, "  together %s (%s to %s), by %s\n", table.Number(a.TotalPredicted), table.Number(a.ConfidenceInterval[0]), table.Number(a.ConfidenceInterval[1]), a.Model)
	return b.String(), nil
}

func (d *demo) backtest(ctx context.Context) (string, error) {
	s, err := csvdata.Read(sample.Sales(), csvdata.Options{})
	if err != nil {
		return "", err
	}
	horizon, windows := 6, 2
	a, err := d.c.Backtest(ctx, &api.BacktestRequest{
		TimeSeries: s.Values, Freq: s.Freq(), Horizon: &horizon, Windows: &windows, Models: []string{"seasonal_naive", "theta", "ets"},
	})
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = writeBacktest(&b, a)
	return b.String(), err
}

func (d *demo) churn(ctx context.Context) (string, error) {
	var b strings.Builder
	for _, user := range []struct{ id, context string }{
		{"a regular", `{"recency_days":9,"frequency":14,"monetary":1260,"average_order_value":90,"days_between_orders":24,"orders_last_90_days":4}`},
		{"a lapsed one", `{"recency_days":210,"frequency":2,"monetary":85,"average_order_value":42,"days_between_orders":60,"orders_last_90_days":0}`},
	} {
		var features map[string]json.RawMessage
		if err := json.Unmarshal([]byte(user.context), &features); err != nil {
			return "", err
		}
		a, err := d.c.Churn(ctx, &api.ChurnRequest{UserID: user.id, Context: features})
		if err != nil {
			return "", err
		}
		why := ""
		if len(a.Drivers) > 0 {
			why = fmt.Sprintf(", most because of %s (%+.2f)", a.Drivers[0].Feature, a.Drivers[0].Contribution)
		}
		fmt.Fprintf(&b, "  %-12s  leaves with %.0f %%: %s risk%s; by the %s\n", user.id, 100*a.ChurnProbability, a.RiskLevel, why, a.Model)
	}
	return b.String(), nil
}

func (d *demo) anomalies(ctx context.Context) (string, error) {
	s, err := csvdata.Read(sample.Metrics(), csvdata.Options{})
	if err != nil {
		return "", err
	}
	a, err := d.c.DetectAnomalies(ctx, &api.DetectRequest{Series: s.Values, Timestamps: s.Timestamps()})
	if err != nil {
		return "", err
	}
	left, right := labels(s)
	var b strings.Builder
	b.WriteString(detectChart(d.app.out, s.Values, a, left, right, 14, d.ascii))
	for _, x := range a.Anomalies {
		fmt.Fprintf(&b, "  %s  %s, expected %s: %s\n", s.DateText(s.Dates[x.Index]), table.Number(x.Value), table.Number(x.Expected), x.Severity)
	}
	fmt.Fprintf(&b, "  %d of %d points are unusual (three were planted)\n", a.Count, len(s.Values))
	return b.String(), nil
}

func (d *demo) rows(ctx context.Context) (string, error) {
	req := &api.IsolationForestRequest{Contamination: new(float64)}
	*req.Contamination = 0.18
	for _, p := range [][2]int{{10, 20}, {12, 22}, {11, 21}, {13, 23}, {100, 200}, {14, 24}, {15, 25}, {13, 22}, {200, 300}, {12, 23}, {11, 20}} {
		req.Data = append(req.Data, json.RawMessage(fmt.Sprintf(`{"x":%d,"y":%d}`, p[0], p[1])))
	}
	a, err := d.c.IsolationForest(ctx, req)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, x := range a.Anomalies {
		fmt.Fprintf(&b, "  row %d (x=%g, y=%g) scores %.3f: %s\n", x.Index, x.Data["x"], x.Data["y"], x.AnomalyScore, x.Severity)
	}
	fmt.Fprintf(&b, "  %d of %d rows stand apart\n", a.NAnomalies, a.NSamples)
	return b.String(), nil
}

// recommend brings the sample catalogue along, so that it works for any key.
func (d *demo) recommend(ctx context.Context) (string, error) {
	if _, err := d.c.PutItems(ctx, &api.RecommendItemsRequest{Items: sample.Items()}); err != nil {
		return "", err
	}
	if _, err := d.c.AddInteractions(ctx, &api.RecommendInteractionsRequest{Interactions: sample.Interactions()}); err != nil {
		return "", err
	}
	trained, err := d.c.TrainRecommender(ctx, &api.RecommendTrainRequest{})
	if err != nil {
		return "", err
	}
	limit := 3
	a, err := d.c.Recommend(ctx, &api.RecommendProductsRequest{
		UserID: "somebody-new", Context: api.RecommendContext{RecentViews: []string{"camera-1", "camera-2"}}, Limit: &limit,
	})
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "  for a stranger who looked at a lens and a tripod:\n")
	for _, r := range a.Recommendations {
		fmt.Fprintf(&b, "  %.3f  %s: %s\n", r.Score, r.Title, r.Reasoning)
	}
	fmt.Fprintf(&b, "  model %s, from %d interactions of %d people\n", a.Model, trained.Interactions, trained.Users)
	return b.String(), nil
}

func (d *demo) sentiment(ctx context.Context) (string, error) {
	texts := []string{
		"I absolutely love this lens, it is sharp and quick!",
		"The food was not good.",
		"The meeting is scheduled for Tuesday at 10 am.",
	}
	a, err := d.c.Sentiment(ctx, &api.SentimentRequest{Texts: texts})
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, r := range a.Results {
		fmt.Fprintf(&b, "  %-8s %.2f  %s\n", r.Sentiment, r.Score, r.Text)
	}
	return b.String(), nil
}

func (d *demo) vectors(ctx context.Context) (string, error) {
	if _, err := d.c.UpsertVectors(ctx, &api.VectorsUpsertRequest{Items: sample.Guides()}); err != nil {
		return "", err
	}
	question, top := "my bike squeaks since it got wet", 2
	a, err := d.c.QueryVectors(ctx, &api.VectorsQueryRequest{Text: question, TopK: &top})
	if err != nil {
		return "", err
	}
	var b strings.Builder
	fmt.Fprintf(&b, "  %q is nearest to\n", question)
	for _, r := range a.Results {
		fmt.Fprintf(&b, "  %.2f  %s\n", r.Score, r.Text)
	}
	return b.String(), nil
}

func (d *demo) plan(ctx context.Context) (string, error) {
	duration := func(v float64) *float64 { return &v }
	a, err := d.c.Coordinate(ctx, &api.SwarmRequest{Goal: "open the shop", Context: api.SwarmContext{
		Tasks: []api.SwarmTask{
			{ID: "unpack", Duration: duration(4)},
			{ID: "shelves", Duration: duration(6), Skills: []string{"tools"}},
			{ID: "stock", Duration: duration(5), DependsOn: []string{"unpack", "shelves"}},
			{ID: "till", Duration: duration(3), Skills: []string{"computers"}},
			{ID: "sign", Duration: duration(2), Skills: []string{"tools"}},
		},
		Workers: api.SwarmWorkers{List: []api.SwarmWorker{{ID: "Ada", Skills: []string{"tools"}}, {ID: "Ben", Skills: []string{"computers"}}}},
	}})
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, x := range a.Assignments {
		fmt.Fprintf(&b, "  %4g to %4g  %-4s %s\n", x.Start, x.End, x.Worker, x.Task)
	}
	proof := "not proved the shortest"
	if a.Optimal {
		proof = "proved the shortest"
	}
	fmt.Fprintf(&b, "  done at %g, %s (no plan is below %g)\n", a.Makespan, proof, a.LowerBound)
	return b.String(), nil
}

func (d *demo) agents(ctx context.Context) (string, error) {
	for _, agent := range sample.Agents() {
		if _, err := d.c.RegisterAgent(ctx, &agent); err != nil {
			return "", err
		}
	}
	rate := make([]any, 0, 33)
	for range 30 {
		rate = append(rate, 0.01)
	}
	rate = append(rate, 0.2, 0.4, 0.5)
	a, err := d.c.Observe(ctx, &api.AgentObserveRequest{
		Observation: map[string]any{"event": "error_burst", "service": "checkout", "error": "timeout connecting to db", "error_rate": rate},
		AgentRoles:  []string{"healer", "monitor"},
	})
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, r := range a.Results {
		fmt.Fprintf(&b, "  %s: %s (%.0f %%); %s\n", r.AgentID, r.Hypothesis.Type, 100*r.Hypothesis.Confidence, did(r.Actions))
	}
	return b.String(), nil
}

func did(actions []api.AgentAction) string {
	var out []string
	for _, x := range actions {
		out = append(out, x.Type+" "+x.Status)
	}
	if len(out) == 0 {
		return "did nothing"
	}
	return strings.Join(out, ", ")
}

func (d *demo) reason(ctx context.Context) (string, error) {
	series := make([]float64, 60)
	for i := range series {
		series[i] = 100 + 2*float64(i)
		if i%7 == 0 {
			series[i] += 5
		}
	}
	a, err := d.c.Reason(ctx, &api.ReasonRequest{
		Problem:         "Forecast the next 7 days of this revenue series and tell me whether anything in it is unusual",
		Context:         map[string]any{"series": series, "horizon": 7},
		ReasoningMethod: "chain_of_thought",
	})
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, s := range a.Plan.Steps {
		fmt.Fprintf(&b, "  %s  %s\n", s.StepID, s.Action)
	}
	x := a.ExecutionResult
	fmt.Fprintf(&b, "  %d of %d steps done by the %s planner\n  %s\n", x.StepsCompleted, x.TotalSteps, a.Provider, clipLine(a.Text, 300))
	if !x.Success {
		return "", odd("the plan failed: %s", strings.Join(x.Errors, "; "))
	}
	return b.String(), nil
}

// clipLine makes one line of a text, of so many characters at most.
func clipLine(s string, most int) string {
	r := []rune(oneLine(s))
	if len(r) <= most {
		return string(r)
	}
	return string(r[:most]) + "…"
}

func (d *demo) models(ctx context.Context) (string, error) {
	a, err := d.c.Models(ctx)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for i, m := range a.Models {
		if i == 5 {
			fmt.Fprintf(&b, "  and %d more\n", len(a.Models)-i)
			break
		}
		fmt.Fprintf(&b, "  %s v%d  %s, %s\n", m.Name, m.Version, m.Kind, m.ModelStatus)
	}
	fmt.Fprintf(&b, "  %d versions; can train: %s\n", a.Count, strings.Join(a.Kinds, ", "))
	return b.String(), nil
}

func (d *demo) job(ctx context.Context) (string, error) {
	series := make(api.Values, 40)
	for i := range series {
		series[i] = 50 + 10*math.Sin(float64(i)/3)
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	accepted, err := d.c.Async(ctx, "/predict/revenue-lstm", &api.ForecastRequest{TimeSeries: series}, client.WithIdempotencyKey(client.NewIdempotencyKey()))
	if err != nil {
		return "", err
	}
	var answer api.ForecastAnswer
	if _, err := d.c.Wait(ctx, accepted.JobID, &answer); err != nil {
		return "", err
	}
	if answer.ForecastResult == nil {
		return "", odd("the job has no forecast")
	}
	return fmt.Sprintf("  job %s forecast %d steps by %s\n", accepted.JobID, len(answer.Forecast), answer.Model), nil
}

func (d *demo) usage(ctx context.Context) (string, error) {
	a, err := d.c.Usage(ctx, "", "")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("  %d requests and %d units in %s by this tenant, tier %s\n", a.Total.Requests, a.Month.UnitsUsed, a.Month.Month, a.Tier), nil
}
