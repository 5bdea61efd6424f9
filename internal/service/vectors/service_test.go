package vectors

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/state"
	"github.com/omni-run/omni/models/embed"
)

type bundle struct {
	*testing.T
	path  string
	store *state.Store
	svc   *Service
}

func setup(t *testing.T, change ...func(*Deps)) *bundle {
	t.Helper()
	b := &bundle{T: t, path: filepath.Join(t.TempDir(), "state.db")}
	b.open(change...)
	t.Cleanup(func() { b.store.Close() })
	return b
}

func (b *bundle) open(change ...func(*Deps)) {
	b.Helper()
	store, err := state.Open(b.Context(), b.path, time.Now)
	if err != nil {
		b.Fatal(err)
	}
	d := Deps{Store: store, Log: slog.New(slog.NewTextHandler(io.Discard, nil)), Model: embed.Default}
	for _, f := range change {
		f(&d)
	}
	b.store, b.svc = store, New(d)
	if err := b.svc.Load(b.Context()); err != nil {
		b.Fatal(err)
	}
}

// post calls a route as the shell does.
func post[Res any](b *bundle, tenant, path, body string) (*Res, []string, error) {
	b.Helper()
	for _, r := range b.svc.Routes() {
		if r.Path == path {
			call := &service.Call{Tenant: tenant, Body: []byte(body)}
			res, err := r.Handler(b.Context(), call)
			if err != nil {
				return nil, call.Warnings(), err
			}
			return res.(*Res), call.Warnings(), nil
		}
	}
	b.Fatalf("no route %s", path)
	return nil, nil, nil
}

func (b *bundle) upsert(tenant string, items ...api.VectorItem) int {
	b.Helper()
	body, err := json.Marshal(api.VectorsUpsertRequest{Items: items})
	if err != nil {
		b.Fatal(err)
	}
	res, _, err := post[api.VectorsUpsertAnswer](b, tenant, "/vectors/upsert", string(body))
	if err != nil {
		b.Fatal(err)
	}
	return res.Count
}

func (b *bundle) query(tenant, body string) *api.VectorsQueryAnswer {
	b.Helper()
	res, _, err := post[api.VectorsQueryAnswer](b, tenant, "/vectors/query", body)
	if err != nil {
		b.Fatal(err)
	}
	return res
}

func ids(a *api.VectorsQueryAnswer) string {
	var out []string
	for _, r := range a.Results {
		out = append(out, r.ID)
	}
	return strings.Join(out, " ")
}

var faq = []api.VectorItem{
	{ID: "q1", Text: "How do I reset my password?", Metadata: json.RawMessage(`{"topic":"login","rank":1,"tags":["a","b"]}`)},
	{ID: "q2", Text: "Where can I find my billing information?", Metadata: json.RawMessage(`{"topic":"money","rank":2}`)},
	{ID: "q3", Text: "How to upgrade my subscription plan?", Metadata: json.RawMessage(`{"topic":"money","rank":3,"new":true}`)},
}

func TestNearestTextFirst(t *testing.T) {
	t.Parallel()
	b := setup(t)
	if n := b.upsert("a", faq...); n != 3 {
		t.Fatalf("count %d", n)
	}
	a := b.query("a", `{"text":"I forgot my password and need help logging in","top_k":3}`)
	if len(a.Results) != 3 || a.Results[0].ID != "q1" || a.Results[0].Text != faq[0].Text || a.Search != "exact" {
		t.Errorf("got %+v", a)
	}
	if a := b.query("a", `{"text":"Where can I find my billing information?"}`); a.Results[0].ID != "q2" || a.Results[0].Score < 0.999 || a.Results[0].Score > 1 {
		t.Errorf("the same text: %+v", a.Results[0])
	}
}

func TestUpsertReplacesAndDeleteRemoves(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.upsert("a", faq...)
	if n := b.upsert("a", api.VectorItem{ID: "q1", Text: "chocolate cake recipe"}); n != 3 {
		t.Fatalf("count %d after replacing", n)
	}
	if a := b.query("a", `{"text":"dessert with chocolate","top_k":1}`); ids(a) != "q1" || a.Results[0].Metadata != nil {
		t.Errorf("got %+v", a.Results)
	}
	d, _, err := post[api.VectorsDeleteAnswer](b, "a", "/vectors/delete", `{"ids":["q1","nope"]}`)
	if err != nil || d.Deleted != 1 || d.Count != 2 {
		t.Fatalf("got %+v, %v", d, err)
	}
	if a := b.query("a", `{"text":"dessert with chocolate"}`); strings.Contains(ids(a), "q1") || len(a.Results) != 2 {
		t.Errorf("still there: %v", ids(a))
	}
}

func TestTenantsSeeOnlyTheirOwn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.upsert("a", faq...)
	a, warnings, err := post[api.VectorsQueryAnswer](b, "b", "/faiss/query", `{"text":"password"}`)
	if err != nil || len(a.Results) != 0 || a.Results == nil || len(warnings) != 1 {
		t.Errorf("got %+v %v %v", a, warnings, err)
	}
}

func TestDataOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.upsert("a", faq...)
	want := b.query("a", `{"text":"payment"}`)
	if err := b.store.Close(); err != nil {
		t.Fatal(err)
	}
	b.open()
	if got := b.query("a", `{"text":"payment"}`); ids(got) != ids(want) {
		t.Errorf("got %v, want %v", ids(got), ids(want))
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.upsert("a", faq...)
	for filter, want := range map[string]string{
		`{"topic":"money"}`:                            "q2 q3",
		`{"topic":{"$in":["login","x"]}}`:              "q1",
		`{"rank":{"$gte":2,"$lt":3}}`:                  "q2",
		`{"rank":{"$gt":1},"topic":"login"}`:           "",
		`{"tags":"b"}`:                                 "q1",
		`{"new":true}`:                                 "q3",
		`{"new":{"$exists":false}}`:                    "q1 q2",
		`{"topic":{"$ne":"money"}}`:                    "q1",
		`{"topic":{"$nin":["money","login"]}}`:         "",
		`{"topic":{"$gte":"m"}}`:                       "q2 q3",
		`{"rank":"2"}`:                                 "",
		`{"absent":{"$lt":5}}`:                         "",
		`{"rank":{"$lte":2}, "topic":{"$eq":"money"}}`: "q2",
	} {
		a := b.query("a", `{"text":"password billing","filter":`+filter+`}`)
		have := strings.Fields(ids(a))
		if len(have) != len(strings.Fields(want)) {
			t.Errorf("%s: got %v, want %q", filter, have, want)
		}
		for _, id := range have {
			if !strings.Contains(want, id) {
				t.Errorf("%s: got %v, want %q", filter, have, want)
			}
		}
	}
}

func TestBadInput(t *testing.T) {
	t.Parallel()
	b := setup(t, func(d *Deps) { d.MaxItems = 4 })
	long := strings.Repeat("x", maxTextBytes+1)
	var many []string
	for i := range maxItemsPerCall + 1 {
		many = append(many, fmt.Sprintf(`{"id":"%d","text":"t"}`, i))
	}
	for name, c := range map[string]struct{ path, body, code, field string }{
		"no items":         {"/vectors/upsert", `{}`, "invalid_items", "items"},
		"too many":         {"/vectors/upsert", `{"items":[` + strings.Join(many, ",") + `]}`, "invalid_items", "items"},
		"over the quota":   {"/vectors/upsert", `{"items":[` + strings.Join(many[:5], ",") + `]}`, "too_many_items", "items"},
		"empty id":         {"/vectors/upsert", `{"items":[{"id":"a","text":"t"},{"id":"","text":"t"}]}`, "invalid_id", "items[1].id"},
		"control id":       {"/vectors/upsert", `{"items":[{"id":"a\u0000","text":"t"}]}`, "invalid_id", "items[0].id"},
		"long id":          {"/vectors/upsert", `{"items":[{"id":"` + strings.Repeat("i", 257) + `","text":"t"}]}`, "invalid_id", "items[0].id"},
		"same id twice":    {"/vectors/upsert", `{"items":[{"id":"a","text":"t"},{"id":"a","text":"t"}]}`, "duplicate_id", "items[1].id"},
		"blank text":       {"/vectors/upsert", `{"items":[{"id":"a","text":" \n"}]}`, "empty_text", "items[0].text"},
		"long text":        {"/vectors/upsert", `{"items":[{"id":"a","text":"` + long + `"}]}`, "text_too_long", "items[0].text"},
		"metadata list":    {"/vectors/upsert", `{"items":[{"id":"a","text":"t","metadata":[1]}]}`, "invalid_metadata", "items[0].metadata"},
		"metadata number":  {"/vectors/upsert", `{"items":[{"id":"a","text":"t","metadata":{"x":1e999}}]}`, "invalid_metadata", "items[0].metadata"},
		"metadata size":    {"/vectors/upsert", `{"items":[{"id":"a","text":"t","metadata":{"x":"` + strings.Repeat("x", maxMetadataBytes) + `"}}]}`, "metadata_too_large", "items[0].metadata"},
		"query no text":    {"/vectors/query", `{"top_k":3}`, "empty_text", "text"},
		"top_k zero":       {"/vectors/query", `{"text":"t","top_k":0}`, "invalid_top_k", "top_k"},
		"top_k huge":       {"/vectors/query", `{"text":"t","top_k":1001}`, "invalid_top_k", "top_k"},
		"top_k fraction":   {"/vectors/query", `{"text":"t","top_k":1.5}`, "wrong_type", "top_k"},
		"operator":         {"/vectors/query", `{"text":"t","filter":{"a":{"$near":1}}}`, "invalid_filter", "filter.a.$near"},
		"operator type":    {"/vectors/query", `{"text":"t","filter":{"a":{"$gt":true}}}`, "invalid_filter", "filter.a.$gt"},
		"filter null":      {"/vectors/query", `{"text":"t","filter":{"a":null}}`, "invalid_filter", "filter.a"},
		"filter empty":     {"/vectors/query", `{"text":"t","filter":{"a":{}}}`, "invalid_filter", "filter.a"},
		"filter list":      {"/vectors/query", `{"text":"t","filter":{"a":[1]}}`, "invalid_filter", "filter.a"},
		"filter in":        {"/vectors/query", `{"text":"t","filter":{"a":{"$in":[]}}}`, "invalid_filter", "filter.a.$in"},
		"filter not a map": {"/vectors/query", `{"text":"t","filter":3}`, "wrong_type", "filter"},
		"unknown field":    {"/vectors/query", `{"text":"t","topk":3}`, "unknown_field", "topk"},
		"delete nothing":   {"/vectors/delete", `{"ids":[]}`, "invalid_ids", "ids"},
		"delete bad id":    {"/vectors/delete", `{"ids":["a",""]}`, "invalid_id", "ids[1]"},
	} {
		_, _, err := post[any](b, "a", c.path, c.body)
		var e *api.Error
		if !errors.As(err, &e) || e.Code != c.code || len(e.Details) == 0 || e.Details[0].Field != c.field {
			t.Errorf("%s: got %v %+v, want %s at %s", name, err, e, c.code, c.field)
		}
	}
	if n, _, err := b.store.Count(t.Context(), "a", collection); err != nil || n != 0 {
		t.Errorf("refused calls stored %d records (%v)", n, err)
	}
}

// Words drawn at random; near each other they make neighbours.
func sentence(rng *rand.Rand) string {
	words := strings.Fields("red blue green car house garden phone battery screen price meeting report invoice customer flight hotel music guitar doctor vaccine river mountain coffee bread winter summer school teacher code server")
	out := make([]string, 3+rng.IntN(6))
	for i := range out {
		out[i] = words[rng.IntN(len(words))]
	}
	return strings.Join(out, " ")
}

func TestGraphSearchFindsWhatExactSearchFinds(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.svc.model.Load()
	rng := rand.New(rand.NewPCG(1, 2))
	graph, exact := newIndex(m.Dim(), 100), newIndex(m.Dim(), 1<<30)
	var entries []entry
	for i := range 900 {
		e, err := b.svc.entry(fmt.Sprint(i), sentence(rng), nil)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, e)
	}
	for _, ix := range []*index{graph, exact} {
		ix.upsert(entries)
		for i := 0; i < 100; i += 2 { // replaced, and some removed
			ix.upsert(entries[i+1 : i+2])
			ix.remove([]string{entries[i].id})
		}
	}
	both, asked := 0, 0
	for range 25 {
		e, err := b.svc.entry("", sentence(rng), nil)
		if err != nil {
			t.Fatal(err)
		}
		got, approximate := graph.query(e.vector, e.terms, nil, 10)
		want, _ := exact.query(e.vector, e.terms, nil, 10)
		if !approximate {
			t.Fatal("the graph was not used")
		}
		have := map[string]bool{}
		for _, h := range got {
			have[h.id] = true
		}
		for _, h := range want {
			asked++
			if have[h.id] {
				both++
			}
		}
	}
	if recall := float64(both) / float64(asked); recall < 0.95 {
		t.Errorf("recall@10 is %.3f, want at least 0.95", recall)
	}
}

func TestPackingKeepsTheLiving(t *testing.T) {
	t.Parallel()
	ix := newIndex(2, 100)
	at := func(i int) entry {
		return entry{id: fmt.Sprint(i % 300), vector: []float32{1, float32(i % 300)}, terms: []string{"w", fmt.Sprint(i % 300)}, fields: fields{"n": {float64(i % 300)}}}
	}
	for i := range 3000 {
		ix.upsert([]entry{at(i)})
	}
	if ix.len() != 300 || len(ix.slots) > 300+300+1 {
		t.Fatalf("%d live in %d slots", ix.len(), len(ix.slots))
	}
	hits, _ := ix.query([]float32{0, 1}, []string{"42"}, filter{{"n", "$eq", []any{42.0}}}, 5)
	if len(hits) != 1 || hits[0].id != "42" || hits[0].lexical != 1 {
		t.Errorf("got %+v", hits)
	}
}

func TestQueriesDuringUpserts(t *testing.T) {
	t.Parallel()
	b := setup(t, func(d *Deps) { d.ExactBelow = 50; d.MemoryBytes = 1 }) // always evicting
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 1))
			tenant := []string{"a", "b"}[w%2]
			for i := range 5 {
				items := make([]string, 10)
				for j := range items {
					items[j] = fmt.Sprintf(`{"id":"%d-%d","text":%q}`, w, i*10+j, sentence(rng))
				}
				if _, _, err := post[api.VectorsUpsertAnswer](b, tenant, "/vectors/upsert", `{"items":[`+strings.Join(items, ",")+`]}`); err != nil {
					t.Error(err)
					return
				}
				if _, _, err := post[api.VectorsQueryAnswer](b, tenant, "/vectors/query", `{"text":"`+sentence(rng)+`"}`); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	for _, tenant := range []string{"a", "b"} {
		a := b.query(tenant, `{"text":"red car","top_k":1000}`)
		if a.Count != 100 {
			t.Errorf("tenant %s: %d items found, want 100", tenant, a.Count)
		}
	}
}

func TestACallerWhoHangsUpChangesNothingUnseen(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.upsert("a", faq...)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := b.svc.upsert(ctx, &service.Call{Tenant: "a"}, &api.VectorsUpsertRequest{Items: []api.VectorItem{{ID: "z", Text: "zebra"}}})
	if err == nil {
		t.Fatal("a cancelled call went through")
	}
	if a := b.query("a", `{"text":"zebra","top_k":10}`); len(a.Results) != 3 {
		t.Errorf("got %v", ids(a))
	}
}

func FuzzParseFilter(f *testing.F) {
	for _, s := range []string{`{"a":1}`, `{"a":{"$in":[1,"x",true]},"b":{"$gt":"2024"}}`, `{"a":{"$exists":false}}`, `{"":[]}`} {
		f.Add(s, `{"a":[1,"x"],"b":"2025"}`)
	}
	f.Fuzz(func(t *testing.T, s, metadata string) {
		var raw map[string]json.RawMessage
		if json.Unmarshal([]byte(s), &raw) != nil {
			return
		}
		parsed, err := parseFilter(raw)
		var e *api.Error
		if err != nil {
			if !errors.As(err, &e) || e.HTTP != 422 {
				t.Fatalf("not for the caller: %v", err)
			}
			return
		}
		m, err := parseFields(json.RawMessage(metadata))
		if err != nil {
			return
		}
		every := true
		for _, c := range parsed {
			every = every && filter{c}.match(m)
		}
		if parsed.match(m) != every {
			t.Fatal("conditions together differ from each alone")
		}
	})
}
