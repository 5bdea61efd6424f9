// Package anomaly answers what is unusual: rows among rows (isolation forest),
// points, shifts and shapes in time series, and points as they arrive. Only of
// the last does it keep anything.
package anomaly

import (
	"context"
	"hash/maphash"

	"github.com/omni-run/omni/internal/service"
)

// Limits bound what one call may ask for.
type Limits struct {
	// Rows and Cells bound /anomaly/isolation-forest.
	Rows, Cells, Features int
	// Points and Metrics bound /anomaly/detect.
	Points, Metrics int
	// ShapePoints bounds mode shape of /anomaly/detect, whose work grows with
	// the square of the points.
	ShapePoints int
	// Streams is how many metrics a tenant may have followed.
	Streams int
	// Explained is how many anomalies of a call come with their drivers.
	Explained int
}

// DefaultLimits are meant for a worker with a few hundred MB.
var DefaultLimits = Limits{Rows: 100_000, Cells: 2_000_000, Features: 1_000, Points: 100_000, Metrics: 1_000, ShapePoints: 20_000, Streams: 1_000, Explained: 10_000}

// Deps is what the service needs.
type Deps struct {
	// Limits: a field that is zero takes its value from DefaultLimits.
	Limits Limits
	// Store keeps streams; without one /anomaly/stream answers 501.
	Store Store
}

// Service is the capability.
type Service struct {
	limits Limits
	store  Store
	// locks serialise the calls of one stream; streams share them by hash.
	locks [64]chan struct{}
	seed  maphash.Seed
}

// New makes the service.
func New(d Deps) *Service {
	l := d.Limits
	for _, f := range []struct {
		value *int
		or    int
	}{
		{&l.Rows, DefaultLimits.Rows},
		{&l.Cells, DefaultLimits.Cells},
		{&l.Features, DefaultLimits.Features},
		{&l.Points, DefaultLimits.Points},
		{&l.Metrics, DefaultLimits.Metrics},
		{&l.ShapePoints, DefaultLimits.ShapePoints},
		{&l.Streams, DefaultLimits.Streams},
		{&l.Explained, DefaultLimits.Explained},
	} {
		if *f.value <= 0 {
			*f.value = f.or
		}
	}
	s := &Service{limits: l, store: d.Store, seed: maphash.MakeSeed()}
	for i := range s.locks {
		s.locks[i] = make(chan struct{}, 1)
	}
	return s
}

// Name implements service.Service.
func (s *Service) Name() string { return "anomaly" }

// Load implements service.Service; there is nothing to load.
func (s *Service) Load(context.Context) error { return nil }

// Routes implements service.Service.
func (s *Service) Routes() []service.Route {
	return []service.Route{
		{Method: "POST", Path: "/anomaly/isolation-forest", Model: "isolation_forest", Handler: service.JSON(s.isolationForest), Repeatable: true},
		{Method: "POST", Path: "/anomaly/detect", Model: "detect", Handler: service.JSON(s.detect), Repeatable: true},
		{Method: "POST", Path: "/anomaly/stream", Model: "stream", Handler: service.JSON(s.stream)},
		{Method: "GET", Path: "/anomaly/streams", Handler: service.Query(s.streams)},
		{Method: "POST", Path: "/anomaly/streams/forget", Handler: service.JSON(s.forget)},
	}
}

// maxName bounds the length of a feature's or metric's name in bytes.
const maxName = 256
