package reason_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/route"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/service/reason"
	"github.com/omni-run/omni/internal/state"
	"github.com/omni-run/omni/internal/tool/tooltest"
	"github.com/omni-run/omni/models/embed"
)

type bundle struct {
	service  *reason.Service
	platform *tooltest.Platform
	store    *state.Store
}

func setup(t *testing.T, change func(*reason.Deps)) *bundle {
	t.Helper()
	store, err := state.Open(t.Context(), filepath.Join(t.TempDir(), "state.db"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	b := &bundle{platform: &tooltest.Platform{}, store: store}
	deps := reason.Deps{Store: store, Invoker: b.platform}
	if change != nil {
		change(&deps)
	}
	b.service = reason.New(deps)
	if err := b.service.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

func withEmbedding(d *reason.Deps) {
	d.Embedder = func() (route.Embedder, error) { return embed.Default() }
}

func (b *bundle) route(path string) service.Handler {
	for _, r := range b.service.Routes() {
		if r.Path == path {
			return r.Handler
		}
	}
	return nil
}

// post sends a body through the route, as the worker's shell would.
func (b *bundle) post(t *testing.T, tenant string, body map[string]any) (*api.ReasonAnswer, *service.Call, error) {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	call := &service.Call{Tenant: tenant, RequestID: "r1", Body: raw}
	answer, err := b.route("/agi/process")(t.Context(), call)
	if err != nil {
		return nil, call, err
	}
	return answer.(*api.ReasonAnswer), call, nil
}

func (b *bundle) solve(t *testing.T, method, problem string, context map[string]any) *api.ReasonAnswer {
	t.Helper()
	a, _, err := b.post(t, "t1", map[string]any{"problem": problem, "context": context, "reasoning_method": method})
	if err != nil {
		t.Fatalf("%s: %q: %v", method, problem, err)
	}
	return a
}

func weekly() []any {
	out := make([]any, 60)
	for i := range out {
		v := 100 + 2*float64(i)
		if i%7 == 0 {
			v += 5
		}
		out[i] = v
	}
	return out
}

func actions(a *api.ReasonAnswer) string {
	var out []string
	for _, s := range a.Plan.Steps {
		out = append(out, s.Action)
	}
	return strings.Join(out, " ")
}

func TestPremisesAndOutcomesAreNotLeftUndone(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for _, problem := range []string{"A jacket costs $80 and is 25% off. What is the final price?", "Sales grew from 200 to 250. What is the growth rate?"} {
		a, call, err := b.post(t, "t1", map[string]any{"problem": problem})
		if err != nil || strings.Contains(a.Text, "Not done") || len(call.Warnings()) > 0 {
			t.Errorf("%q: %v %v", problem, a, err)
		}
	}
	for _, problem := range []string{"What is 9 percent interest like?", "A jacket is 25% off."} {
		if a, _, err := b.post(t, "t1", map[string]any{"problem": problem}); err == nil {
			t.Errorf("%q: %s", problem, a.Text)
		}
	}
}

func TestMethodsDifferAndEachSolves(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	seen := map[string]string{}
	for _, method := range reason.Methods {
		a := b.solve(t, method, "Forecast the next 7 days of this revenue series and tell me whether anything in it is unusual", map[string]any{"series": weekly(), "horizon": 7})
		e := a.ExecutionResult
		if !e.Success || e.StepsCompleted < 2 || len(e.Errors) > 0 || a.Provider != "offline" || !a.Deterministic {
			t.Errorf("%s: %+v", method, e)
		}
		if !strings.Contains(actions(a), "forecast") || !strings.Contains(actions(a), "detect_anomalies") {
			t.Errorf("%s: plan %s", method, actions(a))
		}
		if !strings.Contains(a.Text, "Forecast of the next 7: 22") || !strings.Contains(strings.ToLower(a.Text), "unusual") {
			t.Errorf("%s: answer %q", method, a.Text)
		}
		raw, _ := json.Marshal(a.Thoughts)
		for other, thoughts := range seen {
			if thoughts == string(raw) {
				t.Errorf("%s thinks what %s thinks", method, other)
			}
		}
		seen[method] = string(raw)
		again := b.solve(t, method, "Forecast the next 7 days of this revenue series and tell me whether anything in it is unusual", map[string]any{"series": weekly(), "horizon": 7})
		if raw2, _ := json.Marshal(again.Thoughts); string(raw2) != string(raw) || again.Plan.PlanID != a.Plan.PlanID {
			t.Errorf("%s is not deterministic", method)
		}
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	series := map[string]any{"series": weekly()}
	tasks := map[string]any{"tasks": []any{
		map[string]any{"id": "a", "duration": 3}, map[string]any{"id": "b", "duration": 2, "depends_on": []any{"a"}}, map[string]any{"id": "c", "duration": 4},
	}, "workers": 2}
	reviews := map[string]any{"texts": []any{"I love it, great!", "terrible and bad", "it arrived"}}
	dated := map[string]any{"data": []any{
		map[string]any{"date": "2024-01-01", "revenue": 10},
		map[string]any{"date": "2024-01-02", "revenue": 12},
		map[string]any{"date": "2024-01-03", "revenue": 14},
		map[string]any{"date": "2024-01-04", "revenue": 16},
		map[string]any{"date": "2024-01-05", "revenue": 18},
	}}
	table := []any{}
	for i := range 30 {
		table = append(table, map[string]any{"x": float64(i % 5), "y": float64(i % 3)})
	}
	table[12] = map[string]any{"x": 99.0, "y": -50.0}
	cases := map[string]struct {
		problem string
		context map[string]any
		actions string
		answer  string
	}{
		"percentage":      {"what is 17% of 2340", nil, "calculate", "397.8"},
		"sum and list":    {"Average of these numbers", map[string]any{"numbers": []any{4, 8, 15, 16, 23, 42}}, "describe_series", "mean 18"},
		"literal list":    {"What is the average of 3, 4 and 5?", nil, "describe_series", "mean 4"},
		"median literal":  {"Compute the median of 9, 1, 5", nil, "describe_series", "median 5"},
		"growth":          {"What is the percent change from 120 to 150?", nil, "calculate", "= 25"},
		"names":           {"What is price times quantity?", map[string]any{"price": 2.5, "quantity": 40}, "calculate", "= 100"},
		"schedule":        {"Optimise the schedule of these tasks", tasks, "schedule_tasks", "makespan 7"},
		"assign":          {"Assign the tasks to workers so that we finish early", tasks, "schedule_tasks", "a on w1"},
		"sentiment":       {"What is the sentiment of these reviews?", reviews, "analyze_sentiment", "1 positive, 1 neutral, 1 negative"},
		"feel":            {"How do customers feel about us?", reviews, "analyze_sentiment", "3 texts"},
		"quoted":          {`Analyze the sentiment of "I hate waiting"`, nil, "analyze_sentiment", "is negative"},
		"churn":           {"Is this user likely to churn?", map[string]any{"user_id": "u7", "days_since_last_login": 60}, "predict_churn", "risk high"},
		"churn in words":  {"What is the churn risk of customer c-42?", nil, "predict_churn", "Churn probability 0.1192"},
		"recommend":       {"Recommend 3 products for user u1", nil, "recommend_products", "No recommendations"},
		"horizon words":   {"predict the next 3 values", series, "forecast", "Forecast of the next 3: 22"},
		"two weeks":       {"Forecast sales for the next 2 weeks", series, "forecast", "Forecast of the next 14"},
		"day forecast":    {"Give me a 5-day forecast", series, "forecast", "Forecast of the next 5"},
		"total of future": {"What is the total of the forecast for the next 4 days?", series, "forecast describe_series", "Of the forecast: The sum is 894.52. Statistics of 4 values"},
		"dated rows":      {"Forecast revenue for the next 2 days", dated, "forecast_revenue", "day 1 20"},
		"outlying rows":   {"Find outliers in this table", map[string]any{"rows": table}, "find_outliers", "row 12"},
		"compare":         {"Compare north and south", map[string]any{"north": []any{1, 2, 3}, "south": []any{3, 4, 5}}, "compare_series", "a difference of 2"},
		"rank":            {`Which of these is most relevant to "reset my password"?`, map[string]any{"texts": []any{"billing page", "how to reset a password", "upgrade"}}, "rank_texts", "how to reset a password"},
		"general":         {"What can you tell me about this data?", series, "describe_series detect_anomalies", "Statistics of 60 values"},
		"mixed":           {"What is 15% of 200, and what is the sentiment of these reviews? Then forecast the next 3 days.", map[string]any{"texts": reviews["texts"], "series": weekly()}, "calculate analyze_sentiment forecast", "= 30."},
		"mixed two":       {"Summarize the series; detect anomalies and forecast the next 5", series, "describe_series detect_anomalies forecast", "Forecast of the next 5"},
		"missing value":   {"Average of the series", map[string]any{"series": []any{1, nil, 3}}, "describe_series", "Statistics of 2 values: mean 2"},
		"order of tasks":  {"Plan the best order for these tasks", tasks, "schedule_tasks", "makespan 7"},
		"happy":           {"Are my customers happy?", reviews, "analyze_sentiment", "3 texts"},
		"growing":         {"Will revenue keep growing?", map[string]any{"revenue": weekly()}, "forecast", "Forecast of the next 7"},
		"user in a word":  {"Suggest items for user_42", nil, "recommend_products", "No recommendations"},
		"profit":          {"If revenue is 1200 and costs are 800, what is the profit?", nil, "calculate", "= 400."},
		"profit, context": {"What is the profit?", map[string]any{"revenue": 1200, "costs": 800}, "calculate", "= 400."},
		"premise":         {"Sales grew from 200 to 250. What is the growth rate?", nil, "calculate", "= 25."},
		"discount":        {"A jacket costs $80 and is 25% off. What is the final price?", nil, "calculate", "= 60."},
		"steps":           {"Forecast 3 steps", series, "forecast", "Forecast of the next 3: 22"},
		"steps of a name": {"Forecast the revenue 4 days", series, "forecast", "Forecast of the next 4: 22"},
		"not wanted":      {"Do not forecast; just find anomalies", series, "detect_anomalies", "unusual"},
		"instead":         {"Describe the series instead of forecasting it", series, "describe_series", "Statistics of 60 values"},
		"highest":         {"What is the highest value?", map[string]any{"v": []any{4, 9, 2}}, "describe_series", "The maximum is 9, at index 1."},
		"add them":        {"Forecast the next 4 values and add them up", series, "forecast describe_series", "The sum is 894.52."},
		"grew more":       {"Which of the two series grew more?", map[string]any{"a": []any{1, 2, 3}, "b": []any{10, 11, 12}}, "compare_series", "a changed by 200%, b by 20%"},
		"vectors":         {`Search the knowledge base for "refund"`, nil, "search_texts", "q1"},
	}
	b, meaning := setup(t, nil), setup(t, withEmbedding)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := meaning.solve(t, "chain_of_thought", c.problem, c.context)
			if !strings.Contains(a.Text, c.answer) {
				t.Errorf("with the embedding: answer %q lacks %q", a.Text, c.answer)
			}
			for _, method := range reason.Methods {
				a := b.solve(t, method, c.problem, c.context)
				if !a.ExecutionResult.Success {
					t.Fatalf("%s: %+v", method, a.ExecutionResult)
				}
				for _, want := range strings.Fields(c.actions) {
					if !strings.Contains(actions(a), want) {
						t.Errorf("%s: plan %q lacks %s", method, actions(a), want)
					}
				}
				if method == "chain_of_thought" && len(strings.Fields(actions(a))) != len(strings.Fields(c.actions)) {
					t.Errorf("plan %q, want %q", actions(a), c.actions)
				}
				if !strings.Contains(a.Text, c.answer) {
					t.Errorf("%s: answer %q lacks %q", method, a.Text, c.answer)
				}
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	both := []*bundle{setup(t, nil), setup(t, withEmbedding)}
	nested := any(1)
	for range 30 {
		nested = map[string]any{"x": nested}
	}
	for name, c := range map[string]struct {
		body map[string]any
		code string
		at   string
	}{
		"method":         {map[string]any{"problem": "x", "reasoning_method": "telepathy"}, "unknown_method", "reasoning_method"},
		"empty":          {map[string]any{"problem": " \n"}, "empty_problem", "problem"},
		"long":           {map[string]any{"problem": strings.Repeat("forecast ", 2000)}, "problem_too_long", "problem"},
		"deep":           {map[string]any{"problem": "forecast", "context": map[string]any{"x": nested}}, "context_too_deep", "context"},
		"budget":         {map[string]any{"problem": "forecast", "budget": map[string]any{"max_steps": 1000}}, "budget_out_of_range", "budget.max_steps"},
		"poem":           {map[string]any{"problem": "Write a poem about forecasting"}, "needs_llm", "problem"},
		"knowledge":      {map[string]any{"problem": "Who was the first king of Spain?"}, "needs_llm", "problem"},
		"capital":        {map[string]any{"problem": "What is the capital of France?"}, "needs_llm", "problem"},
		"trivia + data":  {map[string]any{"problem": "Who won the world cup in 1998?", "context": map[string]any{"series": weekly(), "texts": []any{"a b c"}, "user_id": "u"}}, "needs_llm", "problem"},
		"essay + data":   {map[string]any{"problem": "Write an essay about the French revolution", "context": map[string]any{"series": weekly()}}, "needs_llm", "problem"},
		"cooking + data": {map[string]any{"problem": "How do I cook rice?", "context": map[string]any{"texts": []any{"a"}, "tasks": []any{map[string]any{"id": "a"}}, "workers": 1}}, "needs_llm", "problem"},
		"strategy":       {map[string]any{"problem": "How can we increase revenue by entering the Asian market?", "context": map[string]any{"current_revenue": 100000}}, "needs_llm", "problem"},
		"meaning":        {map[string]any{"problem": "What is the meaning of life?"}, "needs_llm", "problem"},
		"article":        {map[string]any{"problem": "Summarize this article", "context": map[string]any{"text": "Cats sleep a lot."}}, "needs_llm", "problem"},
		"chat":           {map[string]any{"problem": "hello"}, "needs_llm", "problem"},
		"no series":      {map[string]any{"problem": "Forecast the next 7 days"}, "missing_input", "context.series"},
		"no texts":       {map[string]any{"problem": "What is the sentiment?"}, "missing_input", "context.texts"},
		"no tasks":       {map[string]any{"problem": "Schedule the work"}, "missing_input", "context.tasks"},
		"no user":        {map[string]any{"problem": "Recommend something"}, "missing_input", "context.user_id"},
		"no other":       {map[string]any{"problem": "Compare them", "context": map[string]any{"a": []any{1, 2}}}, "missing_input", "context"},
		"empty series":   {map[string]any{"problem": "Forecast it", "context": map[string]any{"series": []any{}}}, "missing_input", "context.series"},
		"short series":   {map[string]any{"problem": "Forecast it", "context": map[string]any{"series": []any{1}}}, "unusable_input", "context.series"},
		"horizon":        {map[string]any{"problem": "Forecast it", "context": map[string]any{"series": weekly(), "horizon": 1e9}}, "horizon_out_of_range", "horizon"},
		"zero horizon":   {map[string]any{"problem": "Forecast it", "context": map[string]any{"series": weekly(), "horizon": 0}}, "horizon_out_of_range", "horizon"},
		"task no id":     {map[string]any{"problem": "Schedule the tasks", "context": map[string]any{"tasks": []any{map[string]any{"duration": 1}}, "workers": 1}}, "unusable_input", "context.tasks[0].id"},
		"too many aims":  {map[string]any{"problem": manySums()}, "too_many_goals", "problem"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, b := range both {
				_, _, err := b.post(t, "t1", c.body)
				var known *api.Error
				if !errors.As(err, &known) || known.Code != c.code || known.HTTP != 422 {
					t.Fatalf("got %v, want %s", err, c.code)
				}
				if len(known.Details) == 0 || known.Details[0].Field != c.at {
					t.Fatalf("details %+v, want field %s", known.Details, c.at)
				}
			}
		})
	}
}

func manySums() string {
	var out strings.Builder
	for i := range 20 {
		out.WriteString("What is " + strings.Repeat("1", i+1) + " plus 1? ")
	}
	return out.String()
}

func TestReactLooksAgainAfterAnAnomaly(t *testing.T) {
	t.Parallel()
	series := weekly()
	series[40] = 900.0
	b := setup(t, nil)
	a := b.solve(t, "react", "Forecast the next 7 days. Is anything unusual?", map[string]any{"series": series})
	if got := actions(a); got != "forecast detect_anomalies remove_anomalies forecast" {
		t.Fatalf("actions %q", got)
	}
	if !strings.Contains(a.Text, "index 40") || !strings.Contains(a.Text, "Without the unusual points: Forecast of the next 7: 22") {
		t.Fatalf("answer %q", a.Text)
	}
}

func TestTreePrunesTheWorse(t *testing.T) {
	t.Parallel()
	series := weekly()
	series[57] = 2000.0
	b := setup(t, nil)
	a := b.solve(t, "tree_of_thought", "Forecast the next 2 days", map[string]any{"series": series})
	if !strings.Contains(actions(a), "remove_anomalies") || !a.ExecutionResult.Success {
		t.Fatalf("the tree runs %q although cleaning tests better", actions(a))
	}
	pruned, nodes := 0, map[string]bool{}
	for _, th := range a.Thoughts {
		if th.Pruned {
			pruned++
		}
		if th.Kind == "candidate" {
			if th.Score == nil || nodes[th.Node] {
				t.Errorf("candidate %+v", th)
			}
			nodes[th.Node] = true
		}
	}
	if len(nodes) < 2 || pruned != len(nodes)-1 {
		t.Fatalf("%d candidates, %d pruned", len(nodes), pruned)
	}
}

func TestReflexionRetriesAnImplausibleForecast(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	first := true
	b.platform.Before = func(_ context.Context, _ *service.Call, path string, body map[string]any) error {
		if path == "/predict/revenue-lstm" && first {
			first = false
			series := body["time_series"].([]any)
			for i := range series {
				series[i] = 1e6 + float64(i) // a model that went astray
			}
		}
		return nil
	}
	a := b.solve(t, "reflexion", "Forecast the next 3 days", map[string]any{"series": weekly()})
	if !strings.Contains(a.Text, "Forecast of the next 3: 22") {
		t.Fatalf("answer %q", a.Text)
	}
	attempts := 0
	for _, th := range a.Thoughts {
		if th.Kind == "attempt" {
			attempts++
		}
	}
	if attempts != 2 {
		t.Fatalf("%d attempts", attempts)
	}
}

func TestFailuresAreTold(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.platform.Before = func(_ context.Context, _ *service.Call, path string, _ map[string]any) error {
		if path == "/anomaly/detect" {
			return errors.New("secret host db-7 is down")
		}
		return nil
	}
	a := b.solve(t, "chain_of_thought", "Forecast the next 3 days and find anomalies", map[string]any{"series": weekly()})
	e := a.ExecutionResult
	if e.Success || e.StepsCompleted != 1 || len(e.Errors) != 1 {
		t.Fatalf("%+v", e)
	}
	raw, _ := json.Marshal(a)
	if strings.Contains(string(raw), "db-7") {
		t.Fatal("an internal error reaches the caller")
	}
	if !strings.Contains(a.Text, "Forecast of the next 3") || !strings.Contains(a.Text, "could not be completed") {
		t.Fatalf("answer %q", a.Text)
	}
}

func TestBudgetOfSteps(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	a, _, err := b.post(t, "t1", map[string]any{"problem": "Forecast the next 3 days and find anomalies", "context": map[string]any{"series": weekly()}, "budget": map[string]any{"max_steps": 1}})
	if err != nil {
		t.Fatal(err)
	}
	if a.StoppedBy != "max_steps" || a.ExecutionResult.Success || a.ExecutionResult.StepsCompleted != 1 {
		t.Fatalf("%s %+v", a.StoppedBy, a.ExecutionResult)
	}
}

func TestPartsNoToolServesAreNamed(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	a, call, err := b.post(t, "t1", map[string]any{"problem": "Forecast the next 3 days and write a poem about it", "context": map[string]any{"series": weekly()}})
	if err != nil || !strings.Contains(a.Text, "write a poem") || len(call.Warnings()) != 1 {
		t.Fatalf("%v %v %v", a, call.Warnings(), err)
	}
}

func TestHistorySurvivesAndIsPerTenant(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	for range 3 {
		b.solve(t, "react", "what is 2 + 2", nil)
	}
	fresh := reason.New(reason.Deps{Store: b.store, Invoker: b.platform})
	for _, path := range []string{"/agi/reasoning/history", "/agi/execution/history"} {
		for _, r := range fresh.Routes() {
			if r.Path != path {
				continue
			}
			got, err := r.Handler(t.Context(), &service.Call{Tenant: "t1", Query: url.Values{"limit": {"2"}}})
			if err != nil {
				t.Fatal(err)
			}
			h := got.(*api.HistoryAnswer)
			if h.NTotal != 3 || len(h.History) != 2 || !strings.Contains(string(h.History[0]), "what is 2 + 2") {
				t.Fatalf("%s: %+v", path, h)
			}
			other, err := r.Handler(t.Context(), &service.Call{Tenant: "t2"})
			if err != nil || other.(*api.HistoryAnswer).NTotal != 0 {
				t.Fatalf("another tenant sees %+v (%v)", other, err)
			}
			for _, limit := range []string{"0", "x", "-1", "99999999"} {
				if _, err := r.Handler(t.Context(), &service.Call{Tenant: "t1", Query: url.Values{"limit": {limit}}}); err == nil {
					t.Errorf("limit %s was taken", limit)
				}
			}
		}
	}
}

func TestToolsRunForTheTenantOfTheCall(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	if _, _, err := b.post(t, "t9", map[string]any{"problem": "Forecast 3 steps", "context": map[string]any{"series": weekly()}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range b.platform.Calls() {
		if !strings.HasPrefix(c, "t9 ") {
			t.Fatalf("called as %s", c)
		}
	}
}

func FuzzProcess(f *testing.F) {
	f.Add("Forecast the next 7 days and find anomalies", `{"series":[1,2,3,4,5,6,7,8]}`)
	f.Add("what is 3, 4 and 5% of 7", `{"price":1e300}`)
	f.Add("Compare a and b; recommend for user u1, 'quoted \"text'", `{"a":[null,1],"b":[[1]],"user_id":7,"tasks":[{"id":1}],"workers":[]}`)
	f.Add("average in the next month", `{"rows":[{"date":"x","revenue":1},{"revenue":null}],"freq":""}`)
	store, err := state.Open(context.Background(), filepath.Join(f.TempDir(), "state.db"), time.Now)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = store.Close() })
	s := reason.New(reason.Deps{Store: store, Invoker: &tooltest.Platform{}})
	if err := s.Load(context.Background()); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, problem, given string) {
		for i, method := range reason.Methods {
			if (len(problem)+i)%len(reason.Methods) != 0 {
				continue
			}
			var context any
			if json.Unmarshal([]byte(given), &context) != nil {
				return
			}
			raw, err := json.Marshal(map[string]any{"problem": problem, "context": context, "reasoning_method": method})
			if err != nil {
				return
			}
			answer, err := s.Routes()[0].Handler(t.Context(), &service.Call{Tenant: "t", Body: raw})
			var known *api.Error
			if err != nil && !errors.As(err, &known) {
				t.Fatalf("an internal error: %v", err)
			}
			if err == nil {
				if _, err := json.Marshal(answer); err != nil {
					t.Fatalf("the answer cannot be written: %v", err)
				}
			}
		}
	})
}
