// Package sparse holds a user-item matrix by its nonzero entries, the form in
// which the recommendation models take their data.
package sparse

import (
	"cmp"
	"slices"
)

// Entry is one nonzero cell.
type Entry struct {
	Row, Col int32
	Value    float32
}

// Matrix is a compressed sparse row matrix. The columns of a row are
// ascending and distinct. It is read-only after New and safe for concurrent
// use.
type Matrix struct {
	Rows, Cols int
	start      []int
	index      []int32
	value      []float32
}

// New builds a Rows x Cols matrix. Cells given twice are added up. It panics
// when an entry lies outside the shape. The entries are sorted in place.
func New(rows, cols int, entries []Entry) *Matrix {
	slices.SortStableFunc(entries, func(a, b Entry) int {
		if c := cmp.Compare(a.Row, b.Row); c != 0 {
			return c
		}
		return cmp.Compare(a.Col, b.Col)
	})
	m := &Matrix{
		Rows: rows, Cols: cols, start: make([]int, rows+1),
		index: make([]int32, 0, len(entries)), value: make([]float32, 0, len(entries)),
	}
	for i, e := range entries {
		if e.Row < 0 || int(e.Row) >= rows || e.Col < 0 || int(e.Col) >= cols {
			panic("sparse: an entry lies outside the shape")
		}
		if i > 0 && entries[i-1].Row == e.Row && entries[i-1].Col == e.Col {
			m.value[len(m.value)-1] += e.Value
			continue
		}
		m.index = append(m.index, e.Col)
		m.value = append(m.value, e.Value)
		m.start[e.Row+1] = len(m.index)
	}
	for i := 1; i <= rows; i++ {
		m.start[i] = max(m.start[i], m.start[i-1])
	}
	return m
}

// Row returns the columns and values of one row; the slices belong to m.
func (m *Matrix) Row(i int) (cols []int32, values []float32) {
	a, b := m.start[i], m.start[i+1]
	return m.index[a:b:b], m.value[a:b:b]
}

// Len returns the number of entries stored.
func (m *Matrix) Len() int { return len(m.index) }

// Bytes returns the memory the matrix occupies, to within a constant.
func (m *Matrix) Bytes() int64 { return int64(len(m.start))*8 + int64(len(m.index))*8 }

// Transpose returns the Cols x Rows matrix.
func (m *Matrix) Transpose() *Matrix {
	t := &Matrix{
		Rows: m.Cols, Cols: m.Rows, start: make([]int, m.Cols+1),
		index: make([]int32, len(m.index)), value: make([]float32, len(m.value)),
	}
	for _, c := range m.index {
		t.start[c+1]++
	}
	for i := range m.Cols {
		t.start[i+1] += t.start[i]
	}
	next := slices.Clone(t.start)
	for i := range m.Rows {
		cols, values := m.Row(i)
		for k, c := range cols {
			t.index[next[c]], t.value[next[c]] = int32(i), values[k]
			next[c]++
		}
	}
	return t
}

// FromRows wraps rows that are already compressed: start has Rows+1 ascending
// offsets into index and value. It reports false when they do not fit together
// or when a row's columns are not ascending within the shape.
func FromRows(rows, cols int, start []int, index []int32, value []float32) (*Matrix, bool) {
	if rows < 0 || cols < 0 || len(start) != rows+1 || len(index) != len(value) || start[0] != 0 || start[rows] != len(index) {
		return nil, false
	}
	for i := range rows {
		if start[i] > start[i+1] || start[i+1] > len(index) {
			return nil, false
		}
		last := int32(-1)
		for _, c := range index[start[i]:start[i+1]] {
			if c <= last || int(c) >= cols {
				return nil, false
			}
			last = c
		}
	}
	return &Matrix{Rows: rows, Cols: cols, start: start, index: index, value: value}, true
}
