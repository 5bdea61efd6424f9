// Package recommend is the recommendation capability: tenants give it a
// catalogue and what their users did, and it answers what to show next, with
// reasons that are facts of that data. Three sources are blended: a
// collaborative model trained on request (EASE^R for catalogues up to a few
// thousand items, implicit ALS above), the likeness of texts, and behaviour
// (what is popular now, which categories the user turns to). The last two need
// no training and follow every write at once.
package recommend

import (
	"context"
	"hash/maphash"
	"log/slog"
	"net/http"
	"runtime"
	"sync"
	"time"

	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/state"
)

// Where a tenant's data lie in the store.
const (
	itemCollection = "recommend.items"
	eventStream    = "recommend.interactions"
	modelName      = "recommend"
)

// Store is what the capability needs of the tenant store.
type Store interface {
	Put(ctx context.Context, tenant, collection string, records ...state.Record) error
	Delete(ctx context.Context, tenant, collection string, ids ...string) (int, error)
	Each(ctx context.Context, tenant, collection string, f func(state.Record) error) error
	Append(ctx context.Context, tenant, stream string, events ...state.Event) (added int, err error)
	EachEvent(ctx context.Context, tenant, stream string, after int64, f func(state.Event) error) error
	CountEvents(ctx context.Context, tenant, stream string) (int, error)
	Trim(ctx context.Context, tenant, stream string, keep int) error
	SaveModel(ctx context.Context, tenant string, m state.Model, promote bool) (int, error)
	PromotedModel(ctx context.Context, tenant, name string) (state.Model, error)
}

var _ Store = (*state.Store)(nil)

// Embedder turns a text into a vector whose cosine with another is the
// likeness of the two texts. Embed must be safe for concurrent use; it writes
// to dst when that is long enough, and returns the vector.
type Embedder interface {
	Embed(text string, dst []float32) []float32
	Dim() int
}

// Deps is what the service needs. Store, Log and Now are required; zero limits
// take the defaults.
type Deps struct {
	Store Store
	Log   *slog.Logger
	Now   func() time.Time
	// Embedder is optional: without it texts are compared by their words.
	Embedder Embedder
	// MemoryBytes bounds what tenants' catalogues and models occupy together;
	// default 128 MB.
	MemoryBytes int64
	// MaxItems bounds one tenant's catalogue; default 100,000.
	MaxItems int
	// MaxInteractions bounds what is kept of one tenant's interactions; the
	// oldest leave first. Default 2,000,000.
	MaxInteractions int
	// EASEItems is the largest number of items for which auto chooses EASE,
	// whose training takes 8 bytes for each pair of items; default 3,000.
	EASEItems int
	// Workers bounds the goroutines of one training; default GOMAXPROCS.
	Workers int
}

func (d Deps) withDefaults() Deps {
	set := func(v *int, to int) {
		if *v <= 0 {
			*v = to
		}
	}
	set(&d.MaxItems, 100_000)
	set(&d.MaxInteractions, 2_000_000)
	set(&d.EASEItems, 3_000)
	set(&d.Workers, runtime.GOMAXPROCS(0))
	if d.MemoryBytes <= 0 {
		d.MemoryBytes = 128 << 20
	}
	return d
}

// Service answers the /recommend paths.
type Service struct {
	Deps
	tenants *state.Resident[*tenant]
	// training holds a place for the one training that may run at a time.
	training chan struct{}

	// writes serialises the writes of a tenant, so that memory sees them in
	// the order of the store. Tenants share locks by hash.
	seed   maphash.Seed
	writes [64]sync.Mutex
}

var _ service.Service = (*Service)(nil)

// New makes the service.
func New(d Deps) *Service {
	s := &Service{Deps: d.withDefaults(), training: make(chan struct{}, 1), seed: maphash.MakeSeed()}
	s.tenants = state.NewResident("recommend", s.MemoryBytes, s.Log, s.load)
	return s
}

// Name implements service.Service.
func (s *Service) Name() string { return "recommend" }

// Load implements service.Service: tenants are read when they first call.
func (s *Service) Load(context.Context) error { return nil }

// Forget drops what is held in memory of a tenant, so that the next call reads
// the store: to be called when another model version was promoted.
func (s *Service) Forget(tenant string) { s.tenants.Forget(tenant) }

// Routes implements service.Service.
func (s *Service) Routes() []service.Route {
	const label = "recommend"
	return []service.Route{
		{Method: http.MethodPost, Path: "/recommend/products", Model: label, Handler: service.JSON(s.products)},
		{Method: http.MethodPost, Path: "/recommend/similar", Model: label, Handler: service.JSON(s.similar)},
		{Method: http.MethodPost, Path: "/recommend/train", Model: label, Handler: service.JSON(s.train)},
		{Method: http.MethodPost, Path: "/recommend/items", Handler: service.JSON(s.putItems)},
		{Method: http.MethodGet, Path: "/recommend/items", Handler: service.Query(s.listItems)},
		{Method: http.MethodPost, Path: "/recommend/items/delete", Handler: service.JSON(s.deleteItems)},
		{Method: http.MethodPost, Path: "/recommend/interactions", Handler: service.JSON(s.putInteractions)},
	}
}

// lockWrites takes the tenant's write lock and returns its release.
func (s *Service) lockWrites(tenant string) (unlock func()) {
	m := &s.writes[maphash.String(s.seed, tenant)%uint64(len(s.writes))]
	m.Lock()
	return m.Unlock
}

// written brings the tenant's value in memory in line with what was just
// committed. The commit came first: a value built after it holds the change
// already, and change is harmless to apply twice. When it cannot be applied
// the value is dropped, and the next call reads the store.
func (s *Service) written(ctx context.Context, tenant string, change func(t *tenant) error) error {
	t, err := s.tenants.Get(ctx, tenant)
	if err == nil {
		t.mu.Lock()
		err = change(t)
		bytes := t.bytesLocked()
		t.mu.Unlock()
		s.tenants.Resize(tenant, bytes)
	}
	if err != nil {
		s.tenants.Forget(tenant)
	}
	return err
}
