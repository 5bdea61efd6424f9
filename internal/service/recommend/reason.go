package recommend

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/omni-run/omni/api"
)

// describe makes an item's entry in the answer. Every sentence of the reason
// is read off the data: which source gave most, what was done with it, how many
// users, which words.
func (r *ranking) describe(i int32) api.Recommendation {
	it, w := &r.t.items[i], r.weighted[i]
	out := api.Recommendation{
		ItemID: it.id, ProductID: it.id, Score: r.total[i],
		Breakdown: api.ScoreBreakdown{Collaborative: w.collaborative, Content: w.content, Behavioral: w.behavioral},
		Title:     it.title, Category: it.category, Tags: it.tags, Evidence: []api.RecommendEvidence{},
	}
	if !math.IsNaN(it.price) {
		price := it.price
		out.Price = &price
	}
	type told struct {
		weight float64
		say    func(i int32) (string, *api.RecommendEvidence)
	}
	tellers := []told{{w.collaborative, r.sayCollaborative}, {w.content, r.sayContent}, {w.behavioral, r.sayBehavioral}}
	slices.SortStableFunc(tellers, func(a, b told) int {
		switch {
		case a.weight > b.weight:
			return -1
		case a.weight < b.weight:
			return 1
		}
		return 0
	})
	var sentences []string
	for _, t := range tellers {
		// The part that weighs most gives the reason; another is told too when
		// it is not far behind.
		if t.weight <= 0 || len(sentences) > 0 && t.weight < tellers[0].weight/2 {
			continue
		}
		if sentence, e := t.say(i); e != nil {
			sentences = append(sentences, sentence)
			out.Evidence = append(out.Evidence, *e)
		}
	}
	out.Reasoning = strings.Join(sentences, "; ")
	if out.Reasoning == "" {
		out.Reasoning = "in the catalogue; nothing speaks for or against it yet"
	}
	return out
}

// strongest returns the place of the largest positive part and its share of
// all positive ones; -1 when there is none.
func strongest(parts []float64) (best int, share float64) {
	best = -1
	sum := 0.0
	for k, p := range parts {
		if p > 0 {
			sum += p
			if best < 0 || p > parts[best] {
				best = k
			}
		}
	}
	if best < 0 {
		return -1, 0
	}
	return best, round(parts[best] / sum)
}

// name says a source as the reader knows it: an item with what was done.
func (r *ranking) name(s *source) string {
	label := fmt.Sprintf("%q", r.t.items[s.item].label())
	if r.given {
		return label
	}
	return label + ", which you " + s.deed.verb()
}

func (r *ranking) sayCollaborative(i int32) (string, *api.RecommendEvidence) {
	k, share := strongest(r.session.contributions(i, len(r.sources)))
	if k < 0 {
		return "", nil
	}
	s := &r.sources[k]
	users := r.t.fansOfBoth(s.item, i, r.asking)
	e := &api.RecommendEvidence{Component: "collaborative", Kind: fromItem, ID: r.t.items[s.item].id, Share: share, Users: users}
	if users == 0 {
		return "linked by the trained model to " + r.name(s), e
	}
	return fmt.Sprintf("%s took an interest in both this and %s", customers(users, r.asking >= 0), r.name(s)), e
}

// customers counts people; the one asking was left out of the count.
func customers(n int, others bool) string {
	other := ""
	if others {
		other = "other "
	}
	if n == 1 {
		return "1 " + other + "customer"
	}
	return fmt.Sprintf("%d %scustomers", n, other)
}

func (r *ranking) sayContent(i int32) (string, *api.RecommendEvidence) {
	it := &r.t.items[i]
	amounts, exacts := make([]float64, len(r.sources)), make([]bool, len(r.sources))
	for k := range r.sources {
		amounts[k], exacts[k] = r.profile.part(&r.sources[k], it)
	}
	k, share := strongest(amounts)
	if k < 0 {
		return "", nil
	}
	s := &r.sources[k]
	e := &api.RecommendEvidence{Component: "content", Kind: s.kind, Share: share, Terms: r.profile.shared(s, it, 3)}
	mentions := "close in meaning"
	if len(e.Terms) > 0 {
		mentions = "in common: " + strings.Join(e.Terms, ", ")
	}
	switch {
	case s.kind == fromItem:
		e.ID = r.t.items[s.item].id
		return fmt.Sprintf("similar to %s (%s)", r.name(s), mentions), e
	case exacts[k]:
		e.ID = s.text
		return fmt.Sprintf("matches your preference %q, its category or tag", s.text), e
	case s.kind == fromPreference:
		e.ID = s.text
		return fmt.Sprintf("matches your preference %q (%s)", s.text, mentions), e
	default:
		return fmt.Sprintf("matches your search (%s)", mentions), e
	}
}

func (r *ranking) sayBehavioral(i int32) (string, *api.RecommendEvidence) {
	category := r.t.items[i].category
	liking := (1 - popularityPart) * r.categories[strings.ToLower(category)]
	popular := r.raw[i].behavioral - liking
	if liking > popular {
		items := 0
		for _, s := range r.sources {
			if s.kind == fromItem && s.weight > 0 && strings.EqualFold(r.t.items[s.item].category, category) {
				items++
			}
		}
		e := &api.RecommendEvidence{Component: "behavioral", Kind: fromCategory, ID: category, Share: round(liking / r.raw[i].behavioral)}
		if r.given {
			return fmt.Sprintf("in the same category, %q", category), e
		}
		return fmt.Sprintf("in %q, a category of %d of the items you turned to", category, items), e
	}
	users := r.t.fansOf(i)
	if users == 0 {
		return "", nil
	}
	e := &api.RecommendEvidence{Component: "behavioral", Kind: fromPopularity, Users: users}
	return fmt.Sprintf("popular: %s took an interest in it", customers(users, false)), e
}
