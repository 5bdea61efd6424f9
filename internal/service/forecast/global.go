package forecast

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/globalforecast"
	"github.com/omni-run/omni/internal/ml/lstm"
	"github.com/omni-run/omni/internal/state"
)

// globalModel is a tenant's promoted network.
type globalModel struct {
	version int
	// net is a network trained from nothing; nil where tuned is set, which is
	// the shipped model or one adapted from it. base is then the shipped one,
	// for the frequencies that tuned has not.
	net         *lstm.Forecaster
	tuned, base *globalforecast.Model
	meta        api.ForecastModelMeta
}

var errNoGlobal = errors.New("forecast: the tenant has no promoted model")

// globalModel returns the tenant's promoted network, or the shipped one. The
// listing, which is cheap, tells whether the one in memory is still the
// promoted one.
func (s *Service) globalModel(ctx context.Context, tenant string) (*globalModel, error) {
	if s.deps.Models == nil {
		return s.shippedModel()
	}
	promoted, err := s.promoted(ctx, tenant)
	if err != nil {
		return nil, err
	}
	if promoted == 0 {
		s.resident.Forget(tenant)
		return s.shippedModel()
	}
	m, err := s.resident.Get(ctx, tenant)
	if err == nil && m.version != promoted {
		s.resident.Forget(tenant)
		m, err = s.resident.Get(ctx, tenant)
	}
	if errors.Is(err, errNoGlobal) {
		return s.shippedModel()
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
	m := &globalModel{version: stored.Version}
	size, err := m.decode(stored.Artifact)
	if err != nil {
		return nil, 0, fmt.Errorf("decoding forecast model version %d: %w", stored.Version, err)
	}
	if m.tuned != nil {
		if m.base, err = s.pretrained(); err != nil {
			return nil, 0, fmt.Errorf("decoding the shipped forecast model: %w", err)
		}
	}
	if err := json.Unmarshal(stored.Meta, &m.meta); err != nil {
		return nil, 0, fmt.Errorf("reading the description of forecast model version %d: %w", stored.Version, err)
	}
	return m, size + 1024, nil
}

// decode reads an artefact of either kind and returns what it takes in memory.
func (m *globalModel) decode(artefact []byte) (size int64, err error) {
	if globalforecast.Recognises(artefact) {
		if m.tuned, err = globalforecast.Decode(artefact); err != nil {
			return 0, err
		}
		return int64(4 * m.tuned.Parameters()), nil
	}
	if m.net, err = lstm.Decode(artefact); err != nil {
		return 0, err
	}
	return int64(8 * len(m.net.Network.Weights)), nil
}

// Forget drops the tenant's network from memory, for whoever promotes another.
// Without it the next call finds out by itself; with it the bytes are free at
// once.
func (s *Service) Forget(tenant string) { s.resident.Forget(tenant) }
