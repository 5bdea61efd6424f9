package jsonscan_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/omni-run/omni/internal/jsonscan"
)

// seeds are documents at the borders of the grammar.
var seeds = []string{
	"", " ", "null", "true", "falsy", "nul", "0", "-0", "01", "-", "1.", ".5", "1.5e+3", "1e", "1E-", "1e5", "+1", "0x1", "NaN",
	`""`, `"`, `"a\`, `"\u12"`, `"\u12G4"`, `"\u12aF"`, `"\x"`, `"\/\b\f\n\r\t\"\\"`, "\"\x1f\"", "\"\x7f\"", "\"\xff\"", "\"\xed\xa0\x80\"", `"é€😀"`,
	"[]", "[,]", "[1,]", "[1,2]", "[1 2]", "[[[]]]", "[[]", "]", "{}", `{"a"}`, `{"a":}`, `{"a":1,}`, `{"a":1,"a":[{"b":null}]}`, "{1:2}", "{,}",
	"[] []", " [ 1 , 2 ] \r\n\t", "\xef\xbb\xbf{}", "\v1", "[\x00]", strings.Repeat("[", 70) + strings.Repeat("]", 70), `["[[[[[["]`,
}

func FuzzSound(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s), uint8(64))
		f.Add([]byte(s), uint8(2))
	}
	f.Fuzz(func(t *testing.T, body []byte, depth uint8) {
		want := json.Valid(body) && utf8.Valid(body) && depthOf(body) <= int(depth)
		if got := jsonscan.Sound(body, int(depth)); got != want {
			t.Errorf("Sound(%q, %d) = %t, the standard library says %t", body, depth, got, want)
		}
	})
}

func BenchmarkSound(b *testing.B) {
	body := []byte(`{"data":[` + strings.Repeat("123.5,", 95) + `1]}`)
	b.Run("one pass", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			if !jsonscan.Sound(body, 64) {
				b.Fatal("not sound")
			}
		}
	})
	b.Run("standard library", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			if depthOf(body) > 64 || !json.Valid(body) || !utf8.Valid(body) {
				b.Fatal("not sound")
			}
		}
	})
}

// depthOf counts how deep brackets nest outside strings.
func depthOf(body []byte) int {
	depth, deepest, inString := 0, 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}
