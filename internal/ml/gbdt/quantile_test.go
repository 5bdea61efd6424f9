package gbdt

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"
)

// noisy draws rows whose spread depends on the first feature.
func noisy(n int, seed uint64) (t Targets) {
	rng := rand.New(rand.NewPCG(seed, 0))
	for range n {
		x := []float64{rng.Float64(), rng.NormFloat64()}
		t.Rows, t.Values, t.Weights = append(t.Rows, x), append(t.Values, (1+3*x[0])*rng.NormFloat64()), append(t.Weights, 1)
	}
	return t
}

func TestQuantileFollowsTheSpread(t *testing.T) {
	t.Parallel()
	const level, z = 0.9, 1.2815515655446004
	q, err := TrainQuantile(context.Background(), noisy(20000, 1), noisy(4000, 2), level, Options{MinLeaf: 200, LearningRate: 0.1})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []float64{0.1, 0.3, 0.5, 0.7, 0.9} {
		if got, want := q.At([]float64{x, 0}), (1+3*x)*z; math.Abs(got-want) > 0.25*want {
			t.Errorf("at %.1f: %.3f, the exact quantile is %.3f", x, got, want)
		}
	}
	below, fresh := 0, noisy(20000, 3)
	for i, r := range fresh.Rows {
		if fresh.Values[i] <= q.At(r) {
			below++
		}
	}
	if share := float64(below) / float64(len(fresh.Rows)); math.Abs(share-level) > 0.015 {
		t.Errorf("%.3f of fresh values lie below, want %.2f", share, level)
	}
	if err := q.Validate(); err != nil {
		t.Error(err)
	}
}

func TestCrossQuantileLeavesItsGroupOut(t *testing.T) {
	t.Parallel()
	data := noisy(3000, 4)
	groups := make([]int, len(data.Rows))
	for i := range groups {
		groups[i] = i % 3
		if groups[i] == 2 {
			data.Values[i] += 1000 // only group 2 is so high
		}
	}
	_, unseen, err := CrossQuantile(context.Background(), data, groups, 3, 0.5, Options{Rounds: 20, MinLeaf: 100})
	if err != nil {
		t.Fatal(err)
	}
	for i, g := range groups {
		if g == 2 && unseen[i] > 100 {
			t.Fatalf("row %d: %v was learnt from its own group", i, unseen[i])
		}
	}
}

func TestQuantileOfNothing(t *testing.T) {
	t.Parallel()
	if _, err := TrainQuantile(context.Background(), Targets{}, Targets{}, 0.5, Options{}); !errors.Is(err, ErrNoRows) {
		t.Errorf("error %v, want ErrNoRows", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := TrainQuantile(ctx, noisy(100, 5), Targets{}, 0.5, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want Canceled", err)
	}
}

func TestWeightedQuantile(t *testing.T) {
	t.Parallel()
	values, weights := []float64{5, 1, 3}, []float64{1, 1, 2}
	for _, c := range []struct{ level, want float64 }{{0.01, 1}, {0.25, 1}, {0.26, 3}, {0.75, 3}, {0.76, 5}, {1, 5}} {
		if got := WeightedQuantile(values, weights, c.level); got != c.want {
			t.Errorf("level %.2f: %v, want %v", c.level, got, c.want)
		}
	}
}

func TestTreesSurviveTheirFile(t *testing.T) {
	t.Parallel()
	q, err := TrainQuantile(context.Background(), noisy(2000, 6), Targets{}, 0.5, Options{Rounds: 5})
	if err != nil {
		t.Fatal(err)
	}
	var raw []byte
	for _, tree := range q.Trees {
		raw = AppendTree(raw, tree)
	}
	back := &Quantile{Features: q.Features, Bias: q.Bias}
	for rest := raw; len(rest) > 0; {
		var tree Tree
		if tree, rest, err = ReadTree(rest); err != nil {
			t.Fatal(err)
		}
		back.Trees = append(back.Trees, tree)
	}
	for _, r := range noisy(500, 7).Rows {
		if a, b := q.At(r), back.At(r); math.Abs(a-b) > 1e-4 {
			t.Fatalf("%v after the file, was %v", b, a)
		}
	}
	for cut := range raw[:40] {
		if _, _, err := ReadTree(raw[:cut]); err == nil && cut > 0 && cut < 2+nodeSize {
			t.Fatalf("the first %d bytes were read as a tree", cut)
		}
	}
}
