package cli

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/client"
	"github.com/omni-run/omni/internal/cli/sample"
)

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
