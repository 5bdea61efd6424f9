package cli

import (
	"math"

	"github.com/spf13/cobra"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/cli/chart"
	"github.com/omni-run/omni/internal/cli/csvdata"
	"github.com/omni-run/omni/internal/cli/terminal"
)

// drawBacktest draws the best model's windows where a chart is wanted.
func (a *app) drawBacktest(cmd *cobra.Command, s *csvdata.Series, answer *api.BacktestAnswer, f *fileFlags) error {
	if !f.wantsChart(a, cmd) && f.png == "" && f.svg == "" {
		return nil
	}
	windows := bestWindows(answer)
	if len(windows) == 0 {
		a.notice("there is nothing to draw: no model could be tested")
		return nil
	}
	c, skip := backtestChart(s.Values, windows)
	c.Left, c.Right = labels(s)
	if len(s.Dates) > skip {
		c.Left = s.DateText(s.Dates[skip])
	}
	c.Width, c.Height, c.ASCII, c.Terminal = a.out.Width, f.height, f.plain(a), a.out
	if f.wantsChart(a, cmd) {
		if err := a.printf("%s\n", c); err != nil {
			return err
		}
	}
	return f.draw("Back-test of "+s.Name+", "+answer.Best, c, s.Dates[min(skip, len(s.Dates)):], "values", answer.Best)
}

// bestWindows are those of the best model; nil where none could run.
func bestWindows(answer *api.BacktestAnswer) []api.BacktestWindow {
	for _, m := range answer.Models {
		if m.Model == answer.Best {
			return m.Windows
		}
	}
	return nil
}

// backtestChart shows the values from some way before the first window, and
// what the windows forecast, one after the other: of two that overlap the
// earlier. skip is how many values are left out.
func backtestChart(values []float64, windows []api.BacktestWindow) (c *chart.Chart, skip int) {
	last := windows[len(windows)-1]
	// Origins count from the first value that was read, which of a very long
	// series is not the first of the file.
	past := len(values) - last.Origin - len(last.Forecast)
	first := past + windows[0].Origin
	skip = max(0, first-max(2*(len(values)-first), 30))
	forecast := make([]float64, len(values)-skip)
	for i := range forecast {
		forecast[i] = math.NaN()
	}
	free := 0
	for _, w := range windows {
		at := past + w.Origin - skip
		if at < free {
			continue
		}
		free = at + copy(forecast[at:], w.Forecast)
	}
	return &chart.Chart{
		Lines: []chart.Line{
			{Values: values[skip:], Style: terminal.Cyan, Sign: '*'},
			{Values: forecast, Style: terminal.Yellow, Sign: 'o'},
		},
		Divide: first - skip, Middle: "back-test",
	}, skip
}
