package recommend

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"

	"github.com/omni-run/omni/internal/ml/rank"
)

// parts is one number for each component of the score.
type parts struct{ collaborative, content, behavioral float64 }

// The weights of the components when all have something to say. A query is
// about content; so is the likeness of two items.
var (
	usualWeights   = parts{collaborative: 0.55, content: 0.25, behavioral: 0.20}
	queryWeights   = parts{collaborative: 0.30, content: 0.55, behavioral: 0.15}
	similarWeights = parts{collaborative: 0.50, content: 0.45, behavioral: 0.05}
)

// A component is scaled so that its best candidate has 1, but never up from
// below these: weak evidence stays weak.
const (
	collaborativeFloor = 0.02
	contentFloor       = 0.10
)

// popularityPart is what of the behavioural component is popularity; the rest
// is the user's liking for the category.
const popularityPart = 0.6

// ranking is a question with the scores of every item.
type ranking struct {
	*question
	session *session
	// strengths are the weights of the sources in the session, in their order.
	allowed    []bool
	raw        []parts // scaled to -1..1, before the weights
	weighted   []parts
	total      []float64
	popularity []float64
	categories map[string]float64
	profile    profile
}

// rank scores every item of the catalogue.
func (q *question) rank(ctx context.Context) (*ranking, error) {
	n := len(q.t.items)
	r := &ranking{
		question: q, allowed: make([]bool, n), raw: make([]parts, n), weighted: make([]parts, n),
		total: make([]float64, n), popularity: make([]float64, n),
	}
	for i := range q.t.items {
		r.allowed[i] = !q.barred[int32(i)] && q.fits(&q.t.items[i])
	}
	var has parts // 1 where a component has something to say
	var err error
	if has.collaborative, err = r.collaborate(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	has.content = r.compareTexts()
	has.behavioral = r.behave()
	r.blend(has)
	return r, nil
}

// fits applies the filters.
func (q *question) fits(it *item) bool {
	if !it.known || !it.available {
		return false
	}
	f := q.filters
	if len(f.Category) > 0 && !slices.ContainsFunc(f.Category, func(c string) bool { return strings.EqualFold(c, it.category) }) {
		return false
	}
	for _, want := range f.Tags {
		if !slices.ContainsFunc(it.tags, func(tag string) bool { return strings.EqualFold(tag, want) }) {
			return false
		}
	}
	// A comparison with an unknown price (NaN) is false.
	return (f.PriceMin == nil || it.price >= *f.PriceMin) && (f.PriceMax == nil || it.price <= *f.PriceMax)
}

// collaborate fills in the model's part.
func (r *ranking) collaborate() (has float64, err error) {
	if r.t.model == nil {
		return 0, nil
	}
	var items []int32
	var values []float32
	for _, s := range r.sources {
		if s.kind == fromItem {
			items, values = append(items, s.item), append(values, float32(s.weight))
		} else {
			items, values = append(items, -1), append(values, 0)
		}
	}
	if r.session, err = r.t.model.open(items, values); err != nil || len(r.session.items) == 0 {
		return 0, err
	}
	scores := make([]float64, len(r.t.items))
	r.session.score(scores)
	scale := r.scale(scores, collaborativeFloor)
	for i, v := range scores {
		r.raw[i].collaborative = clamp(v / scale)
	}
	return 1, nil
}

// scale is the largest size among the allowed, at least floor.
func (r *ranking) scale(scores []float64, floor float64) float64 {
	for i, v := range scores {
		if r.allowed[i] {
			floor = max(floor, math.Abs(v))
		}
	}
	return floor
}

func clamp(x float64) float64 { return max(-1, min(1, x)) }

// compareTexts fills in the content part.
func (r *ranking) compareTexts() (has float64) {
	r.profile = r.newProfile()
	if !r.profile.speaks {
		return 0
	}
	scores := make([]float64, len(r.t.items))
	for i := range scores {
		if r.allowed[i] {
			scores[i] = r.profile.score(&r.t.items[i])
		}
	}
	scale := r.scale(scores, contentFloor)
	for i, v := range scores {
		r.raw[i].content = clamp(v / scale)
	}
	return 1
}

// behave fills in the behavioural part: popularity that fades, and how much
// the sources lean to each category.
func (r *ranking) behave() (has float64) {
	now := r.now.Unix()
	most := 0.0
	for i := range r.t.items {
		r.popularity[i] = r.t.items[i].popularity.Value(now, popularityHalfLife)
		if r.allowed[i] {
			most = max(most, r.popularity[i])
		}
	}
	r.categories = map[string]float64{}
	sum := 0.0
	for _, s := range r.sources {
		if s.kind == fromItem {
			sum += math.Abs(s.weight)
			if c := r.t.items[s.item].category; c != "" {
				r.categories[strings.ToLower(c)] += s.weight
			}
		}
	}
	for c := range r.categories {
		r.categories[c] /= max(sum, 1e-300)
	}
	for i := range r.t.items {
		if !r.allowed[i] {
			continue
		}
		b := &r.raw[i].behavioral
		if most > 0 {
			*b = popularityPart * math.Sqrt(r.popularity[i]/most)
		}
		*b = clamp(*b + (1-popularityPart)*r.categories[strings.ToLower(r.t.items[i].category)])
		if *b != 0 {
			has = 1
		}
	}
	return has
}

// blend weighs the parts. The weight of a part without a say goes to the
// others in proportion. Of an item that came after the training the model
// knows nothing: half of the model's weight then goes to content, so that the
// new can reach the top on its likeness, yet not past what is also proven.
func (r *ranking) blend(has parts) {
	w := usualWeights
	switch {
	case r.given:
		w = similarWeights
	case slices.ContainsFunc(r.sources, func(s source) bool { return s.kind == fromQuery }):
		w = queryWeights
	}
	w = parts{w.collaborative * has.collaborative, w.content * has.content, w.behavioral * has.behavioral}
	if sum := w.collaborative + w.content + w.behavioral; sum > 0 {
		w = parts{w.collaborative / sum, w.content / sum, w.behavioral / sum}
	}
	for i := range r.raw {
		if !r.allowed[i] {
			continue
		}
		p, own := r.raw[i], w
		if has.collaborative > 0 && has.content > 0 && !r.t.model.covers(int32(i)) {
			own.content += own.collaborative / 2
		}
		r.weighted[i] = parts{p.collaborative * own.collaborative, p.content * own.content, p.behavioral * own.behavioral}
		r.total[i] = r.weighted[i].collaborative + r.weighted[i].content + r.weighted[i].behavioral
	}
}

// silent reports that no component distinguishes any item.
func (r *ranking) silent() bool {
	for i, ok := range r.allowed {
		if ok && r.total[i] != 0 {
			return false
		}
	}
	return true
}

// choose returns the items to show, best first. Of equal scores the lower id
// goes first, so that a restart changes nothing. What the evidence speaks
// against is left out.
func (r *ranking) choose() []int32 {
	pool := r.limit
	if r.diversity > 0 {
		pool = 4 * r.limit
	}
	keep := func(i int) bool { return r.allowed[i] && r.total[i] >= 0 }
	top := rank.Top(r.total, pool, keep)
	if len(top) == pool {
		last := r.total[top[len(top)-1]]
		top = top[:0]
		for i, v := range r.total {
			if keep(i) && v >= last {
				top = append(top, int32(i))
			}
		}
	}
	slices.SortFunc(top, func(a, b int32) int {
		return cmp.Or(cmp.Compare(r.total[b], r.total[a]), cmp.Compare(r.t.items[a].id, r.t.items[b].id))
	})
	top = top[:min(pool, len(top))]
	if r.diversity == 0 {
		return top
	}
	relevance := make([]float64, len(top))
	for k, i := range top {
		relevance[k] = r.total[i]
	}
	var out []int32
	for _, k := range rank.Diversify(relevance, r.limit, r.diversity, func(a, b int) float64 { return r.t.likeness(top[a], top[b]) }) {
		out = append(out, top[k])
	}
	return out
}

func sortNewest(pairs []pair) {
	slices.SortFunc(pairs, func(a, b pair) int {
		return cmp.Or(cmp.Compare(b.at, a.at), cmp.Compare(b.order, a.order))
	})
}
