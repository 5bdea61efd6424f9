package globalforecast

import (
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/omni-run/omni/internal/ml/theta"
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
	// Blend is the networks' share in the blend.
	Blend float64
	// Score is the mean scaled interval score of the middle 95 % after it.
	Score float64
	// Coverage is the share within the middle 95 % before it was stretched.
	Coverage float64
	// Loss is the mean loss of the final networks.
	Loss float64
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
	past, next := f.held()
	if f.Judges < 1 || f.Judges > len(part.networks) || len(past) == 0 {
		return Verdict{}, fmt.Errorf("%w: nothing to calibrate %s with", ErrNoSeries, f.Name)
	}
	past, next = jury(past, next)
	judges := *part
	judges.Recipe, judges.networks = f.Recipe, part.networks[:f.Judges]
	v, err := judges.judge(ctx, past, next)
	if err == nil {
		part.Recipe, part.Blend, part.Belief, part.Stretch = f.Recipe, judges.Blend, judges.Belief, judges.Stretch
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
		past, next := f.held()
		judges, _, err := p.networks(ctx, f, past, invented, f.Judges, seed+500, 0, total)
		if err != nil {
			return nil, verdict, err
		}
		part.networks = judges
		past, next = jury(past, next)
		if verdict, err = part.judge(ctx, past, next); err != nil {
			return nil, verdict, err
		}
	}
	others, loss, err := p.networks(ctx, f, f.Series, invented, f.Members-f.Judges, seed, float64(f.Judges)/total, total)
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

// held splits the series that are long enough into what judges may see and
// what they are judged on.
func (f FrequencyPlan) held() (past, next [][]float64) {
	h := f.Recipe.Near
	for _, y := range f.Series {
		if n := len(y) - h; n > max(leastStart, f.Recipe.Scored+1) {
			past, next = append(past, y[:n]), append(next, y[n:])
		}
	}
	return past, next
}

// jury picks the series that are judged on: at most mostJudged, evenly.
func jury(past, next [][]float64) (few, fewNext [][]float64) {
	stride := (len(past) + mostJudged - 1) / mostJudged
	for i := 0; i < len(past); i += stride {
		few, fewNext = append(few, past[i]), append(fewNext, next[i])
	}
	return few, fewNext
}

// mostJudged bounds how many series tell the blend and the intervals.
const mostJudged = 4000

// networks trains count networks, up to p.Parallel side by side. Each has its
// own seed, so their order of work does not matter.
func (p Plan) networks(ctx context.Context, f FrequencyPlan, series, invented [][]float64, count int, seed uint64, done, total float64) ([]*Network, float64, error) {
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
			n, report, err := Train(ctx, f.Recipe, series, invented, seed+uint64(k), func(share float64) {
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

// judge learns Blend and Stretch from what followed the pasts.
func (f *Frequency) judge(ctx context.Context, past, next [][]float64) (Verdict, error) {
	v := Verdict{Name: f.Name, Series: len(past)}
	list := make([]Series, len(past))
	for i, y := range past {
		list[i] = Series{Values: y, Period: f.Recipe.Seasons[0].Period}
	}
	h := f.Recipe.Near
	f.Blend, f.Belief, f.Stretch = 1, 0, unstretched(f.Horizon())
	alone, err := f.Forecast(ctx, list, h)
	if err != nil {
		return v, err
	}
	others := make([][]float64, len(list))
	for i, s := range list {
		m, err := theta.FitQuick(recent(s.Values, s.Period), s.Period)
		if err != nil {
			return v, fmt.Errorf("fitting the Theta model: %w", err)
		}
		others[i] = m.Forecast(h)
	}
	v.Networks, v.Theta = f.error(past, next, alone, others, 1), f.error(past, next, alone, others, 0)
	const grid = 20
	errors := [grid + 1]float64{}
	for k := range errors {
		errors[k] = f.error(past, next, alone, others, float64(k)/grid)
	}
	least := slices.Min(errors[:])
	for k, e := range errors {
		if e <= least*(1+f.Recipe.Hedge) {
			v.Blended, v.Blend = e, float64(k)/grid
			break
		}
	}
	f.Blend = v.Blend
	final, err := f.Forecast(ctx, list, h)
	if err != nil {
		return v, err
	}
	v.Coverage = coverage(final, next)
	v.Score, err = f.believe(ctx, list, past, next)
	return v, err
}

// believe chooses how much of a series' own doubt counts, by the interval
// score, and calibrates the quantiles on top of it. More belief than is best
// for the series at hand costs little there and guards others, so the most
// whose score is within beliefCost of the best is taken.
func (f *Frequency) believe(ctx context.Context, list []Series, past, next [][]float64) (float64, error) {
	type trial struct {
		belief, score float64
		stretch       [][quantiles]float64
	}
	var trials []trial
	least := math.Inf(1)
	for _, belief := range []float64{0, 0.25, 0.5, 0.75, 1} {
		f.Belief, f.Stretch = belief, unstretched(f.Horizon())
		raw, err := f.Forecast(ctx, list, f.Recipe.Near)
		if err != nil {
			return 0, err
		}
		f.stretch(raw, next)
		done, err := f.Forecast(ctx, list, f.Recipe.Near)
		if err != nil {
			return 0, err
		}
		t := trial{belief, f.intervalScore(done, past, next), f.Stretch}
		least = min(least, t.score)
		trials = append(trials, t)
	}
	for _, t := range slices.Backward(trials) {
		if t.score <= least*(1+beliefCost) {
			f.Belief, f.Stretch = t.belief, t.stretch
			return t.score, nil
		}
	}
	return least, nil
}

// beliefCost is the share of the interval score that guarding other series may
// cost.
const beliefCost = 0.05

// intervalScore is the mean scaled interval score of the middle 95 %
// (Gneiting and Raftery, 2007, as the M4 competition scales it).
func (f *Frequency) intervalScore(forecasts []Forecast, past, next [][]float64) float64 {
	total, count := 0.0, 0
	for i, y := range next {
		scale := meanStep(past[i], f.Recipe.Scored)
		if !(scale > 0) {
			continue
		}
		sum := 0.0
		for h, a := range y {
			lo, hi := forecasts[i][0][h], forecasts[i][quantiles-1][h]
			sum += (hi - lo + 40*max(0, lo-a) + 40*max(0, a-hi)) / float64(len(y))
		}
		total += sum / scale
		count++
	}
	return total / float64(max(1, count))
}

// error is the mean of the relative and the scaled absolute error, each in the
// recipe's weights, of a blend.
func (f *Frequency) error(past, next [][]float64, networks []Forecast, others [][]float64, w float64) float64 {
	total := 0.0
	for i, y := range next {
		relative, absolute := 0.0, 0.0
		for h, a := range y {
			p := w*networks[i][middle][h] + (1-w)*others[i][h]
			if d := math.Abs(a - p); d > 0 {
				relative += 2 * d / (math.Abs(a) + math.Abs(p)) / float64(len(y))
				absolute += d / float64(len(y))
			}
		}
		total += f.Recipe.RelativeShare * relative
		if s := meanStep(past[i], f.Recipe.Scored); s > 0 {
			total += f.Recipe.ScaledShare * absolute / s
		}
	}
	return total / float64(2*len(next))
}

func meanStep(y []float64, lag int) float64 {
	sum := 0.0
	for i := lag; i < len(y); i++ {
		sum += math.Abs(y[i] - y[i-lag])
	}
	return sum / float64(max(1, len(y)-lag))
}

func coverage(forecasts []Forecast, next [][]float64) float64 {
	inside, all := 0, 0
	for i, y := range next {
		for h, a := range y {
			all++
			if a >= forecasts[i][0][h] && a <= forecasts[i][quantiles-1][h] {
				inside++
			}
		}
	}
	return float64(inside) / float64(max(1, all))
}

// stretch sets, for each quantile, the factor on its distance from the median
// that puts the share it names below it; the steps are pooled in threes, so
// that each factor rests on many errors.
func (f *Frequency) stretch(forecasts []Forecast, next [][]float64) {
	h := f.Recipe.Near
	for k, level := range Quantiles {
		if k == middle {
			continue
		}
		share := level
		if k < middle {
			share = 1 - level
		}
		groups := make([][]float64, (h+2)/3)
		for i, y := range next {
			for s, a := range y {
				m := forecasts[i][middle][s]
				if width := forecasts[i][k][s] - m; width != 0 {
					groups[s/3] = append(groups[s/3], (a-m)/width)
				}
			}
		}
		for s := range f.Stretch {
			g := groups[min(s, h-1)/3]
			f.Stretch[s][k] = max(0.2, min(5, upper(g, share)))
		}
	}
	for s := range f.Stretch {
		f.ordered(s)
	}
}

// upper is the ceil((n+1)*share)-th smallest of x: the conformal quantile.
func upper(x []float64, share float64) float64 {
	if len(x) == 0 {
		return 1
	}
	x = slices.Sorted(slices.Values(x))
	return x[min(len(x)-1, int(math.Ceil(float64(len(x)+1)*share))-1)]
}

// ordered keeps the stretched quantiles of a step from crossing for certain:
// none is stretched less than half of the next inner one.
func (f *Frequency) ordered(s int) {
	for k := middle + 2; k < quantiles; k++ {
		f.Stretch[s][k] = max(f.Stretch[s][k], f.Stretch[s][k-1]/2)
		f.Stretch[s][quantiles-1-k] = max(f.Stretch[s][quantiles-1-k], f.Stretch[s][quantiles-k]/2)
	}
}
