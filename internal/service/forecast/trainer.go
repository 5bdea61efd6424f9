package forecast

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/lstm"
	"github.com/omni-run/omni/internal/service"
)

const (
	globalSequence = 24
	globalHidden   = 24
	globalWindows  = 4096
	// mostGlobalWork bounds a training: windows times steps times epochs.
	mostGlobalWork = 30_000_000
	mostHidden     = 128
	mostLayers     = 4
	// artefactPrecision halves the stored size; the rounding is far below
	// what a forecast resolves.
	artefactPrecision = lstm.Float32
)

// Trainer adapts the shipped networks to a tenant's series, or trains one over
// them from nothing.
type Trainer struct {
	limits Limits
	// incumbents finds what the tenant uses; it may have no store.
	incumbents *Service
}

// NewTrainer makes a trainer; the zero limits take their defaults. models, which
// may be nil, tells what a tenant uses so far, which a new model must beat.
func NewTrainer(limits Limits, models Models) *Trainer {
	return &Trainer{limits: limits.withDefaults(), incumbents: New(Deps{Models: models, Limits: limits})}
}

// Kind names the kind of model it trains.
func (t *Trainer) Kind() string { return Name }

// Train reads an api.ForecastModelSpec and returns the network's artefact and
// its api.ForecastModelMeta. progress may be nil.
func (t *Trainer) Train(ctx context.Context, tenant string, raw json.RawMessage, progress func(float64)) (artifact []byte, meta json.RawMessage, err error) {
	var spec api.ForecastModelSpec
	if err := service.Decode(bytes.TrimSpace(raw), &spec); err != nil {
		return nil, nil, err
	}
	adapt, err := adapts(&spec)
	if err != nil {
		return nil, nil, err
	}
	if adapt {
		return t.adapt(ctx, tenant, &spec, progress)
	}
	plan, err := t.plan(&spec)
	if err != nil {
		return nil, nil, err
	}
	return t.fromNothing(ctx, tenant, plan, progress)
}

// fromNothing trains a network over the planned series, after one that is
// judged on their ends has told whether it is worth promoting.
func (t *Trainer) fromNothing(ctx context.Context, tenant string, plan globalPlan, progress func(float64)) ([]byte, json.RawMessage, error) {
	start := time.Now()
	half := func(from float64) func(float64) {
		if progress == nil {
			return nil
		}
		return func(share float64) { progress(from + share/2) }
	}
	judged, err := t.rival(ctx, tenant, &plan, half(0))
	if err != nil {
		return nil, nil, err
	}
	better := judged != nil && judged.MASE < judged.Incumbent*(1-leastGain)
	meta := api.ForecastModelMeta{
		Base: baseNone, Better: &better, Series: len(plan.series), Points: plan.points,
		SequenceLength: plan.config.Lookback, Hidden: plan.config.Hidden, Layers: plan.config.Layers,
	}
	if judged != nil {
		meta.Adapted = []api.AdaptedForecast{*judged}
	} else {
		plan.notes.add("no series is long enough to be judged on its end, so the network is not promoted unless asked")
	}
	prepared := make([][]float64, len(plan.series))
	for i, m := range plan.series {
		prepared[i] = m.prepared()
	}
	net, report, err := lstm.TrainSeries(ctx, prepared, plan.config, plan.random(), half(0.5))
	if errors.Is(err, lstm.ErrTooShort) {
		return nil, nil, api.Unprocessable("too_few_points", "no series has more than %d points", plan.config.Lookback).At("series", "all too short")
	}
	if err != nil {
		return nil, nil, fmt.Errorf("training a forecast model: %w", err)
	}
	meta.Parameters, meta.Epochs, meta.FinalLoss, meta.ValidationLoss = len(net.Network.Weights), report.Epochs, report.Loss, finite(report.Validation)
	meta.Seconds, meta.Warnings = time.Since(start).Seconds(), plan.notes.all()
	described, err := json.Marshal(meta)
	if err != nil {
		return nil, nil, fmt.Errorf("describing a forecast model: %w", err)
	}
	return net.Encode(artefactPrecision), described, nil
}

// globalPlan is a checked specification.
type globalPlan struct {
	series []*material
	points int
	config lstm.SeriesConfig
	seed   int64
	notes  notes
}

func (t *Trainer) plan(spec *api.ForecastModelSpec) (p globalPlan, err error) {
	if len(spec.Series) == 0 || len(spec.Series) > t.limits.Series {
		return p, api.Unprocessable("out_of_range", "series has %d entries; it takes 1 to %d", len(spec.Series), t.limits.Series).
			At("series", "must have 1 to %d entries", t.limits.Series)
	}
	if err := checkSeries(spec.Series, t.limits); err != nil {
		return p, err
	}
	if spec.SequenceLength == nil {
		n := globalSequence
		spec.SequenceLength = &n
		for _, s := range spec.Series {
			n = min(n, max(1, len(s.TimeSeries)/2))
		}
	}
	n, err := trainingSettings(spec.SequenceLength, spec.Epochs, spec.LearningRate, spec.Seed, longestLookback)
	if err != nil {
		return p, err
	}
	hidden, err := whole("hidden", spec.Hidden, globalHidden, 1, mostHidden)
	if err != nil {
		return p, err
	}
	layers, err := whole("layers", spec.Layers, 1, 1, mostLayers)
	if err != nil {
		return p, err
	}
	impute, err := oneOf("impute", spec.Impute, "none", "none", "linear", "previous", "zero")
	if err != nil {
		return p, err
	}
	for i, s := range spec.Series {
		if err := p.add(i, s, impute, t.limits.Points, n.lookback); err != nil {
			return p, err
		}
	}
	p.seed = n.seed
	windows := min(globalWindows, max(leastWindows, mostGlobalWork/(n.lookback*n.epochs)))
	p.config = lstm.SeriesConfig{
		Lookback: n.lookback, Hidden: hidden, Layers: layers, MaxWindows: windows,
		Training: lstm.Training{Epochs: n.epochs, Rate: min(mostRate, rateScale*n.rate), Patience: patience},
	}
	return p, nil
}

// add reads one series; one too short for the sequence is left out.
func (p *globalPlan) add(i int, s api.ForecastSeries, impute string, most, lookback int) error {
	m, err := readMaterial(i, s, impute, most, &p.notes)
	if err != nil {
		return err
	}
	if len(m.values) <= lookback {
		p.notes.add(fmt.Sprintf("series[%d].time_series has %d points, too few for a sequence of %d; it was left out", i, len(m.values), lookback))
		return nil
	}
	p.points += len(m.values)
	p.series = append(p.series, m)
	return nil
}
