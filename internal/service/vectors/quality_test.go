package vectors

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/omni-run/omni/models/embed"
)

type pair struct{ doc, query string }

// paraphrases are pairs that share meaning and hardly a word.
func paraphrases(t *testing.T) []pair {
	t.Helper()
	data, err := os.ReadFile("../../../models/embed/testdata/retrieval.tsv")
	if err != nil {
		t.Fatal(err)
	}
	var out []pair
	for line := range strings.Lines(string(data)) {
		doc, query, ok := strings.Cut(strings.TrimSpace(line), "\t")
		if !ok {
			t.Fatalf("no tab in %q", line)
		}
		out = append(out, pair{doc, query})
	}
	return out
}

// codes are pairs where one exact token tells the right item from the others.
func codes() []pair {
	rng := rand.New(rand.NewPCG(1, 1))
	things := strings.Fields("pump valve filter sensor motor cable bracket gasket display battery")
	var out []pair
	for range 200 {
		code := fmt.Sprintf("%c%c-%d", 'A'+rng.IntN(26), 'A'+rng.IntN(26), 1000+rng.IntN(9000))
		thing := things[rng.IntN(len(things))]
		out = append(out, pair{fmt.Sprintf("Replacement %s %s with screws, ships in two days", thing, code), fmt.Sprintf("do you have the part %s in stock", code)})
	}
	return out
}

// firstShare is how often the right item comes first, by a score.
func firstShare(t *testing.T, pairs []pair, by func(found) float64) float64 {
	t.Helper()
	s := New(Deps{Model: embed.Default})
	if err := s.Load(t.Context()); err != nil {
		t.Fatal(err)
	}
	ix := newIndex(s.model.Load().Dim(), 1<<30)
	for _, p := range pairs {
		e, err := s.entry(p.doc, p.doc, nil)
		if err != nil {
			t.Fatal(err)
		}
		ix.upsert([]entry{e})
	}
	first := 0
	for _, p := range pairs {
		e, err := s.entry("", p.query, nil)
		if err != nil {
			t.Fatal(err)
		}
		hits, _ := ix.query(e.vector, e.terms, nil, len(pairs))
		best := hits[0]
		for _, h := range hits {
			if by(h) > by(best) {
				best = h
			}
		}
		if by(best) > 0 && best.id == p.doc {
			first++
		}
	}
	return float64(first) / float64(len(pairs))
}

// The figures logged here are those of models/embed/README.md.
func TestFusionHelpsWithCodesAndDoesNotHurtParaphrases(t *testing.T) {
	t.Parallel()
	semantic := func(h found) float64 { return h.semantic }
	lexical := func(h found) float64 { return h.lexical }
	fused := func(h found) float64 { return h.score }
	for name, pairs := range map[string][]pair{"paraphrases": paraphrases(t), "codes": codes()} {
		s, l, f := firstShare(t, pairs, semantic), firstShare(t, pairs, lexical), firstShare(t, pairs, fused)
		t.Logf("%s: right item first: semantic %.3f, words %.3f, fused %.3f", name, s, l, f)
		if f < s-0.02 || f < 0.5 {
			t.Errorf("%s: fused %.3f, semantic alone %.3f", name, f, s)
		}
	}
}
