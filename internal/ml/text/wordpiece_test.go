package text

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func vocabulary(tb testing.TB) *WordPiece {
	tb.Helper()
	data, err := os.ReadFile("../../../models/embed/vocab.txt")
	if err != nil {
		tb.Fatal(err)
	}
	return NewWordPiece(string(data))
}

// The reference ids were written by models/embed/train/wordpiece_reference.py
// with Hugging Face tokenizers 0.23.3 and the tokenizer.json of
// all-MiniLM-L6-v2. Equality is exact.
func TestWordPieceAgreesWithReference(t *testing.T) {
	t.Parallel()
	w := vocabulary(t)
	data, err := os.ReadFile("testdata/wordpiece.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Text string
		IDs  []int32
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 150 {
		t.Fatalf("only %d cases", len(cases))
	}
	for _, c := range cases {
		if got := w.Append(nil, c.Text, 0); !slices.Equal(got, c.IDs) {
			t.Errorf("%q: got %v (%v), want %v", c.Text, got, tokens(w, got), tokens(w, c.IDs))
		}
	}
}

func tokens(w *WordPiece, ids []int32) []string {
	out := make([]string, len(ids))
	for i, id := range ids {
		out[i] = w.Token(id)
	}
	return out
}

func TestWordPieceLimit(t *testing.T) {
	t.Parallel()
	w := vocabulary(t)
	all := w.Append(nil, "one two unbelievableness four", 0)
	for limit := 1; limit <= len(all); limit++ {
		if got := w.Append([]int32{7}, "one two unbelievableness four", limit); !slices.Equal(got, append([]int32{7}, all[:limit]...)) {
			t.Errorf("limit %d: %v", limit, got)
		}
	}
}

func FuzzWordPiece(f *testing.F) {
	w := vocabulary(f)
	for _, s := range []string{"Hello, world!", "naïve 日本 \xff\xfe", strings.Repeat("é", 120)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ids := w.Append(nil, s, 0)
		for _, id := range ids {
			if id < 0 || int(id) >= w.Size() {
				t.Fatalf("id %d out of range", id)
			}
		}
		if limit := 3 * utf8.RuneCountInString(s) * 6; len(ids) > limit {
			t.Fatalf("%d ids from %d runes", len(ids), utf8.RuneCountInString(s))
		}
	})
}
