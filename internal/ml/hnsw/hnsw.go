// Package hnsw finds the vectors nearest to a query by a navigable graph of
// several layers (Malkov & Yashunin, "Efficient and robust approximate nearest
// neighbor search using hierarchical navigable small world graphs", 2016).
// Likeness is the dot product, so vectors of length one are compared by the
// cosine.
package hnsw

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// Config sets the graph's trade-off between memory, time and recall.
type Config struct {
	// M is the number of links a node makes on each layer; the lowest layer
	// keeps twice as many. Default 16.
	M int
	// Construction is the number of candidates examined when a vector is
	// added. Default 120.
	Construction int
	// Source drives the choice of layers; the same source and the same order
	// of additions give the same graph. Required.
	Source *rand.Rand
}

// Graph holds the links. The vectors stay with the caller, addressed by slot.
// Searches may run side by side; Add must run alone.
type Graph struct {
	m, construction int
	scale           float64
	source          *rand.Rand
	vector          func(slot int32) []float32
	dot             func(a, b []float32) float32
	nodes           []node
	twins           map[int32][]int32
	entry           int32
	top             int
}

type node struct {
	links [][]int32 // by layer
}

// Hit is one vector found.
type Hit struct {
	Slot  int32
	Score float32
}

// New makes an empty graph over the vectors that vector returns. A slot's
// vector must not change once it was added.
func New(c Config, vector func(slot int32) []float32, dot func(a, b []float32) float32) *Graph {
	if c.Source == nil {
		panic("hnsw: no random source")
	}
	if c.M < 2 {
		c.M = 16
	}
	if c.Construction < 1 {
		c.Construction = 120
	}
	return &Graph{
		m: c.M, construction: max(c.Construction, c.M), scale: 1 / math.Log(float64(c.M)),
		source: c.Source, vector: vector, dot: dot, entry: -1, twins: map[int32][]int32{},
	}
}

// Len returns how many slots were added: 0 … Len-1.
func (g *Graph) Len() int { return len(g.nodes) }

// Links returns how many links the graph holds, for accounting memory.
func (g *Graph) Links() int {
	n := 0
	for i := range g.nodes {
		for _, l := range g.nodes[i].links {
			n += cap(l)
		}
	}
	return n
}

// Add links the next slot, number Len, into the graph.
func (g *Graph) Add() {
	slot := int32(len(g.nodes))
	level := int(-math.Log(1-g.source.Float64()) * g.scale)
	level = min(level, 30)
	n := node{links: make([][]int32, level+1)}
	g.nodes = append(g.nodes, n)
	if g.entry < 0 {
		g.entry, g.top = slot, level
		return
	}
	query := g.vector(slot)
	best := Hit{g.entry, g.dot(query, g.vector(g.entry))}
	for layer := g.top; layer > level; layer-- {
		best = g.greedy(query, best, layer)
	}
	from, found := []Hit{best}, make([][]Hit, min(level, g.top)+1)
	for layer := len(found) - 1; layer >= 0; layer-- {
		from = g.search(query, from, g.construction, layer)
		found[layer] = from
	}
	if twin := from[0].Slot; slices.Equal(query, g.vector(twin)) {
		// Equal vectors would crowd each other's links out and cut the graph
		// in pieces, so all but the first hang on that one.
		g.nodes[slot].links = nil
		g.twins[twin] = append(g.twins[twin], slot)
		return
	}
	for layer, hits := range found {
		chosen := g.choose(hits, g.m)
		links := make([]int32, len(chosen), g.capacity(layer))
		for i, h := range chosen {
			links[i] = h.Slot
		}
		g.nodes[slot].links[layer] = links
		for _, h := range chosen {
			g.connect(h.Slot, slot, h.Score, layer)
		}
	}
	if level > g.top {
		g.entry, g.top = slot, level
	}
}

func (g *Graph) capacity(layer int) int {
	if layer == 0 {
		return 2 * g.m
	}
	return g.m
}

// connect links from to to, and drops from's least useful link if it has too
// many.
func (g *Graph) connect(from, to int32, score float32, layer int) {
	links := g.nodes[from].links[layer]
	if len(links) < g.capacity(layer) {
		g.nodes[from].links[layer] = append(links, to)
		return
	}
	v := g.vector(from)
	hits := make([]Hit, 0, len(links)+1)
	hits = append(hits, Hit{to, score})
	for _, l := range links {
		hits = append(hits, Hit{l, g.dot(v, g.vector(l))})
	}
	slices.SortFunc(hits, byScore)
	links = links[:0]
	for _, h := range g.choose(hits, g.capacity(layer)) {
		links = append(links, h.Slot)
	}
	g.nodes[from].links[layer] = links
}

// choose is the paper's heuristic (algorithm 4): from hits, best first, it
// keeps one only if it is nearer to the query than to every one kept so far,
// so that links lead in different directions; what is left fills the rest.
func (g *Graph) choose(hits []Hit, n int) []Hit {
	if len(hits) <= n {
		return hits
	}
	kept, left := make([]Hit, 0, n), make([]Hit, 0, len(hits))
	for _, h := range hits {
		if len(kept) == n {
			break
		}
		v, apart := g.vector(h.Slot), true
		for _, k := range kept {
			if g.dot(v, g.vector(k.Slot)) > h.Score {
				apart = false
				break
			}
		}
		if apart {
			kept = append(kept, h)
		} else {
			left = append(left, h)
		}
	}
	return append(kept, left[:min(len(left), n-len(kept))]...)
}

// Search returns up to k slots for which keep is true (nil: all), best first,
// examining at least breadth candidates (the paper's ef).
func (g *Graph) Search(query []float32, k, breadth int, keep func(slot int32) bool) []Hit {
	if g.entry < 0 || k < 1 {
		return nil
	}
	best := Hit{g.entry, g.dot(query, g.vector(g.entry))}
	for layer := g.top; layer > 0; layer-- {
		best = g.greedy(query, best, layer)
	}
	hits := g.search(query, []Hit{best}, max(breadth, k), 0)
	if len(g.twins) > 0 {
		for _, h := range hits {
			for _, twin := range g.twins[h.Slot] {
				hits = append(hits, Hit{twin, h.Score})
			}
		}
		slices.SortFunc(hits, byScore)
	}
	if keep != nil {
		hits = slices.DeleteFunc(hits, func(h Hit) bool { return !keep(h.Slot) })
	}
	return hits[:min(k, len(hits))]
}

func (g *Graph) greedy(query []float32, best Hit, layer int) Hit {
	for improved := true; improved; {
		improved = false
		for _, l := range g.nodes[best.Slot].links[layer] {
			if s := g.dot(query, g.vector(l)); s > best.Score {
				best, improved = Hit{l, s}, true
			}
		}
	}
	return best
}

// search is algorithm 2: the breadth nearest on one layer, best first.
func (g *Graph) search(query []float32, from []Hit, breadth, layer int) []Hit {
	seen := make([]uint64, (len(g.nodes)+63)/64)
	visit := func(slot int32) bool {
		word, bit := slot>>6, uint64(1)<<(slot&63)
		if seen[word]&bit != 0 {
			return false
		}
		seen[word] |= bit
		return true
	}
	open, found := heap{}, heap{worst: true}
	for _, h := range from {
		visit(h.Slot)
		open.push(h)
		found.push(h)
	}
	for found.len() > breadth {
		found.pop()
	}
	for open.len() > 0 {
		at := open.pop()
		if found.len() >= breadth && at.Score < found.first().Score {
			break
		}
		for _, l := range g.nodes[at.Slot].links[layer] {
			if !visit(l) {
				continue
			}
			h := Hit{l, g.dot(query, g.vector(l))}
			if found.len() < breadth || h.Score > found.first().Score {
				open.push(h)
				found.push(h)
				if found.len() > breadth {
					found.pop()
				}
			}
		}
	}
	slices.SortFunc(found.hits, byScore)
	return found.hits
}

func byScore(a, b Hit) int {
	return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Slot, b.Slot))
}
