package gbdt

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
)

// Options of [Train]. The zero value of a field stands for its default.
type Options struct {
	// Rounds is the most trees; 300 by default.
	Rounds int
	// LearningRate shrinks each tree; 0.1 by default.
	LearningRate float64
	// Leaves of a tree; 15 by default. MaxDepth 0 means no limit.
	Leaves, MaxDepth int
	// MinLeaf is the fewest training rows in a leaf; 20 by default.
	MinLeaf int
	// Lambda is the L2 penalty on leaves; 1 by default.
	Lambda float64
	// FeatureShare is the share of features each tree may use; 1 by default.
	FeatureShare float64
	// RowShare is the share of rows each tree is grown on; 1 by default.
	RowShare float64
	// Monotone holds +1 (never falls), -1 (never rises) or 0 for each feature;
	// nil for all 0.
	Monotone []int
	// Patience stops after that many rounds without a lower loss on the
	// held-out rows, and keeps the best; 30 by default.
	Patience int
	// Seed fixes the random choices.
	Seed uint64
	// Progress, when set, is told the share of rounds done.
	Progress func(float64)
}

func (o Options) monotone(f int) int {
	if o.Monotone == nil {
		return 0
	}
	return o.Monotone[f]
}

func (o Options) withDefaults() Options {
	ints := []struct {
		v  *int
		or int
	}{{&o.Rounds, 300}, {&o.Leaves, 15}, {&o.MinLeaf, 20}, {&o.Patience, 30}}
	for _, f := range ints {
		if *f.v <= 0 {
			*f.v = f.or
		}
	}
	floats := []struct {
		v  *float64
		or float64
	}{{&o.LearningRate, 0.1}, {&o.Lambda, 1}, {&o.FeatureShare, 1}, {&o.RowShare, 1}}
	for _, f := range floats {
		if *f.v <= 0 {
			*f.v = f.or
		}
	}
	return o
}

// Data is labelled rows of equal length, NaN where missing.
type Data struct {
	Rows   [][]float64
	Labels []bool
}

// ErrOneClass says that the training rows do not hold both classes.
var ErrOneClass = errors.New("gbdt: the rows hold one class only")

// Train boosts trees on train. held, which may be empty, only decides when to
// stop: without it all Rounds are grown. It returns ErrOneClass, or the
// context's cause when ctx ends first.
func Train(ctx context.Context, train, held Data, o Options) (*Model, error) {
	o = o.withDefaults()
	positives := count(train.Labels)
	if positives == 0 || positives == len(train.Labels) {
		return nil, ErrOneClass
	}
	n, features := len(train.Rows), len(train.Rows[0])
	m := &Model{Features: features, Slope: 1, Intercept: math.Log(float64(positives) / float64(n-positives))}
	b := bin(train.Rows, features)
	random := rand.New(rand.NewPCG(o.Seed, 0))
	odds, heldOdds := constant(n, m.Intercept), constant(len(held.Rows), m.Intercept)
	gradient, hessian := make([]float64, n), make([]float64, n)
	best, bestLoss := 0, math.Inf(1)
	for round := range o.Rounds {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		for i, s := range odds {
			p := sigmoid(s)
			gradient[i], hessian[i] = p, max(p*(1-p), 1e-12)
			if train.Labels[i] {
				gradient[i] = p - 1
			}
		}
		g := grower{o: o, b: b, gradient: gradient, hessian: hessian, features: choose(random, features, o.FeatureShare)}
		t := g.grow(chooseRows(random, n, o.RowShare))
		m.Trees = append(m.Trees, t)
		for i, r := range train.Rows {
			odds[i] += t.leaf(r)
		}
		for i, r := range held.Rows {
			heldOdds[i] += t.leaf(r)
		}
		if o.Progress != nil {
			o.Progress(float64(round+1) / float64(o.Rounds))
		}
		if len(held.Rows) == 0 {
			best = round + 1
			continue
		}
		if loss := LogLoss(heldOdds, held.Labels); loss < bestLoss {
			best, bestLoss = round+1, loss
		} else if round+1-best >= o.Patience {
			break
		}
	}
	m.Trees = m.Trees[:best]
	return m, nil
}

func constant(n int, v float64) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = v
	}
	return out
}

func count(labels []bool) int {
	n := 0
	for _, l := range labels {
		if l {
			n++
		}
	}
	return n
}

// choose returns a random share of 0..n-1, at least one, in order.
func choose(random *rand.Rand, n int, share float64) []int {
	want := max(1, int(math.Ceil(share*float64(n))))
	out := make([]int, 0, want)
	for i := range n {
		if random.IntN(n-i) < want-len(out) {
			out = append(out, i)
		}
	}
	return out
}

func chooseRows(random *rand.Rand, n int, share float64) []int32 {
	picked := choose(random, n, share)
	out := make([]int32, len(picked))
	for i, p := range picked {
		out[i] = int32(p)
	}
	return out
}
