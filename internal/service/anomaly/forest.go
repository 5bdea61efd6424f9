package anomaly

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/iforest"
	"github.com/omni-run/omni/internal/service"
)

const (
	defaultContamination = 0.1
	defaultTrees         = 100
	maxTrees             = 1000
	maxDrivers           = 10
)

func (s *Service) isolationForest(ctx context.Context, call *service.Call, req *api.IsolationForestRequest) (*api.IsolationForestAnswer, error) {
	contamination, trees, seed := defaultContamination, defaultTrees, uint64(0)
	if c := req.Contamination; c != nil {
		if contamination = *c; !(contamination > 0 && contamination <= 0.5) {
			return nil, api.Unprocessable("bad_contamination", "contamination is %v; it must be above 0 and at most 0.5", contamination).
				At("contamination", "is %v", contamination)
		}
	}
	if n := req.Trees; n != nil {
		if trees = *n; trees < 1 || trees > maxTrees {
			return nil, api.Unprocessable("bad_trees", "trees is %d; it must be between 1 and %d", trees, maxTrees).At("trees", "is %d", trees)
		}
	}
	if req.Seed != nil {
		seed = *req.Seed
	}
	t, bad := s.readTable(req.Data, req.FeatureNames)
	if bad != nil {
		return nil, bad
	}
	forest, err := iforest.Fit(ctx, t.rows, iforest.Options{Trees: trees, Seed: seed})
	if err != nil {
		return nil, err
	}
	scores, err := forest.Scores(ctx, t.rows)
	if err != nil {
		return nil, err
	}
	offset := iforest.Offset(scores, contamination)
	answer := &api.IsolationForestAnswer{
		NSamples: len(t.rows), Contamination: contamination, FeatureNames: t.names, AnomalyScores: scores, Offset: offset,
		Predictions: make([]int, len(scores)), Trees: trees, MaxSamples: min(256, len(t.rows)), Anomalies: []api.IsolationAnomaly{},
	}
	for i, score := range scores {
		answer.Predictions[i] = 1
		if score-offset < 0 {
			answer.Predictions[i] = -1
			answer.Anomalies = append(answer.Anomalies, api.IsolationAnomaly{
				Index: i, AnomalyScore: score, DecisionScore: score - offset, Severity: forestSeverity(score), Drivers: []api.AnomalyDriver{},
			})
		}
	}
	answer.NAnomalies = len(answer.Anomalies)
	answer.AnomalyRate = float64(answer.NAnomalies) / float64(answer.NSamples)
	if answer.NAnomalies == 0 {
		warnNone(call, scores)
	}
	slices.SortStableFunc(answer.Anomalies, func(a, b api.IsolationAnomaly) int { return cmp.Compare(a.AnomalyScore, b.AnomalyScore) })
	return answer, s.explain(ctx, call, forest, t, answer.Anomalies)
}

func warnNone(call *service.Call, scores []float64) {
	if slices.Min(scores) == slices.Max(scores) {
		call.Warn("all rows score alike (the data does not vary, or no row differs from another): nothing is an anomaly")
		return
	}
	call.Warn("so many rows share the lowest score that none lies below the offset: nothing is an anomaly")
}

// explain adds the row and its drivers to each anomaly.
func (s *Service) explain(ctx context.Context, call *service.Call, forest *iforest.Forest, t table, anomalies []api.IsolationAnomaly) error {
	if len(anomalies) > s.limits.Explained {
		call.Warn("drivers are given for the %d strangest of %d anomalies", s.limits.Explained, len(anomalies))
	}
	for k := range anomalies {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		a := &anomalies[k]
		row := t.rows[a.Index]
		a.Data = make(map[string]float64, len(row))
		for j, name := range t.names {
			a.Data[name] = row[j]
		}
		if k >= s.limits.Explained {
			continue
		}
		contributions, _ := forest.Contributions(row)
		for j, c := range contributions {
			a.Drivers = append(a.Drivers, api.AnomalyDriver{Feature: t.names[j], Value: row[j], Contribution: c})
		}
		slices.SortStableFunc(a.Drivers, func(a, b api.AnomalyDriver) int {
			return cmp.Compare(math.Abs(b.Contribution), math.Abs(a.Contribution))
		})
		a.Drivers = a.Drivers[:min(len(a.Drivers), maxDrivers)]
	}
	return nil
}

// forestSeverity reads the score on the paper's scale: around -0.5 is an
// average row, close to -1 is isolated at once.
func forestSeverity(score float64) string {
	switch {
	case score <= -0.75:
		return "critical"
	case score <= -0.65:
		return "high"
	case score <= -0.55:
		return "medium"
	default:
		return "low"
	}
}
