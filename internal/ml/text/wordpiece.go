package text

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxWordRunes is the length above which BERT maps a word to [UNK].
const maxWordRunes = 100

// WordPiece is the tokeniser of uncased BERT models: clean, lower-case, strip
// accents, split on white space, punctuation and CJK characters, then match
// the longest pieces of a vocabulary from the left (Devlin et al., 2019;
// Wu et al., 2016). It is safe for concurrent use.
type WordPiece struct {
	ids     map[string]int32
	tokens  []string
	unknown int32
	longest int // bytes of the longest piece, without its "##"
}

// NewWordPiece makes a tokeniser from a vocabulary with one token a line; the
// line's number is the token's id. The token "[UNK]" must be among them, or
// unknown words become id 0. The strings share vocabulary's memory.
func NewWordPiece(vocabulary string) *WordPiece {
	n := strings.Count(vocabulary, "\n") + 1
	w := &WordPiece{ids: make(map[string]int32, n), tokens: make([]string, 0, n)}
	for line := range strings.Lines(vocabulary) {
		token := strings.TrimRight(line, "\r\n")
		w.ids[token] = int32(len(w.tokens))
		w.tokens = append(w.tokens, token)
		w.longest = max(w.longest, len(strings.TrimPrefix(token, "##")))
	}
	w.unknown = w.ids["[UNK]"]
	return w
}

// Size returns the number of tokens in the vocabulary.
func (w *WordPiece) Size() int { return len(w.tokens) }

// Token returns the token with the given id.
func (w *WordPiece) Token(id int32) string { return w.tokens[id] }

// ID returns a token's id and whether the vocabulary holds it.
func (w *WordPiece) ID(token string) (int32, bool) {
	id, ok := w.ids[token]
	return id, ok
}

// Unknown returns the id of "[UNK]".
func (w *WordPiece) Unknown() int32 { return w.unknown }

// Append appends the ids of s to dst, at most limit of them (limit <= 0: all),
// without the [CLS] and [SEP] that a transformer would need.
func (w *WordPiece) Append(dst []int32, s string, limit int) []int32 {
	if limit <= 0 {
		limit = int(^uint(0) >> 1)
	}
	limit += len(dst)
	basicWords(s, func(word string) bool {
		dst = w.appendWord(dst, word)
		return len(dst) < limit
	})
	return dst[:min(len(dst), limit)]
}

func (w *WordPiece) appendWord(dst []int32, word string) []int32 {
	if id, ok := w.ids[word]; ok && utf8.RuneCountInString(word) <= maxWordRunes {
		return append(dst, id)
	}
	if utf8.RuneCountInString(word) > maxWordRunes {
		return append(dst, w.unknown)
	}
	start := len(dst)
	var key [2 + 4*maxWordRunes]byte
	key[0], key[1] = '#', '#'
	for at := 0; at < len(word); {
		end, id, found := min(len(word), at+w.longest), int32(0), false
		for end > at {
			if utf8.RuneStart(byteAt(word, end)) {
				if at == 0 {
					id, found = w.ids[word[:end]]
				} else {
					n := copy(key[2:], word[at:end])
					id, found = w.ids[string(key[:2+n])]
				}
				if found {
					break
				}
			}
			end--
		}
		if !found {
			return append(dst[:start], w.unknown)
		}
		dst = append(dst, id)
		at = end
	}
	return dst
}

// byteAt returns s[i], or an ASCII byte past the end, where a rune may start.
func byteAt(s string, i int) byte {
	if i >= len(s) {
		return 0
	}
	return s[i]
}

// basicWords calls f for each word of BERT's basic tokenisation of s, until f
// returns false. Invalid UTF-8 counts as U+FFFD, which the cleaning drops.
func basicWords(s string, f func(string) bool) {
	var word []byte
	flush := func() bool {
		if len(word) == 0 {
			return true
		}
		more := f(string(word))
		word = word[:0]
		return more
	}
	emit := func(r rune) bool {
		switch {
		case isSpace(r):
			return flush()
		case isPunctuation(r), isCJK(r):
			return flush() && f(string(r))
		}
		word = utf8.AppendRune(word, r)
		return true
	}
	for _, r := range s {
		if r < utf8.RuneSelf {
			if 'A' <= r && r <= 'Z' {
				r += 'a' - 'A'
			}
			if isControl(r) {
				continue
			}
			if !emit(r) {
				return
			}
			continue
		}
		if r == utf8.RuneError || isControl(r) {
			continue
		}
		// Canonical decomposition and dropping of non-spacing marks work rune
		// by rune here: the order of marks cannot matter once they are gone.
		// CJK is told apart before, as in the reference.
		if isCJK(r) {
			if !flush() || !f(string(r)) {
				return
			}
			continue
		}
		for _, d := range norm.NFD.String(string(r)) {
			if unicode.Is(unicode.Mn, d) {
				continue
			}
			for _, l := range strings.ToLower(string(d)) {
				if !emit(l) {
					return
				}
			}
		}
	}
	flush()
}

func isSpace(r rune) bool {
	return r == ' ' || r == '\t' || r == '\n' || r == '\r' || (r >= utf8.RuneSelf && (unicode.Is(unicode.Zs, r) || unicode.IsSpace(r)))
}

func isControl(r rune) bool {
	if r == '\t' || r == '\n' || r == '\r' {
		return false
	}
	return r == 0 || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs)
}

func isPunctuation(r rune) bool {
	if r < utf8.RuneSelf {
		return (r >= 33 && r <= 47) || (r >= 58 && r <= 64) || (r >= 91 && r <= 96) || (r >= 123 && r <= 126)
	}
	return unicode.Is(unicode.P, r)
}

func isCJK(r rune) bool {
	return (r >= 0x4E00 && r <= 0x9FFF) || (r >= 0x3400 && r <= 0x4DBF) || (r >= 0x20000 && r <= 0x2A6DF) ||
		(r >= 0x2A700 && r <= 0x2B73F) || (r >= 0x2B740 && r <= 0x2B81F) || (r >= 0x2B820 && r <= 0x2CEAF) ||
		(r >= 0xF900 && r <= 0xFAFF) || (r >= 0x2F800 && r <= 0x2FA1F)
}
