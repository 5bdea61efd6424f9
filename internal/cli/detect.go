package cli

import (
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/cli/chart"
	"github.com/omni-run/omni/internal/cli/csvdata"
	"github.com/omni-run/omni/internal/cli/table"
	"github.com/omni-run/omni/internal/cli/terminal"
	"github.com/omni-run/omni/internal/service/anomaly"
)

// detectFlags are the options of omni detect.
type detectFlags struct {
	fileFlags
	sensitivity float64
	period      int
	window      int
	mode        string
	failOn      bool
}

func (a *app) detectCommand() *cobra.Command {
	var f detectFlags
	c := &cobra.Command{
		Use: "detect FILE.csv", Short: "Find what is unusual in a CSV file of dates and values",
		Example: "  omni detect metrics.csv --plot\n  omni detect latency.csv --mode last --fail || page-someone",
		Args:    exactly(1, "the CSV file"),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.detect(cmd, args[0], &f) },
	}
	f.register(c)
	flags := c.Flags()
	flags.Float64Var(&f.sensitivity, "sensitivity", 60, "0 (only the grossest) to 99")
	flags.IntVar(&f.period, "period", 0, "length of the season in points; 1 for none (default: find out)")
	flags.StringVar(&f.mode, "mode", "entire", "entire judges every point, last only the newest, changepoint looks for shifts of level, shape for stretches unlike all others")
	flags.IntVar(&f.window, "window", 0, "points of a stretch in mode shape (default: a season, or a thirtieth of the series)")
	flags.BoolVar(&f.failOn, "fail", false, "exit with 1 if anything unusual is found")
	return c
}

func (a *app) detect(cmd *cobra.Command, path string, f *detectFlags) error {
	if err := oneOf("mode", f.mode, "entire", "last", "changepoint", "shape"); err != nil {
		return err
	}
	if err := f.check(); err != nil {
		return err
	}
	s, err := a.readSeries(path, f.Options)
	if err != nil {
		return err
	}
	req := &api.DetectRequest{Series: s.Values, Timestamps: s.Timestamps(), Sensitivity: &f.sensitivity, Mode: f.mode}
	if f.period > 0 {
		req.Period = &f.period
	}
	if f.window > 0 {
		req.Window = &f.window
	}
	answer, warnings, err := inProcess[api.DetectAnswer](cmd.Context(), anomaly.New(anomaly.Deps{}), "/anomaly/detect", req)
	if err != nil {
		return err
	}
	if f.json {
		answer.Answer = api.Answer{Status: "success", Warnings: warnings}
		err = a.writeJSON(answer)
	} else {
		err = a.writeDetection(cmd, s, answer, warnings, f)
	}
	if err == nil && f.failOn && answer.Count > 0 {
		return foundError(answer.Count)
	}
	return err
}

// foundError ends omni detect --fail.
type foundError int

func (n foundError) Error() string { return strconv.Itoa(int(n)) + " unusual points found" }

func (a *app) writeDetection(cmd *cobra.Command, s *csvdata.Series, answer *api.DetectAnswer, warnings []string, f *detectFlags) error {
	for _, w := range warnings {
		a.notice("%s", w)
	}
	if err := a.printf("%s\n\n", s); err != nil {
		return err
	}
	left, right := labels(s)
	if right == "" {
		right = strconv.Itoa(len(s.Values))
	}
	c := detectChart(a.out, s.Values, answer, left, right, f.height, f.plain(a))
	if f.wantsChart(a, cmd) {
		if err := a.printf("%s\n", c); err != nil {
			return err
		}
	}
	if err := f.draw("What is unusual in "+s.Name, c, s.Dates, "values", "expected"); err != nil {
		return err
	}
	if err := writeAnomalies(a.Stdout, s, answer); err != nil {
		return err
	}
	period := "no season"
	if answer.Period != nil && *answer.Period > 1 {
		period = "a season of " + strconv.Itoa(*answer.Period) + " points"
	}
	if answer.Mode == "shape" {
		return a.printf("\n  %d stretches of %d points are unlike all others, at sensitivity %g\n", answer.Count, answer.Series[0].Window, answer.Sensitivity)
	}
	return a.printf("\n  %d of %d points are unusual, judged with %s and sensitivity %g\n", answer.Count, len(s.Values), period, answer.Sensitivity)
}

func writeAnomalies(w io.Writer, s *csvdata.Series, answer *api.DetectAnswer) error {
	if len(answer.Anomalies) == 0 {
		_, err := io.WriteString(w, "  nothing unusual\n")
		return err
	}
	t := table.New("line", "date", "value", "expected", "score", "severity")
	for _, x := range answer.Anomalies {
		date := ""
		if s.Dates != nil {
			date = s.DateText(s.Dates[x.Index])
		}
		t.Add(strconv.Itoa(s.Lines[x.Index]), date, table.Number(x.Value), table.Number(x.Expected), strconv.FormatFloat(x.Score, 'f', 1, 64), x.Severity)
	}
	_, err := t.WriteTo(w)
	return err
}

// detectChart draws a series in the corridor it was expected in.
func detectChart(t terminal.Terminal, values []float64, answer *api.DetectAnswer, left, right string, height int, ascii bool) *chart.Chart {
	c := &chart.Chart{
		Lines: []chart.Line{{Values: values, Style: terminal.Cyan, Sign: '*'}},
		Bands: []chart.Band{{Lower: answer.Lower, Upper: answer.Upper, Style: terminal.Dim}},
		Left:  left, Right: right, Width: t.Width, Height: height, ASCII: ascii, Terminal: t,
	}
	for _, x := range answer.Anomalies {
		c.Marks = append(c.Marks, chart.Mark{Index: x.Index, Value: x.Value})
	}
	return c
}
