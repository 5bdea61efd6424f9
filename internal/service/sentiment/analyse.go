package sentiment

import (
	"context"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/text"
	"github.com/omni-run/omni/internal/ml/textnet"
)

const (
	maxEntities = 100
	maxKeywords = 10
	// foreignTrust is what remains of the network's opinion of a text that is
	// not English; the rest is unknowing.
	foreignTrust = 0.1
	// quietWeight is the weight, beside that of the opinion in it, which any
	// sentence has in the whole.
	quietWeight = 0.15
)

type probabilities [textnet.Classes]float64

const (
	negative = iota
	neutral
	positive
)

// unknowing is said of what cannot be read.
var unknowing = probabilities{0.3, 0.4, 0.3}

var labels = [textnet.Classes]string{"negative", "neutral", "positive"}

func (p probabilities) polarity() float64 { return p[positive] - p[negative] }

// label is the likeliest class; of equal ones the calmer.
func (p probabilities) label() int {
	best := neutral
	for c := range p {
		if p[c] > p[best] {
			best = c
		}
	}
	return best
}

// analyser holds the models; it is safe for concurrent use.
type analyser struct {
	words    *text.WordPiece
	network  *textnet.Net
	feelings *feelings
}

func (a *analyser) analyse(ctx context.Context, said string) (api.SentimentResult, error) {
	said = strings.ToValidUTF8(said, "\uFFFD")
	language, confidence := text.Language(said)
	r := api.SentimentResult{
		Text: said, Language: language, LanguageConfidence: round(confidence),
		Sentences: []api.SentimentSentence{}, Entities: []api.SentimentEntity{}, Keywords: text.Keywords(said, maxKeywords),
	}
	trust := 1.0
	if foreign(r) {
		trust = foreignTrust
	}
	var whole whole
	var ids []int32
	at := offsets{s: said}
	for _, s := range text.Sentences(said) {
		if err := context.Cause(ctx); err != nil {
			return r, err
		}
		ids = textnet.AppendTokens(ids[:0], a.words, s.Text, textnet.MaxTokens)
		p := a.classify(ids, trust)
		whole.add(p, len(ids))
		r.Sentences = append(r.Sentences, api.SentimentSentence{Text: s.Text, Offset: at.codePoint(s.Start), Polarity: round(p.polarity()), Sentiment: labels[p.label()]})
	}
	p := whole.mean()
	r.Sentiment, r.Score, r.Polarity = labels[p.label()], round(p[p.label()]), round(p.polarity())
	r.Probabilities = api.SentimentProbabilities{Negative: round(p[negative]), Neutral: round(p[neutral]), Positive: round(p[positive])}
	r.Emotion = a.feelings.of(said, p)
	at = offsets{s: said}
	for _, e := range text.Entities(said, maxEntities) {
		r.Entities = append(r.Entities, api.SentimentEntity{Text: e.Text, Label: e.Label, Offset: at.codePoint(e.Start)})
	}
	return r, nil
}

// classify asks the network. Tokens that it knows nothing of (numbers,
// punctuation, other scripts) are evidence of nothing, so a sentence of these
// alone is neutral.
func (a *analyser) classify(ids []int32, trust float64) probabilities {
	if !a.tells(ids) {
		if trust < 1 {
			return unknowing // there are words, in another script
		}
		return probabilities{0.05, 0.9, 0.05}
	}
	p := probabilities(a.network.Classify(ids))
	for c := range p {
		p[c] = trust*p[c] + (1-trust)*unknowing[c]
	}
	return p
}

func (a *analyser) tells(ids []int32) bool {
	for _, id := range ids {
		if id == textnet.PositiveID || id == textnet.NegativeID {
			return true
		}
		if id == a.words.Unknown() {
			continue
		}
		if strings.ContainsFunc(strings.TrimPrefix(a.words.Token(id), "##"), func(r rune) bool { return r >= 'a' && r <= 'z' }) {
			return true
		}
	}
	return false
}

// whole sums up sentences: one weighs by the opinion it holds and, less than
// in proportion, by its length.
type whole struct {
	sum    probabilities
	weight float64
}

func (w *whole) add(p probabilities, tokens int) {
	weight := (quietWeight + 1 - p[neutral]) * math.Sqrt(float64(min(max(tokens, 4), 40)))
	for c := range p {
		w.sum[c] += weight * p[c]
	}
	w.weight += weight
}

func (w *whole) mean() probabilities {
	if w.weight == 0 {
		return probabilities{0, 1, 0}
	}
	for c := range w.sum {
		w.sum[c] /= w.weight
	}
	return w.sum
}

// foreign reports whether a text is told, with some certainty, not to be in
// English.
func foreign(r api.SentimentResult) bool {
	return r.Language != "en" && r.Language != text.Undetermined && r.LanguageConfidence >= 0.5
}

// offsets counts code points up to byte offsets that only grow.
type offsets struct {
	s            string
	bytes, runes int
}

func (o *offsets) codePoint(at int) int {
	o.runes += utf8.RuneCountInString(o.s[o.bytes:at])
	o.bytes = at
	return o.runes
}

func round(x float64) float64 { return math.Round(x*1e4) / 1e4 }
