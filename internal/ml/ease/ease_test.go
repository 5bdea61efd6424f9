package ease_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/omni-run/omni/internal/ml/ease"
	"github.com/omni-run/omni/internal/ml/sparse"
)

type reference struct {
	Users, Items int
	Lambda       float64
	Rows, Cols   []int32
	Values       []float32
	Weights      [][]float64
	// Dropped is the weights with Dropout.
	Dropout float64
	Dropped [][]float64
}

func load(t *testing.T) (reference, *sparse.Matrix) {
	t.Helper()
	raw, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var r reference
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	entries := make([]sparse.Entry, len(r.Rows))
	for i := range entries {
		entries[i] = sparse.Entry{Row: r.Rows[i], Col: r.Cols[i], Value: r.Values[i]}
	}
	return r, sparse.New(r.Users, r.Items, entries)
}

func TestWeightsEqualTheClosedForm(t *testing.T) {
	t.Parallel()
	r, x := load(t) // 90 items: one full block of the elimination and a part
	m, err := ease.Train(t.Context(), x, ease.Options{Lambda: r.Lambda, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	dropped, err := ease.Train(t.Context(), x, ease.Options{Lambda: r.Lambda, Dropout: r.Dropout, Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	for i := range r.Items {
		for j := range r.Items {
			// numpy's figures are rounded to 1e-9, ours to float32.
			if got := float64(m.Weight(i, j)); math.Abs(got-r.Weights[i][j]) > 1e-7 {
				t.Fatalf("B[%d,%d] = %v, numpy has %v", i, j, got, r.Weights[i][j])
			}
			if got := float64(dropped.Weight(i, j)); math.Abs(got-r.Dropped[i][j]) > 1e-7 {
				t.Fatalf("with dropout B[%d,%d] = %v, numpy has %v", i, j, got, r.Dropped[i][j])
			}
		}
	}
	dst := make([]float32, r.Items)
	m.Score(dst, []int32{3, 40}, []float32{1, -0.5})
	for j := range dst {
		if want := r.Weights[3][j] - 0.5*r.Weights[40][j]; math.Abs(float64(dst[j])-want) > 1e-6 {
			t.Fatalf("score of %d is %v, want %v", j, dst[j], want)
		}
	}
}

func TestNeighborsKeepsTheLargestWeightsOfEachTarget(t *testing.T) {
	t.Parallel()
	r, x := load(t)
	const keep = 7
	m, err := ease.Train(t.Context(), x, ease.Options{Lambda: r.Lambda, Workers: 1, Neighbors: keep})
	if err != nil {
		t.Fatal(err)
	}
	for j := range r.Items {
		var sizes []float64
		kept, smallest := 0, math.Inf(1)
		for i := range r.Items {
			sizes = append(sizes, math.Abs(r.Weights[i][j]))
			if w := float64(m.Weight(i, j)); w != 0 {
				kept++
				smallest = min(smallest, math.Abs(w))
			}
		}
		slices.Sort(sizes)
		if kept > keep || kept > 0 && smallest < sizes[len(sizes)-keep]-1e-7 {
			t.Fatalf("target %d keeps %d weights down to %v; the %dth largest is %v", j, kept, smallest, keep, sizes[len(sizes)-keep])
		}
	}
}

func random(users, items, each int) *sparse.Matrix {
	rng := rand.New(rand.NewPCG(1, 2))
	var entries []sparse.Entry
	for u := range users {
		for range each {
			entries = append(entries, sparse.Entry{Row: int32(u), Col: int32(rng.IntN(items)), Value: 1})
		}
	}
	return sparse.New(users, items, entries)
}

func TestWorkersDoNotChangeTheResult(t *testing.T) {
	t.Parallel()
	x := random(300, 333, 9)
	var first []float32
	for _, workers := range []int{1, 2, 7} {
		m, err := ease.Train(t.Context(), x, ease.Options{Lambda: 3, Workers: workers, Neighbors: 50})
		if err != nil {
			t.Fatal(err)
		}
		dst := make([]float32, 333)
		m.Score(dst, []int32{1, 2, 330}, []float32{1, 1, 1})
		if first == nil {
			first = dst
		}
		if !slices.Equal(first, dst) {
			t.Fatalf("%d workers give other scores", workers)
		}
	}
}

func TestBadOptionsAndCancellation(t *testing.T) {
	t.Parallel()
	x := random(20, 10, 3)
	for _, lambda := range []float64{0, -1, math.NaN(), math.Inf(1)} {
		if _, err := ease.Train(t.Context(), x, ease.Options{Lambda: lambda, Workers: 1}); err == nil {
			t.Errorf("lambda %v was taken", lambda)
		}
	}
	for _, p := range []float64{-0.1, 1, math.NaN()} {
		if _, err := ease.Train(t.Context(), x, ease.Options{Lambda: 1, Dropout: p, Workers: 1}); err == nil {
			t.Errorf("dropout %v was taken", p)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ease.Train(ctx, x, ease.Options{Lambda: 1, Workers: 1}); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancel: %v", err)
	}
	g, err := ease.NewGram(t.Context(), x, 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Solve(t.Context(), ease.Options{Lambda: 1, Workers: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Solve(t.Context(), ease.Options{Lambda: 1, Workers: 1}); err == nil {
		t.Error("a used-up Gram matrix was solved again")
	}
	empty, err := ease.Train(t.Context(), sparse.New(3, 0, nil), ease.Options{Lambda: 1, Workers: 2})
	if err != nil || empty.Weights.Len() != 0 {
		t.Errorf("no items: %v", err)
	}
}

func BenchmarkSolve1500(b *testing.B) {
	g, err := ease.NewGram(b.Context(), random(2000, 1500, 20), 2)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := g.Clone().Solve(b.Context(), ease.Options{Lambda: 50, Workers: 2, Neighbors: 200}); err != nil {
			b.Fatal(err)
		}
	}
}
