package recommend

import (
	"context"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/rank"
	"github.com/omni-run/omni/internal/ml/sparse"
)

const (
	// holdoutK is the length of the list in which the hidden item is sought.
	holdoutK = 10
	// maxHoldoutUsers bounds the users whose last item is hidden.
	maxHoldoutUsers = 2_000
)

// holdout is the data with the last item of some users hidden.
type holdout struct {
	train *sparse.Matrix
	// users and hidden are the users and the item hidden of each.
	users  []int
	hidden []int32
}

// holdout hides the last item of every user who keeps two or more, or of an
// even sample of those when they are many.
func (s *snapshot) holdout() *holdout {
	var able []int
	for u, row := range s.users {
		if len(row) >= 3 {
			able = append(able, u)
		}
	}
	h := &holdout{}
	taken := map[int]bool{}
	n := min(len(able), maxHoldoutUsers)
	for k := range n {
		u := able[k*len(able)/n]
		h.users = append(h.users, u)
		h.hidden = append(h.hidden, s.users[u][len(s.users[u])-1].item)
		taken[u] = true
	}
	h.train = s.matrix(func(u, place int) bool { return taken[u] && place == len(s.users[u])-1 })
	return h
}

// average scores every hidden item by what score fills in for a user's row.
func (h *holdout) average(ctx context.Context, score func(dst []float32, items []int32, values []float32) error) (q api.RecommendQuality, err error) {
	dst := make([]float32, h.train.Cols)
	for k, u := range h.users {
		if ctx.Err() != nil {
			return q, context.Cause(ctx)
		}
		items, values := h.train.Row(u)
		seen := make(map[int32]bool, len(items))
		for _, i := range items {
			seen[i] = true
		}
		clear(dst)
		if err := score(dst, items, values); err != nil {
			return q, err
		}
		top := rank.Top(dst, holdoutK, func(i int) bool { return !seen[int32(i)] })
		relevant := map[int32]bool{h.hidden[k]: true}
		q.Recall += rank.Recall(top, relevant, holdoutK)
		q.NDCG += rank.NDCG(top, relevant, holdoutK)
	}
	n := float64(max(len(h.users), 1))
	q.Recall, q.NDCG = round(q.Recall/n), round(q.NDCG/n)
	return q, nil
}

func (h *holdout) quality(ctx context.Context, a *artifact) (api.RecommendQuality, error) {
	return h.average(ctx, func(dst []float32, items []int32, values []float32) error {
		if a.ease != nil {
			a.ease.Score(dst, items, values)
			return nil
		}
		p, err := a.als.FoldIn(items, values)
		if err != nil {
			return err
		}
		p.Score(dst)
		return nil
	})
}

// popularity is what the same test gives for ranking by the number of users.
func (h *holdout) popularity(ctx context.Context) (api.RecommendQuality, error) {
	counts := make([]float32, h.train.Cols)
	t := h.train.Transpose()
	for i := range counts {
		users, _ := t.Row(i)
		counts[i] = float32(len(users))
	}
	return h.average(ctx, func(dst []float32, _ []int32, _ []float32) error {
		copy(dst, counts)
		return nil
	})
}
