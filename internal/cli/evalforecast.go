package cli

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/omni-run/omni/internal/cli/csvdata"
	"github.com/omni-run/omni/internal/cli/evaluate"
	"github.com/omni-run/omni/internal/ml/globalforecast/corpus"
)

func (a *app) evalCommand() *cobra.Command {
	return group("eval", "Measure forecasts and detectors on data of which the truth is known", a.evalForecastCommand(), a.evalDetectCommand())
}

// evalForecastFlags are the options of omni eval forecast.
type evalForecastFlags struct {
	fileFlags
	evaluate.Cut
	methods []string
	level   float64
	model   string
	seed    int64
	csv     bool
	chart   string
}

// What a chart of an evaluation shows.
const (
	chartSteps    = "steps"
	chartCoverage = "coverage"
)

func (a *app) evalForecastCommand() *cobra.Command {
	var f evalForecastFlags
	c := &cobra.Command{
		Use: "forecast FILE...", Short: "Compare forecasters on the held-out ends of many series",
		Long: `Let each method forecast series from what was known, and measure it on what
came. A FILE of JSON lines has one object a line with id, period (yearly,
quarterly, monthly, weekly, daily, hourly), train and test, as omni train
forecast reads it; without test the last values of train stand for it. Any
other FILE is a CSV of dates and values, one series each. Either may be
compressed (.gz); "-" reads standard input.

One table for each frequency:

  sMAPE, MAPE  percentage errors; MAPE leaves out points that are 0
  MASE         the error beside that of repeating the last season: below 1 is
               better than it was within train
  OWA          sMAPE and MASE beside those of Naive2, the M competitions'
               yardstick: below 1 is better
  MSIS         what the interval of --level costs: its width, and dearly what
               lay outside
  inside       the share of the values in that interval: --level is honest

--chart steps draws the error (MASE) at each step ahead, --chart coverage the
share inside for every level: on the diagonal the intervals are honest.`,
		Example: "  omni eval forecast m4_weekly.jsonl.gz --methods auto,global,ets --stride 10\n  omni eval forecast sales.csv --horizon 6 --png errors.png",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("FILE is missing")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.evalForecast(cmd, args, &f) },
	}
	f.register(c)
	flags := c.Flags()
	flags.IntVar(&f.Horizon, "horizon", 0, "how many values at the end are asked for (default: the test part, or what is usual for the frequency)")
	flags.IntVar(&f.Season, "season", 0, "length of the season in steps, which also scales errors; 1 for none (default: the file's m, or the usual one)")
	flags.IntVar(&f.Stride, "stride", 1, "use every n-th series")
	flags.StringSliceVar(&f.methods, "methods", []string{"auto", "global", "theta", "ets", "seasonal_naive"}, "some of "+strings.Join(evaluate.Names, ", "))
	flags.Float64Var(&f.level, "level", 95, "interval to measure, in percent")
	flags.StringVar(&f.model, "model", "", "model file of omni train forecast, in place of the shipped one")
	flags.Int64Var(&f.seed, "seed", 0, "of networks trained in passing")
	flags.BoolVar(&f.csv, "csv", false, "print the tables as CSV")
	flags.StringVar(&f.chart, "chart", chartSteps, "what to draw: steps or coverage")
	return c
}

func (f *evalForecastFlags) validate() error {
	switch {
	case f.Horizon < 0 || f.Horizon > 10_000:
		return usagef("--horizon %d: want 1 to 10000", f.Horizon)
	case f.Season < 0 || f.Season > 10_000:
		return usagef("--season %d: want 1 to 10000", f.Season)
	case f.Stride < 1:
		return usagef("--stride %d: want 1 or more", f.Stride)
	case !(f.level > 0 && f.level < 100):
		return usagef("--level %v: want a percentage above 0 and below 100", f.level)
	case f.csv && f.json:
		return usagef("--csv and --json exclude each other")
	case len(f.methods) == 0:
		return usagef("--methods names none")
	}
	if err := oneOf("chart", f.chart, chartSteps, chartCoverage); err != nil {
		return err
	}
	for _, m := range f.methods {
		if err := oneOf("methods", m, evaluate.Names...); err != nil {
			return err
		}
	}
	return f.check()
}

// levels are those the coverage is drawn over, and the one asked for.
func (f *evalForecastFlags) levels() []float64 {
	list := []float64{10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 99}
	if !slices.Contains(list, f.level) {
		list = append(list, f.level)
		slices.Sort(list)
	}
	return list
}

func (a *app) evalForecast(cmd *cobra.Command, paths []string, f *evalForecastFlags) error {
	if err := f.validate(); err != nil {
		return err
	}
	groups := evaluate.NewGroups(f.Cut)
	for _, path := range paths {
		if err := a.addCases(groups, path, f.Options); err != nil {
			return err
		}
	}
	if groups.TooShort > 0 {
		a.notice("%d series are too short to hold the end back, and are left out", groups.TooShort)
	}
	if len(groups.List()) == 0 {
		return fmt.Errorf("no series is left to evaluate")
	}
	o := evaluate.Options{Levels: f.levels(), Seed: f.seed}
	if f.model != "" {
		if _, err := readModel(f.model); err != nil { // said before any work
			return err
		}
		var err error
		if o.Model, err = a.readAll(f.model); err != nil {
			return err
		}
	}
	methods, err := evaluate.Methods(slices.Compact(slices.Clone(f.methods)), o)
	if err != nil {
		return err
	}
	bar := &progressBar{app: a}
	progress := func(group, method string, share float64) {
		// In a log the ends say nothing: only what takes long is told.
		if a.out.Interactive || share > 0 && share < 1 {
			bar.tell(group+" "+method, share)
		}
	}
	var tables []*evaluate.Table
	for _, g := range groups.List() {
		t, err := evaluate.Compare(cmd.Context(), g, methods, progress)
		if err != nil {
			bar.end()
			return err
		}
		tables = append(tables, t)
	}
	bar.end()
	for _, t := range tables {
		if t.Failed > 0 {
			a.notice("%d %s series are left out for all methods, because one had no answer; the first: %s", t.Failed, t.Name, t.Failure)
		}
	}
	return a.writeEvaluation(cmd, tables, f)
}

// addCases reads one file of either form.
func (a *app) addCases(groups *evaluate.Groups, path string, o csvdata.Options) error {
	raw, err := a.readAll(path)
	if err != nil {
		return err
	}
	if strings.HasSuffix(path, ".gz") {
		if raw, err = unzip(raw); err != nil {
			return fmt.Errorf("reading %s: %w", path, err)
		}
	}
	if !evaluate.IsLines(path, raw) {
		s, err := csvdata.Read(bytes.NewReader(raw), o)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		for _, n := range s.Notices {
			a.notice("%s: %s", path, n)
		}
		return groups.AddSeries(strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)), s)
	}
	list, err := corpus.Read(bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	for i, s := range list {
		if s.ID == "" {
			s.ID = strconv.Itoa(i + 1)
		}
		if err := groups.AddLine(s); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	return nil
}

// mostUnzipped bounds what a compressed file may hold.
const mostUnzipped = 1 << 30

func unzip(raw []byte) ([]byte, error) {
	z, err := gzip.NewReader(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		return nil, err
	}
	out, err := io.ReadAll(io.LimitReader(z, mostUnzipped+1))
	if err == nil && len(out) > mostUnzipped {
		err = fmt.Errorf("more than %d MiB when unpacked", mostUnzipped>>20)
	}
	return out, err
}
