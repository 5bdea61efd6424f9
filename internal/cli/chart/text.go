package chart

import (
	"strings"
	"unicode/utf8"
)

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
