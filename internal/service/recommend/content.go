package recommend

import (
	"math"
	"strings"
)

// embeddingPart is what of the likeness of two texts is that of their
// embeddings, where there are any; the rest is that of their words.
const embeddingPart = 0.5

// exactMatch is what a preference that is an item's very category or tag adds.
const exactMatch = 1.0

// profile is the sources as one text: the content score of an item is the sum
// over sources of share x likeness, so each source's part is known exactly.
type profile struct {
	*question
	// speaks is false when no source has any text.
	speaks bool
	// words is the weight of each word of the vocabulary, vector the embedding.
	words  []float64
	vector []float32
	// rarity is that of each word, worked out once instead of for every item.
	rarity []float64
	// names are the preferences in lower case, for exact matches.
	names map[string]float64
	// lexical is the part of a likeness that words make up.
	lexical float64
}

func (q *question) newProfile() profile {
	p := profile{question: q, names: map[string]float64{}, lexical: 1, words: make([]float64, len(q.t.words.names))}
	q.shareOut()
	p.rarity = make([]float64, len(p.words))
	for w := range p.rarity {
		p.rarity[w] = q.t.words.rarity(int32(w))
	}
	for i := range q.sources {
		s := &q.sources[i]
		if s.share == 0 {
			continue
		}
		if s.norm > 0 {
			p.speaks = true
			for _, t := range s.doc.terms {
				p.words[t.word] += s.share * q.t.words.weight(t, s.doc.length) / s.norm
			}
		}
		if dim := q.dimension(s); dim > 0 {
			if p.vector == nil {
				p.vector = make([]float32, dim)
			}
			q.addVector(s, p.vector)
			p.speaks, p.lexical = true, 1-embeddingPart
		}
		if s.kind == fromPreference {
			p.names[strings.ToLower(s.text)] += s.share
			p.speaks = true
		}
	}
	return p
}

// shareOut sets the sources' shares: the items, the preferences and the query
// have an equal say, whatever their numbers.
func (q *question) shareOut() {
	sums := map[string]float64{}
	for _, s := range q.sources {
		sums[s.kind] += math.Abs(s.weight)
	}
	for i := range q.sources {
		s := &q.sources[i]
		if sum := sums[s.kind]; sum > 0 {
			s.share = s.weight / sum / float64(len(sums))
		}
	}
}

func (q *question) dimension(s *source) int {
	if s.kind == fromItem {
		return len(q.t.items[s.item].vector.values)
	}
	return len(s.vector)
}

func (q *question) addVector(s *source, dst []float32) {
	if s.kind == fromItem {
		q.t.items[s.item].vector.addTo(dst, s.share)
		return
	}
	if len(dst) == len(s.vector) {
		for i, v := range s.vector {
			dst[i] += float32(s.share) * v
		}
	}
}

// score is the content score of an item.
func (p *profile) score(it *item) float64 {
	var dot, norm float64
	for _, t := range it.text.terms {
		w := p.rarity[t.word] * p.t.words.saturation(t, it.text.length)
		dot += w * p.words[t.word]
		norm += w * w
	}
	score := 0.0
	if norm > 0 {
		score = p.lexical * dot / math.Sqrt(norm)
	}
	if p.vector != nil {
		score += embeddingPart * it.vector.dot(p.vector)
	}
	if len(p.names) > 0 {
		score += p.exact(it, func(name string) float64 { return p.names[name] })
	}
	return score
}

// exact adds up what the given weights say of an item's category and tags.
func (p *profile) exact(it *item, weight func(name string) float64) float64 {
	sum := 0.0
	category := strings.ToLower(it.category)
	if category != "" {
		sum += exactMatch * weight(category)
	}
	for _, tag := range it.tags {
		if tag = strings.ToLower(tag); tag != "" && tag != category {
			sum += exactMatch * weight(tag)
		}
	}
	return sum
}

// part is what one source adds to an item's content score, and whether it is
// by being the item's very category or tag.
func (p *profile) part(s *source, it *item) (part float64, exact bool) {
	norm := p.t.words.norm(it.text)
	if s.norm > 0 && norm > 0 {
		weights := map[int32]float64{}
		for _, t := range s.doc.terms {
			weights[t.word] = p.t.words.weight(t, s.doc.length)
		}
		var dot float64
		for _, t := range it.text.terms {
			dot += weights[t.word] * p.t.words.weight(t, it.text.length)
		}
		part += p.lexical * s.share * dot / s.norm / norm
	}
	if p.vector != nil && p.dimension(s) > 0 {
		own := make([]float32, len(p.vector))
		p.addVector(s, own)
		part += embeddingPart * it.vector.dot(own)
	}
	if s.kind == fromPreference {
		name := strings.ToLower(s.text)
		add := p.exact(it, func(n string) float64 {
			if n == name {
				return s.share
			}
			return 0
		})
		part, exact = part+add, add != 0
	}
	return part, exact
}

// shared returns up to n words that a source and an item have in common, the
// most telling first.
func (p *profile) shared(s *source, it *item, n int) []string {
	in := map[int32]bool{}
	for _, t := range s.doc.terms {
		in[t.word] = true
	}
	var common []term
	for _, t := range it.text.terms {
		if in[t.word] {
			common = append(common, t)
		}
	}
	best := make([]float64, len(common))
	for i, t := range common {
		best[i] = p.t.words.weight(t, it.text.length)
	}
	var out []string
	for len(out) < n {
		k := -1
		for i, w := range best {
			if w > 0 && (k < 0 || w > best[k]) {
				k = i
			}
		}
		if k < 0 {
			break
		}
		out = append(out, p.t.words.names[common[k].word])
		best[k] = 0
	}
	return out
}

// likeness is 0 to 1: how alike two items' texts are.
func (t *tenant) likeness(a, b int32) float64 {
	x, y := &t.items[a], &t.items[b]
	weights := map[int32]float64{}
	for _, w := range x.text.terms {
		weights[w.word] = t.words.weight(w, x.text.length)
	}
	var dot float64
	for _, w := range y.text.terms {
		dot += weights[w.word] * t.words.weight(w, y.text.length)
	}
	like := 0.0
	if norm := t.words.norm(x.text) * t.words.norm(y.text); norm > 0 {
		like = dot / norm
	}
	if dim := len(x.vector.values); dim > 0 && dim == len(y.vector.values) {
		full := make([]float32, dim)
		x.vector.addTo(full, 1)
		like = (1-embeddingPart)*like + embeddingPart*y.vector.dot(full)
	}
	return max(0, min(1, like))
}
