// Package chart draws series of numbers in a terminal: lines in braille dots
// (two by four to a character) or plain ASCII, bands between two lines, marks
// on points.
package chart

import (
	"math"
	"unicode/utf8"

	"github.com/omni-run/omni/internal/cli/table"
	"github.com/omni-run/omni/internal/cli/terminal"
)

// Line is one series.
type Line struct {
	// Start is the index of the first value on the common axis.
	Start  int
	Values []float64 // NaN is a gap
	// Style is an ANSI style; Sign is what ASCII draws it with.
	Style string
	Sign  rune
}

// Band is an area between two lines.
type Band struct {
	Start        int
	Lower, Upper []float64
	Style        string
}

// Mark is a point worth seeing.
type Mark struct {
	Index int
	Value float64
}

// Chart is what to draw.
type Chart struct {
	Lines []Line
	Bands []Band
	Marks []Mark
	// Divide draws a vertical line before this index; 0 for none.
	Divide int
	// Left, Middle (at Divide) and Right are written below the axis.
	Left, Middle, Right string
	// Width and Height of the whole in characters; defaults 80 and 16.
	Width, Height int
	// ASCII leaves braille and box signs out.
	ASCII    bool
	Terminal terminal.Terminal
}

// cell is one character of the picture.
type cell struct {
	sign  rune
	dots  byte
	style string
	// rank keeps weaker things from covering stronger ones.
	rank int
}

const (
	rankBand = iota + 1
	rankDivide
	rankLine
	rankMark
)

// canvas is the picture without its axes.
type canvas struct {
	chart       *Chart
	cells       [][]cell
	cols, rows  int
	low, high   float64
	first, last int
}

// String draws the chart. A chart without any number is "".
func (c Chart) String() string {
	if c.Width == 0 {
		c.Width = terminal.DefaultWidth
	}
	if c.Height == 0 {
		c.Height = 16
	}
	v := &canvas{chart: &c}
	if !v.bounds() {
		return ""
	}
	labels := v.labels(max(c.Height-2, 3))
	margin := 0
	for _, l := range labels {
		margin = max(margin, utf8.RuneCountInString(l))
	}
	v.rows = len(labels)
	v.cols = max(c.Width-margin-4, 10)
	v.cells = make([][]cell, v.rows)
	for i := range v.cells {
		v.cells[i] = make([]cell, v.cols)
	}
	v.bands()
	v.divide()
	for _, l := range c.Lines {
		v.line(l)
	}
	v.marks()
	return v.text(labels, margin)
}

// bounds finds the range of values and indices, with a little air.
func (v *canvas) bounds() bool {
	v.low, v.high, v.first, v.last = math.Inf(1), math.Inf(-1), math.MaxInt, math.MinInt
	see := func(start int, values []float64) {
		for i, x := range values {
			if !math.IsNaN(x) && !math.IsInf(x, 0) {
				v.low, v.high = min(v.low, x), max(v.high, x)
				v.first, v.last = min(v.first, start+i), max(v.last, start+i)
			}
		}
	}
	for _, l := range v.chart.Lines {
		see(l.Start, l.Values)
	}
	for _, b := range v.chart.Bands {
		see(b.Start, b.Lower)
		see(b.Start, b.Upper)
	}
	if v.first > v.last {
		return false
	}
	// Half of the range each, so that two values of 1e308 do not overflow.
	if v.high/2-v.low/2 == 0 {
		pad := max(math.Abs(v.low)*0.05, 1e-9)
		v.low, v.high = v.low-pad, v.high+pad
	}
	return true
}

// share is where x lies between low (0) and high (1).
func (v *canvas) share(x float64) float64 {
	return (x/2 - v.low/2) / (v.high/2 - v.low/2)
}

// row and column in a grid of so many.
func (v *canvas) row(x float64, rows int) int {
	return min(max(int(math.Round((1-v.share(x))*float64(rows-1))), 0), rows-1)
}

func (v *canvas) column(index, cols int) int {
	if v.last == v.first {
		return 0
	}
	return int(math.Round(float64(index-v.first) / float64(v.last-v.first) * float64(cols-1)))
}

func (v *canvas) labels(rows int) []string {
	out := make([]string, rows)
	for i := range out {
		if i == 0 || i == rows-1 || (i%4 == 0 && rows-1-i >= 2) {
			share := 1 - float64(i)/float64(rows-1)
			out[i] = table.Number(v.low + share*(v.high/2-v.low/2)*2)
		}
	}
	return out
}
