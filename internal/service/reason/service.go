// Package reason solves problems put in words with the platform's own tools.
// Without a language model it works offline: it finds out which tools the words
// ask for, plans over what they need and give, checks the plan by simulation,
// runs it and composes the answer from the results. Every thought it reports
// is something that happened, and the same input gives the same thoughts.
package reason

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/llm"
	"github.com/omni-run/omni/internal/ml/route"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/state"
	"github.com/omni-run/omni/internal/tool"
	"github.com/omni-run/omni/internal/tool/catalog"
)

// Store is what the service keeps its history in; *state.Store is one.
type Store interface {
	Append(ctx context.Context, tenant, stream string, events ...state.Event) (int, error)
	Newest(ctx context.Context, tenant, stream string, n int) ([]state.Event, error)
	CountEvents(ctx context.Context, tenant, stream string) (int, error)
	Trim(ctx context.Context, tenant, stream string, keep int) error
}

var _ Store = (*state.Store)(nil)

// Model is a language model; *llm.Client is one.
type Model interface {
	Chat(ctx context.Context, request *llm.Request) (*llm.Response, error)
	Name() string
}

// Methods are the reasoning methods.
var Methods = []string{"chain_of_thought", "react", "tree_of_thought", "reflexion"}

// Limits of a request.
const (
	MaxProblem    = 8_000
	MaxSteps      = 32
	MaxMS         = 120_000
	MaxTokens     = 200_000
	MaxHistory    = 1_000
	maxGoals      = 12
	maxObjects    = 32
	maxDepth      = 16
	maxContextKey = 256
)

// Deps is what the service needs.
type Deps struct {
	Store   Store
	Invoker tool.Invoker
	Log     *slog.Logger
	Now     func() time.Time
	// Embedder returns the embedding that improves routing; it is called once,
	// by Load. Nil routes by words alone.
	Embedder func() (route.Embedder, error)
	// LLM, when set, reasons instead of the offline planner.
	LLM Model
	// FallBack answers offline, with a warning, when the LLM fails; otherwise
	// its failure is the caller's 502 or 504.
	FallBack bool
	// StepTimeout bounds one tool call; 0 means 30 s.
	StepTimeout time.Duration
}

// Service answers /agi/*.
type Service struct {
	deps  Deps
	tools *tool.Registry
	words *lexicon
}

// New makes the service.
func New(deps Deps) *Service {
	if deps.Now == nil {
		deps.Now = time.Now
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	if deps.StepTimeout <= 0 {
		deps.StepTimeout = 30 * time.Second
	}
	return &Service{deps: deps, tools: tool.NewRegistry(deps.StepTimeout, 16<<20, catalog.Tools()...)}
}

// Name implements service.Service.
func (s *Service) Name() string { return "reason" }

// Load indexes the tools' words.
func (s *Service) Load(context.Context) error {
	var embedder route.Embedder
	if s.deps.Embedder != nil {
		var err error
		if embedder, err = s.deps.Embedder(); err != nil {
			return fmt.Errorf("loading the embedding: %w", err)
		}
	}
	s.words = newLexicon(s.tools, embedder)
	return nil
}

// Routes implements service.Service.
func (s *Service) Routes() []service.Route {
	return []service.Route{
		{Method: http.MethodPost, Path: "/agi/process", Model: "reason", Handler: service.JSON(s.process)},
		{Method: http.MethodGet, Path: "/agi/reasoning/history", Handler: service.Query(s.reasoningHistory)},
		{Method: http.MethodGet, Path: "/agi/execution/history", Handler: service.Query(s.executionHistory)},
	}
}

func (s *Service) process(ctx context.Context, call *service.Call, req *api.ReasonRequest) (*api.ReasonAnswer, error) {
	budget, err := check(req)
	if err != nil {
		return nil, err
	}
	started := s.deps.Now()
	ctx, cancel := context.WithTimeout(ctx, time.Duration(budget.MaxMS)*time.Millisecond)
	defer cancel()
	var answer *api.ReasonAnswer
	if s.deps.LLM != nil {
		answer, err = s.withModel(ctx, call, req, budget)
		if err != nil && s.deps.FallBack && ctx.Err() == nil {
			s.deps.Log.Warn("language model failed, answering offline", "tenant", call.Tenant, "error", err)
			call.Warn("the language model did not answer; the offline planner did")
			answer, err = s.offline(ctx, call, req, budget)
		}
	} else {
		answer, err = s.offline(ctx, call, req, budget)
	}
	if err != nil {
		return nil, err
	}
	answer.ExecutionResult.Duration = s.deps.Now().Sub(started).Seconds()
	if err := s.remember(context.WithoutCancel(ctx), call, answer); err != nil {
		return nil, err
	}
	return answer, nil
}

// check refuses what cannot be worked on and fills the defaults in.
func check(req *api.ReasonRequest) (api.ReasonBudget, error) {
	budget := api.ReasonBudget{MaxSteps: 12, MaxMS: 60_000, MaxTokens: 20_000}
	if req.ReasoningMethod == "" {
		req.ReasoningMethod = Methods[0]
	}
	if !slices.Contains(Methods, req.ReasoningMethod) {
		return budget, api.Unprocessable("unknown_method", "reasoning_method %.64q is not one of %s", req.ReasoningMethod, strings.Join(Methods, ", ")).
			At("reasoning_method", "one of %s", strings.Join(Methods, ", "))
	}
	if strings.TrimSpace(req.Problem) == "" {
		return budget, api.Unprocessable("empty_problem", "problem is empty; say in words what is to be done").At("problem", "is empty")
	}
	if n := utf8.RuneCountInString(req.Problem); n > MaxProblem {
		return budget, api.Unprocessable("problem_too_long", "problem has %d characters; at most %d are taken", n, MaxProblem).At("problem", "has %d characters", n)
	}
	if deep(req.Context, maxDepth) {
		return budget, api.Unprocessable("context_too_deep", "context is nested more than %d deep", maxDepth).At("context", "nested too deep")
	}
	if req.Budget == nil {
		return budget, nil
	}
	for _, b := range []struct {
		field       string
		given, most int
		into        *int
	}{
		{"budget.max_steps", req.Budget.MaxSteps, MaxSteps, &budget.MaxSteps},
		{"budget.max_ms", req.Budget.MaxMS, MaxMS, &budget.MaxMS},
		{"budget.max_tokens", req.Budget.MaxTokens, MaxTokens, &budget.MaxTokens},
	} {
		if b.given < 0 || b.given > b.most {
			return budget, api.Unprocessable("budget_out_of_range", "%s is %d; it must be from 1 to %d", b.field, b.given, b.most).At(b.field, "is %d", b.given)
		}
		if b.given > 0 {
			*b.into = b.given
		}
	}
	return budget, nil
}

func deep(v any, left int) bool {
	if left < 0 {
		return true
	}
	switch x := v.(type) {
	case map[string]any:
		for _, item := range x {
			if deep(item, left-1) {
				return true
			}
		}
	case []any:
		for _, item := range x {
			if deep(item, left-1) {
				return true
			}
		}
	}
	return false
}
