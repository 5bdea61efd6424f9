package api

import "encoding/json"

// ReasonRequest is the body of POST /agi/process.
type ReasonRequest struct {
	Request
	// Problem is the task in words, 1 to 8,000 characters.
	Problem string `json:"problem"`
	// Context holds the data the problem speaks of: series, rows, texts,
	// tasks, workers, user_id, horizon and the like, under any names.
	Context map[string]any `json:"context,omitempty"`
	// ReasoningMethod is chain_of_thought (default), react, tree_of_thought or
	// reflexion.
	ReasoningMethod string        `json:"reasoning_method,omitempty"`
	Budget          *ReasonBudget `json:"budget,omitempty"`
}

// ReasonBudget bounds one reasoning; a zero takes the default.
type ReasonBudget struct {
	MaxSteps  int `json:"max_steps,omitempty"`
	MaxMS     int `json:"max_ms,omitempty"`
	MaxTokens int `json:"max_tokens,omitempty"`
}

// Thought is one thing that happened while reasoning.
type Thought struct {
	Step int    `json:"step"`
	Kind string `json:"kind"`
	Text string `json:"text"`
	// Source is "planner" for what Omni's planner did, "model" for text a
	// language model gave as its rationale.
	Source  string `json:"source"`
	Tool    string `json:"tool,omitempty"`
	Attempt int    `json:"attempt,omitempty"`
	// Node, Parent, Score and Pruned describe a node of a tree of thought.
	Node     string         `json:"node,omitempty"`
	Parent   string         `json:"parent,omitempty"`
	Score    *float64       `json:"score,omitempty"`
	Pruned   bool           `json:"pruned,omitempty"`
	Evidence map[string]any `json:"evidence,omitempty"`
}

// ReasonPlan is the plan that was executed.
type ReasonPlan struct {
	PlanID string       `json:"plan_id"`
	Steps  []ReasonStep `json:"steps"`
}

// ReasonStep is one call of a tool. An argument may refer to the request's
// context, {"$context":"series"}, or to an earlier result,
// {"$result":"s1","field":"forecast"}.
type ReasonStep struct {
	StepID    string         `json:"step_id"`
	Action    string         `json:"action"`
	Arguments map[string]any `json:"arguments"`
	DependsOn []string       `json:"depends_on"`
}

// ReasonExecution is what running the plan gave.
type ReasonExecution struct {
	PlanID         string `json:"plan_id"`
	Success        bool   `json:"success"`
	StepsCompleted int    `json:"steps_completed"`
	TotalSteps     int    `json:"total_steps"`
	// Duration is in seconds.
	Duration float64  `json:"duration"`
	Errors   []string `json:"errors"`
	// Output holds each step's result under its step id.
	Output map[string]ReasonOutput `json:"output"`
}

// ReasonOutput is the result of one step; long lists are cut.
type ReasonOutput struct {
	Action string         `json:"action"`
	Result map[string]any `json:"result"`
}

// ReasonUsage counts a language model's tokens.
type ReasonUsage struct {
	InputTokens  int `json:"input_tokens"`
	OutputTokens int `json:"output_tokens"`
}

// ReasonAnswer is the answer of POST /agi/process.
type ReasonAnswer struct {
	Answer
	Problem         string          `json:"problem"`
	ReasoningMethod string          `json:"reasoning_method"`
	Provider        string          `json:"provider"`
	Deterministic   bool            `json:"deterministic"`
	Thoughts        []Thought       `json:"thoughts"`
	Plan            ReasonPlan      `json:"plan"`
	ExecutionResult ReasonExecution `json:"execution_result"`
	Text            string          `json:"answer"`
	// StoppedBy is final, max_steps, budget or error.
	StoppedBy string       `json:"stopped_by"`
	Usage     *ReasonUsage `json:"usage,omitempty"`
}

// HistoryAnswer is the answer of the history routes, newest first.
type HistoryAnswer struct {
	Answer
	NTotal  int               `json:"n_total"`
	History []json.RawMessage `json:"history"`
}
