// Package table writes rows in aligned columns.
package table

import (
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Table collects rows. Columns whose cells are all numbers are aligned right.
type Table struct {
	header []string
	rows   [][]string
}

// New returns a table with the given column names.
func New(header ...string) *Table { return &Table{header: header} }

// Add appends a row.
func (t *Table) Add(cells ...string) { t.rows = append(t.rows, cells) }

// Len returns the number of rows.
func (t *Table) Len() int { return len(t.rows) }

// WriteTo writes the table, two spaces between columns and before the first.
func (t *Table) WriteTo(w io.Writer) (int64, error) {
	widths, right := t.measure()
	var b strings.Builder
	for _, row := range append([][]string{t.header}, t.rows...) {
		var line strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
			line.WriteString("  ")
			if right[i] {
				line.WriteString(pad + cell)
			} else {
				line.WriteString(cell + pad)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

func (t *Table) measure() (widths []int, right []bool) {
	for _, row := range append([][]string{t.header}, t.rows...) {
		for len(widths) < len(row) {
			widths, right = append(widths, 0), append(right, len(t.rows) > 0)
		}
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	for _, row := range t.rows {
		for i, cell := range row {
			right[i] = right[i] && (cell == "" || numeric(cell))
		}
	}
	return widths, right
}

func numeric(s string) bool {
	_, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSuffix(s, "%"), " "), 64)
	return err == nil
}

// Number writes v with as many decimals as its size deserves: about five
// significant digits, and never more than a reader would compare.
func Number(v float64) string {
	a := math.Abs(v)
	switch {
	case math.IsNaN(v):
		return "-"
	case a != 0 && (a >= 1e12 || a < 1e-4):
		return strconv.FormatFloat(v, 'e', 3, 64)
	case a >= 10_000:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 100:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	default:
		return strconv.FormatFloat(v, 'f', 4, 64)
	}
}

// Optional is Number of *v, or "-" for nil.
func Optional(v *float64) string {
	if v == nil {
		return "-"
	}
	return Number(*v)
}
