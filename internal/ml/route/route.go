// Package route picks the tool a request asks for, by its words: BM25F
// (Robertson, Zaragoza, Taylor, 2004) over the tool's name, description and
// parameters, joined, when an embedding is at hand, with the cosine of the two
// texts. It also says how sure it is that any tool fits at all.
package route

import (
	"math"
	"slices"
	"sort"
	"strings"
)

// Document describes one tool.
type Document struct {
	Name        string
	Description string
	// Parameters are names with their descriptions.
	Parameters []string
	// Examples are further words or sentences that ask for the tool.
	Examples []string
}

// Embedder turns a text into a vector; dst is reused when it is large enough.
type Embedder interface {
	Embed(text string, dst []float32) []float32
	Dim() int
}

// Options tune an Index; the zero value takes the defaults.
type Options struct {
	// Embedder, when given, is fused with the words.
	Embedder Embedder
	// EmbeddingWeight is the share of the cosine in the score: 0 takes 0.5.
	EmbeddingWeight float64
}

// Weights of the fields, and BM25's saturation and length normalisation.
const (
	weightName       = 3.0
	weightText       = 1.0
	weightParameters = 0.4
	weightExamples   = 2.0
	saturation       = 0.9
	lengthEffect     = 0.4
)

// Index ranks a fixed set of documents. It is safe for concurrent use as long
// as its Embedder is.
type Index struct {
	documents []entry
	rarity    map[string]float64
	unseen    float64
	options   Options
}

type entry struct {
	weight map[string]float64
	norm   float64
	vector []float32
}

// New builds an index.
func New(documents []Document, options Options) *Index {
	if options.EmbeddingWeight <= 0 {
		options.EmbeddingWeight = 0.5
	}
	x := &Index{rarity: map[string]float64{}, options: options}
	total := 0.0
	lengths := make([]float64, len(documents))
	for i, d := range documents {
		e := entry{weight: map[string]float64{}}
		add := func(text string, weight float64) {
			for _, w := range Words(text) {
				e.weight[w] += weight
				lengths[i] += weight
			}
		}
		add(d.Name, weightName)
		add(d.Description, weightText)
		for _, p := range d.Parameters {
			add(p, weightParameters)
		}
		for _, s := range d.Examples {
			add(s, weightExamples)
		}
		for w := range e.weight {
			x.rarity[w]++
		}
		total += lengths[i]
		if options.Embedder != nil {
			e.vector = unit(options.Embedder.Embed(strings.Join(Split(d.Name), " ")+". "+d.Description+" "+strings.Join(d.Parameters, " "), nil))
		}
		x.documents = append(x.documents, e)
	}
	n := float64(len(documents))
	for w, count := range x.rarity {
		x.rarity[w] = math.Log(1 + (n-count+0.5)/(count+0.5))
	}
	x.unseen = math.Log(1 + (n+0.5)/0.5)
	mean := max(1, total/max(1, n))
	for i := range x.documents {
		x.documents[i].norm = saturation * (1 - lengthEffect + lengthEffect*lengths[i]/mean)
	}
	return x
}

// Match is one document and how well it fits.
type Match struct {
	// Index is the document's place in what New was given.
	Index int
	// Score orders the matches; higher is better.
	Score float64
	// Words is the part of the score that words gave.
	Words float64
	// Cosine is the similarity of the embeddings, 0 without an Embedder.
	Cosine float64
	// Coverage is the share, weighted by rarity, of the request's words the
	// document holds: how sure one may be that it fits at all, 0 to 1.
	Coverage float64
}

// Rank returns the documents, best first; among, when not nil, restricts it to
// those indexes. Equal scores keep the order of the documents.
func (x *Index) Rank(request string, among []int) []Match {
	if among == nil {
		among = make([]int, len(x.documents))
		for i := range among {
			among[i] = i
		}
	}
	order := Words(request)
	slices.Sort(order) // a fixed order of summation
	order = slices.Compact(order)
	mass := 0.0
	for _, w := range order {
		mass += x.rare(w)
	}
	var vector []float32
	if x.options.Embedder != nil {
		vector = unit(x.options.Embedder.Embed(request, nil))
	}
	out := make([]Match, 0, len(among))
	for _, i := range among {
		m := x.score(i, order, mass)
		if vector != nil {
			m.Cosine = dot(vector, x.documents[i].vector)
		}
		out = append(out, m)
	}
	x.fuse(out, vector != nil)
	sort.SliceStable(out, func(a, b int) bool { return out[a].Score > out[b].Score })
	return out
}

func (x *Index) rare(w string) float64 {
	if r, ok := x.rarity[w]; ok {
		return r
	}
	return x.unseen
}

func (x *Index) score(i int, distinct []string, mass float64) Match {
	d := &x.documents[i]
	m := Match{Index: i}
	for _, w := range distinct {
		f := d.weight[w]
		if f == 0 {
			continue
		}
		m.Words += x.rare(w) * f / (f + d.norm)
		m.Coverage += x.rare(w)
	}
	if mass > 0 {
		m.Coverage /= mass
	}
	return m
}

// fuse puts words and cosine on one scale: the words as a share of the best
// match's, which a cosine can be weighed against.
func (x *Index) fuse(matches []Match, embedded bool) {
	best := 0.0
	for _, m := range matches {
		best = max(best, m.Words)
	}
	for i := range matches {
		m := &matches[i]
		m.Score = m.Words
		if embedded {
			share := 0.0
			if best > 0 {
				share = m.Words / best
			}
			w := x.options.EmbeddingWeight
			m.Score = (1-w)*share + w*m.Cosine
		}
	}
}

// Fits measures, for the best match, that any tool fits at all: the words
// found and the cosine if there is one. It is comparable between requests of
// one index; 0 means nothing in common.
func (m Match) Fits() float64 { return m.Words/10 + max(0, m.Cosine) }

func unit(v []float32) []float32 {
	sum := 0.0
	for _, a := range v {
		sum += float64(a) * float64(a)
	}
	out := make([]float32, len(v))
	if sum == 0 || math.IsNaN(sum) || math.IsInf(sum, 0) {
		return out
	}
	scale := 1 / math.Sqrt(sum)
	for i, a := range v {
		out[i] = float32(float64(a) * scale)
	}
	return out
}

func dot(a, b []float32) float64 {
	sum := 0.0
	for i := range min(len(a), len(b)) {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}
