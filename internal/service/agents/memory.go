package agents

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/state"
)

const (
	collectionAgents    = "agents.agents"
	collectionBaselines = "agents.baselines"
	streamIncidents     = "agents.incidents"
)

// episodes is the stream of an agent's episodic memory.
func episodes(agentID string) string { return "agents.episodes." + agentID }

func field(name string, i int) string { return fmt.Sprintf("%s[%d]", name, i) }

// agent is one row.
type agent struct {
	ID           string    `json:"id"`
	Role         string    `json:"role"`
	Capabilities []string  `json:"capabilities"`
	RegisteredAt time.Time `json:"registered_at"`
	// Tasks counts the observations the agent has looked at.
	Tasks int `json:"tasks"`
	// ShortTerm holds the newest MaxShortTerm of them, oldest first.
	ShortTerm []memory `json:"short_term"`
}

// memory is what an agent keeps of an observation.
type memory struct {
	At         time.Time `json:"at"`
	Hypothesis string    `json:"hypothesis"`
	Confidence float64   `json:"confidence"`
	// Subject is the service or component the observation names.
	Subject string `json:"subject,omitempty"`
	Summary string `json:"summary"`
}

func (s *Service) agents(ctx context.Context, tenant string) ([]*agent, error) {
	out := []*agent{}
	err := s.deps.Store.Each(ctx, tenant, collectionAgents, func(r state.Record) error {
		a := new(agent)
		if err := json.Unmarshal(r.Value, a); err != nil {
			return fmt.Errorf("reading an agent: %w", err)
		}
		out = append(out, a)
		return nil
	})
	return out, err
}

func (s *Service) save(ctx context.Context, tenant string, agents ...*agent) error {
	records := make([]state.Record, len(agents))
	for i, a := range agents {
		raw, err := json.Marshal(a)
		if err != nil {
			return fmt.Errorf("writing an agent: %w", err)
		}
		records[i] = state.Record{ID: a.ID, Value: raw}
	}
	return s.deps.Store.Put(ctx, tenant, collectionAgents, records...)
}

// remember adds an observation to the agent's memories; what taught nothing
// stays out of the episodic one.
func (s *Service) remember(ctx context.Context, tenant string, a *agent, subject string, h api.AgentHypothesis) error {
	m := memory{At: s.deps.Now().UTC(), Hypothesis: h.Type, Confidence: h.Confidence, Subject: subject, Summary: cutText(h.Explanation, 300)}
	a.Tasks++
	a.ShortTerm = append(a.ShortTerm, m)
	if over := len(a.ShortTerm) - MaxShortTerm; over > 0 {
		a.ShortTerm = append([]memory{}, a.ShortTerm[over:]...)
	}
	if h.Type == insufficient {
		return nil
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("writing an episode: %w", err)
	}
	if _, err := s.deps.Store.Append(ctx, tenant, episodes(a.ID), state.Event{Value: raw}); err != nil {
		return err
	}
	return s.deps.Store.Trim(ctx, tenant, episodes(a.ID), MaxEpisodes)
}

// recall counts the agent's past episodes of the same kind and subject.
func (s *Service) recall(ctx context.Context, tenant, agentID, hypothesis, subject string) (same int, last time.Time, err error) {
	events, err := s.deps.Store.Newest(ctx, tenant, episodes(agentID), 200)
	if err != nil {
		return 0, last, err
	}
	for _, e := range events {
		var m memory
		if json.Unmarshal(e.Value, &m) == nil && m.Hypothesis == hypothesis && m.Subject == subject {
			if same == 0 {
				last = m.At
			}
			same++
		}
	}
	return same, last, nil
}

func cutText(text string, n int) string {
	if r := []rune(text); len(r) > n {
		return string(r[:n]) + "…"
	}
	return text
}
