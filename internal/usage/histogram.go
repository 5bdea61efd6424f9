package usage

import (
	"encoding/binary"
	"math"
	"sort"
	"time"
)

// buckets is the number of latency buckets. The first ends at 0.1 ms and each
// reaches a fifth further than the one before: the last finite bound lies
// beyond an hour.
const buckets = 100

// bounds are the upper ends of the buckets in microseconds; the last bucket
// has none.
var bounds = func() (b [buckets - 1]float64) {
	for i := range b {
		b[i] = 100 * math.Pow(1.2, float64(i))
	}
	return b
}()

// histogram counts latencies by bucket.
type histogram [buckets]int64

func (h *histogram) add(d time.Duration) {
	h[sort.SearchFloat64s(bounds[:], float64(d.Microseconds()))]++
}

func (h *histogram) merge(other *histogram) {
	for i, n := range other {
		h[i] += n
	}
}

// quantile returns the latency in milliseconds below which the share q of the
// calls lies, interpolated within its bucket; 0 if there are none. Beyond the
// last bound it returns that bound.
func (h *histogram) quantile(q float64) float64 {
	total := int64(0)
	for _, n := range h {
		total += n
	}
	rank, below := q*float64(total), 0.0
	for i, n := range h {
		if n == 0 || below+float64(n) < rank {
			below += float64(n)
			continue
		}
		low, high := 0.0, bounds[len(bounds)-1]
		if i > 0 {
			low = bounds[i-1]
		}
		if i < len(bounds) {
			high = bounds[i]
		}
		return (low + (high-low)*(rank-below)/float64(n)) / 1000
	}
	return 0
}

// encode writes the counts as varints, the empty tail left out.
func (h *histogram) encode() []byte {
	last := buckets
	for last > 0 && h[last-1] == 0 {
		last--
	}
	var out []byte
	for _, n := range h[:last] {
		out = binary.AppendUvarint(out, uint64(n))
	}
	return out
}

func decodeHistogram(data []byte) (h histogram) {
	for i := 0; i < buckets && len(data) > 0; i++ {
		v, n := binary.Uvarint(data)
		if n <= 0 {
			break
		}
		h[i], data = int64(v), data[n:]
	}
	return h
}
