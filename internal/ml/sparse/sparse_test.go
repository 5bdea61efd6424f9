package sparse_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/omni-run/omni/internal/ml/sparse"
)

func dense(m *sparse.Matrix) [][]float32 {
	out := make([][]float32, m.Rows)
	for i := range out {
		out[i] = make([]float32, m.Cols)
		cols, values := m.Row(i)
		for k, c := range cols {
			out[i][c] = values[k]
		}
	}
	return out
}

func TestMatrixHoldsWhatItWasGiven(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		rows, cols := rapid.IntRange(0, 9).Draw(t, "rows"), rapid.IntRange(1, 9).Draw(t, "cols")
		want := make([][]float32, rows)
		for i := range want {
			want[i] = make([]float32, cols)
		}
		var entries []sparse.Entry
		if rows > 0 {
			for range rapid.IntRange(0, 40).Draw(t, "n") {
				e := sparse.Entry{
					Row: int32(rapid.IntRange(0, rows-1).Draw(t, "r")), Col: int32(rapid.IntRange(0, cols-1).Draw(t, "c")),
					Value: float32(rapid.IntRange(1, 5).Draw(t, "v")),
				}
				entries = append(entries, e)
				want[e.Row][e.Col] += e.Value
			}
		}
		m := sparse.New(rows, cols, entries)
		got, back := dense(m), dense(m.Transpose().Transpose())
		turned := dense(m.Transpose())
		for i := range rows {
			for j := range cols {
				if got[i][j] != want[i][j] || back[i][j] != want[i][j] || turned[j][i] != want[i][j] {
					t.Fatalf("cell %d,%d: %v, twice transposed %v, transposed %v, want %v", i, j, got[i][j], back[i][j], turned[j][i], want[i][j])
				}
			}
		}
	})
}

func TestNewPanicsOutsideTheShape(t *testing.T) {
	t.Parallel()
	for _, e := range []sparse.Entry{{Row: 2}, {Col: 2}, {Row: -1}, {Col: -1}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%+v was taken into a 2x2 matrix", e)
				}
			}()
			sparse.New(2, 2, []sparse.Entry{e})
		}()
	}
}

func TestFromRowsRefusesWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		rows, cols int
		start      []int
		index      []int32
		want       bool
	}{
		"good":            {2, 3, []int{0, 2, 3}, []int32{0, 2, 1}, true},
		"short start":     {2, 3, []int{0, 3}, []int32{0, 1, 2}, false},
		"not to the end":  {1, 3, []int{0, 1}, []int32{0, 1}, false},
		"descending":      {2, 3, []int{0, 3, 2}, []int32{0, 1}, false},
		"past the end":    {2, 3, []int{0, 9, 2}, []int32{0, 1}, false},
		"duplicate":       {1, 3, []int{0, 2}, []int32{1, 1}, false},
		"outside":         {1, 3, []int{0, 1}, []int32{3}, false},
		"negative column": {1, 3, []int{0, 1}, []int32{-1}, false},
	}
	for name, c := range cases {
		if _, ok := sparse.FromRows(c.rows, c.cols, c.start, c.index, make([]float32, len(c.index))); ok != c.want {
			t.Errorf("%s: %v", name, ok)
		}
	}
}
