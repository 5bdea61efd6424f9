package forecast

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/globalforecast"
)

// Bases of a tenant's model.
const (
	baseShipped = "shipped"
	baseNone    = "none"
)

const (
	// windowsAnEpoch is how many windows adapting learns from for each epoch
	// asked.
	windowsAnEpoch = 100
	// windowsAStep is how many of them one step takes.
	windowsAStep = 64
	// leastGain is the share by which a new model must be better: less is
	// chance.
	leastGain = 0.002
)

// adapts says whether a specification asks for the shipped networks.
func adapts(spec *api.ForecastModelSpec) (bool, error) {
	own := spec.SequenceLength != nil || spec.Hidden != nil || spec.Layers != nil
	usual := baseShipped
	if own {
		usual = baseNone
	}
	base, err := oneOf("base", spec.Base, usual, baseShipped, baseNone)
	if err != nil {
		return false, err
	}
	if base == baseShipped && own {
		return false, api.Unprocessable("ambiguous_input", "sequence_length, hidden and layers belong to base none; the shipped networks have their own").
			At("base", "is shipped beside settings of a network's shape")
	}
	return base == baseShipped, nil
}

// kindred are the series of a specification that one part of the networks
// serves.
type kindred struct {
	part   *globalforecast.Frequency
	period int
	values [][]float64
}

// adapt trains the incumbent's networks further on the tenant's series, a
// frequency at a time, and judges the result against the incumbent.
func (t *Trainer) adapt(ctx context.Context, tenant string, spec *api.ForecastModelSpec, progress func(float64)) ([]byte, json.RawMessage, error) {
	start := time.Now()
	incumbent, err := t.incumbents.globalModel(ctx, tenant)
	if err != nil {
		return nil, nil, err
	}
	if incumbent.tuned == nil {
		if incumbent, err = t.incumbents.shippedModel(); err != nil {
			return nil, nil, err
		}
	}
	groups, meta, err := t.kin(incumbent, spec)
	if err != nil {
		return nil, nil, err
	}
	set, err := trainingSettings(nil, spec.Epochs, spec.LearningRate, spec.Seed, longestLookback)
	if err != nil {
		return nil, nil, err
	}
	model := &globalforecast.Model{Version: incumbent.tuned.Version, Sources: slices.Concat(incumbent.tuned.Sources, []string{"the tenant's series"})}
	before, after := 0.0, 0.0
	for i, g := range groups {
		tuning := globalforecast.Tuning{Period: g.period, Steps: max(1, set.epochs*windowsAnEpoch/windowsAStep), Rate: set.rate / 2, Seed: uint64(set.seed)}
		if progress != nil {
			tuning.Progress = func(share float64) { progress((float64(i) + share) / float64(len(groups))) }
		}
		part, report, err := g.part.Tune(ctx, g.values, tuning)
		if errors.Is(err, globalforecast.ErrNoSeries) {
			return nil, nil, api.Unprocessable("too_few_points", "no %s series is long enough to hold its end back", g.part.Name).At("series", "all too short")
		}
		if err != nil {
			return nil, nil, fmt.Errorf("adapting the %s networks: %w", g.part.Name, err)
		}
		model.Frequencies = append(model.Frequencies, part)
		meta.Adapted = append(meta.Adapted, api.AdaptedForecast{Frequency: part.Name, Series: report.Series, Incumbent: report.Before, MASE: report.After})
		before, after = before+report.Before*float64(report.Series), after+report.After*float64(report.Series)
		meta.FinalLoss += report.Loss / float64(len(groups))
	}
	better := after < before*(1-leastGain)
	meta.Base, meta.Epochs, meta.Better, meta.Parameters = baseShipped, set.epochs, &better, model.Parameters()
	meta.Seconds = time.Since(start).Seconds()
	artefact, err := model.Encode()
	if err != nil {
		return nil, nil, fmt.Errorf("encoding the adapted model: %w", err)
	}
	described, err := json.Marshal(meta)
	if err != nil {
		return nil, nil, fmt.Errorf("describing the adapted model: %w", err)
	}
	return artefact, described, nil
}

// kin checks the series and groups them by the networks that serve them.
func (t *Trainer) kin(incumbent *globalModel, spec *api.ForecastModelSpec) (groups []*kindred, meta api.ForecastModelMeta, err error) {
	if len(spec.Series) == 0 || len(spec.Series) > t.limits.Series {
		return nil, meta, api.Unprocessable("out_of_range", "series has %d entries; it takes 1 to %d", len(spec.Series), t.limits.Series).
			At("series", "must have 1 to %d entries", t.limits.Series)
	}
	if err := checkSeries(spec.Series, t.limits); err != nil {
		return nil, meta, err
	}
	impute, err := oneOf("impute", spec.Impute, "none", "none", "linear", "previous", "zero")
	if err != nil {
		return nil, meta, err
	}
	var found notes
	for i, s := range spec.Series {
		m, err := readMaterial(i, s, impute, t.limits.Points, &found)
		if err != nil {
			return nil, meta, err
		}
		// The networks learn from what they will read.
		reads := incumbent.reads(m.kind, m.period, m.values)
		k := slices.IndexFunc(groups, func(g *kindred) bool { return g.part.Name == reads.part.Name })
		if k < 0 {
			k = len(groups)
			groups = append(groups, &kindred{part: reads.part, period: reads.period})
		}
		groups[k].values = append(groups[k].values, reads.cycle.without(m.values))
		groups[k].period = max(groups[k].period, reads.period)
		meta.Series++
		meta.Points += len(m.values)
	}
	meta.Warnings = found.all()
	return groups, meta, nil
}
