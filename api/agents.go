package api

import "time"

// AgentRegisterRequest is the body of POST /agents/register.
type AgentRegisterRequest struct {
	Request
	// AgentID is 1 to 128 of A-Za-z0-9._:-; registering it again replaces role
	// and capabilities and keeps the memories.
	AgentID string `json:"agent_id"`
	// Role is learner, healer, builder, optimizer or monitor.
	Role         string   `json:"role"`
	Capabilities []string `json:"capabilities"`
}

// AgentRegisterAnswer is the answer of POST /agents/register.
type AgentRegisterAnswer struct {
	Answer
	AgentID      string   `json:"agent_id"`
	Role         string   `json:"role"`
	Capabilities []string `json:"capabilities"`
	// Created is false when the agent was there already.
	Created bool `json:"created"`
}

// AgentRemovedAnswer is the answer of removing an agent.
type AgentRemovedAnswer struct {
	Answer
	AgentID string `json:"agent_id"`
}

// AgentObserveRequest is the body of POST /agents/observe.
type AgentObserveRequest struct {
	Request
	// Observation is any JSON object: numbers, lists of numbers and texts are
	// found at any depth.
	Observation map[string]any `json:"observation"`
	// AgentRoles restricts who looks at it; empty means every role.
	AgentRoles []string `json:"agent_roles,omitempty"`
}

// AgentEvidence is one thing that speaks for a hypothesis.
type AgentEvidence struct {
	// Source is what was looked at, such as a metric's path.
	Source string `json:"source"`
	Text   string `json:"text"`
	// Weight is the probability that this alone would prove the hypothesis,
	// 0 to 1.
	Weight float64 `json:"weight"`
}

// AgentHypothesis is what an agent believes and why. Confidence is
// 1 - product(1 - weight) over the evidence.
type AgentHypothesis struct {
	Type        string          `json:"type"`
	Confidence  float64         `json:"confidence"`
	Explanation string          `json:"explanation"`
	Evidence    []AgentEvidence `json:"evidence"`
}

// AgentAction is one thing an agent did.
type AgentAction struct {
	Type   string         `json:"type"`
	Result map[string]any `json:"result"`
	// Status is succeeded, failed or skipped.
	Status string `json:"status"`
	// Reason says why an action failed or was skipped.
	Reason string `json:"reason,omitempty"`
}

// AgentResult is what one agent made of an observation.
type AgentResult struct {
	AgentID    string          `json:"agent_id"`
	Role       string          `json:"role"`
	Hypothesis AgentHypothesis `json:"hypothesis"`
	Actions    []AgentAction   `json:"actions"`
}

// AgentObserveAnswer is the answer of POST /agents/observe.
type AgentObserveAnswer struct {
	Answer
	NAgents int           `json:"n_agents"`
	Results []AgentResult `json:"results"`
}

// AgentStatus is one agent in GET /agents/status.
type AgentStatus struct {
	AgentID            string    `json:"agent_id"`
	Role               string    `json:"role"`
	IsActive           bool      `json:"is_active"`
	Capabilities       []string  `json:"capabilities"`
	NTasks             int       `json:"n_tasks"`
	NShortTermMemories int       `json:"n_short_term_memories"`
	NEpisodicMemories  int       `json:"n_episodic_memories"`
	RegisteredAt       time.Time `json:"registered_at"`
}

// AgentStatusAnswer is the answer of GET /agents/status.
type AgentStatusAnswer struct {
	Answer
	NAgents int           `json:"n_agents"`
	Agents  []AgentStatus `json:"agents"`
}
