package churn

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/omni-run/omni/internal/ml/gbdt"
)

// Labelled is rows with what became of them.
type Labelled struct {
	Rows    []Row
	Churned []bool
}

func (l Labelled) pick(at []int) Labelled {
	var out Labelled
	for _, i := range at {
		out.Rows, out.Churned = append(out.Rows, l.Rows[i]), append(out.Churned, l.Churned[i])
	}
	return out
}

// Options of [Train].
type Options struct {
	Seed     uint64
	Progress func(float64)
}

// Trained is what Train made of it.
type Trained struct {
	Model      *Model
	Dropped    map[string]string
	HeldOut    Labelled
	Calibrated bool
}

// maxCells bounds the encoded training table: 80 MB of numbers.
const maxCells = 10_000_000

// ErrNoFeatures says that no feature tells rows apart.
var ErrNoFeatures = errors.New("churn: no feature varies")

// Train holds out about a fifth of the rows (see split), boosts on four fifths
// of the rest and stops by the other fifth, on which it also calibrates. With
// fewer than 200 rows to learn from it grows a fixed, small forest instead. The
// same rows and seed give the same model.
func Train(ctx context.Context, data Labelled, o Options) (*Trained, error) {
	columns, dropped := Columns(data.Rows, maxCells)
	if len(columns) == 0 {
		return nil, ErrNoFeatures
	}
	learn, held := split(data)
	m := &Model{Columns: columns, BaseRate: share(data.Churned)}
	for _, c := range columns {
		m.Trees.Features += c.width()
	}
	trees, calibrated, err := m.boost(ctx, learn, o)
	if err != nil {
		return nil, err
	}
	m.Trees = *trees
	m.weigh(learn.Rows)
	m.AUC, _ = m.Score(held)
	if math.IsNaN(m.AUC) {
		m.AUC = 0.5
	}
	return &Trained{Model: m, Dropped: dropped, HeldOut: held, Calibrated: calibrated}, nil
}

func (m *Model) boost(ctx context.Context, learn Labelled, o Options) (trees *gbdt.Model, calibrated bool, err error) {
	g := gbdt.Options{
		Rounds: 400, LearningRate: 0.05, Leaves: 12, FeatureShare: 0.7, RowShare: 0.8, Patience: 40, Lambda: 2,
		MinLeaf: max(2, min(30, len(learn.Rows)/20)), Seed: o.Seed, Progress: o.Progress,
	}
	all := m.encodeAll(learn)
	if len(learn.Rows) < 200 {
		g.Rounds, g.Leaves, g.LearningRate = 40, 4, 0.1
		trees, err = gbdt.Train(ctx, all, gbdt.Data{}, g)
		return trees, false, err
	}
	random := rand.New(rand.NewPCG(o.Seed, 1))
	var grow, stop gbdt.Data
	for i, r := range all.Rows {
		to := &grow
		if random.IntN(5) == 0 {
			to = &stop
		}
		to.Rows, to.Labels = append(to.Rows, r), append(to.Labels, all.Labels[i])
	}
	if trees, err = gbdt.Train(ctx, grow, stop, g); err != nil {
		return nil, false, err
	}
	return trees, trees.Calibrate(stop), nil
}

func (m *Model) encodeAll(l Labelled) gbdt.Data {
	d := gbdt.Data{Rows: make([][]float64, len(l.Rows)), Labels: l.Churned}
	for i, r := range l.Rows {
		d.Rows[i] = m.encode(r)
	}
	return d
}

// weigh sets the columns' importance from at most 500 rows.
func (m *Model) weigh(rows []Row) {
	stride := (len(rows) + 499) / 500
	n := 0
	for i := 0; i < len(rows); i += stride {
		_, _, parts := m.Predict(rows[i])
		for j, p := range parts {
			m.Columns[j].Importance += math.Abs(p.Value)
		}
		n++
	}
	for j := range m.Columns {
		m.Columns[j].Importance /= float64(max(1, n))
	}
}

// Score returns AUC (NaN with one class) and mean log-loss on rows.
func (m *Model) Score(l Labelled) (auc, logLoss float64) {
	odds := make([]float64, len(l.Rows))
	for i, r := range l.Rows {
		odds[i] = m.Trees.LogOdds(m.encode(r))
	}
	return gbdt.AUC(odds, l.Churned), gbdt.LogLoss(odds, l.Churned)
}

// split holds out the rows whose content hashes into the first fifth, so that
// a row held out once is held out of every later training too, and versions
// can be compared fairly. If that leaves a class on one side only, every fifth
// row of each class is held out instead.
func split(data Labelled) (learn, held Labelled) {
	var a, b []int
	for i, r := range data.Rows {
		if hash(r)%5 == 0 {
			b = append(b, i)
		} else {
			a = append(a, i)
		}
	}
	learn, held = data.pick(a), data.pick(b)
	if both(learn.Churned) && both(held.Churned) {
		return learn, held
	}
	a, b = nil, nil
	var seen [2]int
	for i, c := range data.Churned {
		class := 0
		if c {
			class = 1
		}
		if seen[class]++; seen[class]%5 == 0 {
			b = append(b, i)
		} else {
			a = append(a, i)
		}
	}
	return data.pick(a), data.pick(b)
}

func both(churned []bool) bool {
	return slices.Contains(churned, true) && slices.Contains(churned, false)
}

func share(churned []bool) float64 {
	n := 0
	for _, c := range churned {
		if c {
			n++
		}
	}
	return float64(n) / float64(max(1, len(churned)))
}

// hash is the same for the same features whatever their order.
func hash(r Row) uint64 {
	names := make([]string, 0, len(r))
	for name := range r {
		names = append(names, name)
	}
	slices.Sort(names)
	h := fnv.New64a()
	for _, name := range names {
		v := r[name]
		fmt.Fprintf(h, "%d:%s=%d:%s,%s;", len(name), name, v.Kind, strconv.FormatFloat(v.Number, 'g', -1, 64), v.Text)
	}
	x := h.Sum64() // FNV's low bits are weak: mix before taking a remainder
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	return x ^ x>>33
}
