package stream

import (
	"math"
	"slices"
)

// history is how many values a detector keeps.
const history = 4096

// window is the last values, in the order they came and sorted. A push moves
// at most a window's length of numbers.
type window struct {
	ring   []float64
	oldest int // of a full ring
	sorted []float64
	limit  int
}

func newWindow(limit int) *window { return &window{limit: limit} }

func (w *window) push(v float64) {
	if len(w.ring) < w.limit {
		w.ring = append(w.ring, v)
		at, _ := slices.BinarySearch(w.sorted, v)
		w.sorted = slices.Insert(w.sorted, at, v)
		return
	}
	gone := w.ring[w.oldest]
	w.ring[w.oldest] = v
	w.oldest = (w.oldest + 1) % w.limit
	from, _ := slices.BinarySearch(w.sorted, gone)
	to, _ := slices.BinarySearch(w.sorted, v)
	if from < to {
		to--
		copy(w.sorted[from:to], w.sorted[from+1:to+1])
	} else {
		copy(w.sorted[to+1:from+1], w.sorted[to:from])
	}
	w.sorted[to] = v
}

// distance returns how far v is from the nearest value, +Inf if there is none.
func (w *window) distance(v float64) float64 {
	at, _ := slices.BinarySearch(w.sorted, v)
	nearest := math.Inf(1)
	if at < len(w.sorted) {
		nearest = w.sorted[at] - v
	}
	if at > 0 {
		nearest = min(nearest, v-w.sorted[at-1])
	}
	return nearest
}

// inOrder returns the values, oldest first.
func (w *window) inOrder() []float64 {
	return append(slices.Clone(w.ring[w.oldest:]), w.ring[:w.oldest]...)
}
