package recommend_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service/recommend"
)

// list writes n entries as a JSON list.
func list(n int, entry func(i int) string) string {
	parts := make([]string, n)
	for i := range parts {
		parts[i] = entry(i)
	}
	return "[" + strings.Join(parts, ",") + "]"
}

func quoted(i int) string { return fmt.Sprintf(`"p%d"`, i) }

func TestBadInput(t *testing.T) {
	t.Parallel()
	b := setup(t, func(d *recommend.Deps) { d.MaxItems = 1200 })
	b.shop("t")
	long := strings.Repeat("é", 257)
	const items, events, products, similar = "/recommend/items", "/recommend/interactions", "/recommend/products", "/recommend/similar"
	event := func(rest string) string {
		return `{"interactions":[{"event_id":"g","user_id":"u","item_id":"i","type":"view"},{"event_id":"e","user_id":"u","item_id":"i",` + rest + `}]}`
	}
	cases := []struct {
		name, path, body string
		status           int
		code, field      string
	}{
		{"no items", items, `{"items":[]}`, 422, "empty_list", "items"},
		{"items missing", items, `{}`, 422, "empty_list", "items"},
		{"too many items", items, `{"items":` + list(1001, func(i int) string { return fmt.Sprintf(`{"item_id":"%d"}`, i) }) + `}`, 422, "too_many", "items"},
		{"catalogue full", items, `{"items":` + list(1000, func(i int) string { return fmt.Sprintf(`{"item_id":"%d"}`, i) }) + `}`, 200, "", ""},
		{"catalogue full", items, `{"items":` + list(200, func(i int) string { return fmt.Sprintf(`{"item_id":"x%d"}`, i) }) + `}`, 422, "catalogue_full", "items"},
		{"no id", items, `{"items":[{"item_id":"1"},{"text":"x"}]}`, 422, "missing_field", "items[1].item_id"},
		{"long id", items, `{"items":[{"item_id":"` + long + `"}]}`, 422, "text_too_long", "items[0].item_id"},
		{"zero byte", items, `{"items":[{"item_id":"a\u0000"}]}`, 422, "bad_id", "items[0].item_id"},
		{"long text", items, `{"items":[{"item_id":"1","text":"` + strings.Repeat("a", 10001) + `"}]}`, 422, "text_too_long", "items[0].text"},
		{"long title", items, `{"items":[{"item_id":"1","title":"` + strings.Repeat("a", 1001) + `"}]}`, 422, "text_too_long", "items[0].title"},
		{"long category", items, `{"items":[{"item_id":"1","category":"` + long + `"}]}`, 422, "text_too_long", "items[0].category"},
		{"many tags", items, `{"items":[{"item_id":"1","tags":` + list(51, quoted) + `}]}`, 422, "too_many", "items[0].tags"},
		{"long tag", items, `{"items":[{"item_id":"1","tags":["a","` + long + `"]}]}`, 422, "text_too_long", "items[0].tags[1]"},
		{"negative price", items, `{"items":[{"item_id":"1","price":-1}]}`, 422, "out_of_range", "items[0].price"},
		{"huge price", items, `{"items":[{"item_id":"1","price":1e300}]}`, 422, "out_of_range", "items[0].price"},
		{"price is text", items, `{"items":[{"item_id":"1","price":"9"}]}`, 422, "wrong_type", "items[0].price"},
		{"big metadata", items, `{"items":[{"item_id":"1","metadata":{"a":"` + strings.Repeat("a", 17000) + `"}}]}`, 422, "metadata_too_large", "items[0].metadata"},
		{"unknown field", items, `{"items":[{"item_id":"1","colour":"red"}]}`, 400, "unknown_field", "colour"},
		{"no events", events, `{"interactions":[]}`, 422, "empty_list", "interactions"},
		{"too many events", events, `{"interactions":` + list(10001, func(int) string { return `{}` }) + `}`, 422, "too_many", "interactions"},
		{"no user", events, `{"interactions":[{"event_id":"e","item_id":"i","type":"view"}]}`, 422, "missing_field", "interactions[0].user_id"},
		{"no item", events, `{"interactions":[{"event_id":"e","user_id":"i","type":"view"}]}`, 422, "missing_field", "interactions[0].item_id"},
		{"no type", events, event(`"type":""`), 422, "unknown_type", "interactions[1].type"},
		{"unknown type", events, event(`"type":"stare"`), 422, "unknown_type", "interactions[1].type"},
		{"rating without value", events, event(`"type":"rating"`), 422, "missing_field", "interactions[1].value"},
		{"rating of 6", events, event(`"type":"rating","value":6`), 422, "out_of_range", "interactions[1].value"},
		{"rating of 1e300", events, event(`"type":"rating","value":1e300`), 422, "out_of_range", "interactions[1].value"},
		{"bad time", events, event(`"type":"view","timestamp":"yesterday"`), 422, "bad_timestamp", "interactions[1].timestamp"},
		{"time is a list", events, event(`"type":"view","timestamp":[1]`), 422, "bad_timestamp", "interactions[1].timestamp"},
		{"time of 1e300", events, event(`"type":"view","timestamp":1e300`), 422, "bad_timestamp", "interactions[1].timestamp"},
		{"ancient", events, event(`"type":"view","timestamp":"1960-01-01T00:00:00Z"`), 422, "bad_timestamp", "interactions[1].timestamp"},
		{"future", events, event(`"type":"view","timestamp":"2050-01-01T00:00:00Z"`), 422, "bad_timestamp", "interactions[1].timestamp"},
		{"a little ahead", events, event(`"type":"view","timestamp":"2026-03-01T12:30:00Z"`), 200, "", ""},
		{"unix time", events, event(`"type":"click","timestamp":1700000000.5`), 200, "", ""},
		{"long event id", events, `{"interactions":[{"event_id":"` + long + `","user_id":"u","item_id":"i","type":"view"}]}`, 422, "text_too_long", "interactions[0].event_id"},
		{"no user_id", products, `{"context":{}}`, 422, "missing_field", "user_id"},
		{"user is a number", products, `{"user_id":7}`, 422, "wrong_type", "user_id"},
		{"limit 0", products, `{"user_id":"u","limit":0}`, 422, "out_of_range", "limit"},
		{"limit 101", products, `{"user_id":"u","limit":101}`, 422, "out_of_range", "limit"},
		{"limit 1.5", products, `{"user_id":"u","limit":1.5}`, 422, "wrong_type", "limit"},
		{"diversity 2", products, `{"user_id":"u","diversity":2}`, 422, "out_of_range", "diversity"},
		{"context is a list", products, `{"user_id":"u","context":[]}`, 422, "wrong_type", "context"},
		{"views are text", products, `{"user_id":"u","context":{"recent_views":"a1"}}`, 422, "wrong_type", "context.recent_views"},
		{"many views", products, `{"user_id":"u","context":{"recent_views":` + list(201, quoted) + `}}`, 422, "too_many", "context.recent_views"},
		{"an empty view", products, `{"user_id":"u","context":{"recent_views":["a",""]}}`, 422, "missing_field", "context.recent_views[1]"},
		{"a view is a number", products, `{"user_id":"u","context":{"recent_views":["a",1]}}`, 422, "wrong_type", "context.recent_views[1]"},
		{"many preferences", products, `{"user_id":"u","context":{"preferences":` + list(51, quoted) + `}}`, 422, "too_many", "context.preferences"},
		{"a long preference", products, `{"user_id":"u","context":{"preferences":["` + long + `"]}}`, 422, "text_too_long", "context.preferences[0]"},
		{"a heavy preference", products, `{"user_id":"u","context":{"preferences":{"a":1e300}}}`, 422, "out_of_range", "context.preferences[0]"},
		{"a nested preference", products, `{"user_id":"u","context":{"preferences":{"a":{"b":1}}}}`, 422, "wrong_type", "context.preferences"},
		{"preferences are a number", products, `{"user_id":"u","context":{"preferences":3}}`, 422, "wrong_type", "context.preferences"},
		{"a long query", products, `{"user_id":"u","context":{"query":"` + strings.Repeat("a", 2001) + `"}}`, 422, "text_too_long", "context.query"},
		{"many excluded", products, `{"user_id":"u","context":{"exclude":` + list(1001, quoted) + `}}`, 422, "too_many", "context.exclude"},
		{"prices crossed", products, `{"user_id":"u","filters":{"price_min":2,"price_max":1}}`, 422, "out_of_range", "filters.price_min"},
		{"price below 0", products, `{"user_id":"u","filters":{"price_max":-1}}`, 422, "out_of_range", "filters.price_max"},
		{"the unavailable", products, `{"user_id":"u","filters":{"available":false}}`, 422, "out_of_range", "filters.available"},
		{"category is a number", products, `{"user_id":"u","filters":{"category":3}}`, 422, "wrong_type", "filters"},
		{"unknown filter", products, `{"user_id":"u","filters":{"size":3}}`, 400, "unknown_field", "size"},
		{"no item to compare", similar, `{}`, 422, "missing_field", "item_id"},
		{"many to compare", similar, `{"item_ids":` + list(51, quoted) + `}`, 422, "too_many", "item_ids"},
		{"unknown model", "/recommend/train", `{"model":"magic"}`, 422, "unknown_model", "model"},
		{"nothing to delete", "/recommend/items/delete", `{"item_ids":[]}`, 422, "empty_list", "item_ids"},
		{"cut off", products, `{"user_id":"u"`, 400, "malformed_json", ""},
	}
	for _, c := range cases { // in order: the catalogue fills up
		_, _, err := b.raw("t", "POST", c.path, c.body)
		if c.status == 200 {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		var e *api.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: answered %v", c.name, err)
			continue
		}
		field := ""
		if len(e.Details) > 0 {
			field = e.Details[0].Field
		}
		if e.HTTP != c.status || e.Code != c.code || field != c.field {
			t.Errorf("%s: %d %s at %q (%s), want %d %s at %q", c.name, e.HTTP, e.Code, field, e.Message, c.status, c.code, c.field)
		}
	}
	for _, query := range []string{"limit=0", "limit=x", "limit=1001", "after=" + long} {
		var e *api.Error
		if _, _, err := b.raw("t", "GET", items+"?"+query, ""); !errors.As(err, &e) || e.HTTP != 422 {
			t.Errorf("%.20s: %v", query, err)
		}
	}
	// Refused calls left nothing behind: of their events only those of the two
	// good calls, g, e and e again, are kept.
	if a := b.events("t", api.RecommendInteraction{EventID: "last", UserID: "u", ItemID: "i", Type: "view"}); a.Interactions != 107+3 {
		t.Errorf("%d interactions are kept", a.Interactions)
	}
}

func TestAnswersAreFiniteAndKeepTheirRules(t *testing.T) {
	t.Parallel()
	b, round := setup(t, nil), 0
	rapid.Check(t, func(rt *rapid.T) {
		round++
		tenant := fmt.Sprint("t", round)
		word := rapid.SampledFrom([]string{"red", "blue", "shoe", "hat", "红", "é", "", "x"})
		id := rapid.SampledFrom([]string{"i0", "i1", "i2", "i3", "i4", "i5", "i6", "i7"})
		who := rapid.SampledFrom([]string{"u0", "u1", "u2", "u3", "u4"})
		available := map[string]bool{}
		var items []api.RecommendItem
		for range rapid.IntRange(0, 8).Draw(rt, "items") {
			it := api.RecommendItem{ItemID: id.Draw(rt, "id"), Text: word.Draw(rt, "t") + " " + word.Draw(rt, "t2"), Category: word.Draw(rt, "c")}
			yes := rapid.Bool().Draw(rt, "available")
			it.Available = &yes
			available[it.ItemID] = yes
			items = append(items, it)
		}
		if len(items) > 0 {
			b.items(tenant, items...)
		}
		types := rapid.SampledFrom([]string{"view", "click", "add_to_cart", "purchase", "like", "dislike"})
		bought := map[string]bool{}
		var events []api.RecommendInteraction
		for n := range rapid.IntRange(0, 30).Draw(rt, "events") {
			e := api.RecommendInteraction{EventID: fmt.Sprint(n), UserID: who.Draw(rt, "u"), ItemID: id.Draw(rt, "i"), Type: types.Draw(rt, "type")}
			if e.UserID == "u0" && e.Type == "purchase" {
				bought[e.ItemID] = true
			}
			events = append(events, e)
		}
		if len(events) > 0 {
			b.events(tenant, events...)
		}
		if rapid.Bool().Draw(rt, "train") {
			b.train(tenant)
		}
		seen := id.Draw(rt, "seen")
		a, _ := b.products(tenant, fmt.Sprintf(`{"user_id":"u0","context":{"recent_views":[%q],"preferences":[%q],"query":%q},"limit":8}`, seen, word.Draw(rt, "p"), word.Draw(rt, "q")))
		for i, r := range a.Recommendations {
			sum := r.Breakdown.Collaborative + r.Breakdown.Content + r.Breakdown.Behavioral
			switch {
			case !available[r.ItemID] || r.ItemID == seen || bought[r.ItemID]:
				rt.Fatalf("%s may not be recommended", r.ItemID)
			case math.IsNaN(r.Score) || r.Score < 0 || r.Score > 1+1e-9 || math.Abs(sum-r.Score) > 1e-9:
				rt.Fatalf("score %v of %+v", r.Score, r.Breakdown)
			case i > 0 && r.Score > a.Recommendations[i-1].Score:
				rt.Fatal("out of order")
			case r.Reasoning == "":
				rt.Fatal("no reason")
			}
		}
		b.s.Forget(tenant)
	})
}
