package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Word is a run of letters, digits and marks, with the apostrophes and hyphens
// inside it.
type Word struct {
	// Text is the word as written.
	Text string
	// Start and End are byte offsets in the text it came from.
	Start, End int
}

// Words splits s into words, in order.
func Words(s string) []Word {
	var out []Word
	start := -1
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if wordRune(r, size) || (start >= 0 && joins(r) && nextIsWord(s[i+size:])) {
			if start < 0 {
				start = i
			}
		} else if start >= 0 {
			out = append(out, Word{s[start:i], start, i})
			start = -1
		}
		i += size
	}
	if start >= 0 {
		out = append(out, Word{s[start:], start, len(s)})
	}
	return out
}

func wordRune(r rune, size int) bool {
	if r == utf8.RuneError && size <= 1 {
		return false
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.M, r) || r == '_'
}

func joins(r rune) bool { return r == '\'' || r == '’' || r == '-' }

func nextIsWord(rest string) bool {
	r, size := utf8.DecodeRuneInString(rest)
	return size > 0 && wordRune(r, size)
}

// Terms returns the lower-cased words of s that are not stop words, for
// matching by word: possessive endings are dropped, hyphens split.
func Terms(s string) []string {
	var out []string
	for _, w := range Words(s) {
		lower := strings.ReplaceAll(strings.ToLower(w.Text), "’", "'")
		for part := range strings.SplitSeq(lower, "-") {
			if !IsStopWord(part) && strings.Trim(part, "'_") != "" {
				out = append(out, strings.TrimSuffix(part, "'s"))
			}
		}
	}
	return out
}

// IsStopWord reports whether a lower-cased English word says nothing of the
// subject.
func IsStopWord(w string) bool {
	_, ok := stopWords[w]
	return ok
}

var stopWords = newSet(`a about above after again against all also am an and any are aren't as at be because been before being
below between both but by can can't cannot could couldn't did didn't do does doesn't doing don't down during each few for from
further had hadn't has hasn't have haven't having he he'd he'll he's her here here's hers herself him himself his how how's i
i'd i'll i'm i've if in into is isn't it it's its itself just let's me more most mustn't my myself no nor not now of off on once only
or other ought our ours ourselves out over own please same shan't she she'd she'll she's should shouldn't so some such than that that's
the their theirs them themselves then there there's these they they'd they'll they're they've this those through to too under
until up upon us very was wasn't we we'd we'll we're we've were weren't what what's when when's where where's which while who
who's whom whose why why's will with won't would wouldn't yet you you'd you'll you're you've your yours yourself yourselves`)

func newSet(list string) map[string]struct{} {
	set := map[string]struct{}{}
	for w := range strings.FieldsSeq(list) {
		set[w] = struct{}{}
	}
	return set
}
