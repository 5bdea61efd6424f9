package forecast

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/lstm"
	"github.com/omni-run/omni/internal/state"
)

// globalModel is a tenant's promoted network.
type globalModel struct {
	version int
	net     *lstm.Forecaster
	meta    api.ForecastModelMeta
}

var errNoGlobal = errors.New("forecast: the tenant has no promoted model")

func noGlobalModel() error {
	return api.NewError(http.StatusNotImplemented, "no_global_model",
		"you have no trained forecast model; train one with POST /models/train (kind forecast) and promote it, or use mode auto or local").
		At("mode", "global needs a trained model")
}

// globalModel returns the tenant's promoted network. The listing, which is
// cheap, tells whether the one in memory is still the promoted one.
func (s *Service) globalModel(ctx context.Context, tenant string) (*globalModel, error) {
	if s.deps.Models == nil {
		return nil, noGlobalModel()
	}
	promoted, err := s.promoted(ctx, tenant)
	if err != nil {
		return nil, err
	}
	if promoted == 0 {
		s.resident.Forget(tenant)
		return nil, noGlobalModel()
	}
	m, err := s.resident.Get(ctx, tenant)
	if err == nil && m.version != promoted {
		s.resident.Forget(tenant)
		m, err = s.resident.Get(ctx, tenant)
	}
	if errors.Is(err, errNoGlobal) {
		return nil, noGlobalModel()
	}
	return m, err
}

// promoted is the version of the tenant's promoted network, or 0 for none.
func (s *Service) promoted(ctx context.Context, tenant string) (int, error) {
	list, err := s.deps.Models.Models(ctx, tenant)
	if err != nil {
		return 0, fmt.Errorf("listing the tenant's models: %w", err)
	}
	version := 0
	for _, m := range list {
		if m.Name == ModelName && m.Status == state.ModelPromoted {
			version = m.Version
		}
	}
	return version, nil
}

// ModelVersion implements service.Versioned.
func (s *Service) ModelVersion(ctx context.Context, tenant string) (string, error) {
	if s.deps.Models == nil {
		return "0", nil
	}
	version, err := s.promoted(ctx, tenant)
	return strconv.Itoa(version), err
}

// loadGlobal builds what the resident cache holds.
func (s *Service) loadGlobal(ctx context.Context, tenant string) (*globalModel, int64, error) {
	stored, err := s.deps.Models.PromotedModel(ctx, tenant, ModelName)
	if errors.Is(err, state.ErrNotFound) {
		return nil, 0, errNoGlobal
	}
	if err != nil {
		return nil, 0, fmt.Errorf("reading the promoted forecast model: %w", err)
	}
	net, err := lstm.Decode(stored.Artifact)
	if err != nil {
		return nil, 0, fmt.Errorf("decoding forecast model version %d: %w", stored.Version, err)
	}
	m := &globalModel{version: stored.Version, net: net}
	if err := json.Unmarshal(stored.Meta, &m.meta); err != nil {
		return nil, 0, fmt.Errorf("reading the description of forecast model version %d: %w", stored.Version, err)
	}
	return m, int64(8*len(net.Network.Weights)) + 1024, nil
}

// Forget drops the tenant's network from memory, for whoever promotes another.
// Without it the next call finds out by itself; with it the bytes are free at
// once.
func (s *Service) Forget(tenant string) { s.resident.Forget(tenant) }
