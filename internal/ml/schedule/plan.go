package schedule

import "math"

// Plan is a schedule by index: for each task the mode it is done in (an index
// into Instance.Modes of that task), its start and its end.
type Plan struct {
	Mode       []int
	Start, End []float64
}

// NewPlan returns a plan with room for n tasks.
func NewPlan(n int) *Plan {
	return &Plan{Mode: make([]int, n), Start: make([]float64, n), End: make([]float64, n)}
}

// CopyFrom overwrites p with other, which has as many tasks.
func (p *Plan) CopyFrom(other *Plan) {
	copy(p.Mode, other.Mode)
	copy(p.Start, other.Start)
	copy(p.End, other.End)
}

// Clone returns a copy of p.
func (p *Plan) Clone() *Plan {
	q := NewPlan(len(p.Mode))
	q.CopyFrom(p)
	return q
}

// Value is what a plan is worth, smaller is better, compared field by field:
//
//	makespan:           makespan, weighted tardiness, weighted sum of ends
//	weighted_tardiness: weighted tardiness, makespan, weighted sum of ends
//	cost:               weighted tardiness, cost, makespan
type Value [3]float64

// tolerance below which two values count as equal, relative to the larger:
// sums of the same numbers in another order differ by less.
const tolerance = 1e-10

// Less reports whether v is better than other.
func (v Value) Less(other Value) bool {
	for k := range v {
		slack := tolerance * max(math.Abs(v[k]), math.Abs(other[k]))
		if v[k] < other[k]-slack {
			return true
		}
		if v[k] > other[k]+slack {
			return false
		}
	}
	return false
}

// Totals are the sums by which a plan can be judged.
type Totals struct {
	Makespan, WeightedTardiness, WeightedEnd, Cost float64
}

// Totals sums up a plan.
func (in *Instance) Totals(p *Plan) Totals {
	var t Totals
	for i := range p.End {
		task := &in.Problem.Tasks[i]
		end := p.End[i]
		t.Makespan = max(t.Makespan, end)
		t.WeightedEnd += task.Weight * end
		if end > task.Deadline {
			t.WeightedTardiness += task.Weight * (end - task.Deadline)
		}
		t.Cost += in.Modes[i][p.Mode[i]].Cost
	}
	return t
}

// Value judges a plan by the problem's objective.
func (in *Instance) Value(p *Plan) Value {
	t := in.Totals(p)
	switch in.Problem.Objective {
	case WeightedTardiness:
		return Value{t.WeightedTardiness, t.Makespan, t.WeightedEnd}
	case Cost:
		return Value{t.WeightedTardiness, t.Cost, t.Makespan}
	default:
		return Value{t.Makespan, t.WeightedTardiness, t.WeightedEnd}
	}
}

// Of returns the number named by the objective.
func (t Totals) Of(objective Objective) float64 {
	switch objective {
	case WeightedTardiness:
		return t.WeightedTardiness
	case Cost:
		return t.Cost
	default:
		return t.Makespan
	}
}
