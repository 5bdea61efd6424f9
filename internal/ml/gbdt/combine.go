package gbdt

import (
	"context"
	"math"
	"math/rand/v2"
)

// Combiner answers weights that sum to one: a softmax over one sum of trees for
// each output, after the meta-learner of FFORMA (Montero-Manso, Athanasopoulos,
// Hyndman and Talagala, 2020).
type Combiner struct {
	Features int `json:"features"`
	Outputs  int `json:"outputs"`
	// Bias is each output's score before any tree.
	Bias []float64 `json:"bias"`
	// Rounds holds one tree for each output, round by round.
	Rounds [][]Tree `json:"rounds"`
}

// Loss is what a Combiner minimises: the loss of row with the given weights,
// and its derivative by each weight.
type Loss interface {
	Loss(row int, weights, gradient []float64) float64
}

// Weights returns the outputs' weights for a row of features, NaN where
// missing. An output that is not available gets 0; with none available all are
// 0.
func (c *Combiner) Weights(row []float64, available []bool) []float64 {
	score := make([]float64, c.Outputs)
	copy(score, c.Bias)
	for _, round := range c.Rounds {
		for k := range round {
			score[k] += round[k].leaf(row)
		}
	}
	softmax(score, available)
	return score
}

func softmax(score []float64, available []bool) {
	top := math.Inf(-1)
	for k, s := range score {
		if available[k] {
			top = max(top, s)
		}
	}
	sum := 0.0
	for k, s := range score {
		score[k] = 0
		if available[k] {
			score[k] = math.Exp(s - top)
			sum += score[k]
		}
	}
	for k := range score {
		if sum > 0 {
			score[k] /= sum
		}
	}
}

// Validate reports whether a decoded combiner can be evaluated safely.
func (c *Combiner) Validate() error {
	if c.Outputs <= 0 || len(c.Bias) != c.Outputs {
		return errDamaged
	}
	for _, b := range c.Bias {
		if !finite(b) {
			return errDamaged
		}
	}
	for _, round := range c.Rounds {
		if len(round) != c.Outputs {
			return errDamaged
		}
		if err := (&Model{Features: c.Features, Trees: round}).Validate(); err != nil {
			return err
		}
	}
	return nil
}

// flatCurvature keeps leaves small where the softmax is saturated.
const flatCurvature = 0.02

// TrainCombiner boosts one tree an output and round on the gradient of loss
// through the softmax. rows are the features, available says which outputs each
// row has, held which rows only decide when to stop (they are not trained on).
func TrainCombiner(ctx context.Context, rows [][]float64, available [][]bool, held []bool, loss Loss, o Options) (*Combiner, error) {
	o = o.withDefaults()
	var train []int32
	for i := range rows {
		if !held[i] {
			train = append(train, int32(i))
		}
	}
	features, outputs := len(rows[0]), len(available[0])
	c := &Combiner{Features: features, Outputs: outputs, Bias: make([]float64, outputs)}
	// The histogram's bins are those of the training rows; the held rows are
	// never looked up in it.
	trainRows := make([][]float64, len(train))
	for i, r := range train {
		trainRows[i] = rows[r]
	}
	t := &combining{o: o, c: c, b: bin(trainRows, features), rows: rows, available: available, held: held, train: train, loss: loss}
	t.score = make([][]float64, len(rows))
	for i := range t.score {
		t.score[i] = make([]float64, outputs)
	}
	t.gradient, t.hessian = make([][]float64, outputs), make([][]float64, outputs)
	for k := range outputs {
		t.gradient[k], t.hessian[k] = make([]float64, len(train)), make([]float64, len(train))
	}
	return c, t.run(ctx)
}

type combining struct {
	o                 Options
	c                 *Combiner
	b                 *bins
	rows              [][]float64
	available         [][]bool
	held              []bool
	train             []int32
	loss              Loss
	score             [][]float64
	gradient, hessian [][]float64
}

func (t *combining) run(ctx context.Context) error {
	random := rand.New(rand.NewPCG(t.o.Seed, 0))
	best, bestLoss := 0, math.Inf(1)
	for round := range t.o.Rounds {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if heldLoss, any := t.differentiate(); any {
			if heldLoss < bestLoss {
				best, bestLoss = round, heldLoss
			} else if round-best >= t.o.Patience {
				break
			}
		} else {
			best = round + 1
		}
		features, rows := choose(random, t.c.Features, t.o.FeatureShare), chooseRows(random, len(t.train), t.o.RowShare)
		trees := make([]Tree, t.c.Outputs)
		for k := range trees {
			g := grower{o: t.o, b: t.b, gradient: t.gradient[k], hessian: t.hessian[k], features: features}
			trees[k] = g.grow(append([]int32(nil), rows...))
			for i, r := range t.rows {
				t.score[i][k] += trees[k].leaf(r)
			}
		}
		t.c.Rounds = append(t.c.Rounds, trees)
		if t.o.Progress != nil {
			t.o.Progress(float64(round+1) / float64(t.o.Rounds))
		}
	}
	t.c.Rounds = t.c.Rounds[:min(best, len(t.c.Rounds))]
	return nil
}

// differentiate fills the gradients of the training rows and returns the mean
// loss of the held ones.
func (t *combining) differentiate() (held float64, any bool) {
	weights, by := make([]float64, t.c.Outputs), make([]float64, t.c.Outputs)
	at, count := 0, 0
	for i := range t.rows {
		copy(weights, t.score[i])
		softmax(weights, t.available[i])
		loss := t.loss.Loss(i, weights, by)
		if t.held[i] {
			held += loss
			count++
			continue
		}
		mean := 0.0
		for k, w := range weights {
			mean += w * by[k]
		}
		for k, w := range weights {
			t.gradient[k][at] = w * (by[k] - mean)
			t.hessian[k][at] = max(w*(1-w), flatCurvature)
		}
		at++
	}
	return held / float64(max(count, 1)), count > 0
}
