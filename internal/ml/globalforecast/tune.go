package globalforecast

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Tuning says how a model is adapted to further series.
type Tuning struct {
	// Period is the season of the series, 1 or less for none.
	Period int
	// Steps is how many batches each network learns from; 0 stands for 150.
	Steps int
	// Rate is the largest step; 0 stands for 5e-4.
	Rate float64
	Seed uint64
	// Progress, which may be nil, receives the share done.
	Progress func(share float64)
}

// Tuned says what adapting brought: mean absolute errors over the mean step of
// each series (MASE with the recipe's lag) on the held-out ends.
type Tuned struct {
	Before, After float64
	// Series is how many series were long enough to be judged on.
	Series int
	// Loss is the mean loss of the final networks.
	Loss float64
}

const (
	tuneSteps = 150
	tuneRate  = 5e-4
	tuneBatch = 64
	// judgedShare of a series is held out at most.
	judgedShare = 4
)

// Tune adapts the frequency to series and returns the adapted one; f stays as
// it is. Whether it forecasts better is judged on the ends of the series, by
// networks adapted without them.
func (f *Frequency) Tune(ctx context.Context, series [][]float64, t Tuning) (*Frequency, Tuned, error) {
	if t.Steps == 0 {
		t.Steps = tuneSteps
	}
	if t.Rate == 0 {
		t.Rate = tuneRate
	}
	var past, next [][]float64
	for _, y := range series {
		h := min(f.Recipe.Near, len(y)/judgedShare)
		if n := len(y) - h; h > 0 && n > max(leastStart, f.Recipe.Scored) {
			past, next = append(past, y[:n]), append(next, y[n:])
		}
	}
	if len(past) == 0 {
		return nil, Tuned{}, ErrNoSeries
	}
	report := Tuned{Series: len(past)}
	share := 0.0
	progress := func(s float64) {
		if t.Progress != nil {
			t.Progress(share + s/2)
		}
	}
	judge, _, err := f.adapted(ctx, past, t, progress)
	if err != nil {
		return nil, report, err
	}
	if report.Before, err = f.scaledError(ctx, past, next, t.Period); err != nil {
		return nil, report, err
	}
	if report.After, err = judge.scaledError(ctx, past, next, t.Period); err != nil {
		return nil, report, err
	}
	share = 0.5
	final, loss, err := f.adapted(ctx, series, t, progress)
	report.Loss = loss
	return final, report, err
}

// adapted trains copies of the networks on series.
func (f *Frequency) adapted(ctx context.Context, series [][]float64, t Tuning, progress func(float64)) (*Frequency, float64, error) {
	out := *f
	out.networks = nil
	r := f.Recipe
	r.Steps, r.Rate, r.Batch, r.Synthetic, r.Linear = t.Steps, t.Rate, tuneBatch, 0, 0
	season := f.season(t.Period)
	season.Share = 1
	r.Seasons = []Season{season}
	loss := 0.0
	for k, n := range f.networks {
		copied := &Network{Shape: n.Shape, Weights: slices.Clone(n.Weights)}
		rng := rand.New(rand.NewPCG(t.Seed, uint64(k)))
		report, err := r.adapt(ctx, copied, corpus{series: series}, nil, rng, func(s float64) { progress((float64(k) + s) / float64(len(f.networks))) })
		if err != nil {
			return nil, 0, fmt.Errorf("adapting network %d: %w", k+1, err)
		}
		loss += report.Loss / float64(len(f.networks))
		out.networks = append(out.networks, copied)
	}
	return &out, loss, nil
}

// scaledError is the mean over series of the mean absolute error over the mean
// step.
func (f *Frequency) scaledError(ctx context.Context, past, next [][]float64, period int) (float64, error) {
	list, horizon := make([]Series, len(past)), 0
	for i, y := range past {
		list[i] = Series{Values: y, Period: period}
		horizon = max(horizon, len(next[i]))
	}
	forecasts, err := f.Medians(ctx, list, horizon)
	if err != nil {
		return 0, err
	}
	sum, count := 0.0, 0
	for i, y := range next {
		scale := meanStep(past[i], f.Recipe.Scored)
		if !(scale > 0) {
			continue
		}
		e := 0.0
		for h, v := range y {
			e += math.Abs(v-forecasts[i][h]) / float64(len(y))
		}
		sum += e / scale
		count++
	}
	return sum / float64(max(1, count)), nil
}
