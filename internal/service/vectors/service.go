// Package vectors is the capability of finding texts by their meaning: a
// tenant stores texts under ids and asks for those most like another text.
package vectors

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
	"sync/atomic"

	"github.com/omni-run/omni/internal/ml/embed"
	"github.com/omni-run/omni/internal/ml/text"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/state"
)

const (
	// collection is where items are kept in the tenant store.
	collection = "vectors"
	modelName  = "omni-static-192"
)

// Store is what the service needs of the tenant store; *state.Store has it.
type Store interface {
	Put(ctx context.Context, tenant, collection string, records ...state.Record) error
	Get(ctx context.Context, tenant, collection, id string) ([]byte, error)
	Delete(ctx context.Context, tenant, collection string, ids ...string) (int, error)
	Each(ctx context.Context, tenant, collection string, f func(state.Record) error) error
}

// Deps is what the service is made of.
type Deps struct {
	Store Store
	Log   *slog.Logger
	// Model returns the embedding; it is called once, by Load.
	Model func() (*embed.Model, error)
	// MemoryBytes is the budget for all tenants' indexes together; the least
	// recently used leave memory first. Default 96 MiB.
	MemoryBytes int64
	// MaxItems is how many items a tenant may store. Default 100,000.
	MaxItems int
	// ExactBelow is the number of items up to which every query compares with
	// every item; beyond, a graph leads. Default 20,000.
	ExactBelow int
}

// Service answers the vectors routes.
type Service struct {
	deps    Deps
	model   atomic.Pointer[embed.Model]
	indexes *state.Resident[*index]
	// writing serialises each tenant's changes, so that the index sees them in
	// the order of the store. Tenants share a lock by hash.
	writing [64]chan struct{}
	seed    maphash.Seed
}

var _ service.Service = (*Service)(nil)

// New makes the service.
func New(d Deps) *Service {
	if d.MemoryBytes <= 0 {
		d.MemoryBytes = 96 << 20
	}
	if d.MaxItems <= 0 {
		d.MaxItems = 100_000
	}
	if d.ExactBelow <= 0 {
		d.ExactBelow = 20_000
	}
	s := &Service{deps: d, seed: maphash.MakeSeed()}
	for i := range s.writing {
		s.writing[i] = make(chan struct{}, 1)
	}
	s.indexes = state.NewResident("vectors", d.MemoryBytes, d.Log, s.loadIndex)
	return s
}

// Name implements service.Service.
func (s *Service) Name() string { return "vectors" }

// Load implements service.Service.
func (s *Service) Load(context.Context) error {
	m, err := s.deps.Model()
	if err != nil {
		return fmt.Errorf("loading the embedding: %w", err)
	}
	s.model.Store(m)
	return nil
}

// Routes implements service.Service.
func (s *Service) Routes() []service.Route {
	upsert, query, remove := service.JSON(s.upsert), service.JSON(s.query), service.JSON(s.remove)
	return []service.Route{
		{Method: "POST", Path: "/vectors/upsert", Model: "vectors", Handler: upsert},
		{Method: "POST", Path: "/vectors/query", Model: "vectors", Handler: query},
		{Method: "POST", Path: "/vectors/delete", Handler: remove},
		{Method: "POST", Path: "/faiss/upsert", Model: "vectors", Handler: upsert},
		{Method: "POST", Path: "/faiss/query", Model: "vectors", Handler: query},
	}
}

// stored is an item as the tenant store keeps it. Vectors are not kept: they
// follow from the text, and so from the model of the day.
type stored struct {
	Text     string          `json:"text"`
	Metadata json.RawMessage `json:"metadata,omitempty"`
}

// errNotLoaded cannot reach a caller: the shell sends no call before Load.
var errNotLoaded = errors.New("vectors: called before Load")

func (s *Service) entry(id, words string, metadata json.RawMessage) (entry, error) {
	m := s.model.Load()
	if m == nil {
		return entry{}, errNotLoaded
	}
	f, err := parseFields(metadata)
	if err != nil {
		return entry{}, fmt.Errorf("reading the metadata of an item: %w", err)
	}
	return entry{id: id, vector: m.Embed(words, nil), terms: text.Terms(words), fields: f}, nil
}

// loadIndex builds a tenant's index from its rows.
func (s *Service) loadIndex(ctx context.Context, tenant string) (*index, int64, error) {
	m := s.model.Load()
	if m == nil {
		return nil, 0, errNotLoaded
	}
	ix := newIndex(m.Dim(), s.deps.ExactBelow)
	err := s.deps.Store.Each(ctx, tenant, collection, func(r state.Record) error {
		var item stored
		if err := json.Unmarshal(r.Value, &item); err != nil {
			return fmt.Errorf("reading a stored item: %w", err)
		}
		e, err := s.entry(r.ID, item.Text, item.Metadata)
		if err != nil {
			return err
		}
		ix.addLocked(e) // nobody else sees it yet
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("loading a vector index: %w", err)
	}
	return ix, ix.size(), nil
}

// lock waits for the tenant's turn to write.
func (s *Service) lock(ctx context.Context, tenant string) (unlock func(), err error) {
	turn := s.writing[maphash.String(s.seed, tenant)%uint64(len(s.writing))]
	select {
	case turn <- struct{}{}:
		return func() { <-turn }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
