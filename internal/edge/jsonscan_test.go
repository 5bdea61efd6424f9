package edge

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

// jsonSeeds are documents at the borders of the grammar.
var jsonSeeds = []string{
	"", " ", "null", "true", "falsy", "nul", "0", "-0", "01", "-", "1.", ".5", "1.5e+3", "1e", "1E-", "1e5", "+1", "0x1", "NaN",
	`""`, `"`, `"a\`, `"\u12"`, `"\u12G4"`, `"\u12aF"`, `"\x"`, `"\/\b\f\n\r\t\"\\"`, "\"\x1f\"", "\"\x7f\"", "\"\xff\"", "\"\xed\xa0\x80\"", `"é€😀"`,
	"[]", "[,]", "[1,]", "[1,2]", "[1 2]", "[[[]]]", "[[]", "]", "{}", `{"a"}`, `{"a":}`, `{"a":1,}`, `{"a":1,"a":[{"b":null}]}`, "{1:2}", "{,}",
	"[] []", " [ 1 , 2 ] \r\n\t", "\xef\xbb\xbf{}", "\v1", "[\x00]", strings.Repeat("[", 70) + strings.Repeat("]", 70), `["[[[[[["]`,
}

func FuzzSoundJSON(f *testing.F) {
	for _, s := range jsonSeeds {
		f.Add([]byte(s), uint8(64))
		f.Add([]byte(s), uint8(2))
	}
	f.Fuzz(func(t *testing.T, body []byte, depth uint8) {
		want := json.Valid(body) && utf8.Valid(body) && jsonDepth(body) <= int(depth)
		if got := soundJSON(body, int(depth)); got != want {
			t.Errorf("soundJSON(%q, %d) = %t, the standard library says %t", body, depth, got, want)
		}
	})
}

func BenchmarkCheckJSON(b *testing.B) {
	body := []byte(`{"data":[` + strings.Repeat("123.5,", 95) + `1]}`)
	b.Run("one pass", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			if !soundJSON(body, 64) {
				b.Fatal("not sound")
			}
		}
	})
	b.Run("standard library", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			if jsonDepth(body) > 64 || !json.Valid(body) || !utf8.Valid(body) {
				b.Fatal("not sound")
			}
		}
	})
}
