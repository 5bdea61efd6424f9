package cli

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/omni-run/omni/internal/cli/chart"
	"github.com/omni-run/omni/internal/cli/evaluate"
	"github.com/omni-run/omni/internal/cli/table"
	"github.com/omni-run/omni/internal/cli/terminal"
	"github.com/omni-run/omni/internal/ml/detectscore"
)

// evalDetectFlags are the options of omni eval detect.
type evalDetectFlags struct {
	evaluate.Columns
	evaluate.DetectOptions
	pictureFlags
	detectors []string
	windows   string
	series    string
	json      bool
	csv       bool
	files     bool
	plot      bool
	ascii     bool
	height    int
}

func (a *app) evalDetectCommand() *cobra.Command {
	var f evalDetectFlags
	c := &cobra.Command{
		Use: "detect FILE...", Short: "Measure detectors of anomalies on labelled series",
		Long: `Let each detector judge series, and compare its alarms with their labels. FILE
is CSV with a header: timestamp, value and label (0 or 1); with a column file
it holds many series. It may be compressed (.gz); "-" reads standard input.
--windows takes the labels from a file such as the Numenta Anomaly Benchmark's
combined_windows.json.

A window is a run of labelled rows, an alarm a run of rows called unusual:

  found      windows with an alarm in them, the recall by event
  right      alarms that touch a window, the precision by event
  F1         of these two
  by point   precision, recall and F1 of the rows, each for itself
  adjusted   F1 by point where one alarm finds all rows of its window: it
             flatters (alarms at random score high); for comparison only
  NAB        score of the Numenta Anomaly Benchmark, standard profile, for the
             alarms as they are: 0 for none at all, 100 for every window at
             its first row and nothing else`,
		Example: "  omni eval detect incidents.csv --detectors entire,stream --png alarms.png\n  omni eval detect data.csv.gz --windows combined_windows.json --files",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("FILE is missing")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.evalDetect(cmd, args, &f) },
	}
	flags := c.Flags()
	flags.StringVar(&f.Value, "column", "", "column of the values (default: value)")
	flags.StringVar(&f.Time, "date-column", "", "column of the times (default: timestamp, time, date or datetime, if there is one)")
	flags.StringVar(&f.Label, "label-column", "", "column of the labels (default: label, labels, is_anomaly or anomaly)")
	flags.StringVar(&f.Columns.Series, "series-column", "", "column that tells series apart (default: file, series or metric, if there is one)")
	flags.StringVar(&f.windows, "windows", "", "JSON file of labelled windows by series, in place of a column of labels")
	flags.StringSliceVar(&f.detectors, "detectors", []string{"entire", "stream"}, "some of "+strings.Join(evaluate.DetectorNames, ", "))
	flags.Float64Var(&f.Sensitivity, "sensitivity", 60, "of entire and shape: 0 (only the grossest) to 99")
	flags.Float64Var(&f.Threshold, "threshold", 0.5, "of stream: the score that makes an alarm, above 0 to 1")
	flags.IntVar(&f.Period, "period", 0, "length of the season in points; 1 for none (default: find out)")
	flags.BoolVar(&f.files, "files", false, "show every series for itself too")
	flags.StringVar(&f.series, "series", "", "the series to draw, where there are several")
	flags.BoolVar(&f.json, "json", false, "print the result as JSON")
	flags.BoolVar(&f.csv, "csv", false, "print the result as CSV, a row for each detector and series")
	flags.BoolVar(&f.plot, "plot", false, "draw a chart of the first detector's alarms (default: when a person looks at one series)")
	flags.StringVar(&f.png, "png", "", "draw the chart into this PNG file")
	flags.StringVar(&f.svg, "svg", "", "draw the chart into this SVG file")
	flags.BoolVar(&f.ascii, "ascii", false, "draw with plain letters")
	flags.IntVar(&f.height, "height", 16, "lines of the chart")
	return c
}

func (f *evalDetectFlags) validate() error {
	switch {
	case len(f.detectors) == 0:
		return usagef("--detectors names none")
	case !(f.Sensitivity >= 0 && f.Sensitivity <= 99):
		return usagef("--sensitivity %v: want 0 to 99", f.Sensitivity)
	case !(f.Threshold > 0 && f.Threshold <= 1):
		return usagef("--threshold %v: want above 0 to 1", f.Threshold)
	case f.Period < 0:
		return usagef("--period %d: want 1 or more", f.Period)
	case f.csv && f.json:
		return usagef("--csv and --json exclude each other")
	}
	for _, d := range f.detectors {
		if err := oneOf("detectors", d, evaluate.DetectorNames...); err != nil {
			return err
		}
	}
	return (&fileFlags{height: f.height}).check()
}

func (a *app) evalDetect(cmd *cobra.Command, paths []string, f *evalDetectFlags) error {
	if err := f.validate(); err != nil {
		return err
	}
	list, err := a.readLabelled(paths, f)
	if err != nil {
		return err
	}
	shown, err := f.drawn(list, cmd.Flags().Changed("plot") && f.plot)
	if err != nil {
		return err
	}
	bar := &progressBar{app: a}
	var verdicts []*evaluate.Verdict
	for _, name := range f.detectors {
		v, err := evaluate.Detect(cmd.Context(), list, name, f.DetectOptions, func(share float64) {
			if a.out.Interactive {
				bar.tell(name, share)
			}
		})
		if err != nil {
			bar.end()
			return err
		}
		verdicts = append(verdicts, v)
	}
	bar.end()
	return a.writeDetectors(cmd, list, verdicts, shown, f)
}

func (a *app) readLabelled(paths []string, f *evalDetectFlags) ([]*evaluate.Labelled, error) {
	var list []*evaluate.Labelled
	for _, path := range paths {
		raw, err := a.readAll(path)
		if err != nil {
			return nil, err
		}
		if strings.HasSuffix(path, ".gz") {
			if raw, err = unzip(raw); err != nil {
				return nil, fmt.Errorf("reading %s: %w", path, err)
			}
		}
		own, err := evaluate.ReadLabelled(bytes.NewReader(raw), filepath.Base(path), f.Columns)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		list = append(list, own...)
	}
	if f.windows != "" {
		text, err := a.readAll(f.windows)
		if err != nil {
			return nil, err
		}
		if err := evaluate.SetWindows(list, text); err != nil {
			return nil, fmt.Errorf("%s: %w", f.windows, err)
		}
	}
	windows := 0
	for _, s := range list {
		windows += len(s.Windows)
	}
	if windows == 0 {
		a.notice("nothing is labelled: there is no column of labels, or it is 0 throughout; every alarm counts as wrong")
	}
	return list, nil
}

// drawn is the series to draw, -1 for none.
func (f *evalDetectFlags) drawn(list []*evaluate.Labelled, asked bool) (int, error) {
	if f.series != "" {
		i := slices.IndexFunc(list, func(s *evaluate.Labelled) bool { return s.Name == f.series })
		if i < 0 {
			return 0, usagef("--series %q is none of the %d series", f.series, len(list))
		}
		return i, nil
	}
	if len(list) == 1 {
		return 0, nil
	}
	if asked || f.png != "" || f.svg != "" {
		return 0, usagef("there are %d series; choose the one to draw with --series", len(list))
	}
	return -1, nil
}

func (a *app) writeDetectors(cmd *cobra.Command, list []*evaluate.Labelled, verdicts []*evaluate.Verdict, shown int, f *evalDetectFlags) error {
	text := ""
	if shown >= 0 {
		c := alarmChart(list[shown], verdicts[0].Alarms[shown])
		c.Width, c.Height, c.ASCII, c.Terminal = a.out.Width, f.height, f.ascii || !a.out.Unicode, a.out
		if f.plot || a.out.Interactive && !cmd.Flags().Changed("plot") {
			text = c.String() + "\n"
		}
		title := fmt.Sprintf("%s: alarms of %s", list[shown].Name, verdicts[0].Detector)
		dates := list[shown].Times
		if !list[shown].Dated {
			dates = nil
		}
		if err := f.draw(title, c, dates, "values", "labelled"); err != nil {
			return err
		}
	}
	switch {
	case f.json:
		return a.writeJSON(detectorsJSON(list, verdicts))
	case f.csv:
		return writeDetectorsCSV(a.Stdout, list, verdicts)
	}
	points, windows := 0, 0
	for _, s := range list {
		points, windows = points+s.Rows, windows+len(s.Windows)
	}
	if err := a.printf("%d series, %d points, %d labelled windows\n\n%s", len(list), points, windows, text); err != nil {
		return err
	}
	t := table.New("detector", "found", "alarms", "right", "F1", "by point: precision", "recall", "F1", "adjusted", "NAB", "points/s")
	for _, v := range verdicts {
		nab := "-"
		if v.NAB != nil {
			nab = decimals(v.NAB["standard"], 1)
		}
		t.Add(append(resultCells(v.Detector, v.Result), nab, table.Number(1/v.PerPoint.Seconds()))...)
	}
	if _, err := t.WriteTo(a.Stdout); err != nil {
		return err
	}
	if !f.files {
		return nil
	}
	each := table.New("series", "detector", "found", "alarms", "right", "F1", "by point: precision", "recall", "F1", "adjusted")
	for i, s := range list {
		for _, v := range verdicts {
			each.Add(append([]string{s.Name}, resultCells(v.Detector, v.Files[i])...)...)
		}
	}
	if err := a.printf("\n"); err != nil {
		return err
	}
	_, err := each.WriteTo(a.Stdout)
	return err
}

func resultCells(name string, r detectscore.Result) []string {
	return []string{
		name, fmt.Sprintf("%d of %d", r.Found, r.Windows), strconv.Itoa(r.Alarms), strconv.Itoa(r.True), decimals(r.EventF1(), 3),
		decimals(r.Points.Precision(), 3), decimals(r.Points.Recall(), 3), decimals(r.Points.F1(), 3), decimals(r.Adjusted.F1(), 3),
	}
}

// alarmChart draws a series, its labelled windows and where alarms begin.
func alarmChart(s *evaluate.Labelled, alarm []bool) *chart.Chart {
	c := &chart.Chart{Lines: []chart.Line{{Values: s.Values, Style: terminal.Cyan, Sign: '*'}}}
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range s.Values {
		if !math.IsNaN(v) {
			low, high = min(low, v), max(high, v)
		}
	}
	lower, upper := make([]float64, s.Rows), make([]float64, s.Rows)
	for i := range lower {
		lower[i], upper[i] = math.NaN(), math.NaN()
	}
	for _, w := range s.Windows {
		for i := w.First; i <= w.Last; i++ {
			lower[i], upper[i] = low, high
		}
		b := chart.Band{Start: w.First, Lower: lower[w.First : w.Last+1], Upper: upper[w.First : w.Last+1], Style: terminal.Dim}
		c.Bands = append(c.Bands, b)
	}
	for i, on := range alarm {
		if on && (i == 0 || !alarm[i-1]) && !math.IsNaN(s.Values[i]) {
			c.Marks = append(c.Marks, chart.Mark{Index: i, Value: s.Values[i]})
		}
	}
	c.Left, c.Right = "1", strconv.Itoa(s.Rows)
	if s.Dated {
		c.Left, c.Right = s.Times[0].Format("2006-01-02 15:04"), s.Times[s.Rows-1].Format("2006-01-02 15:04")
	}
	return c
}

type detectorResult struct {
	Detector       string             `json:"detector"`
	Series         string             `json:"series,omitempty"`
	Windows        int                `json:"windows"`
	Found          int                `json:"found"`
	Alarms         int                `json:"alarms"`
	Right          int                `json:"right"`
	EventPrecision number             `json:"event_precision"`
	EventRecall    number             `json:"event_recall"`
	EventF1        number             `json:"event_f1"`
	Precision      number             `json:"point_precision"`
	Recall         number             `json:"point_recall"`
	F1             number             `json:"point_f1"`
	AdjustedF1     number             `json:"point_adjusted_f1"`
	NAB            map[string]float64 `json:"nab,omitempty"`
	PerPoint       number             `json:"milliseconds_per_point,omitempty"`
	Files          []detectorResult   `json:"files,omitempty"`
}

func resultJSON(name, series string, r detectscore.Result) detectorResult {
	return detectorResult{
		Detector: name, Series: series, Windows: r.Windows, Found: r.Found, Alarms: r.Alarms, Right: r.True,
		EventPrecision: number(r.EventPrecision()), EventRecall: number(r.EventRecall()), EventF1: number(r.EventF1()),
		Precision: number(r.Points.Precision()), Recall: number(r.Points.Recall()), F1: number(r.Points.F1()), AdjustedF1: number(r.Adjusted.F1()),
	}
}

func detectorsJSON(list []*evaluate.Labelled, verdicts []*evaluate.Verdict) any {
	out := []detectorResult{}
	for _, v := range verdicts {
		r := resultJSON(v.Detector, "", v.Result)
		r.NAB, r.PerPoint = v.NAB, number(v.PerPoint.Seconds()*1000)
		for i, s := range list {
			r.Files = append(r.Files, resultJSON(v.Detector, s.Name, v.Files[i]))
		}
		out = append(out, r)
	}
	return map[string]any{"status": "success", "detectors": out}
}

func writeDetectorsCSV(w io.Writer, list []*evaluate.Labelled, verdicts []*evaluate.Verdict) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"series", "detector", "windows", "found", "alarms", "right", "event_f1", "point_precision", "point_recall", "point_f1", "point_adjusted_f1"}}
	exact := func(v float64) string {
		if math.IsNaN(v) {
			return ""
		}
		return strconv.FormatFloat(v, 'g', 8, 64)
	}
	add := func(series, name string, r detectscore.Result) {
		rows = append(rows, []string{
			series, name, strconv.Itoa(r.Windows), strconv.Itoa(r.Found), strconv.Itoa(r.Alarms), strconv.Itoa(r.True), exact(r.EventF1()),
			exact(r.Points.Precision()), exact(r.Points.Recall()), exact(r.Points.F1()), exact(r.Adjusted.F1()),
		})
	}
	for _, v := range verdicts {
		for i, s := range list {
			add(s.Name, v.Detector, v.Files[i])
		}
		if len(list) > 1 {
			add("", v.Detector, v.Result)
		}
	}
	if err := out.WriteAll(rows); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	return nil
}
