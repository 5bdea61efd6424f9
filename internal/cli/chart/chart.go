// Package chart draws series of numbers in a terminal: lines in braille dots
// (two by four to a character) or plain ASCII, bands between two lines, marks
// on points.
package chart

import (
	"math"
	"strings"
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

func (v *canvas) put(x, y int, c cell) {
	if at := &v.cells[y][x]; c.rank >= at.rank {
		if c.rank == rankLine && at.rank == rankLine {
			c.dots |= at.dots
		}
		*at = c
	}
}

func (v *canvas) bands() {
	sign := '░'
	if v.chart.ASCII {
		sign = ':'
	}
	for _, b := range v.chart.Bands {
		for x := range v.cols {
			low, high, ok := v.bandAt(b, x)
			if !ok {
				continue
			}
			for y := v.row(high, v.rows); y <= v.row(low, v.rows); y++ {
				v.put(x, y, cell{sign: sign, style: b.Style, rank: rankBand})
			}
		}
	}
}

// bandAt is the band's range over a column: of every index that falls into it,
// and between indices on the straight line from one to the next.
func (v *canvas) bandAt(b Band, x int) (low, high float64, ok bool) {
	low, high = math.Inf(1), math.Inf(-1)
	n := min(len(b.Lower), len(b.Upper))
	span := float64(v.last-v.first) / float64(max(v.cols-1, 1))
	at := float64(v.first-b.Start) + float64(x)*span
	if n == 0 || at < -span/2 || at > float64(n-1)+span/2 {
		return low, high, false
	}
	see := func(l, h float64) {
		if !math.IsNaN(l-h) && !math.IsInf(l, 0) && !math.IsInf(h, 0) {
			low, high, ok = min(low, l), max(high, h), true
		}
	}
	for i := max(int(math.Ceil(at-span/2)), 0); i <= min(int(math.Floor(at+span/2)), n-1); i++ {
		see(b.Lower[i], b.Upper[i])
	}
	at = min(max(at, 0), float64(n-1))
	i := min(int(at), n-1)
	j, part := min(i+1, n-1), at-float64(i)
	see(b.Lower[i]*(1-part)+b.Lower[j]*part, b.Upper[i]*(1-part)+b.Upper[j]*part)
	return low, high, ok
}

func (v *canvas) divide() {
	if v.chart.Divide <= v.first || v.chart.Divide > v.last {
		return
	}
	sign := '┊'
	if v.chart.ASCII {
		sign = '|'
	}
	x := v.column(v.chart.Divide, v.cols)
	for y := range v.rows {
		v.put(x, y, cell{sign: sign, style: terminal.Dim, rank: rankDivide})
	}
}

// line joins neighbouring values. In braille each character has 2×4 dots.
func (v *canvas) line(l Line) {
	across, down := 2, 4
	if v.chart.ASCII {
		across, down = 1, 1
	}
	cols, rows := v.cols*across, v.rows*down
	before := false
	var bx, by int
	for i, value := range l.Values {
		if math.IsNaN(value) || math.IsInf(value, 0) {
			before = false
			continue
		}
		x, y := v.column(l.Start+i, cols), v.row(value, rows)
		if !before {
			bx, by = x, y
		}
		steps := max(abs(x-bx), abs(y-by), 1)
		for s := 0; s <= steps; s++ {
			v.dot(bx+(x-bx)*s/steps, by+(y-by)*s/steps, across, down, l)
		}
		bx, by, before = x, y, true
	}
}

func abs(n int) int { return max(n, -n) }

// braille gives each of the 4×2 dots its bit.
var braille = [4][2]byte{{0x01, 0x08}, {0x02, 0x10}, {0x04, 0x20}, {0x40, 0x80}}

func (v *canvas) dot(x, y, across, down int, l Line) {
	c := cell{style: l.Style, rank: rankLine, sign: l.Sign}
	if !v.chart.ASCII {
		c.sign, c.dots = 0, braille[y%down][x%across]
	}
	v.put(x/across, y/down, c)
}

func (v *canvas) marks() {
	sign := '●'
	if v.chart.ASCII {
		sign = 'X'
	}
	for _, m := range v.chart.Marks {
		if math.IsNaN(m.Value) || m.Index < v.first || m.Index > v.last {
			continue
		}
		v.put(v.column(m.Index, v.cols), v.row(m.Value, v.rows), cell{sign: sign, style: terminal.Red, rank: rankMark})
	}
}

func (v *canvas) text(labels []string, margin int) string {
	var b strings.Builder
	axis, corner, rule := "┤", "└", "─"
	if v.chart.ASCII {
		axis, corner, rule = "|", "+", "-"
	}
	for y, row := range v.cells {
		b.WriteString("  " + strings.Repeat(" ", margin-utf8.RuneCountInString(labels[y])) + labels[y] + " " + axis)
		b.WriteString(strings.TrimRight(v.paint(row), " ") + "\n")
	}
	b.WriteString("  " + strings.Repeat(" ", margin+1) + corner + strings.Repeat(rule, v.cols) + "\n")
	if below := v.below(); below != "" {
		b.WriteString("  " + strings.Repeat(" ", margin+2) + below + "\n")
	}
	return b.String()
}

// paint joins cells of one style, so that colours cost few bytes.
func (v *canvas) paint(row []cell) string {
	var out, run strings.Builder
	style := ""
	flush := func() {
		out.WriteString(v.chart.Terminal.Paint(style, run.String()))
		run.Reset()
	}
	for _, c := range row {
		if c.style != style {
			if style == "" {
				out.WriteString(run.String())
				run.Reset()
			} else {
				flush()
			}
			style = c.style
		}
		switch {
		case c.dots != 0:
			run.WriteRune(0x2800 + rune(c.dots))
		case c.sign != 0:
			run.WriteRune(c.sign)
		default:
			run.WriteByte(' ')
		}
	}
	if style == "" {
		out.WriteString(run.String())
	} else {
		flush()
	}
	return out.String()
}

// below places the three labels under the axis where they fit.
func (v *canvas) below() string {
	line := []rune(strings.Repeat(" ", v.cols))
	place := func(at int, text string) bool {
		r := []rune(text)
		if at < 0 || at+len(r) > len(line) || strings.TrimSpace(string(line[max(at-1, 0):min(at+len(r)+1, len(line))])) != "" {
			return false
		}
		copy(line[at:], r)
		return true
	}
	c := v.chart
	place(0, c.Left)
	place(v.cols-utf8.RuneCountInString(c.Right), c.Right)
	if c.Middle != "" && c.Divide > v.first {
		at := v.column(c.Divide, v.cols)
		_ = place(at-utf8.RuneCountInString(c.Middle)/2, c.Middle) || place(at-utf8.RuneCountInString(c.Middle), c.Middle)
	}
	return strings.TrimRight(string(line), " ")
}
