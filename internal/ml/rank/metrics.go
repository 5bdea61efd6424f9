// Package rank orders items: the best k of a list of scores, variety among
// them, the fading of old evidence; and measures how good an order is.
package rank

import "math"

// Recall is the share of the relevant items among the first k of ranked:
// hits / |relevant|. It is 0 when nothing is relevant.
func Recall(ranked []int32, relevant map[int32]bool, k int) float64 {
	if len(relevant) == 0 {
		return 0
	}
	return float64(hits(ranked, relevant, k)) / float64(len(relevant))
}

// Precision is the share of relevant items among the first k places: hits / k,
// also when fewer than k items were ranked.
func Precision(ranked []int32, relevant map[int32]bool, k int) float64 {
	if k <= 0 {
		return 0
	}
	return float64(hits(ranked, relevant, k)) / float64(k)
}

// F1 is the harmonic mean of Precision and Recall at k.
func F1(ranked []int32, relevant map[int32]bool, k int) float64 {
	p, r := Precision(ranked, relevant, k), Recall(ranked, relevant, k)
	if p+r == 0 {
		return 0
	}
	return 2 * p * r / (p + r)
}

// NDCG is the normalised discounted cumulative gain at k with gain 1 for a
// relevant item and discount 1/log2(place+1) (Järvelin and Kekäläinen 2002).
// The ideal has min(k, |relevant|) hits in front.
func NDCG(ranked []int32, relevant map[int32]bool, k int) float64 {
	var gain, ideal float64
	for i, item := range ranked[:min(max(k, 0), len(ranked))] {
		if relevant[item] {
			gain += 1 / math.Log2(float64(i)+2)
		}
	}
	for i := range min(max(k, 0), len(relevant)) {
		ideal += 1 / math.Log2(float64(i)+2)
	}
	if ideal == 0 {
		return 0
	}
	return gain / ideal
}

func hits(ranked []int32, relevant map[int32]bool, k int) int {
	n := 0
	for _, item := range ranked[:min(max(k, 0), len(ranked))] {
		if relevant[item] {
			n++
		}
	}
	return n
}
