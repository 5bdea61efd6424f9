package gbdt

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Quantile answers a quantile of a number that depends on the row: Bias plus
// the sum of the trees' leaves.
type Quantile struct {
	Features int     `json:"features"`
	Bias     float64 `json:"bias"`
	Trees    []Tree  `json:"trees"`
}

// At returns the quantile for a row of q.Features numbers, NaN where missing.
func (q *Quantile) At(row []float64) float64 {
	sum := q.Bias
	for i := range q.Trees {
		sum += q.Trees[i].leaf(row)
	}
	return sum
}

// Validate reports a model that At could not walk or that answers no number.
func (q *Quantile) Validate() error {
	m := Model{Features: q.Features, Intercept: q.Bias, Slope: 1, Trees: q.Trees}
	return m.Validate()
}

// Targets are rows of equal length, NaN where missing, with the number to
// predict and how much each row counts.
type Targets struct {
	Rows            [][]float64
	Values, Weights []float64
}

// pick returns the rows that keep asks for.
func (t Targets) pick(keep func(i int) bool) (out Targets) {
	for i, r := range t.Rows {
		if keep(i) {
			out.Rows, out.Values, out.Weights = append(out.Rows, r), append(out.Values, t.Values[i]), append(out.Weights, t.Weights[i])
		}
	}
	return out
}

// ErrNoRows says that there is nothing to learn from.
var ErrNoRows = errors.New("gbdt: no rows to learn from")

// TrainQuantile boosts trees on the pinball loss (Koenker and Bassett, 1978) at
// level, in (0, 1): the splits follow its gradient, the leaves are then set to
// the quantile of what is left in them, as gradient boosting does for losses
// without curvature (Friedman, 2001). held, which may be empty, only decides
// when to stop.
func TrainQuantile(ctx context.Context, train, held Targets, level float64, o Options) (*Quantile, error) {
	if len(train.Rows) == 0 {
		return nil, ErrNoRows
	}
	o = o.withDefaults()
	b := &boosting{o: o, level: level, train: train, q: &Quantile{Features: len(train.Rows[0])}}
	b.bins = bin(train.Rows, b.q.Features)
	b.q.Bias = WeightedQuantile(train.Values, train.Weights, level)
	b.score, b.held = constant(len(train.Rows), b.q.Bias), constant(len(held.Rows), b.q.Bias)
	random := rand.New(rand.NewPCG(o.Seed, 0))
	best, least := 0, pinball(held, b.held, level)
	for round := range o.Rounds {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		t := b.grow(random)
		b.q.Trees = append(b.q.Trees, t)
		for i, r := range held.Rows {
			b.held[i] += t.leaf(r)
		}
		if len(held.Rows) == 0 {
			best = round + 1
			continue
		}
		if loss := pinball(held, b.held, level); loss < least {
			best, least = round+1, loss
		} else if round+1-best >= o.Patience {
			break
		}
	}
	b.q.Trees = b.q.Trees[:best]
	return b.q, nil
}

// scaled is t with a mean weight of one, which Lambda is meant for.
func (t Targets) scaled() Targets {
	total := 0.0
	for _, w := range t.Weights {
		total += w
	}
	t.Weights = slices.Clone(t.Weights)
	for i := range t.Weights {
		t.Weights[i] *= float64(len(t.Weights)) / total
	}
	return t
}

// CrossQuantile trains on all rows and also returns, for each row, the answer
// of a model that did not see its group, as honest residuals want. groups names
// the group of each row, from 0 to folds-1. The number of trees is the mean of
// what was best for the groups left out in turn.
func CrossQuantile(ctx context.Context, all Targets, groups []int, folds int, level float64, o Options) (*Quantile, []float64, error) {
	all = all.scaled()
	unseen, rounds := make([]float64, len(all.Rows)), 0
	for fold := range folds {
		held := all.pick(func(i int) bool { return groups[i] == fold })
		q, err := TrainQuantile(ctx, all.pick(func(i int) bool { return groups[i] != fold }), held, level, o)
		if err != nil {
			return nil, nil, fmt.Errorf("leaving out group %d: %w", fold, err)
		}
		rounds += len(q.Trees)
		for i, g := range groups {
			if g == fold {
				unseen[i] = q.At(all.Rows[i])
			}
		}
	}
	if o.Rounds = rounds / folds; o.Rounds == 0 { // the default would be many
		return &Quantile{Features: len(all.Rows[0]), Bias: WeightedQuantile(all.Values, all.Weights, level)}, unseen, nil
	}
	q, err := TrainQuantile(ctx, all, Targets{}, level, o)
	return q, unseen, err
}

type boosting struct {
	o           Options
	level       float64
	train       Targets
	bins        *bins
	q           *Quantile
	score, held []float64
}

// grow adds a tree and moves the scores by it.
func (b *boosting) grow(random *rand.Rand) Tree {
	n := len(b.train.Rows)
	gradient, hessian := make([]float64, n), make([]float64, n)
	for i, v := range b.train.Values {
		hessian[i] = b.train.Weights[i]
		gradient[i] = hessian[i] * (1 - b.level)
		if v > b.score[i] {
			gradient[i] = -hessian[i] * b.level
		}
	}
	g := grower{o: b.o, b: b.bins, gradient: gradient, hessian: hessian, features: choose(random, b.q.Features, b.o.FeatureShare)}
	t := g.grow(chooseRows(random, n, b.o.RowShare))
	at := make([]int32, n)
	rest, weights := make([][]float64, len(t.Feature)), make([][]float64, len(t.Feature))
	for i, r := range b.train.Rows {
		at[i] = t.walk(r)
		rest[at[i]], weights[at[i]] = append(rest[at[i]], b.train.Values[i]-b.score[i]), append(weights[at[i]], b.train.Weights[i])
	}
	for node, left := range rest {
		t.Value[node] = 0
		if len(left) > 0 {
			t.Value[node] = b.o.LearningRate * WeightedQuantile(left, weights[node], b.level)
		}
	}
	for i, node := range at {
		b.score[i] += t.Value[node]
	}
	return t
}

// pinball is the mean pinball loss of answers, NaN without rows.
func pinball(t Targets, answers []float64, level float64) float64 {
	sum, weight := 0.0, 0.0
	for i, v := range t.Values {
		e := v - answers[i]
		sum += t.Weights[i] * max(level*e, (level-1)*e)
		weight += t.Weights[i]
	}
	return sum / weight
}

// WeightedQuantile is the least of the values, of which there must be one, up
// to which the share level of the weight lies.
func WeightedQuantile(values, weights []float64, level float64) float64 {
	order := make([]int, len(values))
	total := 0.0
	for i, w := range weights {
		order[i] = i
		total += w
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(values[a], values[b]), cmp.Compare(a, b)) })
	sum := 0.0
	for _, i := range order {
		if sum += weights[i]; sum >= level*total*(1-1e-12) && !math.IsNaN(values[i]) {
			return values[i]
		}
	}
	return values[order[len(order)-1]]
}
