package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/omni-run/omni/internal/cli/csvdata"
)

// fileFlags say how to read a CSV file and how to show what came of it.
type fileFlags struct {
	csvdata.Options
	pictureFlags
	json   bool
	plot   bool
	ascii  bool
	height int
}

func (f *fileFlags) register(c *cobra.Command) {
	flags := c.Flags()
	flags.StringVar(&f.Column, "column", "", "column of the values, by name or number")
	flags.StringVar(&f.DateColumn, "date-column", "", "column of the dates, by name or number")
	flags.StringVar(&f.Decimal, "decimal", "", "decimal sign: point or comma (default: find out)")
	flags.StringVar(&f.DateOrder, "date-order", "", "of 01/02/2026: dmy or mdy (default: find out)")
	flags.BoolVar(&f.json, "json", false, "print the answer as JSON")
	flags.BoolVar(&f.plot, "plot", false, "draw a chart (default: when a person looks)")
	flags.StringVar(&f.png, "png", "", "draw the chart into this PNG file")
	flags.StringVar(&f.svg, "svg", "", "draw the chart into this SVG file")
	flags.BoolVar(&f.ascii, "ascii", false, "draw with plain letters")
	flags.IntVar(&f.height, "height", 16, "lines of the chart")
}

func (f *fileFlags) check() error {
	if f.height < 6 || f.height > 100 {
		return usagef("--height %d: want 6 to 100", f.height)
	}
	return nil
}

// wantsChart: asked for, or somebody is looking and did not say no.
func (f *fileFlags) wantsChart(a *app, c *cobra.Command) bool {
	if c.Flags().Changed("plot") {
		return f.plot
	}
	return a.out.Interactive
}

func (f *fileFlags) plain(a *app) bool { return f.ascii || !a.out.Unicode }

// labels are the texts below a chart of a series.
func labels(s *csvdata.Series) (left, right string) {
	if len(s.Dates) == 0 {
		return "1", ""
	}
	return s.DateText(s.Dates[0]), s.DateText(s.Dates[len(s.Dates)-1])
}

// oneOf checks a flag that takes a word.
func oneOf(flag, value string, allowed ...string) error {
	for _, v := range allowed {
		if v == value {
			return nil
		}
	}
	return usagef("--%s %q: want %s", flag, value, strings.Join(allowed, ", "))
}
