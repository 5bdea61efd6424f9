package rank

import (
	"cmp"
	"slices"
)

// Top returns the indices of the k largest scores among those keep allows
// (nil: all), best first; of equal scores the lower index goes first. NaN is
// never chosen.
func Top[F ~float32 | ~float64](scores []F, k int, keep func(i int) bool) []int32 {
	if k <= 0 {
		return nil
	}
	// A heap of the best so far with the worst of them at the root.
	heap := make([]int32, 0, min(k, len(scores)))
	worse := func(a, b int32) bool {
		if scores[a] != scores[b] {
			return scores[a] < scores[b]
		}
		return a > b
	}
	for i, s := range scores {
		if s != s || len(heap) == k && !worse(heap[0], int32(i)) || keep != nil && !keep(i) {
			continue
		}
		if len(heap) < k {
			heap = append(heap, int32(i))
			up(heap, worse)
			continue
		}
		heap[0] = int32(i)
		down(heap, worse)
	}
	slices.SortFunc(heap, func(a, b int32) int {
		if c := cmp.Compare(scores[b], scores[a]); c != 0 {
			return c
		}
		return cmp.Compare(a, b)
	})
	return heap
}

func up(h []int32, worse func(a, b int32) bool) {
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if !worse(h[i], h[parent]) {
			return
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
}

func down(h []int32, worse func(a, b int32) bool) {
	for i := 0; ; {
		child := 2*i + 1
		if child >= len(h) {
			return
		}
		if child+1 < len(h) && worse(h[child+1], h[child]) {
			child++
		}
		if !worse(h[child], h[i]) {
			return
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}

// Diversify picks k of the candidates by maximal marginal relevance (Carbonell
// and Goldstein, SIGIR 1998): each next one has the largest
//
//	(1-variety) relevance[c] - variety max similarity(c, picked)
//
// It returns positions in relevance, which is best first. variety 0 keeps the
// order; similarity lies in 0..1 like relevance. It calls similarity at most
// k * len(relevance) times.
func Diversify(relevance []float64, k int, variety float64, similarity func(a, b int) float64) []int {
	k = min(k, len(relevance))
	picked := make([]int, 0, max(k, 0))
	closest := make([]float64, len(relevance))
	taken := make([]bool, len(relevance))
	for len(picked) < k {
		best, bestValue := -1, 0.0
		for c, r := range relevance {
			if taken[c] {
				continue
			}
			if v := (1-variety)*r - variety*closest[c]; best < 0 || v > bestValue {
				best, bestValue = c, v
			}
		}
		picked = append(picked, best)
		taken[best] = true
		if variety > 0 && len(picked) < k {
			for c := range relevance {
				if !taken[c] {
					closest[c] = max(closest[c], similarity(c, best))
				}
			}
		}
	}
	return picked
}
