package recommend_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/service/recommend"
	"github.com/omni-run/omni/internal/state"
)

// start is what the clock of every test shows at first.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// bundle is a service over a store in a folder of the test.
type bundle struct {
	t     testing.TB
	path  string
	store *state.Store
	s     *recommend.Service
	// now is the clock; it moves only between calls.
	now  time.Time
	deps func(*recommend.Deps)
}

func setup(t testing.TB, deps func(*recommend.Deps)) *bundle {
	t.Helper()
	b := &bundle{t: t, path: filepath.Join(t.TempDir(), "state.db"), now: start, deps: deps}
	b.open()
	t.Cleanup(func() { b.close() })
	return b
}

func (b *bundle) open() {
	b.t.Helper()
	var err error
	if b.store, err = state.Open(b.t.Context(), b.path, func() time.Time { return b.now }); err != nil {
		b.t.Fatal(err)
	}
	d := recommend.Deps{Store: b.store, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Now: func() time.Time { return b.now }, Workers: 2}
	if b.deps != nil {
		b.deps(&d)
	}
	b.s = recommend.New(d)
	if err := b.s.Load(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

func (b *bundle) close() {
	if err := b.store.Close(); err != nil {
		b.t.Error(err)
	}
}

// raw posts a body as the gateway would.
func (b *bundle) raw(tenant, method, path, body string) (any, []string, error) {
	path, query, _ := strings.Cut(path, "?")
	for _, r := range b.s.Routes() {
		if r.Path == path && r.Method == method {
			call := &service.Call{Tenant: tenant, Body: []byte(body), Query: map[string][]string{}}
			for _, kv := range strings.Split(query, "&") {
				k, v, _ := strings.Cut(kv, "=")
				call.Query.Set(k, v)
			}
			res, err := r.Handler(b.t.Context(), call)
			return res, call.Warnings(), err
		}
	}
	return nil, nil, fmt.Errorf("no route %s %s", method, path)
}

// post wants success and returns the answer.
func post[Res any](b *bundle, tenant, path string, body any) (*Res, []string) {
	b.t.Helper()
	text, ok := body.(string)
	if !ok {
		raw, err := json.Marshal(body)
		if err != nil {
			b.t.Fatal(err)
		}
		text = string(raw)
	}
	res, warnings, err := b.raw(tenant, "POST", path, text)
	if err != nil {
		b.t.Fatalf("%s: %v", path, err)
	}
	return res.(*Res), warnings
}

func (b *bundle) items(tenant string, items ...api.RecommendItem) *api.RecommendItemsAnswer {
	b.t.Helper()
	res, _ := post[api.RecommendItemsAnswer](b, tenant, "/recommend/items", api.RecommendItemsRequest{Items: items})
	return res
}

func (b *bundle) events(tenant string, events ...api.RecommendInteraction) *api.RecommendInteractionsAnswer {
	b.t.Helper()
	res, _ := post[api.RecommendInteractionsAnswer](b, tenant, "/recommend/interactions", api.RecommendInteractionsRequest{Interactions: events})
	return res
}

func (b *bundle) products(tenant, body string) (*api.RecommendAnswer, []string) {
	b.t.Helper()
	return post[api.RecommendAnswer](b, tenant, "/recommend/products", body)
}

func ids(a *api.RecommendAnswer) []string {
	out := []string{}
	for _, r := range a.Recommendations {
		out = append(out, r.ItemID)
	}
	return out
}

// shop fills a tenant with two groups of eight items and twenty users who buy
// within one group.
func (b *bundle) shop(tenant string) {
	b.t.Helper()
	var items []api.RecommendItem
	for _, g := range []string{"a", "b"} {
		text := map[string]string{"a": "camera lens tripod photo", "b": "garden seed shovel plant"}[g]
		for i := range 8 {
			price := float64(10 * (i + 1))
			items = append(items, api.RecommendItem{ItemID: fmt.Sprint(g, i), Text: fmt.Sprint(text, " ", i), Category: g, Price: &price, Tags: []string{"tag" + fmt.Sprint(i%2)}})
		}
	}
	b.items(tenant, items...)
	var events []api.RecommendInteraction
	for u := range 20 {
		for i := range 8 {
			if (u*7+i)%3 != 0 {
				g := "b"
				if u%2 == 1 {
					g = "a"
				}
				events = append(events, api.RecommendInteraction{EventID: fmt.Sprint(u, "-", i), UserID: fmt.Sprint("u", u), ItemID: fmt.Sprint(g, i), Type: "purchase"})
			}
		}
	}
	b.events(tenant, events...)
}

func (b *bundle) train(tenant string) *api.RecommendTrainAnswer {
	b.t.Helper()
	res, _ := post[api.RecommendTrainAnswer](b, tenant, "/recommend/train", "{}")
	return res
}

// hashed is an Embedder that counts words in 64 places.
type hashed struct{}

func (hashed) Dim() int { return 64 }

func (hashed) Embed(text string, dst []float32) []float32 {
	dst = dst[:64]
	clear(dst)
	for _, w := range strings.Fields(text) {
		h := fnv.New32a()
		_, _ = h.Write([]byte(w))
		dst[h.Sum32()%64]++
	}
	return dst
}

func TestAutoComparesBothKinds(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.shop("t")
	tr := b.train("t")
	best := api.RecommendCandidate{}
	kinds := map[string]bool{}
	for _, c := range tr.Holdout.Candidates {
		kinds[c.Model] = true
		if c.NDCG > best.NDCG {
			best = c
		}
	}
	if len(kinds) != 2 || tr.Model != best.Model || tr.Lambda != best.Lambda || tr.Holdout.NDCG != best.NDCG {
		t.Errorf("chose %s %v of %+v", tr.Model, tr.Lambda, tr.Holdout)
	}
	a, _ := b.products("t", `{"user_id":"fresh","context":{"recent_views":["a1","a2"]},"limit":3}`)
	if len(a.Recommendations) != 3 || slices.ContainsFunc(ids(a), func(id string) bool { return id[0] != 'a' }) {
		t.Errorf("a viewer of cameras gets %v", ids(a))
	}
	var e *api.Error
	b2 := setup(t, func(d *recommend.Deps) { d.EASEItems = 4 })
	b2.shop("t")
	if _, _, err := b2.raw("t", "POST", "/recommend/train", `{"model":"ease"}`); !errors.As(err, &e) || e.Code != "catalogue_too_large" {
		t.Errorf("ease past its limit: %v", err)
	}
}

func TestAFreshTenantGetsAnEmptyListAndAWarning(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	a, warnings := b.products("t", `{"user_id":"nobody","context":{"recent_views":["x"],"preferences":["shoes"]},"limit":5}`)
	if len(a.Recommendations) != 0 || a.Recommendations == nil || len(warnings) == 0 || a.RecommendationID == "" {
		t.Fatalf("%+v, %v", a, warnings)
	}
	s, warnings := post[api.RecommendAnswer](b, "t", "/recommend/similar", `{"item_id":"x"}`)
	if len(s.Recommendations) != 0 || len(warnings) == 0 {
		t.Fatalf("%+v, %v", s, warnings)
	}
	tr, warnings := post[api.RecommendTrainAnswer](b, "t", "/recommend/train", `{}`)
	if tr.Trained || tr.Model != "content+popularity" || len(warnings) == 0 {
		t.Fatalf("%+v, %v", tr, warnings)
	}
}

func TestLearnsTheGroups(t *testing.T) {
	t.Parallel()
	for name, deps := range map[string]func(*recommend.Deps){
		"ease":                 nil,
		"als":                  func(d *recommend.Deps) { d.EASEItems = 4 },
		"ease with embeddings": func(d *recommend.Deps) { d.Embedder = hashed{} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, deps)
			b.shop("t")
			kind, _, _ := strings.Cut(name, " ")
			tr, _ := post[api.RecommendTrainAnswer](b, "t", "/recommend/train", fmt.Sprintf(`{"model":%q}`, map[string]string{"ease": "ease", "als": "auto"}[kind]))
			if !tr.Trained || tr.Model != kind || tr.Users != 20 || tr.Items != 16 || tr.ModelVersion != 1 || tr.Holdout == nil {
				t.Fatalf("%+v", tr)
			}
			if h := tr.Holdout; h.Users != 20 || h.NDCG <= h.Popularity.NDCG || len(h.Candidates) < 2 {
				t.Fatalf("hold-out %+v", h)
			}
			a, _ := b.products("t", `{"user_id":"fresh","context":{"recent_views":["a1","a2"]},"limit":5}`)
			if len(a.Recommendations) != 5 || a.Model != tr.Model || a.ModelVersion != 1 {
				t.Fatalf("%+v", a)
			}
			for i, r := range a.Recommendations {
				if !strings.HasPrefix(r.ItemID, "a") || r.ItemID == "a1" || r.ItemID == "a2" {
					t.Errorf("a viewer of cameras gets %v", ids(a))
				}
				sum := r.Breakdown.Collaborative + r.Breakdown.Content + r.Breakdown.Behavioral
				if math.Abs(sum-r.Score) > 1e-9 || r.Reasoning == "" || r.ProductID != r.ItemID || r.Category != "a" || r.Price == nil || len(r.Evidence) == 0 {
					t.Errorf("%+v", r)
				}
				if r.Breakdown.Collaborative <= 0 || r.Breakdown.Content <= 0 {
					t.Errorf("a part is missing: %+v", r.Breakdown)
				}
				if i > 0 && r.Score > a.Recommendations[i-1].Score {
					t.Error("not in the order of scores")
				}
			}
			known, _ := b.products("t", `{"user_id":"u1","limit":2}`) // all but a2 and a5 are bought
			for _, r := range known.Recommendations {
				if !strings.HasPrefix(r.ItemID, "a") {
					t.Errorf("a buyer of cameras gets %v", ids(known))
				}
			}
			s, _ := post[api.RecommendAnswer](b, "t", "/recommend/similar", `{"item_id":"b3","limit":4}`)
			if len(s.Recommendations) != 4 || slices.ContainsFunc(ids(s), func(id string) bool { return id[0] != 'b' || id == "b3" }) {
				t.Errorf("similar to b3: %v", ids(s))
			}
		})
	}
}

func TestReasonsAreTrue(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.shop("t")
	b.train("t")
	a, _ := b.products("t", `{"user_id":"u1","context":{"recent_views":["a0"]},"limit":10}`)
	// Who bought what, counted from the events sent.
	bought := func(u, i int) bool { return (u*7+i)%3 != 0 }
	both := func(i, j int) (n int) {
		for u := 3; u < 20; u += 2 { // u1 asks, and is not "other customers"
			if bought(u, i) && bought(u, j) {
				n++
			}
		}
		return n
	}
	checked := 0
	for _, r := range a.Recommendations {
		for _, e := range r.Evidence {
			if e.Component != "collaborative" || r.ItemID[0] != 'a' {
				continue
			}
			checked++
			if want := both(int(e.ID[1]-'0'), int(r.ItemID[1]-'0')); e.Users != want || !strings.Contains(r.Reasoning, fmt.Sprintf("%d other customer", want)) {
				t.Errorf("%s because of %s: %d users, counted %d: %s", r.ItemID, e.ID, e.Users, want, r.Reasoning)
			}
			verb := "which you bought"
			if e.ID == "a0" {
				verb = "which you viewed"
			}
			if !strings.Contains(r.Reasoning, fmt.Sprintf("%q, %s", e.ID, verb)) {
				t.Errorf("%s: %s", e.ID, r.Reasoning)
			}
		}
		for _, e := range r.Evidence {
			for _, term := range e.Terms {
				if !strings.Contains(map[byte]string{'a': "camera lens tripod photo tag0 tag1", 'b': "garden seed shovel plant tag0 tag1"}[r.ItemID[0]], term) {
					t.Errorf("%s does not mention %q", r.ItemID, term)
				}
			}
		}
	}
	if checked == 0 {
		t.Error("no reason names another item")
	}
}

func TestNewItemsAndEventsCountAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.shop("t")
	b.train("t")
	const ask = `{"user_id":"fresh","context":{"query":"telescope"},"limit":3}`
	b.items("t", api.RecommendItem{ItemID: "new", Title: "Telescope for stars", Category: "c"})
	a, _ := b.products("t", ask)
	if ids(a)[0] != "new" || !strings.Contains(a.Recommendations[0].Reasoning, "telescope") {
		t.Fatalf("%v: %s", ids(a), a.Recommendations[0].Reasoning)
	}
	const popular = `{"user_id":"other fresh","limit":1}`
	for i := range 60 {
		b.events("t", api.RecommendInteraction{EventID: fmt.Sprint("p", i), UserID: fmt.Sprint("v", i), ItemID: "b5", Type: "view"})
	}
	if a, _ := b.products("t", popular); ids(a)[0] != "b5" || !strings.Contains(a.Recommendations[0].Reasoning, "customers took an interest") {
		t.Fatalf("after 60 views: %v", ids(a))
	}
	// Half a year later the views have faded against a few fresh purchases.
	b.now = b.now.Add(180 * 24 * time.Hour)
	b.events("t", api.RecommendInteraction{EventID: "l1", UserID: "w1", ItemID: "new", Type: "purchase"}, api.RecommendInteraction{EventID: "l2", UserID: "w2", ItemID: "new", Type: "purchase"})
	if a, _ := b.products("t", popular); ids(a)[0] != "new" {
		t.Fatalf("half a year later: %v", ids(a))
	}
}

func TestWhatIsNeverRecommended(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.shop("t")
	no := false
	b.items("t", api.RecommendItem{ItemID: "a7", Text: "camera lens", Category: "a", Available: &no})
	if res, _ := post[api.RecommendDeleteAnswer](b, "t", "/recommend/items/delete", `{"item_ids":["a6","a6","never"]}`); res.Deleted != 1 || res.Items != 15 {
		t.Fatalf("%+v", res)
	}
	b.events("t",
		api.RecommendInteraction{EventID: "1", UserID: "me", ItemID: "a1", Type: "view"},
		api.RecommendInteraction{EventID: "2", UserID: "me", ItemID: "a2", Type: "purchase"},
		api.RecommendInteraction{EventID: "3", UserID: "me", ItemID: "a3", Type: "dislike"},
		api.RecommendInteraction{EventID: "4", UserID: "me", ItemID: "ghost", Type: "purchase"},
		api.RecommendInteraction{EventID: "5", UserID: "you", ItemID: "ghost", Type: "purchase"},
	)
	b.train("t")
	get := func(extra string) []string {
		a, _ := b.products("t", `{"user_id":"me","limit":100,"context":{"exclude":["a4"],"recent_views":["b0"]}`+extra+`}`)
		return ids(a)
	}
	without := func(got []string, barred ...string) {
		t.Helper()
		for _, id := range barred {
			if slices.Contains(got, id) {
				t.Errorf("%s was recommended: %v", id, got)
			}
		}
	}
	now := get("")
	without(now, "a1", "a2", "a3", "a4", "a6", "a7", "b0", "ghost")
	if !slices.Contains(now, "a5") {
		t.Errorf("a5 is missing: %v", now)
	}
	without(get(`,"filters":{"category":"A"}`), "b1", "b2")
	without(get(`,"filters":{"price_min":25,"price_max":65,"available":true}`), "b1", "b6", "b7")
	without(get(`,"filters":{"tags":["tag1"]}`), "b2", "b4")
	b.now = b.now.Add(40 * 24 * time.Hour)
	later := get("")
	without(later, "a2", "a3")
	if !slices.Contains(later, "a1") {
		t.Error("what was viewed forty days ago stays barred")
	}
	if got := get(`,"allow_repeats":true`); !slices.Contains(got, "a2") {
		t.Errorf("repeats are allowed, forty days on: %v", got)
	}
}

func TestDislikesCountAgainstTheirLike(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.shop("t")
	b.train("t")
	b.events("t",
		api.RecommendInteraction{EventID: "1", UserID: "me", ItemID: "a1", Type: "dislike"},
		api.RecommendInteraction{EventID: "2", UserID: "me", ItemID: "a2", Type: "rating", Value: new(1.0)},
		api.RecommendInteraction{EventID: "3", UserID: "me", ItemID: "b1", Type: "view"},
	)
	a, _ := b.products("t", `{"user_id":"me","limit":100}`)
	for _, id := range ids(a) {
		if id[0] == 'a' {
			t.Errorf("who dislikes cameras gets %v", ids(a))
		}
	}
	// The later word counts.
	b.now = b.now.Add(time.Minute)
	b.events("t", api.RecommendInteraction{EventID: "4", UserID: "me", ItemID: "a1", Type: "like"}, api.RecommendInteraction{EventID: "5", UserID: "me", ItemID: "a2", Type: "rating", Value: new(5.0)})
	if a, _ = b.products("t", `{"user_id":"me","limit":2}`); ids(a)[0][0] != 'a' {
		t.Errorf("after a change of mind: %v", ids(a))
	}
}

func TestPreferences(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.shop("t")
	for _, prefs := range []string{`["garden"]`, `{"category":"b"}`, `{"garden":2,"camera":-1}`, `{"garden":true}`, `{"interest":["shovel","seed"]}`} {
		a, _ := b.products("t", `{"user_id":"x","context":{"preferences":`+prefs+`},"limit":3}`)
		for _, r := range a.Recommendations {
			if r.ItemID[0] != 'b' || !strings.Contains(r.Reasoning, "preference") {
				t.Errorf("%s: %v, %s", prefs, ids(a), r.Reasoning)
			}
		}
	}
	_, warnings := b.products("t", `{"user_id":"x","context":{"preferences":null,"mood":"blue"}}`)
	if !slices.ContainsFunc(warnings, func(w string) bool { return strings.Contains(w, "context.mood") }) {
		t.Errorf("an unused field of the context was passed over in silence: %v", warnings)
	}
}

func TestDiversity(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.shop("t")
	a, _ := b.products("t", `{"user_id":"x","context":{"recent_views":["a1"]},"limit":4,"diversity":0.9}`)
	groups := map[byte]bool{}
	for _, id := range ids(a) {
		groups[id[0]] = true
	}
	if len(groups) != 2 {
		t.Errorf("much variety asked for, got %v", ids(a))
	}
}

func TestTenantsAreIsolated(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.shop("one")
	b.train("one")
	a, _ := b.products("two", `{"user_id":"u1","context":{"recent_views":["a1"]}}`)
	if len(a.Recommendations) != 0 || a.Model != "content+popularity" {
		t.Fatalf("tenant two sees %v", ids(a))
	}
	b.items("two", api.RecommendItem{ItemID: "a1", Text: "of two"}, api.RecommendItem{ItemID: "z", Text: "of two"})
	if a, _ = b.products("two", `{"user_id":"u1"}`); !slices.Equal(ids(a), []string{"a1", "z"}) {
		t.Fatalf("tenant two sees %v", ids(a))
	}
	if res, _ := post[api.RecommendDeleteAnswer](b, "two", "/recommend/items/delete", `{"item_ids":["a2"]}`); res.Deleted != 0 {
		t.Fatal("tenant two deleted of tenant one")
	}
}

func TestARestartChangesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, func(d *recommend.Deps) { d.Embedder = hashed{} })
	b.shop("t")
	b.train("t")
	b.events("t", api.RecommendInteraction{EventID: "late", UserID: "u3", ItemID: "b4", Type: "view"})
	ask := func() string {
		a, _ := b.products("t", `{"user_id":"u3","context":{"recent_views":["a2","b1"],"query":"seed"},"limit":20}`)
		a.RecommendationID = ""
		raw, err := json.Marshal(a)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	}
	before := ask()
	b.close()
	b.open()
	if after := ask(); after != before {
		t.Fatalf("before:\n%s\nafter:\n%s", before, after)
	}
	if res := b.events("t", api.RecommendInteraction{EventID: "late", UserID: "u3", ItemID: "b4", Type: "view"}); res.Added != 0 || res.Duplicates != 1 {
		t.Fatalf("%+v", res)
	}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	one := api.RecommendItem{ItemID: "1", Title: "one"}
	if a := b.items("t", one, api.RecommendItem{ItemID: "2"}, one); a.Added != 2 || a.Updated != 1 || a.Items != 2 {
		t.Errorf("%+v", a)
	}
	if a := b.items("t", one); a.Added != 0 || a.Updated != 1 || a.Items != 2 {
		t.Errorf("%+v", a)
	}
	e := api.RecommendInteraction{EventID: "e", UserID: "u", ItemID: "1", Type: "view"}
	if a := b.events("t", e, e, api.RecommendInteraction{EventID: "f", UserID: "u", ItemID: "9", Type: "view"}); a.Added != 2 || a.Duplicates != 1 || a.UnknownItems != 1 || a.Interactions != 2 {
		t.Errorf("%+v", a)
	}
	res, _, err := b.raw("t", "GET", "/recommend/items?limit=1", "")
	if err != nil {
		t.Fatal(err)
	}
	page := res.(*api.RecommendCatalogAnswer)
	if page.Total != 2 || len(page.Items) != 1 || page.Items[0].Title != "one" || page.Next != "1" {
		t.Errorf("%+v", page)
	}
	if res, _, err = b.raw("t", "GET", "/recommend/items?after=1", ""); err != nil {
		t.Fatal(err)
	}
	if page = res.(*api.RecommendCatalogAnswer); len(page.Items) != 1 || page.Items[0].ItemID != "2" || page.Next != "" {
		t.Errorf("%+v", page)
	}
}

func TestTheOldestInteractionsLeaveFirst(t *testing.T) {
	t.Parallel()
	b := setup(t, func(d *recommend.Deps) { d.MaxInteractions = 20 })
	b.items("t", api.RecommendItem{ItemID: "old"}, api.RecommendItem{ItemID: "new"})
	var events []api.RecommendInteraction
	for i := range 21 {
		id := "new"
		if i < 3 {
			id = "old"
		}
		events = append(events, api.RecommendInteraction{EventID: fmt.Sprint(i), UserID: fmt.Sprint("u", i), ItemID: id, Type: "view"})
	}
	if a := b.events("t", events...); a.Interactions != 18 {
		t.Fatalf("%+v", a)
	}
	a, _ := b.products("t", `{"user_id":"x"}`)
	for _, r := range a.Recommendations {
		if r.ItemID == "old" && r.Score != 0 {
			t.Errorf("the dropped views still count: %+v", r)
		}
	}
}

func TestAnotherPromotedVersionIsReadAfterForget(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.shop("t")
	b.train("t")
	if v := b.train("t").ModelVersion; v != 2 {
		t.Fatalf("the second training made version %d", v)
	}
	if err := b.store.Promote(t.Context(), "t", "recommend", 1); err != nil {
		t.Fatal(err)
	}
	b.s.Forget("t")
	if a, _ := b.products("t", `{"user_id":"x"}`); a.ModelVersion != 1 {
		t.Fatalf("version %d answers", a.ModelVersion)
	}
}

func TestADamagedModelDoesNotStopAnswers(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.shop("t")
	if _, err := b.store.SaveModel(t.Context(), "t", state.Model{Name: "recommend", Kind: "recommend", Meta: []byte("{}"), Artifact: []byte("OMNIREC1e\xff\xff")}, true); err != nil {
		t.Fatal(err)
	}
	b.s.Forget("t")
	a, _ := b.products("t", `{"user_id":"x","context":{"recent_views":["a1"]},"limit":3}`)
	if len(a.Recommendations) != 3 || a.Model != "content+popularity" {
		t.Fatalf("%+v", a)
	}
}

func TestCancelledTraining(t *testing.T) {
	t.Parallel()
	b := setup(t, nil)
	b.shop("t")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, r := range b.s.Routes() {
		if r.Path == "/recommend/train" {
			if _, err := r.Handler(ctx, &service.Call{Tenant: "t", Body: []byte(`{}`)}); !errors.Is(err, context.Canceled) {
				t.Errorf("after cancel: %v", err)
			}
		}
	}
}

func TestWritesDuringQueries(t *testing.T) {
	t.Parallel()
	b := setup(t, func(d *recommend.Deps) { d.MemoryBytes = 1 }) // every other tenant's value is evicted
	b.shop("t")
	var wg sync.WaitGroup
	const rounds = 10
	run := func(f func(i int) error) {
		wg.Go(func() {
			for i := range rounds {
				if err := f(i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	do := func(tenant, path, body string) error {
		_, _, err := b.raw(tenant, "POST", path, body)
		return err
	}
	for w := range 2 {
		run(func(i int) error {
			return do("t", "/recommend/interactions", fmt.Sprintf(`{"interactions":[{"event_id":"w%d-%d","user_id":"u%d","item_id":"a%d","type":"view"}]}`, w, i, i, i%8))
		})
		run(func(i int) error {
			return do("t", "/recommend/items", fmt.Sprintf(`{"items":[{"item_id":"n%d","text":"camera number %d of %d"}]}`, i, i, w))
		})
		run(func(int) error {
			return do("t", "/recommend/products", `{"user_id":"u1","context":{"recent_views":["a1"],"query":"camera"}}`)
		})
	}
	run(func(int) error { return do("other", "/recommend/products", `{"user_id":"u1"}`) })
	run(func(i int) error {
		if i%5 > 0 {
			return nil
		}
		return do("t", "/recommend/train", `{}`)
	})
	wg.Wait()
	// Memory, whatever was evicted in between, agrees with the store.
	before, _ := b.products("t", `{"user_id":"q","context":{"recent_views":["a1"]},"limit":100}`)
	b.s.Forget("t")
	after, _ := b.products("t", `{"user_id":"q","context":{"recent_views":["a1"]},"limit":100}`)
	if len(before.Recommendations) == 0 || !slices.Equal(ids(before), ids(after)) {
		t.Errorf("memory: %v\nstore:  %v", ids(before), ids(after))
	}
	// How many the list holds depends on which interactions the model saw; the
	// catalogue does not.
	res, _, err := b.raw("t", "GET", "/recommend/items?limit=1", "")
	if err != nil || res.(*api.RecommendCatalogAnswer).Total != 16+rounds {
		t.Errorf("%+v %v", res, err)
	}
}
