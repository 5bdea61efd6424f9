package embed_test

import (
	"bufio"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/omni-run/omni/models/embed"
)

func model(tb testing.TB) *embed.Model {
	tb.Helper()
	m, err := embed.Default()
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

func cosine(a, b []float32) float64 {
	var s float64
	for i := range a {
		s += float64(a[i]) * float64(b[i])
	}
	return s
}

func TestEmbedHasLengthOneOrIsZero(t *testing.T) {
	t.Parallel()
	m := model(t)
	for _, s := range []string{"hello", "The quick brown fox", strings.Repeat("long text ", 10000), "日本語", "\xff\xfehello"} {
		v := m.Embed(s, nil)
		if len(v) != m.Dim() {
			t.Fatalf("%d numbers, want %d", len(v), m.Dim())
		}
		if n := cosine(v, v); math.Abs(n-1) > 1e-5 {
			t.Errorf("%.20q: squared length %v", s, n)
		}
	}
	for _, s := range []string{"", " \n\t", "\x00\xff"} {
		if v := m.Embed(s, nil); cosine(v, v) != 0 {
			t.Errorf("%q: not zero", s)
		}
	}
}

func TestEmbedReusesItsDestination(t *testing.T) {
	t.Parallel()
	m := model(t)
	want := m.Embed("reuse me", nil)
	dst := m.Embed("something else entirely", nil)
	got := m.Embed("reuse me", dst)
	if &got[0] != &dst[0] || !slices.Equal(got, want) {
		t.Error("the destination was not reused, or kept what was in it")
	}
}

// The floors are a little below what models/embed/README.md reports for the
// shipped table.
func TestRetrieval(t *testing.T) {
	t.Parallel()
	m := model(t)
	f, err := os.Open("testdata/retrieval.tsv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	docs, queries, gold := map[string][]float32{}, [][]float32{}, []string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		doc, query, ok := strings.Cut(lines.Text(), "\t")
		if !ok {
			t.Fatalf("no tab in %q", lines.Text())
		}
		docs[doc] = m.Embed(doc, nil)
		queries, gold = append(queries, m.Embed(query, nil)), append(gold, doc)
	}
	first := 0
	for i, q := range queries {
		best, at := math.Inf(-1), ""
		for doc, v := range docs {
			if c := cosine(q, v); c > best {
				best, at = c, doc
			}
		}
		if at == gold[i] {
			first++
		}
	}
	if share := float64(first) / float64(len(queries)); share < 0.75 {
		t.Errorf("recall@1 is %.3f (%d of %d)", share, first, len(queries))
	}
}

func BenchmarkDefault(b *testing.B) {
	for b.Loop() {
		model(b)
	}
}

func BenchmarkEmbed(b *testing.B) {
	m := model(b)
	dst := m.Embed("warm", nil)
	b.ReportAllocs()
	for b.Loop() {
		m.Embed("I forgot my password and need help logging in to the billing portal, please.", dst)
	}
}
