package route

import (
	"strings"
	"unicode"
)

// stop lists words that say nothing about which tool is meant.
var stop = func() map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.Fields(`a an and any are as at be been but by can could d do does for from get give given had has have
		how i if in into is it its ll m me my of on or our please s should show so some t tell than that the their them then there
		these they this to us using want was we were what when where which will with would you your need using use let like also`) {
		out[w] = true
	}
	return out
}()

// Words splits text into lower-case stems without stop words. CamelCase,
// snake_case and letter-digit borders split words.
func Words(text string) []string {
	var out []string
	for _, w := range Split(text) {
		if !stop[w] {
			out = append(out, Stem(w))
		}
	}
	return out
}

// Split cuts text into lower-case words, stop words included, unstemmed.
func Split(text string) []string {
	var out []string
	var word []rune
	flush := func() {
		if len(word) > 0 {
			out = append(out, strings.ToLower(string(word)))
			word = word[:0]
		}
	}
	previous := ' '
	for _, r := range text {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r):
			flush()
		case unicode.IsUpper(r) && unicode.IsLower(previous), unicode.IsDigit(r) != unicode.IsDigit(previous) && len(word) > 0:
			flush()
			word = append(word, r)
		default:
			word = append(word, r)
		}
		previous = r
	}
	flush()
	return out
}

// endings are cut longest first; what remains must keep three letters. It is a
// light form of Porter (1980), enough to join the forms a request uses.
var endings = []struct{ cut, put string }{
	{"isations", "iz"},
	{"isation", "iz"},
	{"fulness", "ful"},
	{"iveness", "ive"},
	{"ations", ""},
	{"ation", ""},
	{"ators", ""},
	{"ator", ""},
	{"ating", ""},
	{"ated", ""},
	{"ates", ""},
	{"ate", ""},
	{"ities", "ity"},
	{"ments", ""},
	{"ment", ""},
	{"ness", ""},
	{"ising", "ize"},
	{"ised", "ize"},
	{"ise", "ize"},
	{"ies", "y"},
	{"ied", "y"},
	{"ings", ""},
	{"ing", ""},
	{"edly", ""},
	{"ed", ""},
	{"ers", ""},
	{"er", ""},
	{"sses", "ss"},
	{"es", ""},
	{"s", ""},
	{"e", ""},
}

// Stem reduces a lower-case word to the form under which it is indexed.
func Stem(w string) string {
	if len(w) <= 3 || strings.HasSuffix(w, "ss") || w[0] >= '0' && w[0] <= '9' {
		return w
	}
	for _, e := range endings {
		if strings.HasSuffix(w, e.cut) && len(w)-len(e.cut) >= 3 {
			w = w[:len(w)-len(e.cut)] + e.put
			break
		}
	}
	if n := len(w); n > 3 && w[n-1] == w[n-2] && !strings.ContainsRune("lsz", rune(w[n-1])) {
		w = w[:n-1] // planning, plan
	}
	if n := len(w); n > 3 && w[n-1] == 'e' {
		w = w[:n-1]
	}
	return w
}
