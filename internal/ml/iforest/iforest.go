// Package iforest is the isolation forest of Liu, Ting and Zhou, "Isolation
// Forest" (ICDM 2008), with the conventions of scikit-learn's IsolationForest:
//
//	score(x) = -2^(-E[h(x)]/c(psi))      in [-1, 0), the lower the stranger
//	offset   = percentile of the training scores at 100*contamination
//	decision = score - offset            negative means anomaly
//
// where h(x) is the number of edges from a tree's root to x's leaf plus
// c(samples in the leaf), psi the rows each tree saw, and c(n) the mean depth
// of an unsuccessful search in a binary search tree of n keys.
package iforest

import (
	"context"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
)

// EulerGamma is the Euler–Mascheroni constant.
const EulerGamma = 0.57721566490153286060651209008240243

// Options of [Fit]. The zero value of a field stands for its default.
type Options struct {
	// Trees is the number of trees, 100 by default.
	Trees int
	// MaxSamples is psi, the rows each tree is grown on, drawn without
	// replacement: min(256, rows) by default and never above rows.
	MaxSamples int
	// Seed fixes every random choice: tree t draws from PCG(Seed, t), so the
	// forest is the same at any GOMAXPROCS.
	Seed uint64
}

// Forest is a grown forest. It is safe for concurrent use.
type Forest struct {
	trees    []tree
	features int
	psi      int
	norm     float64 // c(psi)
	baseline float64 // mean over trees of the root's expected depth
}

type node struct {
	feature     int32 // -1 in a leaf
	left, right int32
	threshold   float64
	// depth is the mean h of the training rows that reach the node.
	depth float64
}

type tree struct{ nodes []node }

// AveragePathLength is c(n): 0 for n <= 1, 1 for n = 2, and otherwise
//
//	2 (ln(n-1) + EulerGamma) - 2 (n-1)/n
func AveragePathLength(n int) float64 {
	switch {
	case n <= 1:
		return 0
	case n == 2:
		return 1
	}
	m := float64(n)
	return 2*(math.Log(m-1)+EulerGamma) - 2*(m-1)/m
}

// Fit grows a forest on rows, a non-empty list of equally long lists of finite
// numbers; anything else panics. It returns the context's cause when ctx ends
// first.
func Fit(ctx context.Context, rows [][]float64, o Options) (*Forest, error) {
	if len(rows) == 0 || len(rows[0]) == 0 {
		panic("iforest: no data")
	}
	if o.Trees <= 0 {
		o.Trees = 100
	}
	if o.MaxSamples <= 0 {
		o.MaxSamples = 256
	}
	f := &Forest{trees: make([]tree, o.Trees), features: len(rows[0]), psi: min(o.MaxSamples, len(rows))}
	f.norm = AveragePathLength(f.psi)
	err := parallel(ctx, o.Trees, func(t int) {
		g := grower{rows: rows, random: rand.New(rand.NewPCG(o.Seed, uint64(t))), limit: heightLimit(f.psi)}
		f.trees[t] = g.grow(f.psi)
	})
	if err != nil {
		return nil, err
	}
	for _, t := range f.trees {
		f.baseline += t.nodes[0].depth / float64(len(f.trees))
	}
	return f, nil
}

func heightLimit(psi int) int {
	return int(math.Ceil(math.Log2(float64(max(psi, 2)))))
}

// Scores returns the score of every row, in [-1, 0). A forest grown on one row
// answers -0.5, as scikit-learn does.
func (f *Forest) Scores(ctx context.Context, rows [][]float64) ([]float64, error) {
	out := make([]float64, len(rows))
	const block = 512
	err := parallel(ctx, (len(rows)+block-1)/block, func(b int) {
		for i := b * block; i < min(len(rows), (b+1)*block); i++ {
			out[i] = f.score(rows[i])
		}
	})
	return out, err
}

func (f *Forest) score(row []float64) float64 {
	if f.norm == 0 {
		return -0.5
	}
	var sum float64
	for i := range f.trees {
		sum += f.trees[i].depthOf(row)
	}
	return -math.Exp2(-sum / (float64(len(f.trees)) * f.norm))
}

func (t *tree) depthOf(row []float64) float64 {
	at := int32(0)
	for {
		n := &t.nodes[at]
		if n.feature < 0 {
			return n.depth
		}
		if row[n.feature] <= n.threshold {
			at = n.left
		} else {
			at = n.right
		}
	}
}

// Contributions explains one row's score. On the way down a tree, each split
// moves the expected depth from the node's to the child's; that change belongs
// to the feature split on (the path attribution of Saabas, 2014, applied to
// isolation depth). Positive means "isolates this row sooner". It is exact:
//
//	log2(-score) = base + sum of contributions
//
// with base the value for a row of average depth.
func (f *Forest) Contributions(row []float64) (byFeature []float64, base float64) {
	byFeature = make([]float64, f.features)
	if f.norm == 0 {
		return byFeature, -1
	}
	unit := 1 / (float64(len(f.trees)) * f.norm)
	for i := range f.trees {
		nodes, at := f.trees[i].nodes, int32(0)
		for nodes[at].feature >= 0 {
			n := &nodes[at]
			next := n.right
			if row[n.feature] <= n.threshold {
				next = n.left
			}
			byFeature[n.feature] += (n.depth - nodes[next].depth) * unit
			at = next
		}
	}
	return byFeature, -f.baseline / f.norm
}

// Offset is the score below which the share contamination of the rows lies:
// the percentile with linear interpolation, as numpy computes it.
func Offset(scores []float64, contamination float64) float64 {
	sorted := slices.Sorted(slices.Values(scores))
	at := contamination * float64(len(sorted)-1)
	low := int(math.Floor(at))
	if low+1 >= len(sorted) || sorted[low] == sorted[low+1] {
		return sorted[low]
	}
	part := at - float64(low)
	return sorted[low] + part*(sorted[low+1]-sorted[low])
}

// parallel runs f(0..n-1) on all processors until ctx ends.
func parallel(ctx context.Context, n int, f func(i int)) error {
	workers := min(n, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n && ctx.Err() == nil; i += workers {
				f(i)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}
