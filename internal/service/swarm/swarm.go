// Package swarm plans who does what and when: POST /swarm/coordinate. It turns
// a request into a scheduling problem, lets the ant colony search, and answers
// only plans that the independent audit passed.
package swarm

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/aco"
	"github.com/omni-run/omni/internal/ml/schedule"
	"github.com/omni-run/omni/internal/ml/schedule/audit"
	"github.com/omni-run/omni/internal/service"
)

// Limits bound what one call may ask for. A zero field means its default.
type Limits struct {
	// Tasks is the most tasks in one problem; default 2000.
	Tasks int
	// Workers is the most workers; default 500.
	Workers int
	// Choices is the most pairs of a task and a worker that may do it;
	// default 500,000.
	Choices int
	// Links is the most dependencies, skills and listed durations together;
	// default 100,000.
	Links int
	// Text is the longest id, skill or goal in bytes; default 256, for the
	// goal 4096.
	Text, Goal int
	// TimeLimit is the longest search a caller may ask for; default 30 s.
	TimeLimit time.Duration
}

// WithDefaults returns l with its zero fields filled.
func (l Limits) WithDefaults() Limits {
	fill := func(field *int, value int) {
		if *field <= 0 {
			*field = value
		}
	}
	fill(&l.Tasks, 2000)
	fill(&l.Workers, 500)
	fill(&l.Choices, 500_000)
	fill(&l.Links, 100_000)
	fill(&l.Text, 256)
	fill(&l.Goal, 4096)
	if l.TimeLimit <= 0 {
		l.TimeLimit = 30 * time.Second
	}
	return l
}

// Deps are what the service needs from outside.
type Deps struct {
	Log *slog.Logger
	// Now is the clock; default time.Now.
	Now    func() time.Time
	Limits Limits
}

// Service answers /swarm/coordinate. It keeps no state.
type Service struct {
	log    *slog.Logger
	now    func() time.Time
	limits Limits
}

var _ service.Service = (*Service)(nil)

// New returns the service.
func New(d Deps) *Service {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Now == nil {
		d.Now = time.Now
	}
	return &Service{log: d.Log, now: d.Now, limits: d.Limits.WithDefaults()}
}

// Name implements service.Service.
func (s *Service) Name() string { return "swarm" }

// Load implements service.Service; there is nothing to load.
func (s *Service) Load(context.Context) error { return nil }

// Routes implements service.Service.
func (s *Service) Routes() []service.Route {
	return []service.Route{{
		Method: http.MethodPost, Path: "/swarm/coordinate", Model: "swarm",
		Handler: service.JSON(s.coordinate), Repeatable: true,
	}}
}

// Effort. workPerMS is what one core of 2020 does in about 0.6 ms, so that the
// work, not the clock, ends most searches and the answer can be repeated. A
// caller who names no limit gets the work of 200 ms and, for a slow or crowded
// machine, a much later cap.
const (
	defaultLimitMS = 200
	defaultCap     = 2 * time.Second
	workPerMS      = 25_000
)

func (s *Service) coordinate(ctx context.Context, call *service.Call, req *api.SwarmRequest) (*api.SwarmAnswer, error) {
	problem, err := s.problem(req)
	if err != nil {
		return nil, err
	}
	millis, limit, err := s.timeLimit(req.TimeLimitMS)
	if err != nil {
		return nil, err
	}
	in, err := schedule.Compile(problem)
	if err != nil {
		return nil, refuse(err)
	}
	end := s.now().Add(limit)
	rng := rand.New(rand.NewPCG(uint64(req.Seed), 0x7377_6172_6d)) // any fixed stream
	result, err := aco.Solve(ctx, in, rng, aco.Options{
		Work:       int64(millis) * workPerMS,
		Stop:       func() bool { return s.now().After(end) },
		OnProgress: call.Progress,
	})
	if err != nil {
		return nil, fmt.Errorf("searching a schedule: %w", err)
	}
	answer, err := s.answer(in, result)
	if err != nil {
		s.log.ErrorContext(ctx, "a schedule failed its audit", "request_id", call.RequestID, "error", err)
		return nil, err
	}
	answer.Goal, answer.Seed = req.Goal, req.Seed
	if !answer.Deterministic {
		call.Once()
	}
	if problem.Objective == schedule.Cost && answer.Cost == 0 && answer.Makespan > 0 {
		call.Warn("no assigned worker states a cost, so every plan costs 0; set workers[].cost")
	}
	return answer, nil
}

// timeLimit returns the milliseconds that size the effort, and the cap.
func (s *Service) timeLimit(asked *int) (int, time.Duration, error) {
	if asked == nil {
		return defaultLimitMS, defaultCap, nil
	}
	most := int(s.limits.TimeLimit / time.Millisecond)
	if *asked < 1 || *asked > most {
		return 0, 0, api.Unprocessable("out_of_range", "time_limit_ms is %d; it takes 1 to %d", *asked, most).
			At("time_limit_ms", "is %d", *asked)
	}
	return *asked, time.Duration(*asked) * time.Millisecond, nil
}

// answer audits the plan and writes it out.
func (s *Service) answer(in *schedule.Instance, r *aco.Result) (*api.SwarmAnswer, error) {
	p := in.Problem
	plan := in.Assignments(r.Plan)
	sums, err := audit.Check(p, plan)
	if err != nil {
		return nil, fmt.Errorf("auditing a schedule: %w", err)
	}
	value := map[schedule.Objective]float64{
		schedule.Makespan: sums.Makespan, schedule.WeightedTardiness: sums.WeightedTardiness, schedule.Cost: sums.Cost,
	}[p.Objective]
	if math.Abs(value-r.Objective) > 1e-6*max(1, value) || r.Bound > r.Objective {
		return nil, fmt.Errorf("auditing a schedule: %s counted as %g, searched as %g with bound %g", p.Objective, value, r.Objective, r.Bound)
	}
	a := &api.SwarmAnswer{
		Assignments: make([]api.SwarmAssignment, 0, len(plan)),
		Makespan:    sums.Makespan, Objective: string(p.Objective), ObjectiveValue: r.Objective,
		LowerBound: r.Bound, Gap: r.Gap, Iterations: r.Rounds,
		Converged: r.Converged, Optimal: r.Optimal, Stopped: r.Stopped,
		Deterministic:     r.Stopped != aco.StoppedTime,
		WeightedTardiness: sums.WeightedTardiness, Cost: sums.Cost,
		Late: []api.SwarmLateTask{},
	}
	for _, line := range plan {
		a.Assignments = append(a.Assignments, api.SwarmAssignment{Task: line.Task, Worker: line.Worker, Start: line.Start, End: line.End})
	}
	a.Workers = usage(in, r.Plan, sums.Makespan)
	for i := range p.Tasks {
		// The audit's slack: an end a rounding error past the deadline is on time.
		if t, end := &p.Tasks[i], r.Plan.End[i]; end > t.Deadline+1e-9*max(1, end) {
			a.Late = append(a.Late, api.SwarmLateTask{Task: t.ID, End: end, Deadline: t.Deadline, Tardiness: end - t.Deadline})
		}
	}
	return a, nil
}

func usage(in *schedule.Instance, plan *schedule.Plan, makespan float64) []api.SwarmWorkerUsage {
	list := make([]api.SwarmWorkerUsage, len(in.Problem.Workers))
	taken := make([]float64, len(list))
	for w := range list {
		list[w].ID = in.Problem.Workers[w].ID
	}
	for i := range plan.Mode {
		m := in.Modes[i][plan.Mode[i]]
		list[m.Worker].Tasks++
		list[m.Worker].Load += m.Time
		taken[m.Worker] += m.Time * float64(in.Demand[i])
	}
	for w := range list {
		if makespan > 0 {
			list[w].Utilization = min(1, taken[w]/(makespan*float64(in.Capacity[w])))
		}
	}
	return list
}
