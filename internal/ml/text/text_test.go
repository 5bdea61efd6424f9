package text

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestSentences(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   string
		want []string
	}{
		{"", nil},
		{" \n ", nil},
		{"One. Two! Three?", []string{"One.", "Two!", "Three?"}},
		{"Dr. Smith paid $3.50 to J. Doe. He left.", []string{"Dr. Smith paid $3.50 to J. Doe.", "He left."}},
		{"It is e.g. this one. ok", []string{"It is e.g. this one.", "ok"}},
		{"Great!!! :) Really?!", []string{"Great!!! :)", "Really?!"}},
		{"He said \"Stop.\" Then he left", []string{"He said \"Stop.\"", "Then he left"}},
		{"no stop at all", []string{"no stop at all"}},
		{"line one\nLine two\n\nline three", []string{"line one", "Line two", "line three"}},
		{"これは良い。悪い！", []string{"これは良い。", "悪い！"}},
		{"See www.example.com/a.b. Fine...", []string{"See www.example.com/a.b.", "Fine..."}},
		{"so was I. Then", []string{"so was I.", "Then"}},
		{"!!!", []string{"!!!"}},
	} {
		var got []string
		for _, s := range Sentences(c.in) {
			got = append(got, s.Text)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q: got %q, want %q", c.in, got, c.want)
		}
	}
}

func checkSentences(t interface{ Fatalf(string, ...any) }, s string) {
	end := 0
	for _, x := range Sentences(s) {
		if x.Start < end || x.End > len(s) || x.Start >= x.End || s[x.Start:x.End] != x.Text {
			t.Fatalf("sentence %+v of %q after %d", x, s, end)
		}
		if strings.TrimSpace(s[end:x.Start]) != "" {
			t.Fatalf("%q was lost between sentences", s[end:x.Start])
		}
		end = x.End
	}
	if strings.TrimSpace(s[end:]) != "" {
		t.Fatalf("%q was lost at the end", s[end:])
	}
}

func TestSentencesCoverTheText(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOf(rapid.SampledFrom([]string{"Dr.", "good", "\n", ". ", "!", "?", "…", "\"", "é", "。", " ", "3.5", ":)", "\xff", strings.Repeat("word ", 300)})).Draw(t, "words")
		checkSentences(t, strings.Join(words, ""))
	})
}

func FuzzSentences(f *testing.F) {
	for _, s := range []string{"One. Two!", "Dr. X\nY", "。\xff.\"' ", strings.Repeat("a ", 2000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkSentences(t, s) })
}

func TestWordsAndTerms(t *testing.T) {
	t.Parallel()
	var got []string
	for _, w := range Words("Don't stop—the well-known café's 2nd 'act', naïve_x -a") {
		got = append(got, w.Text)
	}
	want := []string{"Don't", "stop", "the", "well-known", "café's", "2nd", "act", "naïve_x", "a"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := Terms("The user’s well-known API-key isn't it"), []string{"user", "well", "known", "api", "key"}; !slices.Equal(got, want) {
		t.Errorf("terms %q, want %q", got, want)
	}
}

func TestLanguage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in, want string
		low      bool
	}{
		{"I absolutely love this product, it works wonderfully!", "en", false},
		{"The food was not good.", "en", false},
		{"great", "en", true},
		{"Das Essen war leider überhaupt nicht gut und der Kellner war unfreundlich.", "de", false},
		{"Le service était vraiment excellent et la nourriture délicieuse.", "fr", false},
		{"El servicio fue excelente y la comida estaba muy buena.", "es", false},
		{"Привет, как дела? Очень хороший товар.", "ru", false},
		{"この製品は本当に素晴らしいです。", "ja", false},
		{"هذا المنتج رائع جدا", "ar", false},
		{"Me encanta este producto, es maravilloso y muy barato.", "es", false},
		{"Je ne suis pas content.", "fr", false},
		{"Das ist gut.", "de", false},
		{"Muito bom, gostei mas não é barato.", "pt", false},
		{"Non mi piace questo prodotto.", "it", false},
		{"Ужасный сервис, никогда больше.", "ru", false},
		{"Die hard fans will enjoy the sequel.", "en", false},
		{"La La Land was on at the cinema in Los Angeles.", "en", false},
		{"12345 !!! 😀", Undetermined, true},
		{"", Undetermined, true},
	} {
		got, confidence := Language(c.in)
		if got != c.want || confidence < 0 || confidence > 1 || (confidence <= 0.5) != c.low {
			t.Errorf("%q: %s at %.2f, want %s (low %v)", c.in, got, confidence, c.want, c.low)
		}
	}
}

func TestEntities(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   string
		want []string
	}{
		{"I paid $1,299.99 to Acme Corp on March 3, 2024.", []string{"MONEY=$1,299.99", "ORG=Acme Corp", "DATE=March 3, 2024"}},
		{"Mail me at jo.doe@example.co.uk or see https://example.com/a?b=1.", []string{"EMAIL=jo.doe@example.co.uk", "URL=https://example.com/a?b=1"}},
		{"The meeting with Dr. Smith is on Tuesday at 10 am.", []string{"PERSON=Smith", "DATE=Tuesday", "TIME=10 am"}},
		{"Sales rose 12.5% in London and New York.", []string{"PERCENT=12.5%", "NAME=London", "NAME=New York"}},
		{"My iPhone 15 Pro died; the RTX-4090 did not.", []string{"PRODUCT=iPhone 15 Pro", "PRODUCT=RTX-4090"}},
		{"Thanks @support_team for #FastHelp", []string{"HANDLE=@support_team", "HASHTAG=#FastHelp"}},
		{"Great product. Terrible box. I like it.", nil},
		{"THIS IS THE WORST SERVICE EVER", nil},
		{"We met Anna's boss.", []string{"NAME=Anna"}},
	} {
		var got []string
		for _, e := range Entities(c.in, 100) {
			if c.in[e.Start:e.End] != e.Text {
				t.Errorf("%q: offsets of %+v", c.in, e)
			}
			got = append(got, e.Label+"="+e.Text)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q: got %q, want %q", c.in, got, c.want)
		}
	}
	if got := Entities("a@b.com c@d.com", 1); len(got) != 1 {
		t.Errorf("the limit was passed: %v", got)
	}
}

func TestKeywords(t *testing.T) {
	t.Parallel()
	got := Keywords("The battery life of this phone is great. Battery life matters to me, and the camera quality is poor.", 3)
	if len(got) != 3 || got[0] != "battery life matters" && got[0] != "battery life" {
		t.Errorf("got %q", got)
	}
	for _, s := range []string{"", "the of and", "123 456"} {
		if got := Keywords(s, 5); got == nil || len(got) != 0 {
			t.Errorf("%q: got %q", s, got)
		}
	}
}

func FuzzAnalysis(f *testing.F) {
	for _, s := range []string{"Dr. Anna's $5 a@b.co", "ÄÖ ＠＃ \xff", "#a @b +1 555 555 5555"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, e := range Entities(s, 50) {
			if e.Start < 0 || e.End > len(s) || e.Start >= e.End || s[e.Start:e.End] != e.Text {
				t.Fatalf("%+v", e)
			}
		}
		for _, w := range Words(s) {
			if s[w.Start:w.End] != w.Text || !utf8.ValidString(w.Text) {
				t.Fatalf("%+v", w)
			}
		}
		if _, c := Language(s); c < 0 || c > 1 {
			t.Fatalf("confidence %v", c)
		}
		Keywords(s, 10)
	})
}
