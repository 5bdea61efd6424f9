package recommend_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service"
)

// BenchmarkProducts answers one call over 20,000 items of about twenty words,
// for a user with a history, recent views and a query, without embeddings.
func BenchmarkProducts(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	s := setup(b, nil)
	const items = 20_000
	for from := 0; from < items; from += 1000 {
		var batch []api.RecommendItem
		for i := from; i < from+1000; i++ {
			text := ""
			for range 20 {
				text += fmt.Sprintf("word%d ", int(rng.ExpFloat64()*300))
			}
			batch = append(batch, api.RecommendItem{ItemID: fmt.Sprint("i", i), Text: text, Category: fmt.Sprint("c", i%50)})
		}
		s.items("t", batch...)
	}
	for from := 0; from < 50_000; from += 10_000 {
		var batch []api.RecommendInteraction
		for i := from; i < from+10_000; i++ {
			batch = append(batch, api.RecommendInteraction{
				EventID: fmt.Sprint(i), UserID: fmt.Sprint("u", rng.IntN(5000)), ItemID: fmt.Sprint("i", rng.IntN(items)), Type: "purchase",
			})
		}
		s.events("t", batch...)
	}
	var handler service.Handler
	for _, r := range s.s.Routes() {
		if r.Path == "/recommend/products" {
			handler = r.Handler
		}
	}
	body := []byte(`{"user_id":"u7","context":{"recent_views":["i1","i2"],"query":"word3 word50"},"limit":10}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := handler(b.Context(), &service.Call{Tenant: "t", Body: body}); err != nil {
			b.Fatal(err)
		}
	}
}
