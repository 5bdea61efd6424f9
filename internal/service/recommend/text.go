package recommend

import (
	"math"
	"strings"
	"unicode"

	"github.com/omni-run/omni/api"
)

// maxTerms bounds the distinct words kept of one item; maxTermRunes the length
// of one.
const (
	maxTerms     = 400
	maxTermRunes = 40
)

// BM25's usual constants (Robertson and Zaragoza 2009): how fast repetition
// saturates, and how much a long text is discounted.
const (
	bm25K1 = 1.2
	bm25B  = 0.75
)

// titleWeight is how many times a word of the title or category counts.
const titleWeight = 2

// term is one word of a text.
type term struct {
	word  int32
	count float32
}

// document is a text as counted words.
type document struct {
	terms  []term
	length float32
}

// vocabulary numbers the words of a tenant's catalogue and knows how many
// items hold each.
type vocabulary struct {
	index map[string]int32
	// names are the words as they were first written.
	names []string
	// holders is the number of items that hold each word.
	holders   []int32
	documents int
	length    float64 // of all documents together
	bytes     int64
}

func newVocabulary() vocabulary { return vocabulary{index: map[string]int32{}} }

// words calls f for every word of s in lower case, as it counts and as written. Runs of letters and digits
// are words, but for scripts written without spaces, where each character is.
// A single letter or digit is no word: it says little and, being rare in a small
// catalogue, would weigh much. A plain English plural counts without its s, so
// that "tripods" finds "tripod".
func words(s string, f func(word, written string)) {
	var b strings.Builder
	runes := 0
	flush := func() {
		if runes > 1 {
			written := b.String()
			w := written
			if n := len(w); n > 3 && w[n-1] == 's' && w[n-2] != 's' && w[n-2] != 'u' && w[n-2] != 'i' {
				w = w[:n-1]
			}
			f(w, written)
		}
		b.Reset()
		runes = 0
	}
	for _, r := range s {
		switch {
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai):
			flush()
			f(string(r), string(r))
		case unicode.IsLetter(r) || unicode.IsNumber(r) || unicode.IsMark(r):
			if runes < maxTermRunes {
				b.WriteRune(unicode.ToLower(r))
				runes++
			}
		default:
			flush()
		}
	}
	flush()
}

// add counts the item's words and returns them.
func (v *vocabulary) add(in *api.RecommendItem) document {
	var d document
	at := map[int32]int{}
	count := func(weight float32) func(string, string) {
		return func(w, written string) {
			id, ok := v.index[w]
			if !ok {
				if len(d.terms) == maxTerms {
					return
				}
				id = int32(len(v.names))
				v.index[w] = id
				v.names = append(v.names, written)
				v.holders = append(v.holders, 0)
				v.bytes += int64(len(w)+len(written)) + 60
			}
			k, ok := at[id]
			if !ok {
				if len(d.terms) == maxTerms {
					return
				}
				k = len(d.terms)
				at[id] = k
				d.terms = append(d.terms, term{word: id})
				v.holders[id]++
			}
			d.terms[k].count += weight
			d.length += weight
		}
	}
	words(in.Title, count(titleWeight))
	words(in.Category, count(titleWeight))
	for _, tag := range in.Tags {
		words(tag, count(titleWeight))
	}
	words(in.Text, count(1))
	words(in.Description, count(1))
	v.documents++
	v.length += float64(d.length)
	return d
}

func (v *vocabulary) remove(d document) {
	for _, t := range d.terms {
		v.holders[t.word]--
	}
	v.documents--
	v.length -= float64(d.length)
}

// read turns a text into a document without changing the vocabulary; words no
// item holds are left out.
func (v *vocabulary) read(s string) document {
	var d document
	at := map[int32]int{}
	words(s, func(w, _ string) {
		id, ok := v.index[w]
		if !ok || v.holders[id] == 0 {
			return
		}
		k, ok := at[id]
		if !ok {
			k = len(d.terms)
			at[id] = k
			d.terms = append(d.terms, term{word: id})
		}
		d.terms[k].count++
		d.length++
	})
	return d
}

// weight is BM25's weight of one word in a document.
func (v *vocabulary) weight(t term, length float32) float64 {
	return v.rarity(t.word) * v.saturation(t, length)
}

// rarity is BM25's inverse document frequency.
func (v *vocabulary) rarity(word int32) float64 {
	n, df := float64(v.documents), float64(v.holders[word])
	return math.Log(1 + (n-df+0.5)/(df+0.5))
}

// saturation is BM25's measure of how much of a document a word makes up.
func (v *vocabulary) saturation(t term, length float32) float64 {
	mean := 1.0
	if v.documents > 0 && v.length > 0 {
		mean = v.length / float64(v.documents)
	}
	tf := float64(t.count)
	return tf * (bm25K1 + 1) / (tf + bm25K1*(1-bm25B+bm25B*float64(length)/mean))
}

// norm is the length of the document's vector of weights.
func (v *vocabulary) norm(d document) float64 {
	var sum float64
	for _, t := range d.terms {
		w := v.weight(t, d.length)
		sum += w * w
	}
	return math.Sqrt(sum)
}

// vector is a text's embedding of unit length in 8 bits a number: value =
// scale * values[i]. Its cosines are off by less than 0.01.
type vector struct {
	values []int8
	scale  float32
}

func quantize(x []float32) vector {
	var norm, largest float64
	for _, v := range x {
		norm += float64(v) * float64(v)
		largest = max(largest, math.Abs(float64(v)))
	}
	norm = math.Sqrt(norm)
	if !(norm > 1e-12) || math.IsInf(norm, 1) {
		return vector{}
	}
	out := vector{values: make([]int8, len(x)), scale: float32(largest / norm / 127)}
	for i, v := range x {
		out.values[i] = int8(math.Round(float64(v) / largest * 127))
	}
	return out
}

// dot returns the product with x; 0 when either is missing.
func (v vector) dot(x []float32) float64 {
	if len(v.values) != len(x) {
		return 0
	}
	var sum float32
	for i, q := range v.values {
		sum += float32(q) * x[i]
	}
	return float64(sum * v.scale)
}

// addTo adds weight times the vector to x.
func (v vector) addTo(x []float32, weight float64) {
	if len(v.values) != len(x) {
		return
	}
	w := float32(weight) * v.scale
	for i, q := range v.values {
		x[i] += w * float32(q)
	}
}
