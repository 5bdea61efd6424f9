package rank_test

import (
	"cmp"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/omni-run/omni/internal/ml/rank"
)

func TestMetricsAgainstHandWorkedValues(t *testing.T) {
	t.Parallel()
	set := func(items ...int32) map[int32]bool {
		m := map[int32]bool{}
		for _, i := range items {
			m[i] = true
		}
		return m
	}
	// Ranked 5 3 9 1 with 3, 1 and 7 relevant: hits at places 2 and 4.
	// DCG@4 = 1/log2(3) + 1/log2(5) = 0.63093 + 0.43068 = 1.06161;
	// IDCG@4 = 1 + 0.63093 + 0.5 = 2.13093; NDCG = 0.49819.
	ranked, relevant := []int32{5, 3, 9, 1}, set(3, 1, 7)
	cases := []struct {
		name      string
		got, want float64
	}{
		{"recall@4", rank.Recall(ranked, relevant, 4), 2.0 / 3},
		{"recall@2", rank.Recall(ranked, relevant, 2), 1.0 / 3},
		{"precision@4", rank.Precision(ranked, relevant, 4), 0.5},
		{"precision@10 of 4", rank.Precision(ranked, relevant, 10), 0.2},
		{"f1@4", rank.F1(ranked, relevant, 4), 2 * 0.5 * (2.0 / 3) / (0.5 + 2.0/3)},
		{"ndcg@4", rank.NDCG(ranked, relevant, 4), 0.498190},
		{"ndcg@1", rank.NDCG(ranked, relevant, 1), 0},
		{"ndcg perfect", rank.NDCG([]int32{1, 3, 7, 2}, relevant, 4), 1},
		{"nothing relevant", rank.NDCG(ranked, nil, 4) + rank.Recall(ranked, nil, 4) + rank.F1(ranked, nil, 4), 0},
		{"k of 0", rank.NDCG(ranked, relevant, 0) + rank.Precision(ranked, relevant, 0), 0},
	}
	for _, c := range cases {
		if math.Abs(c.got-c.want) > 1e-5 {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
}

func TestTopEqualsSorting(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		scores := rapid.SliceOf(rapid.Map(rapid.IntRange(-3, 4), func(i int) float64 {
			if i == 4 {
				return math.NaN()
			}
			return float64(i)
		})).Draw(t, "scores")
		k := rapid.IntRange(-1, 12).Draw(t, "k")
		keep := func(i int) bool { return i%3 != 0 }
		var want []int32
		for i, s := range scores {
			if keep(i) && !math.IsNaN(s) {
				want = append(want, int32(i))
			}
		}
		slices.SortStableFunc(want, func(a, b int32) int { return cmp.Compare(scores[b], scores[a]) })
		want = want[:min(max(k, 0), len(want))]
		if got := rank.Top(scores, k, keep); !slices.Equal(got, want) {
			t.Fatalf("got %v, want %v", got, want)
		}
	})
}

func TestDiversify(t *testing.T) {
	t.Parallel()
	relevance := []float64{1, 0.9, 0.5, 0.1}
	group := []int{0, 0, 1, 1}
	same := func(a, b int) float64 {
		if group[a] == group[b] {
			return 1
		}
		return 0
	}
	for _, c := range []struct {
		k       int
		variety float64
		want    []int
	}{
		{4, 0, []int{0, 1, 2, 3}},
		{9, 0, []int{0, 1, 2, 3}},
		{2, 0.5, []int{0, 2}}, // 0.5*0.9 - 0.5 < 0.5*0.5
		{3, 0.5, []int{0, 2, 1}},
		{0, 0.5, []int{}},
	} {
		if got := rank.Diversify(relevance, c.k, c.variety, same); !slices.Equal(got, c.want) {
			t.Errorf("k %d, variety %v: %v, want %v", c.k, c.variety, got, c.want)
		}
	}
}

func TestDecayingDoesNotDependOnTheOrderOfEvents(t *testing.T) {
	t.Parallel()
	const halfLife = 10 * time.Hour
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.SliceOfN(rapid.Int64Range(0, 1e6), 1, 20).Draw(t, "at")
		var forward, backward rank.Decaying
		want, now := 0.0, int64(2e6)
		for i := range at {
			forward.Add(1.5, at[i], halfLife)
			backward.Add(1.5, at[len(at)-1-i], halfLife)
			want += 1.5 * rank.Fade(time.Duration(now-at[i])*time.Second, halfLife)
		}
		for _, d := range []rank.Decaying{forward, backward} {
			if got := d.Value(now, halfLife); math.Abs(got-want) > 1e-9*(1+want) {
				t.Fatalf("got %v, want %v", got, want)
			}
		}
	})
	if rank.Fade(halfLife, halfLife) != 0.5 || rank.Fade(-time.Hour, halfLife) != 1 {
		t.Error("one half-life leaves half; the future counts in full")
	}
}
