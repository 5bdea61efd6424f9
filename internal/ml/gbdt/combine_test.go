package gbdt_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/omni-run/omni/internal/ml/gbdt"
)

// errorsOf is a loss linear in the weights: each row's own error an output.
type errorsOf [][]float64

func (e errorsOf) Loss(row int, weights, gradient []float64) (sum float64) {
	for k, w := range weights {
		gradient[k] = e[row][k]
		sum += w * e[row][k]
	}
	return sum
}

// rule makes rows whose first feature decides which of three outputs errs
// least; output 2 is missing in every fifth row.
func rule(n int) (rows [][]float64, available [][]bool, held []bool, loss errorsOf) {
	random := rand.New(rand.NewPCG(2, 3))
	for i := range n {
		x := random.Float64()
		row := []float64{x, random.NormFloat64()}
		if i%7 == 0 {
			row[1] = math.NaN()
		}
		e := []float64{1, 1, 2}
		if x > 0.5 {
			e = []float64{1.5, 0.5, 2}
		} else {
			e[0] = 0.4
		}
		rows, loss = append(rows, row), append(loss, e)
		available, held = append(available, []bool{true, true, i%5 > 0}), append(held, i%4 == 0)
	}
	return rows, available, held, loss
}

func TestCombinerLearnsWhichOutputSuits(t *testing.T) {
	t.Parallel()
	rows, available, held, loss := rule(800)
	c, err := gbdt.TrainCombiner(t.Context(), rows, available, held, loss, gbdt.Options{Rounds: 60, Leaves: 4, LearningRate: 0.3, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	for _, x := range []float64{0.1, 0.9} {
		w := c.Weights([]float64{x, 0}, []bool{true, true, true})
		want := 0
		if x > 0.5 {
			want = 1
		}
		if sum := w[0] + w[1] + w[2]; w[want] < 0.9 || math.Abs(sum-1) > 1e-12 {
			t.Errorf("at %v the weights are %v", x, w)
		}
		if w := c.Weights([]float64{x, math.NaN()}, []bool{false, false, true}); w[2] != 1 {
			t.Errorf("the only one available weighs %v", w)
		}
		if w := c.Weights([]float64{x, 0}, make([]bool, 3)); w[0]+w[1]+w[2] != 0 {
			t.Errorf("none available: %v", w)
		}
	}
	again, err := gbdt.TrainCombiner(t.Context(), rows, available, held, loss, gbdt.Options{Rounds: 60, Leaves: 4, LearningRate: 0.3, Seed: 1})
	if err != nil || len(again.Rounds) != len(c.Rounds) || again.Rounds[0][0].Value[0] != c.Rounds[0][0].Value[0] {
		t.Errorf("the same seed trains another combiner (%v)", err)
	}
	c.Rounds[0] = c.Rounds[0][:1]
	if c.Validate() == nil {
		t.Error("a round without all its trees passes")
	}
}

func TestCombinerStopsWithItsContext(t *testing.T) {
	t.Parallel()
	rows, available, held, loss := rule(40)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := gbdt.TrainCombiner(ctx, rows, available, held, loss, gbdt.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
