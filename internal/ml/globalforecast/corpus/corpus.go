// Package corpus reads the series a global forecaster is trained on, keeps
// what must stay unseen out of them, and lays them out by frequency.
package corpus

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"hash/maphash"
	"io"
	"math"
	"slices"
)

// Series is one line of a data set: what is known, and for a benchmark what
// came next.
type Series struct {
	// Set names the data set, which whoever reads it knows.
	Set    string    `json:"-"`
	ID     string    `json:"id"`
	Period string    `json:"period"` // "yearly", "monthly" and so on
	Season int       `json:"m"`
	Ahead  int       `json:"h"`
	Train  []float64 `json:"train"`
	Test   []float64 `json:"test"`
}

// mostLine bounds one line of a data set.
const mostLine = 1 << 24

// usualAhead is how many values at the end of a history stand for its test
// part where the line does not say.
var usualAhead = map[string]int{"yearly": 6, "quarterly": 8, "monthly": 18, "weekly": 13, "daily": 14, "hourly": 48}

// Read reads one JSON object a line. A line whose history stands whole under
// "values" or "scripts" is cut: its last h values are the test part.
func Read(r io.Reader) ([]Series, error) {
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, mostLine)
	var out []Series
	for number := 1; lines.Scan(); number++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		var raw struct {
			Series
			Train []*float64 `json:"train"`
			Test  []*float64 `json:"test"`
			Whole []*float64 `json:"values"`
			Other []*float64 `json:"scripts"`
		}
		if err := json.Unmarshal(lines.Bytes(), &raw); err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		s := raw.Series
		s.Train, s.Test = known(raw.Train), known(raw.Test)
		if whole := known(append(raw.Whole, raw.Other...)); raw.Train == nil && whole != nil {
			if s.Ahead == 0 {
				s.Ahead = usualAhead[s.Period]
			}
			cut := max(0, len(whole)-s.Ahead)
			s.Train, s.Test = whole[:cut], whole[cut:]
		}
		out = append(out, s)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("reading series: %w", err)
	}
	return out, nil
}

// known leaves out what is null in front and takes other nulls for 0, as sets
// of intermittent demand mean them.
func known(values []*float64) []float64 {
	var out []float64
	for _, v := range values {
		switch {
		case v != nil:
			out = append(out, *v)
		case len(out) > 0:
			out = append(out, 0)
		}
	}
	return out
}

// ErrOverlap says that a training series holds a test part.
var ErrOverlap = errors.New("corpus: a training series holds a test part")

// leastOverlap is how long a run of values must be to identify a series.
const leastOverlap = 4

// Forbidden finds test parts within training series.
type Forbidden struct {
	seed  maphash.Seed
	parts map[int]map[uint64][]float64 // by length, then hash
}

// Forbid remembers test parts. Parts too short or too plain to identify a
// series, such as a constant, are passed over.
func Forbid(parts [][]float64) *Forbidden {
	f := &Forbidden{seed: maphash.MakeSeed(), parts: map[int]map[uint64][]float64{}}
	for _, p := range parts {
		if plain(p) {
			continue
		}
		if f.parts[len(p)] == nil {
			f.parts[len(p)] = map[uint64][]float64{}
		}
		f.parts[len(p)][f.hash(p)] = p
	}
	return f
}

// plain says that fewer than leastOverlap different values are in y.
func plain(y []float64) bool {
	different := slices.Compact(slices.Sorted(slices.Values(y)))
	return len(different) < leastOverlap
}

func (f *Forbidden) hash(y []float64) uint64 {
	var h maphash.Hash
	h.SetSeed(f.seed)
	for _, v := range y {
		maphash.WriteComparable(&h, v)
	}
	return h.Sum64()
}

// Check returns ErrOverlap, and where, if y holds a forbidden part.
func (f *Forbidden) Check(y []float64) error {
	for n, parts := range f.parts {
		for i := 0; i+n <= len(y); i++ {
			if part, ok := parts[f.hash(y[i:i+n])]; ok && slices.Equal(part, y[i:i+n]) {
				return fmt.Errorf("%w: values %d to %d", ErrOverlap, i, i+n-1)
			}
		}
	}
	return nil
}

// Sums adds up the values of y in whole groups of n, the last group ending
// where y ends.
func Sums(y []float64, n int) []float64 {
	out := make([]float64, len(y)/n)
	skip := len(y) % n
	for i, v := range y[skip:] {
		out[i/n] += v
	}
	return out
}

// FoldOf tells which of n parts of a corpus a series falls into, by its id.
func FoldOf(id string, n int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte("fold/" + id)) // a hash takes everything
	return int(h.Sum32() % uint32(n))
}

// Usable says that a series has values enough, all finite, and moves.
func Usable(y []float64) bool {
	if len(y) < leastOverlap {
		return false
	}
	moves := false
	for _, v := range y {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
		moves = moves || v != y[0]
	}
	return moves
}
