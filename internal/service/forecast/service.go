// Package forecast is the forecasting capability: POST /predict/revenue-lstm
// for any series of numbers, POST /predict/revenue for dated revenue, POST
// /predict/backtest to compare models, and the trainer of tenants' own models.
package forecast

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"

	"github.com/omni-run/omni/internal/ml/globalforecast"
	"github.com/omni-run/omni/internal/ml/selector"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/state"
	pretrained "github.com/omni-run/omni/models/forecast"
	shipped "github.com/omni-run/omni/models/forecast-selector"
)

// Name is the service's name in health reports and routes.
const Name = "forecast"

// ModelName is the name under which a tenant's network is stored.
const ModelName = "forecast"

// Models is what the service reads of the tenant store.
type Models interface {
	Models(ctx context.Context, tenant string) ([]state.Model, error)
	PromotedModel(ctx context.Context, tenant, name string) (state.Model, error)
}

// Deps is what the service needs from outside.
type Deps struct {
	// Models may be nil: then no tenant has a model.
	Models Models
	Log    *slog.Logger
	// ResidentBytes bounds the tenants' networks kept in memory; default 32 MiB.
	ResidentBytes int64
	Limits        Limits
	// Selector weighs the models of mode auto; nil takes the shipped one.
	Selector *selector.Model
	// Global is the forecaster trained over many series; nil takes the shipped
	// one.
	Global *globalforecast.Model
}

// Limits bounds what a caller may ask. The zero value takes every default.
type Limits struct {
	// Points is the longest series; default 100,000.
	Points int
	// Steps is the longest forecast; default 10,000.
	Steps int
	// Series is the most series a call; default 10,000.
	Series int
	// TotalPoints is the most values a call over all its series; default
	// 1,000,000.
	TotalPoints int
	// TotalSteps is the most values forecast a call; default 1,000,000.
	TotalSteps int
}

func (l Limits) withDefaults() Limits {
	for _, d := range []struct {
		v  *int
		to int
	}{{&l.Points, 100_000}, {&l.Steps, 10_000}, {&l.Series, 10_000}, {&l.TotalPoints, 1_000_000}, {&l.TotalSteps, 1_000_000}} {
		if *d.v == 0 {
			*d.v = d.to
		}
	}
	return l
}

// Service answers forecasts. It is safe for concurrent use.
type Service struct {
	deps     Deps
	limits   Limits
	resident *state.Resident[*globalModel]
	shipped  func() (*selector.Model, error)
	// pretrained is the global model that comes with the program.
	pretrained func() (*globalforecast.Model, error)
}

var (
	_ service.Service   = (*Service)(nil)
	_ service.Versioned = (*Service)(nil)
)

// New makes the service.
func New(deps Deps) *Service {
	if deps.Log == nil {
		deps.Log = slog.New(slog.DiscardHandler)
	}
	if deps.ResidentBytes == 0 {
		deps.ResidentBytes = 32 << 20
	}
	s := &Service{deps: deps, limits: deps.Limits.withDefaults()}
	s.resident = state.NewResident("forecast", deps.ResidentBytes, deps.Log, s.loadGlobal)
	s.pretrained = sync.OnceValues(pretrained.Default)
	if deps.Global != nil {
		s.pretrained = func() (*globalforecast.Model, error) { return deps.Global, nil }
	}
	s.shipped = sync.OnceValues(func() (*selector.Model, error) { return selector.Decode(shipped.Artefact()) })
	return s
}

// selector returns the model that weighs the team. Without one, as when the
// shipped one belongs to other code, the back-test alone decides.
func (s *Service) selector() *selector.Model {
	if s.deps.Selector != nil {
		return s.deps.Selector
	}
	m, err := s.shipped()
	if err != nil {
		s.deps.Log.Error("the forecast selector is unusable; the back-test alone chooses", "error", err)
		return nil
	}
	return m
}

// Name implements service.Service.
func (s *Service) Name() string { return Name }

// Load implements service.Service: it decodes the selector. Local networks
// train on each call, and a tenant's loads when first asked for.
func (s *Service) Load(context.Context) error {
	if _, err := s.pretrained(); err != nil {
		return fmt.Errorf("decoding the shipped forecast model: %w", err)
	}
	if s.deps.Selector != nil {
		return nil
	}
	_, err := s.shipped()
	return err
}

// Routes implements service.Service.
func (s *Service) Routes() []service.Route {
	return []service.Route{
		{Method: http.MethodPost, Path: "/predict/revenue-lstm", Model: "revenue_lstm", Handler: service.JSON(s.predictLSTM), Repeatable: true},
		{Method: http.MethodPost, Path: "/predict/revenue", Model: "revenue", Handler: service.JSON(s.predictRevenue), Repeatable: true},
		{Method: http.MethodPost, Path: "/predict/backtest", Model: "forecast_backtest", Handler: service.JSON(s.predictBacktest), Repeatable: true},
	}
}
