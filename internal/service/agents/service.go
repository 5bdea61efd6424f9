// Package agents keeps a tenant's agents. Each has a role and looks at what is
// observed in that role: a healer for the cause of trouble, a monitor for
// metrics out of line, an optimizer for the bottleneck, a learner for what is
// normal, a builder for a pipeline over the data. Agents, their memories and
// the learned baselines are rows in the tenant's store.
package agents

import (
	"context"
	"hash/fnv"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/state"
	"github.com/omni-run/omni/internal/tool"
	"github.com/omni-run/omni/internal/tool/catalog"
)

// Roles an agent can have.
var Roles = []string{"learner", "healer", "builder", "optimizer", "monitor"}

// Limits of a tenant's agents and of one observation.
const (
	MaxAgents       = 100
	MaxCapabilities = 50
	MaxCapability   = 128
	MaxShortTerm    = 20
	MaxEpisodes     = 1_000
	MaxIncidents    = 1_000
	MaxBaselines    = 1_000
)

// Store is what the service keeps its rows in; *state.Store is one.
type Store interface {
	Put(ctx context.Context, tenant, collection string, records ...state.Record) error
	Get(ctx context.Context, tenant, collection, id string) ([]byte, error)
	Delete(ctx context.Context, tenant, collection string, ids ...string) (int, error)
	Each(ctx context.Context, tenant, collection string, f func(state.Record) error) error
	Count(ctx context.Context, tenant, collection string) (records int, bytes int64, err error)
	Append(ctx context.Context, tenant, stream string, events ...state.Event) (int, error)
	Newest(ctx context.Context, tenant, stream string, n int) ([]state.Event, error)
	CountEvents(ctx context.Context, tenant, stream string) (int, error)
	Trim(ctx context.Context, tenant, stream string, keep int) error
}

var _ Store = (*state.Store)(nil)

// Deps is what the service needs.
type Deps struct {
	Store   Store
	Invoker tool.Invoker
	Log     *slog.Logger
	Now     func() time.Time
	// ToolTimeout bounds one call of another service; 0 means 20 s.
	ToolTimeout time.Duration
}

// Service answers /agents/*.
type Service struct {
	deps  Deps
	tools *tool.Registry
	// locks keep two observations of a tenant from losing each other's
	// memories; tenants share them by hash.
	locks [64]sync.Mutex
}

// New makes the service.
func New(deps Deps) *Service {
	if deps.Now == nil {
		deps.Now = time.Now
	}
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{deps: deps, tools: tool.NewRegistry(deps.ToolTimeout, 0, catalog.Tools()...)}
}

// Name implements service.Service.
func (s *Service) Name() string { return "agents" }

// Load implements service.Service; there is nothing to load.
func (s *Service) Load(context.Context) error { return nil }

// Routes implements service.Service.
func (s *Service) Routes() []service.Route {
	return []service.Route{
		{Method: http.MethodPost, Path: "/agents/register", Handler: service.JSON(s.register)},
		{Method: http.MethodPost, Path: "/agents/observe", Model: "agents", Handler: service.JSON(s.observe)},
		{Method: http.MethodGet, Path: "/agents/status", Handler: service.Query(s.status)},
		{Method: http.MethodPost, Path: "/agents/{agent_id}/deregister", Handler: service.Query(s.deregister)},
		{Method: http.MethodDelete, Path: "/agents/{agent_id}", Handler: service.Query(s.deregister)},
	}
}

func (s *Service) lock(tenant string) *sync.Mutex {
	h := fnv.New32a()
	_, _ = h.Write([]byte(tenant)) // a hash cannot fail
	return &s.locks[h.Sum32()%uint32(len(s.locks))]
}

var identifier = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,128}$`)

func unknownRole(field, role string) error {
	return api.Unprocessable("unknown_role", "%s: %.64q is not a role; the roles are %s", field, role, strings.Join(Roles, ", ")).
		At(field, "one of %s", strings.Join(Roles, ", "))
}

func (s *Service) register(ctx context.Context, call *service.Call, req *api.AgentRegisterRequest) (*api.AgentRegisterAnswer, error) {
	if !identifier.MatchString(req.AgentID) {
		return nil, api.Unprocessable("bad_agent_id", "agent_id must be 1 to 128 of A-Z a-z 0-9 . _ : -").At("agent_id", "is %.140q", req.AgentID)
	}
	if !slices.Contains(Roles, req.Role) {
		return nil, unknownRole("role", req.Role)
	}
	if len(req.Capabilities) > MaxCapabilities {
		return nil, api.Unprocessable("too_many_capabilities", "capabilities has %d entries; at most %d are taken", len(req.Capabilities), MaxCapabilities).
			At("capabilities", "has %d entries", len(req.Capabilities))
	}
	for i, c := range req.Capabilities {
		if c == "" || len(c) > MaxCapability {
			return nil, api.Unprocessable("bad_capability", "capabilities[%d] must have 1 to %d bytes", i, MaxCapability).At(field("capabilities", i), "has %d bytes", len(c))
		}
	}
	if req.Capabilities == nil {
		req.Capabilities = []string{}
	}
	mu := s.lock(call.Tenant)
	mu.Lock()
	defer mu.Unlock()
	all, err := s.agents(ctx, call.Tenant)
	if err != nil {
		return nil, err
	}
	a := &agent{ID: req.AgentID, RegisteredAt: s.deps.Now().UTC()}
	created := true
	for _, known := range all {
		if known.ID == req.AgentID {
			a, created = known, false
		}
	}
	if created && len(all) >= MaxAgents {
		return nil, api.Unprocessable("too_many_agents", "a tenant may have %d agents; remove one first", MaxAgents).At("agent_id", "would be one too many")
	}
	a.Role, a.Capabilities = req.Role, req.Capabilities
	if err := s.save(ctx, call.Tenant, a); err != nil {
		return nil, err
	}
	return &api.AgentRegisterAnswer{AgentID: a.ID, Role: a.Role, Capabilities: a.Capabilities, Created: created}, nil
}

func (s *Service) deregister(ctx context.Context, call *service.Call) (*api.AgentRemovedAnswer, error) {
	id := call.Path["agent_id"]
	mu := s.lock(call.Tenant)
	mu.Lock()
	defer mu.Unlock()
	n, err := s.deps.Store.Delete(ctx, call.Tenant, collectionAgents, id)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, api.NotFound("unknown_agent", "there is no agent %.128q", id)
	}
	if err := s.deps.Store.Trim(ctx, call.Tenant, episodes(id), 0); err != nil {
		return nil, err
	}
	return &api.AgentRemovedAnswer{AgentID: id}, nil
}

func (s *Service) status(ctx context.Context, call *service.Call) (*api.AgentStatusAnswer, error) {
	all, err := s.agents(ctx, call.Tenant)
	if err != nil {
		return nil, err
	}
	out := &api.AgentStatusAnswer{NAgents: len(all), Agents: []api.AgentStatus{}}
	for _, a := range all {
		n, err := s.deps.Store.CountEvents(ctx, call.Tenant, episodes(a.ID))
		if err != nil {
			return nil, err
		}
		out.Agents = append(out.Agents, api.AgentStatus{
			AgentID: a.ID, Role: a.Role, IsActive: true, Capabilities: a.Capabilities, NTasks: a.Tasks,
			NShortTermMemories: len(a.ShortTerm), NEpisodicMemories: n, RegisteredAt: a.RegisteredAt,
		})
	}
	return out, nil
}
