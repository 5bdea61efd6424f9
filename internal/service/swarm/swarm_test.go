package swarm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/service/swarm"
)

func ask(t *testing.T, s *swarm.Service, body string) (*api.SwarmAnswer, *service.Call, error) {
	t.Helper()
	call := &service.Call{Tenant: "acme", RequestID: "r1", Body: []byte(body)}
	got, err := s.Routes()[0].Handler(context.Background(), call)
	if err != nil {
		return nil, call, err
	}
	return got.(*api.SwarmAnswer), call, nil
}

func must(t *testing.T, body string) *api.SwarmAnswer {
	t.Helper()
	a, _, err := ask(t, swarm.New(swarm.Deps{}), body)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestTwoWorkers(t *testing.T) {
	t.Parallel()
	a := must(t, `{"goal":"finish early","context":{"tasks":[{"id":"task_1","priority":5,"duration":10},{"id":"task_2","priority":8,"duration":5},{"id":"task_3","priority":3,"duration":15}],"workers":2}}`)
	if a.Makespan != 15 || a.LowerBound != 15 || a.Gap != 0 || !a.Converged || !a.Optimal || !a.Deterministic || a.Stopped != "optimal" || a.Objective != "makespan" || a.ObjectiveValue != 15 {
		t.Errorf("%+v", a)
	}
	want := []api.SwarmWorkerUsage{{ID: "worker_1", Tasks: 1, Load: 15, Utilization: 1}, {ID: "worker_2", Tasks: 2, Load: 15, Utilization: 1}}
	if a.Workers[0].Tasks == 2 {
		want[0].Tasks, want[1].Tasks = 2, 1
	}
	if !reflect.DeepEqual(a.Workers, want) {
		t.Errorf("workers %+v, want %+v", a.Workers, want)
	}
	for _, line := range a.Assignments {
		if line.Task == "task_2" && line.Start != 0 {
			t.Errorf("the most urgent task starts at %g", line.Start)
		}
	}
}

func TestSpeedsAndDependencies(t *testing.T) {
	t.Parallel()
	a := must(t, `{"context":{"tasks":[{"id":"a","duration":3},{"id":"b","duration":2,"depends_on":["a"]},{"id":"c","duration":4}],"workers":[{"id":"w1"},{"id":"w2","speed":2}]}}`)
	// w2 does a and b by 2.5; c takes 4 on w1, or 2 behind them on w2. Putting
	// b on w1 ends at 3.5: a until 1.5, c until 3.5 on w2, b from 1.5 to 3.5.
	if a.Makespan != 3.5 {
		t.Errorf("makespan %g, 3.5 is optimal: %+v", a.Makespan, a.Assignments)
	}
}

func TestDeadlinesCostAndDemand(t *testing.T) {
	t.Parallel()
	a := must(t, `{"context":{"objective":"weighted_tardiness","tasks":[{"id":"slow","duration":4,"deadline":4,"priority":1},{"id":"fast","duration":2,"deadline":2,"priority":10}],"workers":1}}`)
	if a.ObjectiveValue != 2 || a.WeightedTardiness != 2 || len(a.Late) != 1 || a.Late[0] != (api.SwarmLateTask{Task: "slow", End: 6, Deadline: 4, Tardiness: 2}) {
		t.Errorf("tardiness: %+v", a)
	}
	two := `"tasks":[{"id":"x","duration":4},{"id":"y","duration":4%s}],"workers":[{"id":"dear","speed":2,"cost":10},{"id":"cheap","cost":1}]`
	a = must(t, `{"objective":"cost","context":{`+fmt.Sprintf(two, "")+`}}`)
	if a.ObjectiveValue != 8 || a.Cost != 8 || !a.Optimal || a.Makespan != 8 {
		t.Errorf("cost: %+v", a)
	}
	// With a deadline that only the dear worker can keep, punctuality comes first.
	a = must(t, `{"objective":"cost","context":{`+fmt.Sprintf(two, `,"deadline":2`)+`}}`)
	if a.Cost != 24 || len(a.Late) != 0 {
		t.Errorf("cost with a deadline: %+v", a)
	}
	a = must(t, `{"context":{"tasks":[{"id":"x","duration":4,"demand":2},{"id":"y","duration":4,"demand":2},{"id":"m","duration":0,"depends_on":["x"]},{"id":"l","durations":{"w":1}}],"workers":[{"id":"w","capacity":3}]}}`)
	if a.Makespan != 8 || a.Workers[0].Load != 9 || a.Workers[0].Utilization != 17.0/24 {
		t.Errorf("demand: %+v", a)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	one := func(task string) string {
		return `{"context":{"tasks":[{"id":"a","duration":1},` + task + `],"workers":2}}`
	}
	staff := func(workers string) string {
		return `{"context":{"tasks":[{"id":"a","duration":1}],"workers":` + workers + `}}`
	}
	long := strings.Repeat("x", 300)
	for name, c := range map[string]struct {
		body        string
		status      int
		code, field string
	}{
		"empty body":          {``, 400, "empty_body", ""},
		"unknown field":       {`{"contxt":{}}`, 400, "unknown_field", "contxt"},
		"no tasks":            {`{"context":{"workers":2}}`, 422, "no_tasks", "context.tasks"},
		"empty tasks":         {`{"context":{"tasks":[],"workers":2}}`, 422, "no_tasks", "context.tasks"},
		"no workers":          {`{"context":{"tasks":[{"id":"a","duration":1}]}}`, 422, "no_workers", "context.workers"},
		"null workers":        {staff(`null`), 422, "no_workers", "context.workers"},
		"zero workers":        {staff(`0`), 422, "no_workers", "context.workers"},
		"negative workers":    {staff(`-3`), 422, "no_workers", "context.workers"},
		"half a worker":       {staff(`1.5`), 422, "wrong_type", "context.workers"},
		"workers text":        {staff(`"two"`), 422, "wrong_type", "context.workers"},
		"crowd":               {staff(`1000000000`), 422, "too_many_workers", "context.workers"},
		"worker field":        {staff(`[{"id":"w","sped":1}]`), 400, "unknown_field", "sped"},
		"worker type":         {staff(`[{"id":"w","speed":"fast"}]`), 422, "wrong_type", ""},
		"worker twice":        {staff(`[{"id":"w"},{"id":"w"}]`), 422, "duplicate_id", "context.workers[1].id"},
		"worker unnamed":      {staff(`[{}]`), 422, "missing_id", "context.workers[0].id"},
		"worker null":         {staff(`[null]`), 422, "missing_id", "context.workers[0].id"},
		"worker id number":    {staff(`[{"id":"w"},{"id":5}]`), 422, "wrong_type", "context.workers[1].id"},
		"worker skill number": {staff(`[{"id":"w"},{"id":"v","skills":["a",3]}]`), 422, "wrong_type", "context.workers[1].skills[1]"},
		"speed 0":             {staff(`[{"id":"w","speed":0}]`), 422, "out_of_range", "context.workers[0].speed"},
		"speed -1":            {staff(`[{"id":"w","speed":-1}]`), 422, "out_of_range", "context.workers[0].speed"},
		"speed tiny":          {staff(`[{"id":"w","speed":1e-300}]`), 422, "out_of_range", "context.workers[0].speed"},
		"capacity 0":          {staff(`[{"id":"w","capacity":0}]`), 422, "out_of_range", "context.workers[0].capacity"},
		"cost -1":             {staff(`[{"id":"w","cost":-1}]`), 422, "out_of_range", "context.workers[0].cost"},
		"worker id long":      {staff(`[{"id":"` + long + `"}]`), 422, "text_too_long", "context.workers[0].id"},
		"skill long":          {staff(`[{"id":"w","skills":["` + long + `"]}]`), 422, "text_too_long", "context.workers[0].skills[0]"},
		"task twice":          {one(`{"id":"a","duration":1}`), 422, "duplicate_id", "context.tasks[1].id"},
		"task unnamed":        {one(`{"duration":1}`), 422, "missing_id", "context.tasks[1].id"},
		"no duration":         {one(`{"id":"b"}`), 422, "missing_duration", "context.tasks[1].duration"},
		"null duration":       {one(`{"id":"b","duration":null}`), 422, "missing_duration", "context.tasks[1].duration"},
		"negative duration":   {one(`{"id":"b","duration":-1}`), 422, "out_of_range", "context.tasks[1].duration"},
		"huge duration":       {one(`{"id":"b","duration":1e300}`), 422, "out_of_range", "context.tasks[1].duration"},
		"priority 0":          {one(`{"id":"b","duration":1,"priority":0}`), 422, "out_of_range", "context.tasks[1].priority"},
		"priority 11":         {one(`{"id":"b","duration":1,"priority":11}`), 422, "out_of_range", "context.tasks[1].priority"},
		"release -1":          {one(`{"id":"b","duration":1,"release":-1}`), 422, "out_of_range", "context.tasks[1].release"},
		"demand 0":            {one(`{"id":"b","duration":1,"demand":0}`), 422, "out_of_range", "context.tasks[1].demand"},
		"demand 2":            {one(`{"id":"b","duration":1,"demand":2}`), 422, "no_eligible_worker", "context.tasks[1].demand"},
		"listed null":         {one(`{"id":"b","durations":{"worker_1":null}}`), 422, "invalid_number", `context.tasks[1].durations["worker_1"]`},
		"listed unknown":      {one(`{"id":"b","durations":{"w":1}}`), 422, "unknown_worker", "context.tasks[1].durations"},
		"unknown dependency":  {one(`{"id":"b","duration":1,"depends_on":["z"]}`), 422, "unknown_dependency", "context.tasks[1].depends_on[0]"},
		"self":                {one(`{"id":"b","duration":1,"depends_on":["b"]}`), 422, "dependency_cycle", "context.tasks[1].depends_on[0]"},
		"cycle":               {`{"context":{"tasks":[{"id":"a","duration":1,"depends_on":["b"]},{"id":"b","duration":1,"depends_on":["a"]}],"workers":1}}`, 422, "dependency_cycle", "context.tasks[0].depends_on"},
		"skill":               {`{"context":{"tasks":[{"id":"a","duration":1,"skills":["weld"]}],"workers":[{"id":"w","skills":[]}]}}`, 422, "no_eligible_worker", "context.tasks[0].skills[0]"},
		"objective":           {`{"objective":"speed","context":{"tasks":[{"id":"a","duration":1}],"workers":2}}`, 422, "unknown_objective", "objective"},
		"objective inside":    {`{"context":{"objective":"speed","tasks":[{"id":"a","duration":1}],"workers":2}}`, 422, "unknown_objective", "context.objective"},
		"two objectives":      {`{"objective":"cost","context":{"objective":"makespan","tasks":[{"id":"a","duration":1}],"workers":2}}`, 422, "conflicting_objective", "objective"},
		"goal long":           {`{"goal":"` + strings.Repeat("x", 5000) + `","context":{"tasks":[{"id":"a","duration":1}],"workers":2}}`, 422, "text_too_long", "goal"},
		"time limit 0":        {`{"time_limit_ms":0,"context":{"tasks":[{"id":"a","duration":1}],"workers":2}}`, 422, "out_of_range", "time_limit_ms"},
		"time limit long":     {`{"time_limit_ms":30001,"context":{"tasks":[{"id":"a","duration":1}],"workers":2}}`, 422, "out_of_range", "time_limit_ms"},
		"seed":                {`{"seed":1.5,"context":{"tasks":[{"id":"a","duration":1}],"workers":2}}`, 422, "wrong_type", "seed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := ask(t, swarm.New(swarm.Deps{}), c.body)
			var refusal *api.Error
			if !errors.As(err, &refusal) {
				t.Fatalf("got %v, want an api.Error", err)
			}
			if refusal.HTTP != c.status || refusal.Code != c.code {
				t.Errorf("got %d %s: %s", refusal.HTTP, refusal.Code, refusal.Message)
			}
			if c.field != "" && (len(refusal.Details) == 0 || refusal.Details[0].Field != c.field) {
				t.Errorf("details %+v, want field %q", refusal.Details, c.field)
			}
		})
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	s := swarm.New(swarm.Deps{Limits: swarm.Limits{Tasks: 3, Workers: 4, Choices: 8, Links: 2}})
	for body, code := range map[string]string{
		`{"context":{"tasks":[{"id":"a","duration":1},{"id":"b","duration":1},{"id":"c","duration":1},{"id":"d","duration":1}],"workers":1}}`: "too_many_tasks",
		`{"context":{"tasks":[{"id":"a","duration":1}],"workers":5}}`:                                                                         "too_many_workers",
		`{"context":{"tasks":[{"id":"a","duration":1},{"id":"b","duration":1},{"id":"c","duration":1}],"workers":4}}`:                         "too_many_choices",
		`{"context":{"tasks":[{"id":"a","duration":1,"skills":["x","y","z"]}],"workers":1}}`:                                                  "too_many_links",
		`{"context":{"tasks":[{"id":"a","duration":1}],"workers":[{"id":"a","skills":["x","y","z"]}]}}`:                                       "too_many_links",
	} {
		_, _, err := ask(t, s, body)
		var refusal *api.Error
		if !errors.As(err, &refusal) || refusal.Code != code || refusal.HTTP != http.StatusUnprocessableEntity {
			t.Errorf("want %s, got %v", code, err)
		}
	}
}

// body writes a problem of n tasks on w workers with some dependencies.
func body(n, w int, extra string) string {
	var tasks []string
	for i := range n {
		needs := ""
		if i >= 7 {
			needs = fmt.Sprintf(`,"depends_on":["t%d"]`, i-7+i%3)
		}
		tasks = append(tasks, fmt.Sprintf(`{"id":"t%d","duration":%d,"priority":%d%s}`, i, 1+i*37%19, 1+i%10, needs))
	}
	return fmt.Sprintf(`{%s"context":{"tasks":[%s],"workers":%d}}`, extra, strings.Join(tasks, ","), w)
}

func TestSeedDecides(t *testing.T) {
	t.Parallel()
	a, b := must(t, body(40, 3, `"seed":5,`)), must(t, body(40, 3, `"seed":5,`))
	if !a.Deterministic || !reflect.DeepEqual(a, b) {
		t.Errorf("deterministic %v, and two answers differ", a.Deterministic)
	}
}

func TestTimeLimitCuts(t *testing.T) {
	t.Parallel()
	var tick time.Duration
	s := swarm.New(swarm.Deps{Now: func() time.Time { tick += time.Millisecond; return time.Unix(0, 0).Add(tick) }})
	a, _, err := ask(t, s, strings.Replace(body(60, 7, `"time_limit_ms":5,`), `"duration":1,`, `"duration":1.37,`, 1))
	if err != nil {
		t.Fatal(err)
	}
	if a.Optimal == (a.Stopped == "time_limit") || a.Deterministic != a.Optimal {
		t.Errorf("stopped %q, optimal %v, deterministic %v", a.Stopped, a.Optimal, a.Deterministic)
	}
}

func TestCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := swarm.New(swarm.Deps{}).Routes()[0].Handler(ctx, &service.Call{Body: []byte(body(30, 2, ""))})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestWarnsAboutCostsLeftOut(t *testing.T) {
	t.Parallel()
	_, call, err := ask(t, swarm.New(swarm.Deps{}), `{"objective":"cost","context":{"tasks":[{"id":"a","duration":1}],"workers":2}}`)
	if err != nil || len(call.Warnings()) != 1 {
		t.Errorf("%v %v", err, call.Warnings())
	}
}

func TestWorkersRoundTrip(t *testing.T) {
	t.Parallel()
	for _, text := range []string{`3`, `[{"id":"a","skills":["x"],"speed":2,"capacity":3,"cost":4}]`} {
		var w api.SwarmWorkers
		if err := json.Unmarshal([]byte(text), &w); err != nil {
			t.Fatal(err)
		}
		if got, err := json.Marshal(w); err != nil || string(got) != text {
			t.Errorf("%s became %s, %v", text, got, err)
		}
	}
}

func FuzzCoordinate(f *testing.F) {
	f.Add(`{"context":{"tasks":[{"id":"a","duration":3},{"id":"b","duration":2,"depends_on":["a"]}],"workers":[{"id":"w","speed":2}]},"time_limit_ms":1}`)
	f.Add(`{"context":{"tasks":[{"id":"a","duration":1e12,"deadline":-1e12}],"workers":3,"objective":"cost"}}`)
	f.Add(`{"context":{"tasks":[{"id":"a","durations":{"w":0.1},"demand":2}],"workers":[{"id":"w","capacity":2147483647}]}}`)
	s := swarm.New(swarm.Deps{Limits: swarm.Limits{Tasks: 20, Workers: 10, TimeLimit: 20 * time.Millisecond}})
	f.Fuzz(func(t *testing.T, body string) {
		got, err := s.Routes()[0].Handler(context.Background(), &service.Call{Body: []byte(body)})
		var refusal *api.Error
		if err != nil && !errors.As(err, &refusal) {
			t.Fatalf("not the caller's fault: %v", err)
		}
		if err == nil {
			if _, err := json.Marshal(got); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// The example of docs/models/swarm.md.
func TestWorkedExample(t *testing.T) {
	t.Parallel()
	a := must(t, `{"goal":"ship the release","context":{"tasks":[
		{"id":"design","duration":3,"skills":["ux"],"priority":8},
		{"id":"build","duration":8,"depends_on":["design"]},
		{"id":"write","duration":4,"deadline":6},
		{"id":"test","duration":2,"depends_on":["build"],"release":5},
		{"id":"ship","duration":0,"depends_on":["test","write"]}],
		"workers":[{"id":"ann","skills":["ux"]},{"id":"bob","speed":2}],"objective":"makespan"},"seed":1}`)
	want := map[string]api.SwarmAssignment{
		"design": {Task: "design", Worker: "ann", Start: 0, End: 3}, "write": {Task: "write", Worker: "bob", Start: 0, End: 2},
		"build": {Task: "build", Worker: "bob", Start: 3, End: 7}, "test": {Task: "test", Worker: "bob", Start: 7, End: 8},
	}
	for _, line := range a.Assignments {
		if line.Task != "ship" && line != want[line.Task] {
			t.Errorf("%+v, want %+v", line, want[line.Task])
		}
	}
	if a.Makespan != 8 || a.LowerBound != 8 || !a.Optimal || len(a.Late) != 0 {
		t.Errorf("makespan %g, bound %g, late %v", a.Makespan, a.LowerBound, a.Late)
	}
}
