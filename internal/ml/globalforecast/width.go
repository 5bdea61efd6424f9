package globalforecast

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/omni-run/omni/internal/ml/gbdt"
)

// Width says by how much the quantiles of a series are to be spread: the
// conditional 95 % quantile of how far values lay from the median, as a share of
// the distance of the networks' outer quantiles. Boosted trees learnt it from
// what the series' own earlier ends and a few of its properties told, which is
// conformalised quantile regression (Romano, Patterson and Candès, 2019) with a
// learnt scale.
type Width struct{ trees gbdt.Quantile }

// factor is by how much the distances from the median are multiplied.
func (w *Width) factor(t *tells) float64 {
	if w == nil {
		return 1
	}
	return bounded(w.trees.At(t[:]))
}

func bounded(logarithm float64) float64 {
	return math.Exp(max(-mostSpread, min(mostSpread, logarithm)))
}

const (
	// mostSpread bounds the logarithm of the factor.
	mostSpread = 1.6
	widthLevel = 0.95
	widthFolds = 5
)

var widthOptions = gbdt.Options{Rounds: 150, LearningRate: 0.05, Leaves: 8, MinLeaf: 200, FeatureShare: 0.7, RowShare: 0.5, Patience: 20, Seed: 1}

// tells are what the width of a series is learnt from: how wide the networks'
// quantiles are, the length of the history, whether it is read as differences,
// the size of its steps, how well its season repeats, how far earlier ends lay
// from the medians on average and at the 95 % mark, how often a value repeats,
// and whether the steps are growing.
type tells [9]float64

// tell reads the tells of a history from its window k of the last pass and what
// its earlier ends said.
func (f *Frequency) tell(w *space, k int, e *evidence, history []float64) (t tells) {
	win := &w.looks[0].windows[k]
	q := w.looks[0].sum[k*f.Horizon()*quantiles:]
	near := min(f.Recipe.Near, f.Horizon())
	for h := range near {
		outer := float64(q[h*quantiles+quantiles-1] - q[h*quantiles])
		t[0] += math.Log(max(outer, 1e-6)/math.Sqrt(float64(h+1))) / float64(near)
	}
	t[1] = math.Log(float64(len(history)))
	if win.view.linear {
		t[2] = 1
	}
	t[3] = math.Log(max(win.view.scale, leastTold))
	t[4] = float64(win.static[5])
	t[5], t[6] = e.mean(), e.tail()
	newest := history[max(0, len(history)-repeatWindow):]
	for i := 1; i < len(newest); i++ {
		if newest[i] == newest[i-1] {
			t[7] += 1 / float64(len(newest))
		}
	}
	t[8] = win.growing()
	return t
}

// repeatWindow is how many of the newest values tell how often one repeats.
const repeatWindow = 100

// growing is the logarithm of how much larger the newer half of the steps is
// than the older.
func (w *window) growing() float64 {
	known := 0.0
	for _, share := range w.known {
		known += float64(share) / float64(len(w.known))
	}
	n := int(math.Round(known * float64(len(w.steps))))
	steps := w.steps[len(w.steps)-n:]
	older, newer := size(steps[:n/2]), size(steps[n/2:])
	return math.Log((newer + 0.1) / (older + 0.1))
}

func size(steps []float32) float64 {
	sum := 0.0
	for _, s := range steps {
		sum += math.Abs(float64(s))
	}
	return sum / float64(max(1, len(steps)))
}

// widen learns Width and, on top of it, the stretches from what followed the
// pasts, and returns the forecasts of trees that did not see their series.
func (f *Frequency) widen(ctx context.Context, list []Series, j held) ([]Forecast, error) {
	lean := f.Lean
	f.Lean = 0 // the quantiles are measured from the median
	defer func() { f.Lean = lean }()
	f.Width, f.Stretch, f.Demand = nil, unstretched(f.Horizon()), nil
	raw, err := f.Forecast(ctx, list, f.Recipe.Near)
	if err != nil {
		return nil, err
	}
	targets, of := f.targets(list, j, raw)
	groups := make([]int, len(of))
	for k, i := range of {
		groups[k] = i % widthFolds
	}
	trees, unseen, err := gbdt.CrossQuantile(ctx, targets, groups, widthFolds, widthLevel, widthOptions)
	if err != nil {
		return nil, fmt.Errorf("learning the width of intervals: %w", err)
	}
	// The stretches are learnt with what trees say of series they did not see.
	factors := slices.Repeat([]float64{1}, len(list))
	for k, i := range of {
		factors[i] = bounded(unseen[k])
	}
	if raw, err = f.forecast(ctx, list, f.Recipe.Near, factors); err != nil {
		return nil, err
	}
	f.Stretch, f.Demand = f.stretched(raw, j, false), f.stretched(raw, j, true)
	final, err := f.forecast(ctx, list, f.Recipe.Near, factors)
	f.Width = &Width{*trees}
	return final, err
}

// targets are, for each value that followed a past, the logarithm of its
// distance from the median as a share of the outer quantile's, and of which
// series it is.
func (f *Frequency) targets(list []Series, j held, raw []Forecast) (t gbdt.Targets, of []int) {
	w := &space{}
	for from := 0; from < len(list); from += chunk {
		part := list[from:min(from+chunk, len(list))]
		histories := make([][]float64, len(part))
		for i, s := range part {
			histories[i] = s.Values
		}
		f.gather(w, part, false)
		f.pass(w, part, histories)
		for k := range part {
			i := from + k
			row := f.tell(w, k, &w.cases[k].evidence, histories[k])
			for h, y := range j.next[i] {
				r := w.looks[0].windows[k].view.distance(y, raw[i][0][h], raw[i][middle][h], raw[i][quantiles-1][h])
				t.Rows, t.Values = append(t.Rows, row[:]), append(t.Values, math.Log(max(1e-3, min(1e3, r))))
				t.Weights = append(t.Weights, j.weights[i]/float64(len(j.next[i])))
				of = append(of, i)
			}
		}
	}
	return t, of
}

// distance is how far y lies from middle, as a share of the distance of the
// bound on its side, as the networks see them.
func (f frame) distance(y, low, middle, high float64) float64 {
	d, bound := f.of(y)-f.of(middle), high
	if d < 0 {
		bound = low
	}
	return math.Abs(d) / max(math.Abs(f.of(bound)-f.of(middle)), 1e-9)
}

// packed is a Width as the header of a file holds it.
type packed struct {
	Bias  float64 `json:"bias"`
	Trees []byte  `json:"trees"`
}

// MarshalJSON packs the trees.
func (w Width) MarshalJSON() ([]byte, error) {
	p := packed{Bias: w.trees.Bias}
	for _, t := range w.trees.Trees {
		p.Trees = gbdt.AppendTree(p.Trees, t)
	}
	return json.Marshal(p)
}

var errWidth = errors.New("the width's trees are damaged")

// UnmarshalJSON reads what MarshalJSON wrote and checks it.
func (w *Width) UnmarshalJSON(data []byte) error {
	var p packed
	if err := json.Unmarshal(data, &p); err != nil {
		return err
	}
	w.trees = gbdt.Quantile{Features: len(tells{}), Bias: p.Bias}
	for len(p.Trees) > 0 {
		t, rest, err := gbdt.ReadTree(p.Trees)
		if err != nil {
			return fmt.Errorf("%w: %w", errWidth, err)
		}
		w.trees.Trees, p.Trees = append(w.trees.Trees, t), rest
	}
	if err := w.trees.Validate(); err != nil {
		return fmt.Errorf("%w: %w", errWidth, err)
	}
	return nil
}
