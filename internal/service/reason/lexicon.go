package reason

import (
	"regexp"
	"strings"

	"github.com/omni-run/omni/internal/ml/calc"
	"github.com/omni-run/omni/internal/ml/route"
	"github.com/omni-run/omni/internal/tool"
)

// lexicon knows which words ask for which tool.
type lexicon struct {
	names    []string
	index    *route.Index
	triggers map[string][][]string // tool to stemmed phrases
	embedded bool
}

// A request with no trigger is routed by similarity only above these.
const (
	fitsByWords    = 0.55
	fitsByMeaning  = 0.95
	neededCoverage = 0.34
)

func newLexicon(tools *tool.Registry, embedder route.Embedder) *lexicon {
	l := &lexicon{names: tools.Names(), triggers: map[string][][]string{}, embedded: embedder != nil}
	documents := make([]route.Document, len(l.names))
	for i, name := range l.names {
		t := tools.Get(name)
		d := route.Document{Name: name, Description: t.Description, Examples: t.Triggers}
		for _, p := range t.Parameters.Names() {
			d.Parameters = append(d.Parameters, p+" "+t.Parameters.Properties[p].Description)
		}
		documents[i] = d
		for _, phrase := range t.Triggers {
			l.triggers[name] = append(l.triggers[name], stems(phrase))
		}
	}
	l.index = route.New(documents, route.Options{Embedder: embedder})
	return l
}

func stems(text string) []string {
	words := route.Split(text)
	for i, w := range words {
		words[i] = route.Stem(w)
	}
	return words
}

// asked returns for each tool the trigger phrases a clause holds.
func (l *lexicon) asked(clause string) map[string][]string {
	clause = declined.ReplaceAllString(meaning.ReplaceAllString(clause, " "), " ")
	words := " " + strings.Join(stems(clause), " ") + " "
	out := map[string][]string{}
	for _, name := range l.names {
		for _, phrase := range l.triggers[name] {
			if joined := strings.Join(phrase, " "); strings.Contains(words, " "+joined+" ") {
				out[name] = append(out[name], joined)
			}
		}
	}
	return out
}

// similar routes a clause without triggers: the best fitting tool among those
// that can run, or "".
func (l *lexicon) similar(clause string, can func(string) bool) (string, route.Match) {
	var among []int
	for i, name := range l.names {
		if can(name) {
			among = append(among, i)
		}
	}
	if len(among) == 0 {
		return "", route.Match{}
	}
	best := l.index.Rank(clause, among)[0]
	threshold := fitsByWords
	if l.embedded {
		threshold = fitsByMeaning
	}
	if best.Fits() < threshold || best.Coverage < neededCoverage {
		return "", best
	}
	return l.names[best.Index], best
}

// meaning has the stem of mean, and nothing to do with it.
var meaning = regexp.MustCompile(`(?i)\bmeaning(?:s|ful)?\b|\bwhat do(?:es)? .{1,60} mean\b`)

// declined is what a clause says is not wanted, up to its end or a turn.
var declined = regexp.MustCompile(`(?i)\b(?:do not|don't|don’t|no need to|need not|needn't|instead of|rather than)\b.*?(?:$|[,;:]|\b(?:but|just|only|instead)\b)`)

var (
	sentenceEnd = regexp.MustCompile(`[.;!?]+(?:\s+|$)|\n+`)
	joints      = regexp.MustCompile(`(?i)\s*,?\s+(?:and then|then|and also|and|also|but|as well as|afterwards|finally)\s+|,\s+`)
	openEnded   = regexp.MustCompile(`(?i)^\s*(?:please\s+|can you\s+|could you\s+)*(?:write|compose|draft|translate|paraphrase|rewrite|invent|brainstorm|imagine|implement|code|program|tell me a (?:joke|story)|make up|explain (?:how|what|why)|who |where (?:is|are|was)|why )`)
	generic     = regexp.MustCompile(`(?i)\b(?:analy[sz]e|analysis|insights?|what can you (?:tell|say)|tell me about|look at|examine|overview|inspect|explore|understand|summari[sz]e|what do you see|evaluate|report)\b`)
	theirs      = regexp.MustCompile(`(?i)\b(?:add|sum|total|average)\w*\s+(?:of\s+)?(?:them|these|those|it|the results?)\b|\btheir\b`)
	yielding    = regexp.MustCompile(`(?i)\b(?:of|for|in|over|across)\s+(?:the\s+)?(?:forecast|forecasts|forecasted|predicted|projected|next|coming)\b|\b(?:forecast|predicted|projected)\s+(?:values?|total|sum|average|mean|maximum|minimum|revenue|sales)\b`)
)

// clauses splits a problem into the parts that ask for something each. A part
// without a trigger of its own belongs to the part before it.
func (l *lexicon) clauses(problem string) []string {
	var out []string
	for _, sentence := range sentenceEnd.Split(problem, -1) {
		sentence = strings.TrimSpace(sentence)
		if sentence == "" {
			continue
		}
		out = append(out, l.split(sentence)...)
	}
	return out
}

func (l *lexicon) split(sentence string) []string {
	asked := l.asked(sentence)
	delete(asked, "calculate")
	delete(asked, "describe_series")
	if _, ok := calc.Find(sentence); ok && len(asked) == 0 {
		return []string{sentence}
	}
	var out []string
	pending := "" // words before the first part that asks for something
	start, joint := 0, ""
	place := func(part string) {
		_, sums := calc.Find(part)
		switch {
		case len(l.asked(part)) > 0 || sums || openEnded.MatchString(part):
			out = append(out, strings.TrimSpace(pending+part))
			pending = ""
		case len(out) > 0:
			// The joint is kept, so that "3, 4 and 5" stays one list.
			out[len(out)-1] += joint + part
		default:
			pending += part + " "
		}
	}
	for _, m := range joints.FindAllStringIndex(sentence, -1) {
		place(sentence[start:m[0]])
		start, joint = m[1], sentence[m[0]:m[1]]
	}
	place(sentence[start:])
	if pending != "" {
		out = append(out, strings.TrimSpace(pending))
	}
	return out
}
