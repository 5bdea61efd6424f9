package cli

import (
	"fmt"
	"math"
	"strings"

	"github.com/omni-run/omni/internal/cli/chart"
	"github.com/omni-run/omni/internal/cli/evaluate"
	"github.com/omni-run/omni/internal/cli/plot"
	"github.com/omni-run/omni/internal/cli/terminal"
)

// pens tell the lines of a chart apart, in colour and without.
var pens = []struct {
	style string
	sign  rune
}{{terminal.Cyan, '*'}, {terminal.Yellow, 'o'}, {terminal.Green, '+'}, {terminal.Red, 'x'}, {terminal.Bold, '#'}, {terminal.Dim, '.'}}

// evalChart draws a line for every method; names are their legend.
func evalChart(t *evaluate.Table, what string) (c *chart.Chart, names []string) {
	c = &chart.Chart{}
	add := func(name string, start int, values []float64) {
		pen := pens[len(c.Lines)%len(pens)]
		c.Lines = append(c.Lines, chart.Line{Start: start, Values: values, Style: pen.style, Sign: pen.sign})
		names = append(names, name)
	}
	if what == chartCoverage {
		c.Left, c.Right = "level 0 %", "100 %"
		for _, s := range t.Scores {
			if len(s.Intervals) > 0 {
				add(s.Method, 0, coverageLine(s))
			}
		}
		if len(c.Lines) > 0 {
			ideal := make([]float64, 101)
			for i := range ideal {
				ideal[i] = float64(i)
			}
			add("honest", 0, ideal)
		}
		return c, names
	}
	c.Left, c.Right = "step 1", fmt.Sprintf("step %d", t.Horizon)
	// Naive2, the yardstick, comes last, so that the methods have the same
	// pens in every chart.
	for i := range t.Scores {
		s := t.Scores[(i+1)%len(t.Scores)]
		var line []float64
		for _, step := range s.Steps {
			line = append(line, step.MASE)
		}
		add(s.Method, 1, line)
	}
	return c, names
}

// coverageLine is the share inside, in percent, at every whole level: measured
// where it was, and on straight lines between.
func coverageLine(s evaluate.Score) []float64 {
	line := make([]float64, 101)
	from, low := 0.0, 0.0
	to := func(level, value float64) {
		for i := int(math.Ceil(from)); i <= int(level); i++ {
			if level > from {
				line[i] = low + (value-low)*(float64(i)-from)/(level-from)
			}
		}
		from, low = level, value
	}
	for _, i := range s.Intervals {
		to(percent(i), 100*i.Coverage)
	}
	return line[:int(from)+1]
}

// legend names the lines below a chart: in colour, or by their letters.
func legend(c *chart.Chart, names []string) string {
	var out []string
	for i, name := range names {
		sign := "━"
		if c.ASCII {
			sign = string(c.Lines[i].Sign)
		}
		if c.ASCII || c.Terminal.Colour {
			name = c.Terminal.Paint(c.Lines[i].Style, sign) + " " + name
		}
		out = append(out, name)
	}
	return strings.Join(out, "  ")
}

// evalPicture writes the chart of a table to the files asked for; with several
// tables each has its own, told apart by word.
func (a *app) evalPicture(t *evaluate.Table, f *evalForecastFlags, word string) error {
	c, names := evalChart(t, f.chart)
	for format, path := range map[string]string{"png": suffixed(f.png, word), "svg": suffixed(f.svg, word)} {
		if path == "" {
			continue
		}
		if len(c.Lines) == 0 {
			return fmt.Errorf("cannot draw %s: no method of --methods has intervals", path)
		}
		figure := plot.Figure{
			Title: fmt.Sprintf("Error by step, %s (%d series)", t.Name, len(t.Cases)), XLabel: "steps ahead", YLabel: "MASE",
			Lines: c.Lines, Names: names,
		}
		if f.chart == chartCoverage {
			figure.Title = fmt.Sprintf("Coverage of intervals, %s (%d series)", t.Name, len(t.Cases))
			figure.XLabel, figure.YLabel = "level of the interval, %", "values inside, %"
		}
		if err := writePicture(path, format, &figure); err != nil {
			return err
		}
		if word != "" {
			a.notice("wrote %s", path)
		}
	}
	return nil
}
