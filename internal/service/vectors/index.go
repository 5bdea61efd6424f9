package vectors

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/omni-run/omni/internal/ml/embed"
	"github.com/omni-run/omni/internal/ml/hnsw"
)

const (
	// lexicalWeight is the share of the score that matching words decide; see
	// docs/models/vectors.md for what it was measured to do.
	lexicalWeight = 0.15
	// changeChunk is how many items change under one hold of the lock, so that
	// queries are not shut out for long.
	changeChunk = 64
	// catchUp is how many items a query links into the graph when a long tail
	// is not linked yet, as after a restart.
	catchUp = 16
)

// entry is what an index is told of one item.
type entry struct {
	id     string
	vector []float32
	terms  []string
	fields fields
}

type slot struct {
	id     string
	live   bool
	fields fields
}

type found struct {
	id                       string
	score, semantic, lexical float64
}

// index is one tenant's items in memory. A replaced or removed item leaves a
// dead slot; when they pile up, the index is packed.
type index struct {
	dim        int
	exactBelow int

	mu       sync.RWMutex
	byID     map[string]int32
	slots    []slot
	vectors  []float32
	postings map[string][]int32 // term → slots, ascending
	graph    *hnsw.Graph        // over the first graph.Len() slots; nil while small
	bytes    int64
}

func newIndex(dim, exactBelow int) *index {
	ix := &index{dim: dim, exactBelow: exactBelow}
	ix.resetLocked(0)
	return ix
}

func (ix *index) resetLocked(n int) {
	ix.byID = make(map[string]int32, n)
	ix.slots = make([]slot, 0, n)
	ix.vectors = make([]float32, 0, n*ix.dim)
	ix.postings = map[string][]int32{}
	ix.graph = nil
	ix.bytes = 0
}

// upsert adds or replaces items and returns how many are live.
func (ix *index) upsert(entries []entry) int {
	for chunk := range slices.Chunk(entries, changeChunk) {
		ix.mu.Lock()
		for _, e := range chunk {
			ix.killLocked(e.id)
			ix.addLocked(e)
		}
		ix.packLocked()
		ix.linkLocked(4 * len(chunk))
		ix.mu.Unlock()
	}
	return ix.len()
}

// remove drops the ids and returns how many items are left.
func (ix *index) remove(ids []string) int {
	ix.mu.Lock()
	for _, id := range ids {
		ix.killLocked(id)
	}
	ix.packLocked()
	ix.mu.Unlock()
	return ix.len()
}

func (ix *index) len() int {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	return len(ix.byID)
}

// has counts how many of the ids are present.
func (ix *index) has(ids []string) int {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	n := 0
	for _, id := range ids {
		if _, ok := ix.byID[id]; ok {
			n++
		}
	}
	return n
}

// size is an estimate, from above, of the bytes the index occupies.
func (ix *index) size() int64 {
	ix.mu.RLock()
	defer ix.mu.RUnlock()
	size := ix.bytes + int64(cap(ix.vectors))*4
	if ix.graph != nil {
		size += int64(ix.graph.Len()) * (2*16*4 + 96)
	}
	return size
}

func (ix *index) addLocked(e entry) {
	at := int32(len(ix.slots))
	ix.slots = append(ix.slots, slot{e.id, true, e.fields})
	ix.vectors = append(ix.vectors, e.vector...)
	ix.byID[e.id] = at
	ix.bytes += int64(len(e.id)) + 160
	for name, values := range e.fields {
		ix.bytes += int64(len(name)) + 96 + int64(len(values))*40
		for _, v := range values {
			if s, ok := v.(string); ok {
				ix.bytes += int64(len(s))
			}
		}
	}
	for _, t := range e.terms {
		list := ix.postings[t]
		if len(list) > 0 && list[len(list)-1] == at {
			continue // the word again
		}
		if list == nil {
			ix.bytes += int64(len(t)) + 80
		}
		ix.postings[t] = append(list, at)
		ix.bytes += 6
	}
}

func (ix *index) killLocked(id string) {
	if at, ok := ix.byID[id]; ok {
		ix.slots[at] = slot{}
		delete(ix.byID, id)
	}
}

// packLocked rebuilds the slots without the dead ones once these are as many
// as the living and worth the work. The graph is made anew, slice by slice.
func (ix *index) packLocked() {
	dead := len(ix.slots) - len(ix.byID)
	if dead <= 256 || dead <= len(ix.byID) {
		return
	}
	old, vectors, postings := ix.slots, ix.vectors, ix.postings
	ix.resetLocked(len(ix.byID))
	moved := make([]int32, len(old))
	for i, s := range old {
		moved[i] = -1
		if s.live {
			moved[i] = int32(len(ix.slots))
			ix.addLocked(entry{id: s.id, vector: vectors[i*ix.dim : (i+1)*ix.dim], fields: s.fields})
		}
	}
	for term, list := range postings {
		kept := make([]int32, 0, len(list))
		for _, at := range list {
			if moved[at] >= 0 {
				kept = append(kept, moved[at])
			}
		}
		if len(kept) > 0 {
			ix.postings[term] = kept
			ix.bytes += int64(len(term)) + 80 + 6*int64(len(kept))
		}
	}
}

// linkLocked adds up to n slots to the graph once there are enough of them.
func (ix *index) linkLocked(n int) {
	if len(ix.slots) <= ix.exactBelow {
		return
	}
	if ix.graph == nil {
		ix.graph = hnsw.New(hnsw.Config{Source: rand.New(rand.NewPCG(1, 1))}, ix.vector, embed.Dot)
	}
	for ; n > 0 && ix.graph.Len() < len(ix.slots); n-- {
		ix.graph.Add()
	}
}

func (ix *index) vector(at int32) []float32 {
	return ix.vectors[int(at)*ix.dim : (int(at)+1)*ix.dim]
}

// query returns the k best items that pass the filter, and whether the graph
// was used.
func (ix *index) query(vector []float32, terms []string, f filter, k int) (hits []found, approximate bool) {
	ix.mu.RLock()
	lexical := ix.lexicalLocked(terms)
	var tail int
	if ix.graph == nil || len(f) > 0 || ix.graph.Len() < len(ix.slots)/2 {
		hits = ix.scanLocked(vector, lexical, f, k, 0)
	} else {
		hits, approximate = ix.walkLocked(vector, lexical, k), true
	}
	if len(ix.slots) > ix.exactBelow {
		tail = len(ix.slots)
		if ix.graph != nil {
			tail -= ix.graph.Len()
		}
	}
	ix.mu.RUnlock()
	if tail > 0 && ix.mu.TryLock() {
		ix.linkLocked(catchUp)
		ix.mu.Unlock()
	}
	return hits, approximate
}

// scanLocked compares the slots from first on with the query.
func (ix *index) scanLocked(vector []float32, lexical map[int32]float64, f filter, k, first int) []found {
	best := newTop(k)
	for i := first; i < len(ix.slots); i++ {
		s := &ix.slots[i]
		if s.live && f.match(s.fields) {
			best.offer(ix.scoreLocked(int32(i), float64(embed.Dot(vector, ix.vector(int32(i)))), lexical))
		}
	}
	return best.sorted()
}

// walkLocked lets the graph propose, adds the items that share the query's
// words and those not linked yet, and ranks them together.
func (ix *index) walkLocked(vector []float32, lexical map[int32]float64, k int) []found {
	best, seen := newTop(k), map[int32]bool{}
	offer := func(at int32, semantic float64) {
		if ix.slots[at].live && !seen[at] {
			seen[at] = true
			best.offer(ix.scoreLocked(at, semantic, lexical))
		}
	}
	breadth := max(128, 2*k) + 2*len(ix.slots)/max(1, len(ix.byID))
	for _, h := range ix.graph.Search(vector, breadth, breadth, nil) {
		offer(h.Slot, float64(h.Score))
	}
	for at := range lexical {
		offer(at, float64(embed.Dot(vector, ix.vector(at))))
	}
	for at := ix.graph.Len(); at < len(ix.slots); at++ {
		offer(int32(at), float64(embed.Dot(vector, ix.vector(int32(at)))))
	}
	return best.sorted()
}

func (ix *index) scoreLocked(at int32, semantic float64, lexical map[int32]float64) found {
	l := lexical[at]
	return found{ix.slots[at].id, (1-lexicalWeight)*semantic + lexicalWeight*l, semantic, l}
}

// lexicalLocked gives, for each slot that holds a word of the query, the share
// of the query's words it holds, each weighted by its rarity (the idf of
// BM25; Robertson & Zaragoza, 2009).
func (ix *index) lexicalLocked(terms []string) map[int32]float64 {
	terms = slices.Compact(slices.Sorted(slices.Values(terms)))
	out, total := map[int32]float64{}, 0.0
	n := float64(len(ix.slots))
	for _, t := range terms {
		list := ix.postings[t]
		idf := math.Log(1 + (n-float64(len(list))+0.5)/(float64(len(list))+0.5))
		total += idf
		for _, at := range list {
			out[at] += idf
		}
	}
	for at := range out {
		out[at] = min(1, out[at]/total)
	}
	return out
}

// top keeps the k best; the order of equals is that of their ids.
type top struct {
	k    int
	hits []found
}

func newTop(k int) *top { return &top{k: k, hits: make([]found, 0, min(2*k, 4096))} }

func (t *top) offer(f found) {
	t.hits = append(t.hits, f)
	if len(t.hits) >= 2*t.k+32 {
		slices.SortFunc(t.hits, better)
		t.hits = t.hits[:t.k]
	}
}

func (t *top) sorted() []found {
	slices.SortFunc(t.hits, better)
	return t.hits[:min(t.k, len(t.hits))]
}

func better(a, b found) int {
	return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.id, b.id))
}
