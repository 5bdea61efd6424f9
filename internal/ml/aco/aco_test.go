package aco_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/omni-run/omni/internal/ml/aco"
	"github.com/omni-run/omni/internal/ml/schedule"
	"github.com/omni-run/omni/internal/ml/schedule/audit"
)

// draw makes a random problem: chains and joins, milestones, releases,
// deadlines, speeds, capacities, demands, skills, listed times.
func draw(t *rapid.T, most int) *schedule.Problem {
	p := &schedule.Problem{
		Objective: rapid.SampledFrom([]schedule.Objective{schedule.Makespan, schedule.WeightedTardiness, schedule.Cost}).Draw(t, "objective"),
	}
	for w := range rapid.IntRange(1, 3).Draw(t, "workers") {
		p.Workers = append(p.Workers, schedule.Worker{
			ID: fmt.Sprint("w", w), Speed: rapid.SampledFrom([]float64{0, 1, 2, 0.5, 3}).Draw(t, "speed"),
			Capacity: rapid.SampledFrom([]int{0, 1, 1, 2, 3}).Draw(t, "capacity"),
			Rate:     float64(rapid.IntRange(0, 4).Draw(t, "rate")), Skills: []string{"all", fmt.Sprint("s", w)},
		})
	}
	for i := range rapid.IntRange(1, most).Draw(t, "tasks") {
		x := schedule.Task{
			ID: fmt.Sprint("t", i), Weight: float64(rapid.IntRange(1, 10).Draw(t, "weight")),
			Duration: rapid.SampledFrom([]float64{0, 1, 2, 3, 0.1, 0.7, 5, 8}).Draw(t, "duration"),
			Release:  rapid.SampledFrom([]float64{0, 0, 0, 1, 4.5}).Draw(t, "release"),
			Deadline: rapid.SampledFrom([]float64{math.Inf(1), 2, 5, 9}).Draw(t, "deadline"),
		}
		if rapid.IntRange(0, 3).Draw(t, "skilled") == 0 {
			x.Skills = []string{fmt.Sprint("s", rapid.IntRange(0, len(p.Workers)-1).Draw(t, "skill"))}
		}
		if rapid.IntRange(0, 4).Draw(t, "listed") == 0 && len(x.Skills) == 0 {
			x.On = map[string]float64{"w0": rapid.SampledFrom([]float64{0, 1, 6}).Draw(t, "time")}
		}
		if len(x.Skills) == 0 && p.Workers[0].Capacity > 1 && rapid.Bool().Draw(t, "wide") {
			x.Demand = 2
		}
		for j := range i {
			if rapid.IntRange(0, 3).Draw(t, "needs") == 0 {
				x.DependsOn = append(x.DependsOn, fmt.Sprint("t", j))
			}
		}
		p.Tasks = append(p.Tasks, x)
	}
	return p
}

func solve(t interface{ Fatal(...any) }, p *schedule.Problem, seed uint64, o aco.Options) (*schedule.Instance, *aco.Result) {
	in, err := schedule.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	r, err := aco.Solve(context.Background(), in, rand.New(rand.NewPCG(seed, 0)), o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := audit.Check(p, in.Assignments(r.Plan)); err != nil {
		t.Fatal("audit: ", err)
	}
	return in, r
}

func TestSmallProblemsAreSolvedAndBoundsHold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := draw(t, 5)
		in, r := solve(t, p, 1, aco.Options{Work: 60_000})
		best := optimum(in)
		if r.Bound > best*(1+1e-9) {
			t.Fatalf("bound %g is above the optimum %g", r.Bound, best)
		}
		if in.Bound() > best {
			t.Fatalf("raw bound %.17g is above the optimum %.17g", in.Bound(), best)
		}
		if math.Abs(r.Objective-best) > 1e-9*max(1, best) {
			t.Fatalf("found %g, the optimum is %g (bound %g)", r.Objective, best, r.Bound)
		}
		if r.Optimal && !r.Converged || r.Optimal != (r.Stopped == aco.StoppedOptimal) || r.Gap < 0 || r.Gap > 1 {
			t.Fatalf("result contradicts itself: %+v", r)
		}
	})
}

// TestSmallProblemsAreProved: what can be tried whole needs no luck.
func TestSmallProblemsAreProved(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 5))
	for range 60 {
		p := random(rng, 4, 2, schedule.Makespan)
		in, r := solve(t, p, 1, aco.Options{Work: 100})
		if best := optimum(in); !r.Optimal || r.Gap != 0 || math.Abs(r.Objective-best) > 1e-9*max(1, best) {
			t.Errorf("found %g (optimal %v, gap %g), the optimum is %g", r.Objective, r.Optimal, r.Gap, best)
		}
	}
}

func TestSixTasksAreSolved(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(6, 6))
	for _, objective := range []schedule.Objective{schedule.Makespan, schedule.WeightedTardiness, schedule.Cost} {
		for range 4 {
			p := random(rng, 6, 2, objective)
			in, r := solve(t, p, 2, aco.Options{Work: 200_000})
			if best := optimum(in); math.Abs(r.Objective-best) > 1e-9*max(1, best) {
				t.Errorf("%s: found %g, the optimum is %g", objective, r.Objective, best)
			}
		}
	}
}

// random makes a problem of any size without rapid.
func random(rng *rand.Rand, tasks, workers int, objective schedule.Objective) *schedule.Problem {
	p := &schedule.Problem{Objective: objective}
	for w := range workers {
		p.Workers = append(p.Workers, schedule.Worker{ID: fmt.Sprint("w", w), Speed: 0.5 + rng.Float64(), Rate: 1 + rng.Float64()})
	}
	for i := range tasks {
		x := schedule.Task{
			ID: fmt.Sprint("t", i), Weight: 1 + float64(rng.IntN(10)),
			Duration: 1 + 9*rng.Float64(), Deadline: 40 * rng.Float64(),
		}
		for range rng.IntN(3) {
			if i > 0 {
				x.DependsOn = append(x.DependsOn, fmt.Sprint("t", rng.IntN(i)))
			}
		}
		p.Tasks = append(p.Tasks, x)
	}
	return p
}

func TestLargerProblemsPassTheAudit(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := draw(t, 25)
		in, r := solve(t, p, rapid.Uint64().Draw(t, "seed"), aco.Options{Work: 20_000})
		if r.Bound > r.Objective || in.Bound() > r.Objective*(1+1e-9) {
			t.Fatalf("bound %g above the value %g", r.Bound, r.Objective)
		}
	})
}

func TestNeverWorseThanListScheduling(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 3))
	for range 10 {
		in, r := solve(t, random(rng, 40, 4, schedule.Makespan), 1, aco.Options{Work: 1})
		gen, p := schedule.NewGenerator(in), schedule.NewPlan(40)
		rank := make([]float64, 40)
		for i := range rank {
			rank[i] = in.MinTime[i] + in.Tail[i]
		}
		for name, key := range map[string][]float64{"HEFT": rank, "LPT": in.MinTime} {
			gen.Dispatch(p, key, gen.Earliest)
			if r.Value[0] > in.Totals(p).Makespan {
				t.Errorf("%s reaches %g, the search only %g", name, in.Totals(p).Makespan, r.Value[0])
			}
		}
	}
}

// Fisher & Thompson (1963), 6 jobs on 6 machines: machine, time, …; the
// optimum is 55.
var ft06 = [6][12]int{
	{2, 1, 0, 3, 1, 6, 3, 7, 5, 3, 4, 6},
	{1, 8, 2, 5, 4, 10, 5, 10, 0, 10, 3, 4},
	{2, 5, 3, 4, 5, 8, 0, 9, 1, 1, 4, 7},
	{1, 5, 0, 5, 2, 5, 3, 3, 4, 8, 5, 9},
	{2, 9, 1, 3, 4, 5, 5, 4, 0, 3, 3, 1},
	{1, 3, 3, 3, 5, 9, 0, 10, 4, 4, 2, 1},
}

func jobShop() *schedule.Problem {
	p := &schedule.Problem{Objective: schedule.Makespan}
	for m := range 6 {
		name := fmt.Sprint("m", m)
		p.Workers = append(p.Workers, schedule.Worker{ID: name, Skills: []string{name}})
	}
	for j, job := range ft06 {
		for k := range 6 {
			x := schedule.Task{
				ID: fmt.Sprint(j, ".", k), Weight: 1, Duration: float64(job[2*k+1]),
				Deadline: math.Inf(1), Skills: []string{fmt.Sprint("m", job[2*k])},
			}
			if k > 0 {
				x.DependsOn = []string{fmt.Sprint(j, ".", k-1)}
			}
			p.Tasks = append(p.Tasks, x)
		}
	}
	return p
}

func TestFisherThompson6(t *testing.T) {
	t.Parallel()
	for seed := range uint64(5) {
		if _, r := solve(t, jobShop(), seed, aco.Options{Work: 1_500_000}); r.Objective != 55 {
			t.Errorf("seed %d: makespan %g, the optimum is 55", seed, r.Objective)
		}
	}
}

func TestSameSeedSamePlan(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(9, 9))
	for _, objective := range []schedule.Objective{schedule.Makespan, schedule.WeightedTardiness, schedule.Cost} {
		p := random(rng, 30, 3, objective)
		_, a := solve(t, p, 7, aco.Options{Work: 200_000})
		_, b := solve(t, p, 7, aco.Options{Work: 200_000})
		if !reflect.DeepEqual(a, b) {
			t.Errorf("%s: two runs with one seed differ", objective)
		}
	}
}

func TestStopAndCancel(t *testing.T) {
	t.Parallel()
	p := jobShop()
	asked := 0
	_, r := solve(t, p, 1, aco.Options{Work: 1 << 50, Stop: func() bool { asked++; return asked > 20 }})
	if r.Stopped != aco.StoppedTime || r.Converged {
		t.Errorf("stopped %q, converged %v", r.Stopped, r.Converged)
	}
	_, r = solve(t, p, 1, aco.Options{Work: 1 << 50, Stop: func() bool { return true }})
	if r.Stopped != aco.StoppedTime {
		t.Errorf("stopped at once: %q", r.Stopped)
	}
	in, err := schedule.Compile(p)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	progress := 0
	_, err = aco.Solve(ctx, in, rand.New(rand.NewPCG(1, 1)), aco.Options{Work: 1 << 50, OnProgress: func(float64) {
		if progress++; progress == 2 {
			cancel()
		}
	}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// Four lanes of one worker and many equal tasks: the bound is met, so the
// search ends by itself whatever the effort allowed.
func TestEndsAtTheBound(t *testing.T) {
	t.Parallel()
	p := &schedule.Problem{Objective: schedule.Makespan, Workers: []schedule.Worker{{ID: "w", Capacity: 4, Speed: 2}}}
	for i := range 40 {
		p.Tasks = append(p.Tasks, schedule.Task{ID: fmt.Sprint(i), Weight: 1, Duration: 3, Deadline: math.Inf(1)})
	}
	if _, r := solve(t, p, 1, aco.Options{Work: 1 << 40}); r.Objective != 15 || !r.Optimal || r.Gap != 0 || r.Bound != 15 {
		t.Errorf("%+v", r)
	}
}

func TestUrgentFirstWhenTheMakespanTies(t *testing.T) {
	t.Parallel()
	p := &schedule.Problem{Objective: schedule.Makespan, Workers: []schedule.Worker{{ID: "a"}, {ID: "b"}}}
	for id, x := range map[string][2]float64{"1": {5, 10}, "2": {8, 5}, "3": {3, 15}} {
		p.Tasks = append(p.Tasks, schedule.Task{ID: id, Weight: x[0], Duration: x[1], Deadline: math.Inf(1)})
	}
	in, r := solve(t, p, 1, aco.Options{})
	for i, x := range p.Tasks {
		if x.ID == "2" && r.Plan.Start[i] != 0 {
			t.Errorf("the most urgent task waits until %g in %+v", r.Plan.Start[i], in.Assignments(r.Plan))
		}
	}
	if r.Objective != 15 || !r.Optimal {
		t.Errorf("makespan %g, 15 is optimal", r.Objective)
	}
}

func BenchmarkJobShop(b *testing.B) {
	in, err := schedule.Compile(jobShop())
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := aco.Solve(context.Background(), in, rand.New(rand.NewPCG(1, 1)), aco.Options{Work: 1_000_000}); err != nil {
			b.Fatal(err)
		}
	}
}
