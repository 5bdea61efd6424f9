package reason

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/plan"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/tool"
	"github.com/omni-run/omni/internal/tool/catalog"
)

// session is one problem being solved.
type session struct {
	s      *Service
	call   *service.Call
	invoke tool.Invoke
	req    *api.ReasonRequest
	u      *understanding
	domain *domain
	budget api.ReasonBudget

	thoughts []api.Thought
	attempt  int
	steps    []step
	facts    map[string]int // what holds, by the step that made it so; -1: from the start
	seen     map[string]int // tool and arguments to step: the loop detector
	stopped  string
}

// step is one operation that was planned and, in time, run.
type step struct {
	operation operation
	after     []int
	result    map[string]any
	err       error
	done      bool
}

const maxParallel = 4

// errEarlier says that a step's input never came.
var errEarlier = errors.New("an earlier step did not give what this one needs")

// errBudget says that no step is left in the budget.
var errBudget = errors.New("the budget of steps is used up")

func (s *Service) newSession(call *service.Call, req *api.ReasonRequest, u *understanding, budget api.ReasonBudget) *session {
	x := &session{
		s: s, call: call, invoke: tool.Bind(s.deps.Invoker, call), req: req, u: u, budget: budget,
		domain: s.ground(u), facts: map[string]int{}, seen: map[string]int{}, stopped: "final",
	}
	for _, f := range x.domain.initial {
		x.facts[f] = -1
	}
	return x
}

// think records what happened.
func (x *session) think(kind string, evidence map[string]any, format string, args ...any) *api.Thought {
	x.thoughts = append(x.thoughts, api.Thought{
		Step: len(x.thoughts) + 1, Kind: kind, Text: fmt.Sprintf(format, args...), Source: "planner", Attempt: x.attempt, Evidence: evidence,
	})
	return &x.thoughts[len(x.thoughts)-1]
}

// holding lists the facts that hold now, in a fixed order.
func (x *session) holding() []string { return sortedKeys(x.facts) }

// find plans for the goals from what holds and validates the plan.
func (x *session) find(ctx context.Context, goals []string) (*plan.Problem, *plan.Plan, error) {
	problem := x.domain.problem(x.holding(), goals)
	p, err := plan.Find(ctx, problem)
	if err != nil {
		var unreachable *plan.UnreachableError
		if errors.As(err, &unreachable) {
			return nil, nil, api.Unprocessable("no_plan", "no sequence of tools reaches %s", strings.Join(unreachable.Goals, ", ")).At("problem", "cannot be planned")
		}
		return nil, nil, fmt.Errorf("planning: %w", err)
	}
	if err := plan.Validate(problem, p); err != nil {
		return nil, nil, fmt.Errorf("the planner's own plan does not validate: %w", err)
	}
	return problem, p, nil
}

// accept appends a plan's steps to the session and returns their places.
func (x *session) accept(p *plan.Plan) []int {
	base := len(x.steps)
	places := make([]int, len(p.Steps))
	for i, ps := range p.Steps {
		o := x.domain.operations[ps.Action]
		st := step{operation: o}
		for _, a := range ps.After {
			st.after = append(st.after, base+a)
		}
		for _, need := range o.needs {
			if at, ok := x.facts[need]; ok && at >= 0 {
				st.after = append(st.after, at)
			}
		}
		x.steps = append(x.steps, st)
		places[i] = base + i
	}
	return places
}

// checkArguments refuses, before anything runs, arguments that are already
// known and do not fit.
func (x *session) checkArguments(places []int) error {
	for _, i := range places {
		o := x.steps[i].operation
		arguments, pending := x.resolve(o.arguments)
		if pending {
			continue
		}
		if err := x.s.tools.Check(o.tool, arguments); err != nil {
			return unusable(o, err)
		}
	}
	return nil
}

// unusable turns an argument error into the caller's, naming their field.
func unusable(o operation, err error) error {
	var wrong *tool.ArgumentError
	if !errors.As(err, &wrong) {
		return err
	}
	field := wrong.Path
	name := field
	if i := strings.IndexAny(field, ".["); i >= 0 {
		name = field[:i]
	}
	if ref, ok := o.arguments[name].(contextRef); ok {
		field = "context." + ref.object + field[len(name):]
	}
	return api.Unprocessable("unusable_input", "%s %s (needed by %s)", field, wrong.Problem, o.tool).At(field, "%s", wrong.Problem)
}

// resolve replaces references by values; pending is true when a result is not
// there yet.
func (x *session) resolve(arguments map[string]any) (out map[string]any, pending bool) {
	out = make(map[string]any, len(arguments))
	for name, v := range arguments {
		switch ref := v.(type) {
		case contextRef:
			out[name] = x.u.facts.get(ref.object).value
		case resultRef:
			at, ok := x.facts[ref.fact]
			if !ok || at < 0 || !x.steps[at].done || x.steps[at].err != nil {
				pending = true
				continue
			}
			out[name] = x.steps[at].result[ref.field]
		default:
			out[name] = v
		}
	}
	return out, pending
}

// run executes the steps at the places in the order of their dependencies, side
// by side where they are independent.
func (x *session) run(ctx context.Context, places []int) {
	for len(places) > 0 {
		var ready, waiting []int
		for _, i := range places {
			if x.blocked(i, places) {
				waiting = append(waiting, i)
			} else {
				ready = append(ready, i)
			}
		}
		if len(ready) == 0 {
			return // validated plans are acyclic, so this cannot be
		}
		x.wave(ctx, ready)
		places = waiting
	}
}

func (x *session) blocked(i int, among []int) bool {
	for _, a := range x.steps[i].after {
		for _, j := range among {
			if a == j {
				return true
			}
		}
	}
	return false
}

func (x *session) wave(ctx context.Context, places []int) {
	type job struct {
		step      *step
		arguments map[string]any
	}
	var jobs []job
	for _, i := range places {
		st := &x.steps[i]
		arguments, pending := x.resolve(st.operation.arguments)
		switch {
		case x.executed() >= x.budget.MaxSteps:
			st.err, x.stopped = errBudget, "max_steps"
			continue
		case pending:
			st.err = errEarlier
			continue
		}
		st.done = true
		if at, again := x.seen[key(st.operation.tool, arguments)]; again && x.steps[at].err == nil && x.steps[at].result != nil {
			st.result = x.steps[at].result // the same call twice: the result is known
			continue
		}
		x.seen[key(st.operation.tool, arguments)] = i
		jobs = append(jobs, job{st, arguments})
	}
	slots := make(chan struct{}, maxParallel)
	var wait sync.WaitGroup
	for _, j := range jobs {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			j.step.result, j.step.err = x.s.tools.Run(ctx, x.invoke, j.step.operation.tool, j.arguments)
		})
	}
	wait.Wait()
	for _, j := range jobs {
		if j.step.err != nil {
			x.s.deps.Log.Info("a tool failed", "tenant", x.call.Tenant, "request_id", x.call.RequestID, "tool", j.step.operation.tool, "error", j.step.err)
		}
	}
	for _, i := range places {
		if st := &x.steps[i]; st.done && st.err == nil {
			normalise(st)
			for _, f := range st.operation.adds {
				x.facts[f] = i
			}
		}
	}
	if ctx.Err() != nil {
		x.stopped = "budget"
	}
}

// normalise gives results of like tools like fields.
func normalise(st *step) {
	if st.operation.tool == catalog.ForecastRevenue {
		values := []any{}
		for _, p := range catalog.Objects(st.result["predictions"]) {
			values = append(values, p["predicted_revenue"])
		}
		st.result["forecast"] = values
	}
	if st.operation.tool == catalog.Sentiment {
		for _, field := range []string{"results", "analyses", "items"} {
			if list, ok := st.result[field].([]any); ok {
				st.result["results"] = list
				return
			}
		}
		if _, ok := st.result["sentiment"]; ok {
			one := st.result
			st.result = map[string]any{"results": []any{one}}
		}
	}
}

func (x *session) executed() int {
	n := 0
	for i := range x.steps {
		if x.steps[i].done {
			n++
		}
	}
	return n
}

func key(name string, arguments map[string]any) string {
	raw, err := json.Marshal(plainJSON(arguments))
	if err != nil {
		return name + fmt.Sprintf("%p", arguments)
	}
	sum := sha256.Sum256(raw)
	return name + string(sum[:])
}

func identifier(i int) string { return fmt.Sprintf("s%d", i+1) }

// planOf renders the steps; the id is that of the content.
func (x *session) planOf() api.ReasonPlan {
	out := api.ReasonPlan{Steps: []api.ReasonStep{}}
	for i, st := range x.steps {
		rs := api.ReasonStep{StepID: identifier(i), Action: st.operation.tool, Arguments: map[string]any{}, DependsOn: []string{}}
		for name, v := range st.operation.arguments {
			switch ref := v.(type) {
			case contextRef:
				rs.Arguments[name] = map[string]any{"$context": ref.object}
				if o := x.u.facts.get(ref.object); o != nil && o.literal {
					rs.Arguments[name] = plainJSON(o.value)
				}
			case resultRef:
				producer := ""
				for j := range i {
					for _, f := range x.steps[j].operation.adds {
						if f == ref.fact {
							producer = identifier(j)
						}
					}
				}
				rs.Arguments[name] = map[string]any{"$result": producer, "field": ref.field}
			default:
				rs.Arguments[name] = plainJSON(v)
			}
		}
		listed := map[int]bool{}
		for _, a := range st.after {
			if !listed[a] {
				listed[a] = true
				rs.DependsOn = append(rs.DependsOn, identifier(a))
			}
		}
		out.Steps = append(out.Steps, rs)
	}
	raw, err := json.Marshal(out.Steps)
	if err != nil {
		raw = []byte(fmt.Sprint(len(out.Steps)))
	}
	sum := sha256.Sum256(append(raw, x.req.Problem...))
	out.PlanID = "plan-" + hex.EncodeToString(sum[:8])
	return out
}
