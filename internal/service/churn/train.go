package churn

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/churn"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/state"
)

// Limits of one training.
const (
	minRows     = 20
	maxRows     = 50_000
	minPerClass = 3
	// maxCells bounds rows times distinct features.
	maxCells = 2_000_000
)

func (s *Service) train(ctx context.Context, call *service.Call, req *api.ChurnTrainRequest) (*api.ChurnTrainAnswer, error) {
	artifact, training, err := s.learn(ctx, call.Tenant, req, call.Progress, call.Warn)
	if err != nil {
		return nil, err
	}
	meta, err := json.Marshal(training)
	if err != nil {
		return nil, fmt.Errorf("describing a churn model: %w", err)
	}
	version, err := s.d.Store.SaveModel(ctx, call.Tenant, state.Model{Name: ModelName, Kind: ModelName, Meta: meta, Artifact: artifact}, training.Better)
	if err != nil {
		return nil, err
	}
	s.Forget(call.Tenant)
	if !training.Better {
		call.Warn("version %d was stored but not promoted: the version in use has a lower loss on the held-out rows; POST /models/churn/promote overrules", version)
	}
	return &api.ChurnTrainAnswer{
		Model: fmt.Sprintf("tenant v%d", version), Version: version, Promoted: training.Better, ChurnTraining: *training,
	}, nil
}

// Kind says what Train makes, for the models service.
func (s *Service) Kind() string { return ModelName }

// Train learns from a body like that of POST /predict/churn/train, for the
// models service, which stores the artefact.
func (s *Service) Train(ctx context.Context, tenant string, spec json.RawMessage, progress func(float64)) (artifact []byte, meta json.RawMessage, err error) {
	req := &api.ChurnTrainRequest{}
	if err := service.Decode(spec, req); err != nil {
		return nil, nil, err
	}
	var warnings []string
	artifact, training, err := s.learn(ctx, tenant, req, progress, func(format string, args ...any) {
		warnings = append(warnings, fmt.Sprintf(format, args...))
	})
	if err != nil {
		return nil, nil, err
	}
	meta, err = json.Marshal(struct {
		*api.ChurnTraining
		Warnings []string `json:"warnings,omitempty"`
	}{training, warnings})
	return artifact, meta, err
}

// learn trains, measures on held-out rows beside the version in use, and
// encodes.
func (s *Service) learn(ctx context.Context, tenant string, req *api.ChurnTrainRequest, progress func(float64), warn func(string, ...any),
) ([]byte, *api.ChurnTraining, error) {
	data, bad := readRows(req.Rows)
	if bad != nil {
		return nil, nil, bad
	}
	trained, err := churn.Train(ctx, data, churn.Options{Seed: req.Seed, Progress: progress})
	if errors.Is(err, churn.ErrNoFeatures) {
		return nil, nil, api.Unprocessable("no_features", "no feature differs between the rows in a way a model can use").At("rows", "no usable feature")
	}
	if err != nil {
		return nil, nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(trained.Dropped)) {
		warn("feature %.64q was left out: %s", name, trained.Dropped[name])
	}
	artifact, err := trained.Model.Encode()
	if err != nil {
		return nil, nil, err
	}
	t := describe(trained, data)
	current, err := s.current(ctx, tenant)
	if err != nil {
		warn("the version in use could not be read and was not compared")
		s.d.Log.Warn("cannot read the tenant's churn model", "tenant", tenant, "error", err)
	} else if current.model != nil {
		scores := scoresOf(current.model, trained.HeldOut)
		t.Incumbent, t.Better = &scores, t.HeldOut.LogLoss < scores.LogLoss
	}
	return artifact, t, nil
}

func describe(trained *churn.Trained, data churn.Labelled) *api.ChurnTraining {
	m := trained.Model
	t := &api.ChurnTraining{
		Rows: len(data.Rows), ChurnRate: m.BaseRate, Features: m.Names(), Trees: len(m.Trees.Trees), Calibrated: trained.Calibrated,
		HeldOut: scoresOf(m, trained.HeldOut), Importance: []api.ChurnImportance{}, Better: true,
	}
	for _, c := range m.Columns {
		t.Importance = append(t.Importance, api.ChurnImportance{Feature: c.Name, Weight: c.Importance})
	}
	slices.SortStableFunc(t.Importance, func(a, b api.ChurnImportance) int { return cmp.Compare(b.Weight, a.Weight) })
	return t
}

func scoresOf(m *churn.Model, held churn.Labelled) api.ChurnScores {
	auc, loss := m.Score(held)
	s := api.ChurnScores{Rows: len(held.Rows), LogLoss: loss}
	if !math.IsNaN(auc) {
		s.AUC = &auc
	}
	return s
}

func readRows(rows []api.ChurnRow) (churn.Labelled, *api.Error) {
	var data churn.Labelled
	if len(rows) < minRows {
		return data, api.Unprocessable("too_few_rows", "rows has %d rows; training needs at least %d", len(rows), minRows).At("rows", "has %d rows", len(rows))
	}
	if len(rows) > maxRows {
		return data, api.Unprocessable("too_many_rows", "rows has %d rows; the limit is %d", len(rows), maxRows).At("rows", "has %d rows", len(rows))
	}
	churned, names := 0, map[string]bool{}
	for i, r := range rows {
		label, bad := readLabel(r, i)
		if bad != nil {
			return data, bad
		}
		row, bad := readRow(r.Features, fmt.Sprintf("rows[%d].features", i))
		if bad != nil {
			return data, bad
		}
		for name := range row {
			names[name] = true
		}
		if len(names) > maxFeatures || len(names)*len(rows) > maxCells {
			return data, api.Unprocessable("too_many_features", "the rows up to rows[%d] have %d features between them; the limits are %d, and %d features times rows", i, len(names), maxFeatures, maxCells).
				At(fmt.Sprintf("rows[%d].features", i), "too many features")
		}
		if label {
			churned++
		}
		data.Rows, data.Churned = append(data.Rows, row), append(data.Churned, label)
	}
	if stayed := len(rows) - churned; min(churned, stayed) < minPerClass {
		return data, api.Unprocessable("one_class", "%d rows churned and %d stayed; training needs at least %d of each", churned, stayed, minPerClass).At("rows", "lacks one class")
	}
	return data, nil
}
