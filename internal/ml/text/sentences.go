package text

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxSentenceBytes is the length past which a sentence is cut at a space, so
// that a text without full stops stays workable.
const maxSentenceBytes = 1200

// Sentence is a stretch of a text. Text is what it says without the space
// around it.
type Sentence struct {
	Text string
	// Start and End are byte offsets in the text it came from.
	Start, End int
}

// Sentences splits s at full stops, question and exclamation marks, and line
// ends. Abbreviations, initials, decimals and addresses do not end a sentence;
// closing quotes, brackets and emoticons belong to the one they follow. A
// stretch without a letter or digit joins its neighbour, unless there is none.
func Sentences(s string) []Sentence {
	var out []Sentence
	start := 0
	add := func(end int) {
		from, to := start, end
		start = end
		from += len(s[from:to]) - len(strings.TrimLeftFunc(s[from:to], unicode.IsSpace))
		to -= len(s[from:to]) - len(strings.TrimRightFunc(s[from:to], unicode.IsSpace))
		if from >= to {
			return
		}
		if len(out) > 0 && !strings.ContainsFunc(s[from:to], alphanumeric) {
			last := &out[len(out)-1]
			last.End, last.Text = to, s[last.Start:to]
			return
		}
		out = append(out, Sentence{s[from:to], from, to})
	}
	lastSpace := 0
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		next := i + size
		switch {
		case r == '\n' && paragraphEnds(s, start, next):
			add(next)
		case r == '.' || r == '!' || r == '?' || r == '…':
			next = pastClosing(s, next)
			if atBoundary(s[next:]) && !(r == '.' && abbreviated(s[start:i])) {
				add(next)
			}
		case r == '。' || r == '！' || r == '？' || r == '।' || r == '؟':
			next = pastClosing(s, next)
			add(next)
		case unicode.IsSpace(r):
			lastSpace = next
		}
		if next-start > maxSentenceBytes && start < lastSpace {
			add(lastSpace)
		}
		i = next
	}
	add(len(s))
	return out
}

func alphanumeric(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// paragraphEnds reports whether the line end before next closes a sentence:
// always but where a line was merely wrapped in the middle of one.
func paragraphEnds(s string, start, next int) bool {
	rest := strings.TrimLeft(s[next:], " \t\r")
	if rest == "" || rest[0] == '\n' {
		return true
	}
	r, _ := utf8.DecodeRuneInString(rest)
	line := strings.TrimSpace(s[start:next])
	return len(line) < 60 || !unicode.IsLower(r)
}

// pastClosing returns the offset behind marks, quotes and brackets that close
// a sentence.
func pastClosing(s string, at int) int {
	for at < len(s) {
		r, size := utf8.DecodeRuneInString(s[at:])
		if !strings.ContainsRune(".!?…\"'”’)]»*", r) {
			break
		}
		at += size
	}
	return pastEmoticons(s, at)
}

// pastEmoticons returns the offset behind emoticons and emoji that follow on
// the same line.
func pastEmoticons(s string, at int) int {
	for {
		rest := strings.TrimLeft(s[at:], " ")
		from := len(s) - len(rest)
		r, _ := utf8.DecodeRuneInString(rest)
		if from == at || rest == "" || !(strings.ContainsRune(":;=<", r) || unicode.Is(unicode.So, r)) {
			return at
		}
		end := strings.IndexFunc(rest, unicode.IsSpace)
		if end < 0 {
			end = len(rest)
		}
		if strings.ContainsFunc(rest[:end], alphanumeric) && end > 3 {
			return at
		}
		at = from + end
	}
}

func atBoundary(rest string) bool {
	r, size := utf8.DecodeRuneInString(rest)
	return size == 0 || unicode.IsSpace(r)
}

// abbreviated reports whether the text before a full stop ends in a word that
// is written with one.
func abbreviated(before string) bool {
	at := strings.LastIndexFunc(before, func(r rune) bool { return unicode.IsSpace(r) || r == '(' || r == '"' || r == '“' })
	word := before[at+1:]
	if at >= 0 {
		_, size := utf8.DecodeRuneInString(before[at:])
		word = before[at+size:]
	}
	if utf8.RuneCountInString(word) == 1 {
		r, _ := utf8.DecodeRuneInString(word)
		return unicode.IsUpper(r) && word != "I"
	}
	_, ok := abbreviations[strings.ToLower(word)]
	return ok
}

var abbreviations = newSet(`mr mrs ms dr prof rev gen sen rep st jr sr vs etc e.g i.e eg ie cf al fig figs no nos vol approx ca dept est
inc ltd corp co bros u.s u.k u.n e.u a.m p.m ph.d jan feb mar apr jun jul aug sep sept oct nov dec mon tue tues wed thu thurs fri sat sun min max avg tel ext`)
