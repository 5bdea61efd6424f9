package hnsw

// heap is a binary heap of hits with the best first, or the worst.
type heap struct {
	hits  []Hit
	worst bool
}

func (h *heap) len() int   { return len(h.hits) }
func (h *heap) first() Hit { return h.hits[0] }

func (h *heap) before(a, b Hit) bool {
	if h.worst {
		return a.Score < b.Score
	}
	return a.Score > b.Score
}

func (h *heap) push(x Hit) {
	h.hits = append(h.hits, x)
	i := len(h.hits) - 1
	for i > 0 {
		parent := (i - 1) / 2
		if !h.before(h.hits[i], h.hits[parent]) {
			break
		}
		h.hits[i], h.hits[parent] = h.hits[parent], h.hits[i]
		i = parent
	}
}

func (h *heap) pop() Hit {
	top, last := h.hits[0], len(h.hits)-1
	h.hits[0] = h.hits[last]
	h.hits = h.hits[:last]
	for i := 0; ; {
		child := 2*i + 1
		if child >= last {
			return top
		}
		if child+1 < last && h.before(h.hits[child+1], h.hits[child]) {
			child++
		}
		if !h.before(h.hits[child], h.hits[i]) {
			return top
		}
		h.hits[i], h.hits[child] = h.hits[child], h.hits[i]
		i = child
	}
}
