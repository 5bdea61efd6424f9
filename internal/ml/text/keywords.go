package text

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
)

// maxPhraseWords bounds a key phrase; longer runs are read word by word.
const maxPhraseWords = 3

// Keywords returns up to n words and phrases that tell what s is about, best
// first, in lower case, by RAKE (Rose et al., 2010): candidates are the runs of
// words between stop words and punctuation; a word scores by how much company
// it keeps over how often it stands, a phrase by the sum of its words'.
func Keywords(s string, n int) []string {
	var phrases [][]string
	for _, sentence := range Sentences(s) {
		phrases = append(phrases, candidates(sentence.Text)...)
	}
	frequency, degree := map[string]float64{}, map[string]float64{}
	for _, p := range phrases {
		for _, w := range p {
			frequency[w]++
			degree[w] += float64(len(p))
		}
	}
	type scored struct {
		phrase string
		score  float64
		first  int
	}
	index, list := map[string]int{}, []scored{}
	for i, p := range phrases {
		name := strings.Join(p, " ")
		score := 0.0
		for _, w := range p {
			score += degree[w] / frequency[w]
		}
		if at, ok := index[name]; ok {
			list[at].score += score / 2 // said again
			continue
		}
		index[name] = len(list)
		list = append(list, scored{name, score, i})
	}
	slices.SortFunc(list, func(a, b scored) int { return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.first, b.first)) })
	out := []string{}
	for _, c := range list[:min(n, len(list))] {
		out = append(out, c.phrase)
	}
	return out
}

func candidates(sentence string) [][]string {
	var out [][]string
	var run []string
	flush := func() {
		for len(run) > 0 {
			k := min(maxPhraseWords, len(run))
			out = append(out, run[:k:k])
			run = run[k:]
		}
	}
	end := 0
	for _, w := range Words(sentence) {
		if strings.TrimSpace(sentence[end:w.Start]) != "" {
			flush()
		}
		end = w.End
		lower := strings.ToLower(strings.ReplaceAll(w.Text, "’", "'"))
		if IsStopWord(lower) || !strings.ContainsFunc(lower, unicode.IsLetter) || len(lower) < 2 {
			flush()
			continue
		}
		run = append(run, strings.TrimSuffix(lower, "'s"))
	}
	flush()
	return out
}
