package globalforecast

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
)

// Plan says what a model is made of.
type Plan struct {
	// Version and Sources are written into the model.
	Version string
	Sources []string
	// Frequencies are built in this order.
	Frequencies []FrequencyPlan
	// Seed decides everything random; the same plan and seed make the same
	// model, whatever Parallel is.
	Seed uint64
	// Parallel is how many networks train side by side; 1 if less.
	Parallel int
	// Progress, which may be nil, is told of the work, from several goroutines.
	Progress func(frequency string, share float64)
}

// FrequencyPlan is the part of a Plan for one frequency.
type FrequencyPlan struct {
	Name   string
	Recipe Recipe
	// Series are the training parts, each whole.
	Series [][]float64
	// Sets names the data set that each series is of, so that a large one does
	// not drown the others: a set counts by the root of its size. nil means
	// that all are of one.
	Sets []string
	// Members is how many networks the ensemble has. Judges of them are trained
	// without the last Recipe.Near values of each series, to learn on those the
	// blend and how wide the intervals must be; the others on everything.
	Members, Judges int
}

// Verdict is what the held-out ends of the training series said.
type Verdict struct {
	Name string
	// Series is how many series were judged.
	Series int
	// Networks, Theta and Blended are the mean absolute errors of each, scaled
	// and relative, over those of repeating the last value in season.
	Networks, Theta, Blended float64
	// Blend is the networks' share in the blend, Trust how much the series'
	// own errors move it, Lean how far the point lies below the median.
	Blend, Trust, Lean float64
	// Score is the mean scaled interval score of the middle 95 % after it.
	Score float64
	// Coverage is the share within the middle 95 % before it was stretched.
	Coverage float64
	// Loss is the mean loss of the final networks.
	Loss float64
	// Sets are the same for each data set by itself.
	Sets []SetVerdict
}

// SetVerdict is what the ends of one data set's series said.
type SetVerdict struct {
	Name   string
	Series int
	// Networks, Theta and Blended are as in Verdict, Coverage is that of the
	// final intervals.
	Networks, Theta, Blended, Coverage float64
}

// Build trains a model.
func Build(ctx context.Context, p Plan) (*Model, []Verdict, error) {
	m := &Model{Version: p.Version, Sources: p.Sources}
	var verdicts []Verdict
	for _, f := range p.Frequencies {
		part, verdict, err := p.frequency(ctx, f, p.Seed^seedOf(f.Name))
		if err != nil {
			return nil, nil, fmt.Errorf("building the part for %s series: %w", f.Name, err)
		}
		m.Frequencies = append(m.Frequencies, part)
		verdicts = append(verdicts, verdict)
	}
	return m, verdicts, nil
}

// Calibrate learns the blend and the intervals of a frequency anew, by the
// first f.Judges of its networks, which must have been trained without the ends
// of the plan's series.
func (f FrequencyPlan) Calibrate(ctx context.Context, part *Frequency) (Verdict, error) {
	held := f.held()
	if f.Judges < 1 || f.Judges > len(part.networks) || len(held.past) == 0 {
		return Verdict{}, fmt.Errorf("%w: nothing to calibrate %s with", ErrNoSeries, f.Name)
	}
	judges := *part
	judges.Recipe, judges.networks = f.Recipe, part.networks[:f.Judges]
	v, err := judges.judge(ctx, held.jury())
	if err == nil {
		part.Recipe, part.Blend, part.Trust, part.Lean, part.Width, part.Stretch, part.Demand = f.Recipe, judges.Blend, judges.Trust, judges.Lean, judges.Width, judges.Stretch, judges.Demand
	}
	return v, err
}

// seedOf gives each frequency seeds of its own, whichever others are built.
func seedOf(name string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name)) // a hash takes everything
	return h.Sum64()
}

// frequency trains judges, lets them judge, and trains the other members.
func (p Plan) frequency(ctx context.Context, f FrequencyPlan, seed uint64) (*Frequency, Verdict, error) {
	part := &Frequency{Name: f.Name, Recipe: f.Recipe, Members: f.Members, Blend: 1, Stretch: unstretched(f.Recipe.Shape.Horizon)}
	verdict := Verdict{Name: f.Name}
	invented := Invent(rand.New(rand.NewPCG(seed, 1)), f.inventions(), f.inventedLength(), f.Recipe.Seasons[0].Period)
	total := float64(f.Members)
	if f.Judges > 0 {
		held := f.held()
		judges, _, err := p.networks(ctx, f, corpus{held.past, held.sets}, invented, f.Judges, seed+500, 0, total)
		if err != nil {
			return nil, verdict, err
		}
		part.networks = judges
		if verdict, err = part.judge(ctx, held.jury()); err != nil {
			return nil, verdict, err
		}
	}
	others, loss, err := p.networks(ctx, f, corpus{f.Series, f.Sets}, invented, f.Members-f.Judges, seed, float64(f.Judges)/total, total)
	part.networks, verdict.Loss = append(part.networks, others...), loss
	return part, verdict, err
}

func (f FrequencyPlan) inventions() int {
	if f.Recipe.Synthetic <= 0 {
		return 0
	}
	return 4000
}

func (f FrequencyPlan) inventedLength() int {
	return max(60, 3*f.Recipe.Shape.Window, 5*f.Recipe.Seasons[0].Period)
}

// networks trains count networks, up to p.Parallel side by side. Each has its
// own seed, so their order of work does not matter.
func (p Plan) networks(ctx context.Context, f FrequencyPlan, known corpus, invented [][]float64, count int, seed uint64, done, total float64) ([]*Network, float64, error) {
	out := make([]*Network, count)
	losses := make([]float64, count)
	shares := make([]float64, count)
	var failure error
	var mutex sync.Mutex
	var wait sync.WaitGroup
	slots := make(chan struct{}, max(1, p.Parallel))
	for k := range count {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			n, report, err := train(ctx, f.Recipe, known, invented, seed+uint64(k), func(share float64) {
				if p.Progress == nil {
					return
				}
				mutex.Lock()
				defer mutex.Unlock()
				shares[k] = share
				sum := 0.0
				for _, s := range shares {
					sum += s
				}
				p.Progress(f.Name, done+sum/total)
			})
			mutex.Lock()
			defer mutex.Unlock()
			if err != nil {
				failure = err
			}
			out[k], losses[k] = n, report.Loss
		})
	}
	wait.Wait()
	mean := 0.0
	for _, l := range losses {
		mean += l / float64(count)
	}
	return out, mean, failure
}

func unstretched(horizon int) [][quantiles]float64 {
	out := make([][quantiles]float64, horizon)
	for h := range out {
		for k := range out[h] {
			out[h][k] = 1
		}
	}
	return out
}
