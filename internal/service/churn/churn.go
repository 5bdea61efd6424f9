// Package churn says how likely a user is to leave, by a model trained on the
// tenant's own labelled rows, or by the shipped prior until there is one.
package churn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/omni-run/omni/internal/ml/churn"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/state"
)

// ModelName is the name of a tenant's churn model, and its kind.
const ModelName = "churn"

// Store is what the service keeps models in; *state.Store is one.
type Store interface {
	SaveModel(ctx context.Context, tenant string, m state.Model, promote bool) (version int, err error)
	PromotedModel(ctx context.Context, tenant, name string) (state.Model, error)
	Models(ctx context.Context, tenant string) ([]state.Model, error)
}

// Deps is what the service needs.
type Deps struct {
	Store Store
	Log   *slog.Logger
	Now   func() time.Time
	// Prior is the shipped model's artefact: models/churn.Prior().
	Prior []byte
	// MaxBytes bounds the tenant models held in memory; 64 MiB if zero.
	MaxBytes int64
	// Recheck is how long a tenant's model in memory is trusted before its
	// version is compared with the store's again; 5 s if zero.
	Recheck time.Duration
}

// Service is the capability. It also is a trainer for the models service.
type Service struct {
	d        Deps
	prior    *churn.Model
	resident *state.Resident[*tenantModel]
}

// tenantModel is the promoted version, or none.
type tenantModel struct {
	version int // 0: the tenant has no model
	model   *churn.Model

	mu      sync.Mutex
	checked time.Time
}

// New makes the service.
func New(d Deps) *Service {
	if d.MaxBytes <= 0 {
		d.MaxBytes = 64 << 20
	}
	if d.Recheck <= 0 {
		d.Recheck = 5 * time.Second
	}
	s := &Service{d: d}
	s.resident = state.NewResident("churn", d.MaxBytes, d.Log, s.load)
	return s
}

// Name implements service.Service.
func (s *Service) Name() string { return "churn" }

// Load decodes the shipped prior.
func (s *Service) Load(context.Context) error {
	m, err := churn.Decode(s.d.Prior)
	if err != nil {
		return fmt.Errorf("loading the shipped prior: %w", err)
	}
	s.prior = m
	return nil
}

// Routes implements service.Service.
func (s *Service) Routes() []service.Route {
	return []service.Route{
		{Method: "POST", Path: "/predict/churn", Model: "churn", Handler: service.JSON(s.predict)},
		{Method: "POST", Path: "/predict/churn/train", Model: "churn_train", Handler: service.JSON(s.train)},
	}
}

// Forget drops what is held in memory for a tenant, after its promoted version
// changed elsewhere.
func (s *Service) Forget(tenant string) { s.resident.Forget(tenant) }

func (s *Service) load(ctx context.Context, tenant string) (*tenantModel, int64, error) {
	stored, err := s.d.Store.PromotedModel(ctx, tenant, ModelName)
	if errors.Is(err, state.ErrNotFound) {
		return &tenantModel{checked: s.d.Now()}, 64, nil
	}
	if err != nil {
		return nil, 0, err
	}
	m, err := churn.Decode(stored.Artifact)
	if err != nil {
		return nil, 0, fmt.Errorf("version %d: %w", stored.Version, err)
	}
	return &tenantModel{version: stored.Version, model: m, checked: s.d.Now()}, m.Bytes(), nil
}

// current returns the tenant's promoted model. One held in memory for longer
// than Recheck is compared with the store's version first, as another process
// may have promoted another.
func (s *Service) current(ctx context.Context, tenant string) (*tenantModel, error) {
	m, err := s.resident.Get(ctx, tenant)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	stale := s.d.Now().Sub(m.checked) >= s.d.Recheck
	m.mu.Unlock()
	if !stale {
		return m, nil
	}
	versions, err := s.d.Store.Models(ctx, tenant)
	if err != nil {
		return nil, err
	}
	promoted := 0
	for _, v := range versions {
		if v.Name == ModelName && v.Status == state.ModelPromoted {
			promoted = v.Version
		}
	}
	if promoted != m.version {
		s.resident.Forget(tenant)
		return s.resident.Get(ctx, tenant)
	}
	m.mu.Lock()
	m.checked = s.d.Now()
	m.mu.Unlock()
	return m, nil
}
