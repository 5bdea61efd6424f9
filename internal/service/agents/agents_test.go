package agents_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/service/agents"
	"github.com/omni-run/omni/internal/state"
	"github.com/omni-run/omni/internal/tool/tooltest"
)

type bundle struct {
	service  *agents.Service
	platform *tooltest.Platform
	store    *state.Store
}

func setup(t testing.TB) *bundle {
	t.Helper()
	store, err := state.Open(context.Background(), filepath.Join(t.TempDir(), "state.db"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	b := &bundle{platform: &tooltest.Platform{}, store: store}
	b.service = agents.New(agents.Deps{Store: store, Invoker: b.platform})
	return b
}

func (b *bundle) call(t testing.TB, tenant, method, path string, wildcards map[string]string, body any) (any, *service.Call, error) {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	call := &service.Call{Tenant: tenant, RequestID: "r", Body: raw, Path: wildcards}
	for _, r := range b.service.Routes() {
		if r.Method == method && r.Path == path {
			answer, err := r.Handler(t.Context(), call)
			return answer, call, err
		}
	}
	t.Fatalf("no route %s %s", method, path)
	return nil, nil, nil
}

func (b *bundle) register(t testing.TB, tenant, id, role string) {
	t.Helper()
	if _, _, err := b.call(t, tenant, "POST", "/agents/register", nil, map[string]any{"agent_id": id, "role": role, "capabilities": []string{"x"}}); err != nil {
		t.Fatal(err)
	}
}

// observe has one agent of the role look at an observation.
func (b *bundle) observe(t testing.TB, tenant, role string, observation map[string]any) api.AgentResult {
	t.Helper()
	got, _, err := b.call(t, tenant, "POST", "/agents/observe", nil, map[string]any{"observation": observation, "agent_roles": []string{role}})
	if err != nil {
		t.Fatal(err)
	}
	a := got.(*api.AgentObserveAnswer)
	if a.NAgents != 1 || len(a.Results) != 1 {
		t.Fatalf("%+v", a)
	}
	r := a.Results[0]
	if r.Hypothesis.Confidence < 0 || r.Hypothesis.Confidence > 0.99 || r.Hypothesis.Evidence == nil || r.Actions == nil {
		t.Fatalf("%+v", r)
	}
	return r
}

func (b *bundle) status(t testing.TB, tenant string) map[string]api.AgentStatus {
	t.Helper()
	got, _, err := b.call(t, tenant, "GET", "/agents/status", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]api.AgentStatus{}
	for _, a := range got.(*api.AgentStatusAnswer).Agents {
		out[a.AgentID] = a
	}
	return out
}

func action(r api.AgentResult, kind string) *api.AgentAction {
	for i := range r.Actions {
		if r.Actions[i].Type == kind {
			return &r.Actions[i]
		}
	}
	return nil
}

func errorRate() []any {
	out := []any{}
	for range 30 {
		out = append(out, 0.01)
	}
	return append(out, 0.2, 0.4, 0.5)
}

func outage() map[string]any {
	return map[string]any{"event": "error_burst", "service": "checkout", "error": "timeout connecting to db", "error_rate": errorRate()}
}

func TestHealerDiagnosesAnErrorBurst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register(t, "t1", "h1", "healer")
	r := b.observe(t, "t1", "healer", outage())
	if r.Hypothesis.Type != "timeout" || r.Hypothesis.Confidence < 0.7 || !strings.Contains(r.Hypothesis.Explanation, "checkout") {
		t.Fatalf("%+v", r.Hypothesis)
	}
	d := action(r, "diagnose")
	if d == nil || d.Status != "succeeded" {
		t.Fatalf("%+v", r.Actions)
	}
	metrics := d.Result["metrics"].([]any)
	if len(metrics) != 1 || metrics[0].(map[string]any)["onset_index"] != 30.0 || metrics[0].(map[string]any)["peak"] != 0.5 {
		t.Fatalf("%+v", metrics)
	}
	if p := action(r, "propose_runbook"); p == nil || len(p.Result["steps"].([]any)) < 3 {
		t.Fatalf("%+v", r.Actions)
	}
	if n, err := b.store.CountEvents(t.Context(), "t1", "agents.incidents"); err != nil || n != 1 || action(r, "open_incident").Status != "succeeded" {
		t.Fatalf("%d incidents (%v)", n, err)
	}
	again := b.observe(t, "t1", "healer", outage())
	if again.Hypothesis.Confidence <= r.Hypothesis.Confidence || action(again, "diagnose").Result["similar_episodes"] != 1.0 {
		t.Fatalf("the past episode does not count: %+v", again.Hypothesis)
	}
	for _, c := range b.platform.Calls() {
		if c != "t1 /anomaly/detect" {
			t.Errorf("called %s", c)
		}
	}
}

func TestHealerTellsCausesApart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register(t, "t1", "h1", "healer")
	for text, want := range map[string]string{
		"dial tcp 10.0.0.1:5432: connect: connection refused":        "connection_refused",
		"FATAL: sorry, too many clients already":                     "pool_exhausted",
		"container killed: OOMKilled":                                "out_of_memory",
		"write /var/log/x: no space left on device":                  "disk_full",
		"x509: certificate has expired":                              "certificate",
		"lookup api.example: no such host":                           "name_resolution",
		"401 Unauthorized: invalid token":                            "authentication",
		"429 too many requests":                                      "rate_limited",
		"upstream answered 502 Bad Gateway":                          "upstream_error",
		"panic: runtime error: nil pointer dereference after deploy": "regression",
		"context deadline exceeded":                                  "timeout",
		"ERROR: deadlock detected":                                   "lock_contention",
	} {
		r := b.observe(t, "t1", "healer", map[string]any{"deep": map[string]any{"log": []any{text, map[string]any{"n": 1}}}})
		if r.Hypothesis.Type != want {
			t.Errorf("%q: %s, want %s", text, r.Hypothesis.Type, want)
		}
	}
}

func TestHealerCorrelatesWithAChange(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register(t, "t1", "h1", "healer")
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	times := []any{}
	for i := range 33 {
		times = append(times, start.Add(time.Duration(i)*time.Minute).Format(time.RFC3339))
	}
	r := b.observe(t, "t1", "healer", map[string]any{"error_rate": errorRate(), "timestamps": times, "deployed_at": start.Add(28 * time.Minute).Format(time.RFC3339)})
	if r.Hypothesis.Type != "regression" || action(r, "diagnose").Result["change"] != "deployed_at" {
		t.Fatalf("%+v", r)
	}
	event := map[string]any{"type": "deploy", "at": start.Add(29 * time.Minute).Format(time.RFC3339)}
	told := b.observe(t, "t1", "healer", map[string]any{"error_rate": errorRate(), "timestamps": times, "events": []any{event}})
	if told.Hypothesis.Type != "regression" || action(told, "diagnose").Result["change"] != "events.0.at" {
		t.Fatalf("%+v", told)
	}
	later := b.observe(t, "t1", "healer", map[string]any{"error_rate": errorRate(), "timestamps": times, "deployed_at": start.Add(32 * time.Minute).Format(time.RFC3339)})
	if later.Hypothesis.Type != "anomalous_metrics" {
		t.Fatalf("a change after the onset is blamed: %+v", later.Hypothesis)
	}
}

func TestNothingRecognised(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, role := range agents.Roles {
		b.register(t, "t1", role, role)
		for _, o := range []map[string]any{{}, {"note": "lovely weather"}, {"a": nil, "b": true, "c": []any{}}} {
			r := b.observe(t, "t1", role, o)
			if r.Hypothesis.Type != "insufficient_evidence" || r.Hypothesis.Confidence > 0.1 || len(r.Actions) != 0 {
				t.Errorf("%s: %+v", role, r)
			}
		}
	}
}

func TestMonitorJudgesByLearnedBaselines(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register(t, "t1", "m", "monitor")
	for i := range 20 {
		b.observe(t, "t1", "monitor", map[string]any{"cpu": 50 + float64(i%3)})
	}
	if r := b.observe(t, "t1", "monitor", map[string]any{"cpu": 51}); r.Hypothesis.Type != "normal" {
		t.Fatalf("%+v", r)
	}
	if r := b.observe(t, "t1", "monitor", map[string]any{"cpu": 95}); r.Hypothesis.Type != "anomaly" || r.Hypothesis.Confidence < 0.9 {
		t.Fatalf("%+v", r)
	}
	fresh := &bundle{service: agents.New(agents.Deps{Store: b.store, Invoker: b.platform}), platform: b.platform, store: b.store}
	if r := fresh.observe(t, "t1", "monitor", map[string]any{"cpu": 99}); r.Hypothesis.Type != "anomaly" {
		t.Fatalf("baselines do not survive a restart: %+v", r)
	}
}

func TestMonitorForecastsTheBreach(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register(t, "t1", "m", "monitor")
	disk := []any{}
	for i := range 20 {
		disk = append(disk, 50+float64(i)) // 69 now, 80 in 11 steps
	}
	r := b.observe(t, "t1", "monitor", map[string]any{"disk": disk, "thresholds": map[string]any{"disk": 80}})
	a := action(r, "forecast_breach")
	if r.Hypothesis.Type != "threshold_breach" || a == nil || a.Result["steps"] != 11.0 {
		t.Fatalf("%+v", r)
	}
	if r := b.observe(t, "t1", "monitor", map[string]any{"disk": disk, "disk_threshold": 60}); action(r, "forecast_breach").Result["breached"] != true {
		t.Fatalf("%+v", r)
	}
}

func TestOptimizerFindsTheBottleneck(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register(t, "t1", "o", "optimizer")
	r := b.observe(t, "t1", "optimizer", map[string]any{
		"web":      map[string]any{"cpu": 0.3, "queue_length": 1},
		"database": map[string]any{"cpu_utilization": 92, "queue_length": 40, "throughput": 100, "latency_ms": 400},
	})
	if r.Hypothesis.Type != "bottleneck" || !strings.Contains(r.Hypothesis.Explanation, "database") || r.Hypothesis.Confidence < 0.7 {
		t.Fatalf("%+v", r.Hypothesis)
	}
	top := action(r, "rank_components").Result["components"].([]any)[0].(map[string]any)
	// Little: 100 a second for 0.4 s is 40 in the system.
	if math.Abs(top["in_system_by_littles_law"].(float64)-40) > 1e-9 {
		t.Fatalf("%+v", top)
	}
	// M/M/1: (1-0.92)/(1-0.46)/2.
	if got := action(r, "what_if").Result["time_in_system_ratio"].(float64); math.Abs(got-0.5*0.08/0.54) > 1e-9 {
		t.Fatalf("what-if %v", got)
	}
	s := b.observe(t, "t1", "optimizer", map[string]any{"tasks": []any{map[string]any{"id": "a", "duration": 2}, map[string]any{"id": "b", "duration": 2}}, "workers": 2})
	if s.Hypothesis.Type != "schedule" || action(s, "schedule_tasks").Result["makespan"] != 2.0 {
		t.Fatalf("%+v", s)
	}
}

func TestLearnerReportsDrift(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register(t, "t1", "l", "learner")
	for i := range 30 {
		if r := b.observe(t, "t1", "learner", map[string]any{"latency": 100 + float64(i%5)}); r.Hypothesis.Type != "baseline_updated" {
			t.Fatalf("observation %d: %+v", i, r.Hypothesis)
		}
	}
	r := b.observe(t, "t1", "learner", map[string]any{"latency": 150})
	if r.Hypothesis.Type != "drift" || action(r, "report_drift") == nil {
		t.Fatalf("%+v", r)
	}
	if u := action(r, "update_baseline"); u.Result["n"] != 31.0 {
		t.Fatalf("%+v", u)
	}
}

func TestBuilderDraftsAValidPipeline(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register(t, "t1", "b", "builder")
	r := b.observe(t, "t1", "builder", map[string]any{"goal": "forecast it", "revenue": []any{1, 2, 3, 4, 5}})
	steps := action(r, "draft_pipeline").Result["steps"].([]any)
	var tools []string
	for _, s := range steps {
		tools = append(tools, s.(map[string]any)["tool"].(string))
	}
	if r.Hypothesis.Type != "pipeline_drafted" || fmt.Sprint(tools) != "[detect_anomalies remove_anomalies forecast]" || action(r, "validate_pipeline").Status != "succeeded" {
		t.Fatalf("%v %+v", tools, r.Hypothesis)
	}
	if r := b.observe(t, "t1", "builder", map[string]any{"goal": "sentiment", "revenue": []any{1, 2, 3}}); r.Hypothesis.Type != "pipeline_impossible" {
		t.Fatalf("%+v", r)
	}
}

func TestAFailingServiceIsToldNotHidden(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register(t, "t1", "h", "healer")
	b.platform.Before = func(context.Context, *service.Call, string, map[string]any) error { return errors.New("host db-7") }
	r := b.observe(t, "t1", "healer", outage())
	d := action(r, "detect_anomalies")
	if d.Status != "failed" || strings.Contains(d.Reason, "db-7") || r.Hypothesis.Type != "timeout" {
		t.Fatalf("%+v", r)
	}
}

func TestStatusCountsAreTrueAndPerTenant(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register(t, "t1", "h", "healer")
	b.register(t, "t2", "h", "healer")
	for range 25 {
		b.observe(t, "t1", "healer", outage())
	}
	b.observe(t, "t1", "healer", map[string]any{})
	got := b.status(t, "t1")["h"]
	if got.NTasks != 26 || got.NShortTermMemories != agents.MaxShortTerm || got.NEpisodicMemories != 25 || !got.IsActive || got.Role != "healer" {
		t.Fatalf("%+v", got)
	}
	if other := b.status(t, "t2")["h"]; other.NTasks != 0 || other.NEpisodicMemories != 0 {
		t.Fatalf("%+v", other)
	}
	b.register(t, "t1", "h", "monitor")
	if got := b.status(t, "t1")["h"]; got.Role != "monitor" || got.NTasks != 26 {
		t.Fatalf("registering again: %+v", got)
	}
	if _, _, err := b.call(t, "t1", "DELETE", "/agents/{agent_id}", map[string]string{"agent_id": "h"}, nil); err != nil {
		t.Fatal(err)
	}
	if len(b.status(t, "t1")) != 0 || len(b.status(t, "t2")) != 1 {
		t.Fatal("the wrong agent left")
	}
	var known *api.Error
	if _, _, err := b.call(t, "t1", "POST", "/agents/{agent_id}/deregister", map[string]string{"agent_id": "h"}, nil); !errors.As(err, &known) || known.HTTP != 404 {
		t.Fatalf("got %v", err)
	}
	b.register(t, "t1", "h", "healer")
	if got := b.status(t, "t1")["h"]; got.NEpisodicMemories != 0 {
		t.Fatalf("a new agent has old memories: %+v", got)
	}
}

func TestConcurrentObservationsLoseNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register(t, "t1", "h", "healer")
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() { b.observe(t, "t1", "healer", map[string]any{"error": "timeout"}) })
	}
	wait.Wait()
	if got := b.status(t, "t1")["h"]; got.NTasks != 8 || got.NEpisodicMemories != 8 {
		t.Fatalf("%+v", got)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register(t, "t1", "h", "healer")
	nested := any(1)
	for range 40 {
		nested = []any{nested, "x"}
	}
	wide := map[string]any{}
	for i := range 600 {
		wide[fmt.Sprint("m", i)] = i
	}
	for name, c := range map[string]struct {
		path string
		body map[string]any
		code string
	}{
		"role":            {"/agents/register", map[string]any{"agent_id": "x", "role": "wizard"}, "unknown_role"},
		"no id":           {"/agents/register", map[string]any{"role": "healer"}, "bad_agent_id"},
		"odd id":          {"/agents/register", map[string]any{"agent_id": "a/b", "role": "healer"}, "bad_agent_id"},
		"long id":         {"/agents/register", map[string]any{"agent_id": strings.Repeat("a", 200), "role": "healer"}, "bad_agent_id"},
		"capabilities":    {"/agents/register", map[string]any{"agent_id": "x", "role": "healer", "capabilities": make([]string, 60)}, "too_many_capabilities"},
		"capability":      {"/agents/register", map[string]any{"agent_id": "x", "role": "healer", "capabilities": []string{"a", ""}}, "bad_capability"},
		"filter":          {"/agents/observe", map[string]any{"observation": map[string]any{}, "agent_roles": []string{"healer", "wizard"}}, "unknown_role"},
		"no observation":  {"/agents/observe", map[string]any{}, "missing_observation"},
		"list":            {"/agents/observe", map[string]any{"observation": []any{1}}, "wrong_type"},
		"deep":            {"/agents/observe", map[string]any{"observation": map[string]any{"x": nested}}, "observation_too_deep"},
		"many metrics":    {"/agents/observe", map[string]any{"observation": wide}, "too_many_metrics"},
		"long text":       {"/agents/observe", map[string]any{"observation": map[string]any{"x": strings.Repeat("a", 30_000)}}, "text_too_long"},
		"long key":        {"/agents/observe", map[string]any{"observation": map[string]any{strings.Repeat("a", 300): 1}}, "key_too_long"},
		"unknown field":   {"/agents/observe", map[string]any{"observation": map[string]any{}, "x": 1}, "unknown_field"},
		"role of a robot": {"/agents/observe", map[string]any{"observation": map[string]any{}, "agent_roles": []string{""}}, "unknown_role"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var known *api.Error
			if _, _, err := b.call(t, "t1", "POST", c.path, nil, c.body); !errors.As(err, &known) || known.Code != c.code {
				t.Fatalf("got %v, want %s", err, c.code)
			}
		})
	}
}

func TestAgentsPerTenantAreLimited(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range agents.MaxAgents {
		b.register(t, "t1", fmt.Sprint("a", i), "healer")
	}
	var known *api.Error
	if _, _, err := b.call(t, "t1", "POST", "/agents/register", nil, map[string]any{"agent_id": "more", "role": "healer"}); !errors.As(err, &known) || known.Code != "too_many_agents" {
		t.Fatalf("got %v", err)
	}
	b.register(t, "t1", "a0", "monitor") // one that is there already
}

func TestNoAgentsIsAWarning(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register(t, "t1", "h", "healer")
	got, call, err := b.call(t, "t1", "POST", "/agents/observe", nil, map[string]any{"observation": outage(), "agent_roles": []string{"monitor"}})
	if err != nil {
		t.Fatal(err)
	}
	if a := got.(*api.AgentObserveAnswer); a.NAgents != 0 || a.Results == nil || len(a.Results) != 0 || len(call.Warnings()) != 1 {
		t.Fatalf("%+v %v", a, call.Warnings())
	}
}

func TestExtremeNumbersStayFinite(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, role := range agents.Roles {
		b.register(t, "t1", role, role)
	}
	for range 12 {
		got, _, err := b.call(t, "t1", "POST", "/agents/observe", nil, map[string]any{"observation": map[string]any{
			"huge": 1e300, "tiny": 1e-300, "cpu": -1e300, "queue": 1e300, "constant": []any{5, 5, 5, 5, 5, 5, 5, 5}, "gaps": []any{nil, 1, nil, 2, 3, 4, 5}, "latency": 1e308, "rps": 1e308,
		}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := json.Marshal(got); err != nil {
			t.Fatalf("not finite: %v", err)
		}
	}
}

func FuzzObserve(f *testing.F) {
	f.Add(`{"error":"timeout","x":[1,2,3,4,5,6,7,80],"threshold":9}`)
	f.Add(`{"metrics":[{"metric":"a","value":1},{"metric":"a","value":2}],"p":"95%","deep":{"cpu":1e300}}`)
	f.Add(`{"tasks":[{"id":1}],"workers":2,"user_id":null,"goal":"churn","timestamps":[1]}`)
	f.Add(`{"a":[[1,2],[3,null]],"":{"":[{}]}}`)
	b := setup(f)
	for _, role := range agents.Roles {
		b.register(f, "t1", role, role)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		var observation map[string]any
		if json.Unmarshal([]byte(raw), &observation) != nil {
			return
		}
		got, _, err := b.call(t, "t1", "POST", "/agents/observe", nil, map[string]any{"observation": observation})
		var known *api.Error
		if err != nil && !errors.As(err, &known) {
			t.Fatalf("an internal error: %v", err)
		}
		if err == nil {
			if _, err := json.Marshal(got); err != nil {
				t.Fatalf("the answer cannot be written: %v", err)
			}
		}
	})
}

func TestAShortSeriesThatLeavesItsLevel(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, role := range []string{"healer", "monitor"} {
		b.register(t, "t1", role, role)
		for _, c := range []struct {
			name   string
			series []any
			odd    bool
		}{
			{"up", []any{0.1, 0.1, 0.2, 0.1, 0.1, 5.2, 6.1, 5.9}, true},
			{"down", []any{100, 104, 99, 101, 103, 102, 7, 5}, true},
			{"a trend", []any{1, 2, 3, 4, 5, 6, 7, 8}, false},
			{"noise", []any{5, 3, 6, 4, 5, 3, 6, 5}, false},
		} {
			r := b.observe(t, "t1", role, map[string]any{"error_rate": c.series})
			if odd := r.Hypothesis.Type == "anomalous_metrics" || r.Hypothesis.Type == "anomaly"; odd != c.odd {
				t.Errorf("%s, %s: %+v", role, c.name, r.Hypothesis)
			}
		}
	}
}

func TestHealerReadsDenials(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register(t, "t1", "h1", "healer")
	for text, want := range map[string]string{
		"all is well, no timeout seen":                      "insufficient_evidence",
		"finished with 0 timeouts and without any deadlock": "insufficient_evidence",
		"no retries left: request timed out":                "timeout",
		"the host is no longer reachable, timed out":        "timeout",
		"no healthy upstream":                               "upstream_error",
		"no timeout, but out of memory":                     "out_of_memory",
	} {
		if r := b.observe(t, "t1", "healer", map[string]any{"log": text}); r.Hypothesis.Type != want {
			t.Errorf("%q: %s, want %s", text, r.Hypothesis.Type, want)
		}
	}
}

func TestMonitorComparesASingleValueWithItsThreshold(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register(t, "t1", "m", "monitor")
	for _, o := range []map[string]any{
		{"cpu": 95, "threshold": 90},
		{"cpu": 95, "memory": 10, "cpu_threshold": 90},
		{"host": map[string]any{"cpu": 95}, "thresholds": map[string]any{"cpu": 90}},
	} {
		if r := b.observe(t, "t1", "monitor", o); r.Hypothesis.Type != "threshold_breach" || r.Hypothesis.Confidence < 0.9 {
			t.Errorf("%v: %+v", o, r.Hypothesis)
		}
	}
	if r := b.observe(t, "t1", "monitor", map[string]any{"cpu": 85, "threshold": 90}); r.Hypothesis.Type == "threshold_breach" {
		t.Errorf("below: %+v", r.Hypothesis)
	}
}

func TestBuilderSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.register(t, "t1", "b", "builder")
	r := b.observe(t, "t1", "builder", map[string]any{"goal": "recommend products"})
	if r.Hypothesis.Type != "pipeline_impossible" || !strings.Contains(r.Hypothesis.Explanation, "recommendations from nothing") {
		t.Errorf("%+v", r.Hypothesis)
	}
	r = b.observe(t, "t1", "builder", map[string]any{"goal": "predict demand", "demand": []any{1, 2, 3, 4, 5, 6}})
	if d := action(r, "draft_pipeline"); d == nil || len(d.Result["to"].([]any)) != 1 || d.Result["to"].([]any)[0] != "forecast" {
		t.Errorf("%+v", r)
	}
}
