package api

import (
	"bytes"
	"encoding/json"
)

// SwarmRequest is the body of POST /swarm/coordinate.
type SwarmRequest struct {
	Request
	// Goal says in words what the plan is for; it is not interpreted.
	Goal    string       `json:"goal,omitempty"`
	Context SwarmContext `json:"context"`
	// Objective may stand here instead of in the context.
	Objective string `json:"objective,omitempty"`
	// Seed of the search; the same seed and problem give the same plan as long
	// as the answer says deterministic.
	Seed int64 `json:"seed,omitempty"`
	// TimeLimitMS caps the search; default 200.
	TimeLimitMS *int `json:"time_limit_ms,omitempty"`
}

// SwarmContext is the problem: tasks for workers.
type SwarmContext struct {
	Tasks   []SwarmTask  `json:"tasks"`
	Workers SwarmWorkers `json:"workers"`
	// Objective is makespan (default), weighted_tardiness or cost.
	Objective string `json:"objective,omitempty"`
}

// SwarmTask is one piece of work for one worker.
type SwarmTask struct {
	ID string `json:"id"`
	// Priority is 1 to 10, 10 the most urgent; default 1.
	Priority *float64 `json:"priority,omitempty"`
	// Duration is the time at speed 1. It may be left out if Durations is given.
	Duration *float64 `json:"duration,omitempty"`
	// Durations gives the time on certain workers, whatever their speed.
	Durations map[string]*float64 `json:"durations,omitempty"`
	DependsOn []string            `json:"depends_on,omitempty"`
	Skills    []string            `json:"skills,omitempty"`
	Deadline  *float64            `json:"deadline,omitempty"`
	Release   *float64            `json:"release,omitempty"`
	// Demand is how much of its worker's capacity the task takes; default 1.
	Demand *int `json:"demand,omitempty"`
}

// SwarmWorker does tasks.
type SwarmWorker struct {
	ID     string   `json:"id"`
	Skills []string `json:"skills,omitempty"`
	// Speed divides durations; default 1.
	Speed *float64 `json:"speed,omitempty"`
	// Capacity is how many units of demand run at the same time; default 1.
	Capacity *int `json:"capacity,omitempty"`
	// Cost per unit of time of one task in progress; default 0.
	Cost *float64 `json:"cost,omitempty"`
}

// SwarmWorkers is a list of workers, or in JSON also just their number.
type SwarmWorkers struct {
	// Number is set, and List empty, when the body gave a number.
	Number *int
	List   []SwarmWorker
}

// UnmarshalJSON reads a whole number or a list of workers.
func (w *SwarmWorkers) UnmarshalJSON(data []byte) error {
	*w = SwarmWorkers{}
	switch data = bytes.TrimSpace(data); {
	case string(data) == "null":
		return nil
	case data[0] == '[':
		dec := json.NewDecoder(bytes.NewReader(data))
		dec.DisallowUnknownFields()
		return dec.Decode(&w.List)
	}
	w.Number = new(int)
	if err := json.Unmarshal(data, w.Number); err != nil {
		return Unprocessable("wrong_type", "context.workers: takes a whole number of workers or a list of workers").
			At("context.workers", "is neither a whole number in range nor a list")
	}
	return nil
}

// MarshalJSON writes what UnmarshalJSON reads.
func (w SwarmWorkers) MarshalJSON() ([]byte, error) {
	if w.Number != nil {
		return json.Marshal(*w.Number)
	}
	return json.Marshal(w.List)
}

// SwarmAnswer is the answer to POST /swarm/coordinate.
type SwarmAnswer struct {
	Answer
	Goal        string            `json:"goal,omitempty"`
	Assignments []SwarmAssignment `json:"assignments"`
	Makespan    float64           `json:"makespan"`
	// Objective names what was minimised, ObjectiveValue is what was reached.
	Objective      string  `json:"objective"`
	ObjectiveValue float64 `json:"objective_value"`
	// LowerBound is a number that no plan's objective is below.
	LowerBound float64 `json:"lower_bound"`
	// Gap is (objective_value - lower_bound) / objective_value, 0 to 1.
	Gap float64 `json:"gap"`
	// Iterations counts the rounds of the ant colony; 0 when a first plan
	// already met the bound.
	Iterations int `json:"iterations"`
	// Converged reports that the plan is proved optimal, or that the later
	// half of the search found none better. Optimal reports the proof alone.
	Converged bool `json:"converged"`
	Optimal   bool `json:"optimal"`
	// Stopped is optimal, iterations or time_limit.
	Stopped string `json:"stopped"`
	// Deterministic is false when the time limit cut the search, so that
	// another run may differ.
	Deterministic     bool               `json:"deterministic"`
	WeightedTardiness float64            `json:"weighted_tardiness"`
	Cost              float64            `json:"cost"`
	Workers           []SwarmWorkerUsage `json:"workers"`
	// Late lists the tasks that end after their deadline.
	Late []SwarmLateTask `json:"late"`
	Seed int64           `json:"seed"`
}

// SwarmAssignment is one line of the plan, in order of start.
type SwarmAssignment struct {
	Task   string  `json:"task"`
	Worker string  `json:"worker"`
	Start  float64 `json:"start"`
	End    float64 `json:"end"`
}

// SwarmWorkerUsage is how busy one worker is.
type SwarmWorkerUsage struct {
	ID string `json:"id"`
	// Tasks counts its assignments, Load sums their times.
	Tasks int     `json:"tasks"`
	Load  float64 `json:"load"`
	// Utilization is the share of capacity used up to the makespan, 0 to 1.
	Utilization float64 `json:"utilization"`
}

// SwarmLateTask is a task that misses its deadline.
type SwarmLateTask struct {
	Task      string  `json:"task"`
	End       float64 `json:"end"`
	Deadline  float64 `json:"deadline"`
	Tardiness float64 `json:"tardiness"`
}
