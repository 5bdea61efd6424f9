package recommend

import (
	"context"
	"crypto/rand"
	"math"
	"strings"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service"
)

func (s *Service) products(ctx context.Context, call *service.Call, req *api.RecommendProductsRequest) (*api.RecommendAnswer, error) {
	limit, err := listLength(req.Limit, req.Diversity)
	if err := firstOf(err, identifier("user_id", req.UserID), checkContext(&req.Context), checkFilters(&req.Filters)); err != nil {
		return nil, err
	}
	for i, name := range req.Context.Ignored {
		if i == 10 {
			break
		}
		call.Warn("context.%.64s is not used", name)
	}
	t, err := s.tenants.Get(ctx, call.Tenant)
	if err != nil {
		return nil, err
	}
	query, preferences := s.embedContext(&req.Context)
	t.mu.RLock()
	defer t.mu.RUnlock()
	q := t.newQuestion(call, s.Now(), &req.Filters, limit, req.Diversity)
	q.addUser(req.UserID, req.AllowRepeats)
	q.addViews(req.Context.RecentViews)
	q.exclude(req.Context.Exclude)
	q.addTexts(&req.Context, query, preferences)
	return q.answer(ctx)
}

func (s *Service) similar(ctx context.Context, call *service.Call, req *api.RecommendSimilarRequest) (*api.RecommendAnswer, error) {
	ids := req.ItemIDs
	if req.ItemID != "" {
		ids = append([]string{req.ItemID}, ids...)
	}
	if len(ids) == 0 {
		return nil, api.Unprocessable("missing_field", "item_id or item_ids is missing").At("item_id", "is missing")
	}
	limit, err := listLength(req.Limit, req.Diversity)
	if err := firstOf(err, idList("item_ids", ids, maxSimilarTo), checkFilters(&req.Filters)); err != nil {
		return nil, err
	}
	t, err := s.tenants.Get(ctx, call.Tenant)
	if err != nil {
		return nil, err
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	q := t.newQuestion(call, s.Now(), &req.Filters, limit, req.Diversity)
	q.given = true
	if q.addViews(ids) == 0 && t.catalogued > 0 {
		call.Warn("none of the items is known: there is nothing to be similar to")
		return q.empty(), nil
	}
	return q.answer(ctx)
}

// embedContext embeds the texts of a context, outside the tenant's lock.
func (s *Service) embedContext(c *api.RecommendContext) (query []float32, preferences [][]float32) {
	preferences = make([][]float32, len(c.Preferences))
	for i, p := range c.Preferences {
		preferences[i] = unit(s.embedFull(p.Name))
	}
	return unit(s.embedFull(c.Query)), preferences
}

func unit(x []float32) []float32 {
	var sum float64
	for _, v := range x {
		sum += float64(v) * float64(v)
	}
	if !(sum > 1e-24) || math.IsInf(sum, 1) {
		return nil
	}
	scale := float32(1 / math.Sqrt(sum))
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = v * scale
	}
	return out
}

// Kinds of source and of evidence.
const (
	fromItem       = "item"
	fromPreference = "preference"
	fromQuery      = "query"
	fromCategory   = "category"
	fromPopularity = "popularity"
)

// source is one thing that says what is wanted.
type source struct {
	kind string
	// item is the tenant's item of a fromItem source; deed what was done.
	item int32
	deed kind
	// text is the preference or query.
	text string
	// weight is -1 to 1: how much it is wanted.
	weight float64
	// share is the source's part of the content profile, with the weight's
	// sign; the sizes of all add up to 1.
	share float64

	doc    document
	norm   float64
	vector []float32 // of a text; an item's is the item's
}

// question is one call for recommendations.
type question struct {
	t         *tenant
	call      *service.Call
	now       time.Time
	filters   *api.RecommendFilters
	limit     int
	diversity float64

	// asking is the user, -1 when unknown; given marks /recommend/similar,
	// whose items nobody is said to have viewed.
	asking   int32
	given    bool
	sources  []source
	bySource map[int32]int // place in sources of an item
	barred   map[int32]bool
}

func (t *tenant) newQuestion(call *service.Call, now time.Time, f *api.RecommendFilters, limit int, diversity float64) *question {
	return &question{
		t: t, call: call, now: now, filters: f, limit: limit, diversity: diversity, asking: -1,
		bySource: map[int32]int{}, barred: map[int32]bool{},
	}
}

// What a user did not long ago is not shown again: the windows say how long.
const (
	viewWindow   = 7 * 24 * time.Hour
	repeatWindow = 30 * 24 * time.Hour
	// historyHalfLife is how fast a user's own past fades.
	historyHalfLife = 90 * 24 * time.Hour
	maxHistory      = 100
)

// addUser takes the user's history as sources and bars what was bought, rated
// or seen a moment ago, and what is disliked.
func (q *question) addUser(id string, allowRepeats bool) {
	u, ok := q.t.userIndex[id]
	if !ok {
		return
	}
	q.asking = u
	pairs := q.t.users[u].pairs
	for i := range pairs {
		if q.bars(&pairs[i], allowRepeats) {
			q.barred[pairs[i].item] = true
		}
	}
	for _, p := range newest(pairs, maxHistory) {
		age := q.age(p.at)
		w := float64(p.affinity()) * math.Exp2(-age.Seconds()/historyHalfLife.Seconds())
		q.add(source{kind: fromItem, item: p.item, deed: p.kind, weight: w})
	}
}

func (q *question) age(at uint32) time.Duration { return max(0, q.now.Sub(time.Unix(int64(at), 0))) }

func (q *question) bars(p *pair, allowRepeats bool) bool {
	switch {
	case p.affinity() < 0, p.stated == p.stated:
		return true
	case p.boughtAt > 0:
		return !allowRepeats || q.age(p.boughtAt) < repeatWindow
	default:
		return q.age(p.at) < viewWindow
	}
}

// addViews takes items just viewed, or given, as sources and bars them. It
// returns how many are known.
func (q *question) addViews(ids []string) int {
	known, missing := 0, 0
	for _, id := range ids {
		i, ok := q.t.itemIndex[id]
		if !ok {
			missing++
			continue
		}
		known++
		q.barred[i] = true
		k, ok := q.bySource[i]
		switch {
		case !ok:
			q.add(source{kind: fromItem, item: i, deed: view, weight: 1})
		case q.sources[k].weight > 0: // a view just now outweighs an old deed
			q.sources[k].weight = 1
		}
	}
	if missing > 0 && q.t.catalogued > 0 {
		field := "context.recent_views"
		if q.given {
			field = "item_ids"
		}
		q.call.Warn("%d of %d items in %s are not known here", missing, len(ids), field)
	}
	return known
}

func (q *question) exclude(ids []string) {
	for _, id := range ids {
		if i, ok := q.t.itemIndex[id]; ok {
			q.barred[i] = true
		}
	}
}

// addTexts takes the query and the preferences as sources.
func (q *question) addTexts(c *api.RecommendContext, query []float32, preferences [][]float32) {
	if strings.TrimSpace(c.Query) != "" {
		q.add(source{kind: fromQuery, text: c.Query, weight: 1, vector: query})
	}
	largest := 0.0
	for _, p := range c.Preferences {
		largest = max(largest, math.Abs(p.Weight))
	}
	for i, p := range c.Preferences {
		if p.Weight != 0 && strings.TrimSpace(p.Name) != "" {
			q.add(source{kind: fromPreference, text: p.Name, weight: p.Weight / largest, vector: preferences[i]})
		}
	}
}

func (q *question) add(s source) {
	if s.kind == fromItem {
		q.bySource[s.item] = len(q.sources)
		if it := &q.t.items[s.item]; it.known {
			s.doc = it.text
		}
	} else {
		s.doc = q.t.words.read(s.text)
	}
	s.norm = q.t.words.norm(s.doc)
	q.sources = append(q.sources, s)
}

// answer ranks and explains.
func (q *question) answer(ctx context.Context) (*api.RecommendAnswer, error) {
	if q.t.catalogued == 0 {
		q.call.Warn("the catalogue is empty: POST /recommend/items first")
		return q.empty(), nil
	}
	if q.t.model == nil {
		q.call.Warn("no collaborative model is trained: POST /recommend/train once there are interactions")
	}
	r, err := q.rank(ctx)
	if err != nil {
		return nil, err
	}
	answer := q.empty()
	chosen := r.choose()
	for _, i := range chosen {
		answer.Recommendations = append(answer.Recommendations, r.describe(i))
	}
	switch {
	case len(chosen) == 0:
		q.call.Warn("no item is left to recommend after exclusions and filters")
	case r.silent():
		q.call.Warn("nothing is known yet to rank by: the items are in the order of their ids")
	case len(q.sources) == 0:
		q.call.Warn("nothing is known of this user: the items are in the order of popularity")
	}
	return answer, nil
}

func (q *question) empty() *api.RecommendAnswer {
	a := &api.RecommendAnswer{RecommendationID: "rec_" + rand.Text(), Model: modelNone, Recommendations: []api.Recommendation{}}
	if q.t.model != nil {
		a.Model, a.ModelVersion = q.t.model.kind(), q.t.model.version
	}
	return a
}

// newest returns the n pairs with the newest events, newest first.
func newest(pairs []pair, n int) []pair {
	out := make([]pair, len(pairs))
	copy(out, pairs)
	sortNewest(out)
	return out[:min(n, len(out))]
}
