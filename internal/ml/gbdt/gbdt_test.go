package gbdt_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/bits"
	"math/rand/v2"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	"github.com/omni-run/omni/internal/ml/gbdt"
)

// made is n rows of four features of which two and their interaction matter,
// with holes.
func made(seed uint64, n int) gbdt.Data {
	random := rand.New(rand.NewPCG(seed, 1))
	d := gbdt.Data{}
	for range n {
		row := []float64{random.NormFloat64(), random.NormFloat64(), random.NormFloat64(), float64(random.IntN(3))}
		odds := 2*row[0] - 1.5*math.Abs(row[1]) + row[0]*row[3]
		d.Labels = append(d.Labels, random.Float64() < 1/(1+math.Exp(-odds)))
		for j := range row {
			if random.IntN(12) == 0 {
				row[j] = math.NaN()
			}
		}
		d.Rows = append(d.Rows, row)
	}
	return d
}

func train(t *testing.T, d, held gbdt.Data, o gbdt.Options) *gbdt.Model {
	t.Helper()
	m, err := gbdt.Train(t.Context(), d, held, o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func odds(m *gbdt.Model, d gbdt.Data) []float64 {
	out := make([]float64, len(d.Rows))
	for i, r := range d.Rows {
		out[i] = m.LogOdds(r)
	}
	return out
}

// The truth itself scores 0.879 on rows without holes.
func TestLearnsAndStopsEarly(t *testing.T) {
	t.Parallel()
	test := made(9, 2000)
	m := train(t, made(1, 2000), made(2, 600), gbdt.Options{Rounds: 1000, Patience: 15})
	if auc := gbdt.AUC(odds(m, test), test.Labels); auc < 0.83 {
		t.Errorf("AUC %.4f", auc)
	}
	if n := len(m.Trees); n < 10 || n > 300 {
		t.Errorf("stopped at %d trees", n)
	}
	base := math.Log(2)
	if loss := gbdt.LogLoss(odds(m, test), test.Labels); loss > 0.75*base {
		t.Errorf("loss %.4f", loss)
	}
}

func TestSameSeedSameModel(t *testing.T) {
	t.Parallel()
	o := gbdt.Options{Rounds: 20, FeatureShare: 0.6, RowShare: 0.7, Seed: 5}
	a, b := train(t, made(1, 500), gbdt.Data{}, o), train(t, made(1, 500), gbdt.Data{}, o)
	if !reflect.DeepEqual(a, b) {
		t.Fatal("two runs differ")
	}
	o.Seed = 6
	if c := train(t, made(1, 500), gbdt.Data{}, o); reflect.DeepEqual(a, c) {
		t.Fatal("another seed gave the same model")
	}
}

func TestMonotoneFeaturesNeverTurn(t *testing.T) {
	t.Parallel()
	m := train(t, made(1, 1000), gbdt.Data{}, gbdt.Options{Rounds: 25, Monotone: []int{1, -1, 0, 0}, Leaves: 31, MinLeaf: 5})
	random := rand.New(rand.NewPCG(4, 4))
	for range 500 {
		row := []float64{random.NormFloat64(), random.NormFloat64(), random.NormFloat64(), float64(random.IntN(3))}
		for f, direction := range []float64{1, -1} {
			higher := append([]float64{}, row...)
			higher[f] += random.ExpFloat64()
			if d := (m.LogOdds(higher) - m.LogOdds(row)) * direction; d < -1e-12 {
				t.Fatalf("feature %d turns by %v at %v", f, d, row)
			}
		}
	}
}

// brute is the Shapley value by its definition: over all subsets of features,
// with the expectation that follows both ways at features outside the subset.
func brute(m *gbdt.Model, row []float64) []float64 {
	n := m.Features
	value := make([]float64, 1<<n)
	for set := range value {
		for i := range m.Trees {
			value[set] += m.Slope * expectation(&m.Trees[i], 0, row, set)
		}
	}
	phi := make([]float64, n)
	for set := range value {
		for f := range n {
			if set>>f&1 == 0 {
				k := bits.OnesCount(uint(set))
				phi[f] += factorial(k) * factorial(n-k-1) / factorial(n) * (value[set|1<<f] - value[set])
			}
		}
	}
	return phi
}

func expectation(t *gbdt.Tree, at int32, row []float64, set int) float64 {
	f := t.Feature[at]
	if f < 0 {
		return t.Value[at]
	}
	l, r := t.Left[at], t.Right[at]
	if set>>f&1 == 1 {
		if v := row[f]; v <= t.Threshold[at] || math.IsNaN(v) && t.MissingLeft[at] {
			return expectation(t, l, row, set)
		}
		return expectation(t, r, row, set)
	}
	return (t.Cover[l]*expectation(t, l, row, set) + t.Cover[r]*expectation(t, r, row, set)) / t.Cover[at]
}

func factorial(n int) float64 {
	if n < 2 {
		return 1
	}
	return float64(n) * factorial(n-1)
}

func TestContributionsAreShapleyValues(t *testing.T) {
	t.Parallel()
	d := made(3, 600)
	m := train(t, d, gbdt.Data{}, gbdt.Options{Rounds: 8, MinLeaf: 5, Leaves: 20})
	m.Slope = 0.8
	for _, row := range d.Rows[:60] {
		got, base := m.Contributions(row)
		want := brute(m, row)
		sum := base
		for f := range want {
			if math.Abs(got[f]-want[f]) > 1e-9 {
				t.Fatalf("feature %d: %v, want %v", f, got[f], want[f])
			}
			sum += got[f]
		}
		if math.Abs(sum-m.LogOdds(row)) > 1e-9 {
			t.Fatalf("contributions add to %v, the log-odds are %v", sum, m.LogOdds(row))
		}
	}
}

func TestCalibrateMendsAnOverconfidentModel(t *testing.T) {
	t.Parallel()
	m := train(t, made(1, 600), gbdt.Data{}, gbdt.Options{Rounds: 100, MinLeaf: 1, Leaves: 31, LearningRate: 0.3, Lambda: 0.01})
	held, test := made(2, 800), made(3, 1500)
	before := gbdt.LogLoss(odds(m, test), test.Labels)
	auc := gbdt.AUC(odds(m, test), test.Labels)
	if !m.Calibrate(held) {
		t.Fatal("nothing was calibrated")
	}
	if after := gbdt.LogLoss(odds(m, test), test.Labels); after > 0.8*before {
		t.Errorf("loss %.4f before, %.4f after", before, after)
	}
	if a := gbdt.AUC(odds(m, test), test.Labels); math.Abs(a-auc) > 1e-9 {
		t.Errorf("the order changed: AUC %v, then %v", auc, a)
	}
}

func TestScores(t *testing.T) {
	t.Parallel()
	labels := []bool{false, false, true, true}
	// 0.75 is the example in scikit-learn's documentation of roc_auc_score.
	if got := gbdt.AUC([]float64{0.1, 0.4, 0.35, 0.8}, labels); got != 0.75 {
		t.Errorf("AUC %v, want 0.75", got)
	}
	if got := gbdt.AUC([]float64{1, 1, 1, 1}, labels); got != 0.5 {
		t.Errorf("ties: AUC %v, want 0.5", got)
	}
	if got := gbdt.AUC([]float64{1, 2}, []bool{true, true}); !math.IsNaN(got) {
		t.Errorf("one class: AUC %v", got)
	}
	if got := gbdt.LogLoss([]float64{1e4, -1e4}, []bool{true, false}); got != 0 {
		t.Errorf("loss of certainty %v", got)
	}
	if got := gbdt.LogLoss([]float64{0}, []bool{true}); math.Abs(got-math.Ln2) > 1e-15 {
		t.Errorf("loss of a coin %v", got)
	}
}

func TestTrainRefuses(t *testing.T) {
	t.Parallel()
	one := gbdt.Data{Rows: [][]float64{{1}, {2}}, Labels: []bool{true, true}}
	if _, err := gbdt.Train(t.Context(), one, gbdt.Data{}, gbdt.Options{}); !errors.Is(err, gbdt.ErrOneClass) {
		t.Fatalf("one class: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := gbdt.Train(ctx, made(1, 50), gbdt.Data{}, gbdt.Options{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("cancelled: %v", err)
	}
}

func TestAnyNumbersGiveAValidModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.Float64Range(-3, 3), rapid.SampledFrom([]float64{math.NaN(), math.MaxFloat64, -math.MaxFloat64, 5e-324, 0}))
		rows := rapid.SliceOfN(rapid.SliceOfN(value, 3, 3), 4, 60).Draw(t, "rows")
		labels := rapid.SliceOfN(rapid.Bool(), len(rows), len(rows)).Draw(t, "labels")
		labels[0], labels[1] = true, false
		m, err := gbdt.Train(context.Background(), gbdt.Data{Rows: rows, Labels: labels}, gbdt.Data{}, gbdt.Options{Rounds: 10, MinLeaf: 1})
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		var back gbdt.Model
		if err := json.Unmarshal(raw, &back); err != nil {
			t.Fatal(err)
		}
		if err := back.Validate(); err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			p := m.Probability(r)
			if !(p >= 0 && p <= 1) || back.Probability(r) != p {
				t.Fatalf("probability %v, after a round trip %v", p, back.Probability(r))
			}
		}
	})
}

func TestDamagedModelsAreRefused(t *testing.T) {
	t.Parallel()
	whole := train(t, made(1, 200), gbdt.Data{}, gbdt.Options{Rounds: 2})
	for name, damage := range map[string]func(m *gbdt.Model){
		"loop":      func(m *gbdt.Model) { m.Trees[0].Left[0] = 0 },
		"far child": func(m *gbdt.Model) { m.Trees[0].Right[0] = 999 },
		"feature":   func(m *gbdt.Model) { m.Trees[0].Feature[0] = 4 },
		"column":    func(m *gbdt.Model) { m.Trees[0].Value = m.Trees[0].Value[1:] },
		"nan":       func(m *gbdt.Model) { m.Slope = math.NaN() },
		"cover":     func(m *gbdt.Model) { m.Trees[1].Cover[0] = 0 },
	} {
		raw, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		var m gbdt.Model
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatal(err)
		}
		damage(&m)
		if m.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
