package hnsw

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func dot(a, b []float32) (s float32) {
	for i := range a {
		s += a[i] * b[i]
	}
	return s
}

// clustered makes n unit vectors around a few centres, as texts are.
func clustered(rng *rand.Rand, n, dim, centres int) [][]float32 {
	middle := make([][]float32, centres)
	for i := range middle {
		middle[i] = make([]float32, dim)
		for j := range middle[i] {
			middle[i][j] = float32(rng.NormFloat64())
		}
	}
	out := make([][]float32, n)
	for i := range out {
		v, c := make([]float32, dim), middle[rng.IntN(centres)]
		for j := range v {
			v[j] = c[j] + 0.8*float32(rng.NormFloat64())
		}
		length := float32(math.Sqrt(float64(dot(v, v))))
		for j := range v {
			v[j] /= length
		}
		out[i] = v
	}
	return out
}

func build(vectors [][]float32) *Graph {
	g := New(Config{Source: rand.New(rand.NewPCG(1, 2))}, func(s int32) []float32 { return vectors[s] }, dot)
	for range vectors {
		g.Add()
	}
	return g
}

func exact(vectors [][]float32, q []float32, k int) []Hit {
	hits := make([]Hit, len(vectors))
	for i, v := range vectors {
		hits[i] = Hit{int32(i), dot(q, v)}
	}
	slices.SortFunc(hits, byScore)
	return hits[:min(k, len(hits))]
}

func TestRecallAgainstBruteForce(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	all := clustered(rng, 1300, 24, 30)
	vectors, queries := all[:1250], all[1250:]
	g := build(vectors)
	found, asked := 0, 0
	for _, q := range queries {
		want := map[int32]bool{}
		for _, h := range exact(vectors, q, 10) {
			want[h.Slot] = true
		}
		got := g.Search(q, 10, 128, nil)
		if len(got) != 10 || !slices.IsSortedFunc(got, byScore) {
			t.Fatalf("%d hits, or out of order: %v", len(got), got)
		}
		for _, h := range got {
			asked++
			if want[h.Slot] {
				found++
			}
		}
	}
	if recall := float64(found) / float64(asked); recall < 0.95 {
		t.Errorf("recall@10 is %.3f, want at least 0.95", recall)
	}
}

func TestSmallGraphsAreExact(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 6))
	for n := range 20 {
		vectors := clustered(rng, n, 6, 3)
		g := build(vectors)
		q := clustered(rng, 1, 6, 1)[0]
		if got, want := g.Search(q, n, 64, nil), exact(vectors, q, n); !slices.Equal(got, want) && n > 0 {
			t.Errorf("%d vectors: got %v, want %v", n, got, want)
		}
	}
}

func TestDuplicatesStayReachable(t *testing.T) {
	t.Parallel()
	vectors := make([][]float32, 500)
	for i := range vectors {
		vectors[i] = []float32{1, 0}
	}
	vectors[499] = []float32{0, 1}
	g := build(vectors)
	if got := g.Search([]float32{0, 1}, 1, 600, nil); len(got) != 1 || got[0].Slot != 499 {
		t.Errorf("got %v, want slot 499", got)
	}
	if got := g.Search([]float32{1, 0}, 50, 64, nil); len(got) != 50 || got[49].Score != 1 {
		t.Errorf("got %d hits", len(got))
	}
}

func TestKeepLeavesOut(t *testing.T) {
	t.Parallel()
	vectors := clustered(rand.New(rand.NewPCG(7, 8)), 300, 8, 4)
	g := build(vectors)
	for _, h := range g.Search(vectors[0], 20, 300, func(s int32) bool { return s%2 == 1 }) {
		if h.Slot%2 == 0 {
			t.Errorf("slot %d was to be left out", h.Slot)
		}
	}
}

func TestSameSeedSameGraph(t *testing.T) {
	t.Parallel()
	vectors := clustered(rand.New(rand.NewPCG(9, 9)), 400, 8, 4)
	a, b := build(vectors), build(vectors)
	for i := range a.nodes {
		for l := range a.nodes[i].links {
			if !slices.Equal(a.nodes[i].links[l], b.nodes[i].links[l]) {
				t.Fatalf("node %d differs on layer %d", i, l)
			}
		}
	}
}

func BenchmarkSearch(b *testing.B) {
	vectors := clustered(rand.New(rand.NewPCG(1, 1)), 20000, 192, 100)
	g := build(vectors)
	b.ReportAllocs()
	for b.Loop() {
		g.Search(vectors[7], 10, 96, nil)
	}
}
