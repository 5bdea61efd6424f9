package chart

import (
	"math"

	"github.com/omni-run/omni/internal/cli/terminal"
)

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
