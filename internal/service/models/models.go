// Package models manages the versions of a tenant's trained models: train,
// list, promote, roll back.
package models

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/state"
)

// Trainer makes models of one kind.
type Trainer interface {
	// Kind names what it makes, such as "churn".
	Kind() string
	// Train learns from a caller's spec and returns an artefact, and a JSON
	// object that describes it. A meta field "better_than_incumbent": false
	// advises against promotion. progress takes shares between 0 and 1.
	Train(ctx context.Context, tenant string, spec json.RawMessage, progress func(float64)) (artifact []byte, meta json.RawMessage, err error)
}

// Store is what the service keeps models in; *state.Store is one.
type Store interface {
	SaveModel(ctx context.Context, tenant string, m state.Model, promote bool) (version int, err error)
	Promote(ctx context.Context, tenant, name string, version int) error
	Models(ctx context.Context, tenant string) ([]state.Model, error)
}

// Deps is what the service needs.
type Deps struct {
	Store    Store
	Trainers []Trainer
	// Changed, if set, is told whenever another version of a tenant's model
	// came into use, so that what is held of it in memory can be dropped.
	Changed func(tenant, name string)
	// MaxVersions bounds the versions a tenant may keep of all models together;
	// 1000 if zero.
	MaxVersions int
}

// Service is the capability.
type Service struct {
	d        Deps
	trainers map[string]Trainer
	kinds    []string
}

// New makes the service. Two trainers of one kind are a programmer's mistake
// and panic.
func New(d Deps) *Service {
	if d.MaxVersions <= 0 {
		d.MaxVersions = 1000
	}
	s := &Service{d: d, trainers: map[string]Trainer{}, kinds: []string{}}
	for _, t := range d.Trainers {
		if _, twice := s.trainers[t.Kind()]; twice {
			panic("models: two trainers of kind " + t.Kind())
		}
		s.trainers[t.Kind()] = t
		s.kinds = append(s.kinds, t.Kind())
	}
	slices.Sort(s.kinds)
	return s
}

// Name implements service.Service.
func (s *Service) Name() string { return "models" }

// Load implements service.Service; there is nothing to load.
func (s *Service) Load(context.Context) error { return nil }

// Routes implements service.Service.
func (s *Service) Routes() []service.Route {
	return []service.Route{
		{Method: "GET", Path: "/models", Handler: service.Query(s.list)},
		{Method: "POST", Path: "/models/train", Model: "models_train", Handler: service.JSON(s.train)},
		{Method: "POST", Path: "/models/{name}/promote", Handler: service.JSON(s.promote)},
		{Method: "POST", Path: "/models/{name}/rollback", Handler: s.rollback},
	}
}

func (s *Service) list(ctx context.Context, call *service.Call) (*api.ModelsAnswer, error) {
	stored, err := s.d.Store.Models(ctx, call.Tenant)
	if err != nil {
		return nil, err
	}
	a := &api.ModelsAnswer{Models: []api.ModelInfo{}, Kinds: s.kinds}
	for _, m := range stored {
		a.Models = append(a.Models, info(m))
	}
	a.Count = len(a.Models)
	return a, nil
}

func info(m state.Model) api.ModelInfo {
	meta := m.Meta
	if !json.Valid(meta) {
		meta = json.RawMessage("{}")
	}
	return api.ModelInfo{Name: m.Name, Version: m.Version, Kind: m.Kind, ModelStatus: m.Status, SHA256: m.SHA256, CreatedAt: m.CreatedAt, Meta: meta}
}

var modelName = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9._-]{0,63}$`)

func (s *Service) train(ctx context.Context, call *service.Call, req *api.ModelTrainRequest) (*api.ModelAnswer, error) {
	trainer, ok := s.trainers[req.Kind]
	if !ok {
		return nil, api.Unprocessable("unknown_kind", "kind %.64q is unknown; this worker trains: %s", req.Kind, strings.Join(s.kinds, ", ")).At("kind", "is unknown")
	}
	name := req.Name
	if name == "" {
		name = req.Kind
	}
	if !modelName.MatchString(name) {
		return nil, api.Unprocessable("bad_name", "name must be 1 to 64 of A-Z a-z 0-9 . _ -, beginning with a letter or digit").At("name", "has other characters or another length")
	}
	if len(req.Spec) == 0 {
		return nil, api.Unprocessable("missing_spec", "spec is missing; it holds what the %s trainer takes", req.Kind).At("spec", "is missing")
	}
	versions, err := s.d.Store.Models(ctx, call.Tenant)
	if err != nil {
		return nil, err
	}
	if len(versions) >= s.d.MaxVersions {
		return nil, api.Unprocessable("too_many_versions", "the tenant keeps %d model versions; the limit is %d", len(versions), s.d.MaxVersions)
	}
	artifact, meta, err := trainer.Train(ctx, call.Tenant, req.Spec, call.Progress)
	if err != nil {
		return nil, err
	}
	promote := advised(meta)
	if req.Promote != nil {
		promote = *req.Promote
	}
	version, err := s.d.Store.SaveModel(ctx, call.Tenant, state.Model{Name: name, Kind: req.Kind, Meta: meta, Artifact: artifact}, promote)
	if err != nil {
		return nil, err
	}
	if promote {
		s.changed(call.Tenant, name)
	}
	if name != req.Kind {
		call.Warn("predictions use the model named %q; this one is stored as %q", req.Kind, name)
	}
	return s.answer(ctx, call.Tenant, name, version, promoted(versions, name))
}

// advised reads a trainer's advice from its meta.
func advised(meta json.RawMessage) bool {
	var advice struct {
		Better *bool `json:"better_than_incumbent"`
	}
	return json.Unmarshal(meta, &advice) != nil || advice.Better == nil || *advice.Better
}

// promoted returns the version of a name that is in use, or 0.
func promoted(versions []state.Model, name string) int {
	for _, m := range versions {
		if m.Name == name && m.Status == state.ModelPromoted {
			return m.Version
		}
	}
	return 0
}

func (s *Service) changed(tenant, name string) {
	if s.d.Changed != nil {
		s.d.Changed(tenant, name)
	}
}

// answer describes one stored version.
func (s *Service) answer(ctx context.Context, tenant, name string, version, previous int) (*api.ModelAnswer, error) {
	stored, err := s.d.Store.Models(ctx, tenant)
	if err != nil {
		return nil, err
	}
	for _, m := range stored {
		if m.Name == name && m.Version == version {
			return &api.ModelAnswer{ModelInfo: info(m), Promoted: m.Status == state.ModelPromoted, Previous: previous}, nil
		}
	}
	return nil, fmt.Errorf("model %s version %d vanished", name, version)
}

func (s *Service) promote(ctx context.Context, call *service.Call, req *api.ModelPromoteRequest) (*api.ModelAnswer, error) {
	name := call.Path["name"]
	versions, err := s.versions(ctx, call.Tenant, name)
	if err != nil {
		return nil, err
	}
	if req.Version < 1 {
		return nil, api.Unprocessable("bad_version", "version is %d; it is a number from GET /models", req.Version).At("version", "is %d", req.Version)
	}
	return s.put(ctx, call.Tenant, name, req.Version, promoted(versions, name))
}

// rollback brings back what was in use before: the newest archived version
// older than the one in use, or the newest archived at all if there is no older.
func (s *Service) rollback(ctx context.Context, call *service.Call) (any, error) {
	if len(call.Body) > 0 {
		if err := service.Decode(call.Body, &api.ModelRollbackRequest{}); err != nil {
			return nil, err
		}
	}
	name := call.Path["name"]
	versions, err := s.versions(ctx, call.Tenant, name)
	if err != nil {
		return nil, err
	}
	current, older, newest := promoted(versions, name), 0, 0
	for _, m := range versions {
		if m.Status == state.ModelArchived {
			newest = max(newest, m.Version)
			if m.Version < current {
				older = max(older, m.Version)
			}
		}
	}
	target := older
	if target == 0 {
		target = newest
	}
	if target == 0 {
		return nil, api.Conflict("nothing_to_roll_back", "model %q has no version that was in use before", name)
	}
	return s.put(ctx, call.Tenant, name, target, current)
}

// versions returns those of one name, or a 404.
func (s *Service) versions(ctx context.Context, tenant, name string) ([]state.Model, error) {
	stored, err := s.d.Store.Models(ctx, tenant)
	if err != nil {
		return nil, err
	}
	stored = slices.DeleteFunc(stored, func(m state.Model) bool { return m.Name != name })
	if len(stored) == 0 {
		return nil, api.NotFound("unknown_model", "there is no model %.64q; see GET /models", name)
	}
	return stored, nil
}

// put brings a version into use.
func (s *Service) put(ctx context.Context, tenant, name string, version, previous int) (*api.ModelAnswer, error) {
	err := s.d.Store.Promote(ctx, tenant, name, version)
	if errors.Is(err, state.ErrNotFound) {
		return nil, api.NotFound("unknown_version", "model %.64q has no version %d; see GET /models", name, version).At("version", "is unknown")
	}
	if err != nil {
		return nil, err
	}
	s.changed(tenant, name)
	return s.answer(ctx, tenant, name, version, previous)
}
