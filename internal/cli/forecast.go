package cli

import (
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/cli/chart"
	"github.com/omni-run/omni/internal/cli/csvdata"
	"github.com/omni-run/omni/internal/cli/table"
	"github.com/omni-run/omni/internal/cli/terminal"
	"github.com/omni-run/omni/internal/service/forecast"
)

// forecastFlags are the options of omni forecast.
type forecastFlags struct {
	fileFlags
	horizon  int
	level    []float64
	freq     string
	mode     string
	seed     int64
	impute   string
	season   int
	sequence int
	epochs   int
	gaps     string
	country  string
	columns  []string
	explain  bool
}

func (a *app) forecastCommand() *cobra.Command {
	var f forecastFlags
	c := &cobra.Command{
		Use: "forecast FILE.csv", Short: "Forecast a CSV file of dates and values",
		Long: `Forecast a series out of a CSV file, without a server: a back-test on the
file's own end and a learned selector weigh a neural network trained on it,
exponential smoothing, Theta, an autoregression, naive methods and those for
intermittent demand. "-" reads standard input.

With --exogenous other columns of the file take part: the last rows, in which
they are known and the value is empty, are the future.`,
		Example: "  omni forecast sales.csv --horizon 12 --plot\n  omni forecast export.csv --column revenue --date-column day --level 50,90 --json",
		Args:    exactly(1, "the CSV file"),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.forecast(cmd, args[0], &f) },
	}
	f.register(c)
	flags := c.Flags()
	flags.IntVar(&f.horizon, "horizon", 12, "how many steps to forecast")
	flags.Float64SliceVar(&f.level, "level", []float64{80, 95}, "intervals to give, in percent")
	flags.StringVar(&f.freq, "freq", "", "step of the series: D, B, W, MS, M, QS, YS, h, 15min… (default: from the dates)")
	flags.StringVar(&f.mode, "mode", "auto", "auto lets a back-test choose; global asks the shipped networks; local trains one on this file")
	flags.Int64Var(&f.seed, "seed", 0, "of the network's random start; the same seed gives the same forecast")
	flags.StringVar(&f.impute, "impute", "linear", "missing values become: linear, previous, zero; none refuses them")
	flags.IntVar(&f.season, "season", 0, "length of the season in steps; 1 for none (default: find out)")
	flags.IntVar(&f.sequence, "sequence-length", 0, "how many past values the network reads (default 10, or fewer for short files)")
	flags.IntVar(&f.epochs, "epochs", 50, "training passes of the network")
	flags.StringVar(&f.gaps, "gaps", "linear", "dates left out become: linear, previous, zero; refuse and ignore do what they say")
	flags.StringVar(&f.country, "country", "", "its public holidays count in a daily series: US, GB, DE, FR, … (ISO 3166)")
	flags.StringSliceVar(&f.columns, "exogenous", nil, "other columns to take into account, their future in the last rows of the file")
	flags.BoolVar(&f.explain, "explain", false, "show the parts: trend, season, holidays, other columns")
	return c
}

func (f *forecastFlags) validate() error {
	if f.horizon < 1 || f.horizon > 10_000 {
		return usagef("--horizon %d: want 1 to 10000", f.horizon)
	}
	if err := oneOf("mode", f.mode, "auto", "global", "local"); err != nil {
		return err
	}
	if err := oneOf("impute", f.impute, "linear", "previous", "zero", "none"); err != nil {
		return err
	}
	if err := oneOf("gaps", f.gaps, "linear", "previous", "zero", "refuse", "ignore"); err != nil {
		return err
	}
	return f.check()
}

func (f *forecastFlags) request(s *csvdata.Series) *api.ForecastRequest {
	req := &api.ForecastRequest{
		TimeSeries: s.Values, Timestamps: s.Timestamps(), ForecastSteps: &f.horizon, Level: f.level, Freq: f.freq,
		Mode: f.mode, Seed: &f.seed, Impute: f.impute, Epochs: &f.epochs, Gaps: f.gaps, Country: f.country, Explain: f.explain,
	}
	if f.season > 0 {
		req.SeasonLength = &f.season
	}
	// A short file gets a network that reads fewer values.
	sequence := f.sequence
	if sequence == 0 {
		sequence = min(10, max(1, len(s.Values)-2))
	}
	req.SequenceLength = &sequence
	return req
}

func (a *app) forecast(cmd *cobra.Command, path string, f *forecastFlags) error {
	if err := f.validate(); err != nil {
		return err
	}
	s, extra, err := a.readColumns(cmd, path, f)
	if err != nil {
		return err
	}
	a.missing(s, f.impute)
	req := f.request(s)
	req.Exogenous = extra
	answer, warnings, err := runForecast(cmd.Context(), req)
	if err != nil {
		return err
	}
	if f.json {
		answer.Answer = api.Answer{Status: "success", Warnings: warnings}
		return a.writeJSON(answer)
	}
	for _, w := range warnings {
		a.notice("%s", w)
	}
	if err := a.printf("%s\n\n", s); err != nil {
		return err
	}
	c := forecastChart(a.out, s, answer.ForecastResult, f.height, f.plain(a))
	if f.wantsChart(a, cmd) {
		if err := a.printf("%s\n", c); err != nil {
			return err
		}
	}
	if err := f.draw("Forecast of "+s.Name+", "+briefly(answer.Model), c, chartDates(s, answer.ForecastResult, c), "history", "forecast", "interval"); err != nil {
		return err
	}
	if err := writeForecast(a.Stdout, s, answer.ForecastResult, f.level); err != nil {
		return err
	}
	if err := writeWhy(a.Stdout, answer.ForecastResult); err != nil {
		return err
	}
	return writeParts(a.Stdout, answer.ForecastResult)
}

func (a *app) missing(s *csvdata.Series, impute string) {
	if s.Missing > 0 && impute != "none" {
		a.notice("%d of %d values are missing; filled in by: %s", s.Missing, len(s.Values), impute)
	}
}

func runForecast(ctx context.Context, req *api.ForecastRequest) (*api.ForecastAnswer, []string, error) {
	return inProcess[api.ForecastAnswer](ctx, forecast.New(forecast.Deps{}), "/predict/revenue-lstm", req)
}

// writeForecast prints one row a step.
func writeForecast(w io.Writer, s *csvdata.Series, r *api.ForecastResult, levels []float64) error {
	header := []string{"step", "forecast"}
	if len(r.Timestamps) > 0 {
		header = []string{"step", "date", "forecast"}
	}
	for _, l := range levels {
		header = append(header, "lo-"+levelName(l), "hi-"+levelName(l))
	}
	t := table.New(header...)
	for i, v := range r.Forecast {
		row := []string{strconv.Itoa(i + 1)}
		if len(r.Timestamps) > 0 {
			row = append(row, shortDate(r.Timestamps[i], s.WholeDays))
		}
		row = append(row, table.Number(v))
		for _, l := range levels {
			row = append(row, at(r.Intervals["lo-"+levelName(l)], i), at(r.Intervals["hi-"+levelName(l)], i))
		}
		t.Add(row...)
	}
	_, err := t.WriteTo(w)
	return err
}

func levelName(l float64) string { return strconv.FormatFloat(l, 'g', -1, 64) }

func at(values []float64, i int) string {
	if i >= len(values) {
		return "-"
	}
	return table.Number(values[i])
}

// shortDate drops what says nothing from a timestamp.
func shortDate(stamp string, wholeDays bool) string {
	if wholeDays && len(stamp) > len("2026-01-31") {
		return stamp[:len("2026-01-31")]
	}
	return strings.TrimSuffix(strings.Replace(stamp, "T", " ", 1), ":00Z")
}

// writeWhy says which model ran, why, and how it did on values it had not seen.
func writeWhy(w io.Writer, r *api.ForecastResult) error {
	var b strings.Builder
	fmt.Fprintf(&b, "\n  model      %s\n", r.Model)
	if r.Selection.Reason != "" {
		fmt.Fprintf(&b, "  why        %s\n", r.Selection.Reason)
	}
	if r.SeasonLength > 1 {
		fmt.Fprintf(&b, "  season     %d steps\n", r.SeasonLength)
	}
	if t := r.Backtest; t.Windows > 0 {
		fmt.Fprintf(&b, "  back-test  %d windows of %d steps: MASE %s, sMAPE %s", t.Windows, t.Horizon, table.Optional(t.MASE), table.Optional(t.SMAPE))
		if t.Coverage != nil {
			fmt.Fprintf(&b, ", %.0f %% of the values inside the %.0f %% interval", 100**t.Coverage, t.CoverageLevel)
		}
		b.WriteByte('\n')
	} else {
		b.WriteString("  back-test  none: the series is too short to hold any of it back\n")
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return err
	}
	if len(r.Selection.Candidates) < 2 {
		return nil
	}
	t := table.New("candidate", "MASE", "sMAPE", "weight", "")
	for _, c := range r.Selection.Candidates {
		t.Add(c.Model, table.Optional(c.MASE), table.Optional(c.SMAPE), strconv.FormatFloat(c.Weight, 'f', 2, 64), c.Problem)
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return err
	}
	_, err := t.WriteTo(w)
	return err
}

// forecastChart draws the newest history, the forecast and its widest
// interval. History is cut to four times the horizon at least 40 values, so
// that the forecast stays visible.
func forecastChart(t terminal.Terminal, s *csvdata.Series, r *api.ForecastResult, height int, ascii bool) *chart.Chart {
	keep := min(len(s.Values), max(4*len(r.Forecast), 60))
	history := s.Values[len(s.Values)-keep:]
	n := len(history)
	lower, upper := make([]float64, len(r.ConfidenceIntervals)), make([]float64, len(r.ConfidenceIntervals))
	for i, c := range r.ConfidenceIntervals {
		lower[i], upper[i] = c.Lower, c.Upper
	}
	// The two lines meet at the last known value, and the interval opens there.
	joined, start := r.Forecast, n
	if last := history[n-1]; !math.IsNaN(last) {
		known := []float64{last}
		joined, start = slices.Concat(known, joined), n-1
		lower, upper = slices.Concat(known, lower), slices.Concat(known, upper)
	}
	c := &chart.Chart{
		Lines: []chart.Line{
			{Values: history, Style: terminal.Cyan, Sign: '*'},
			{Start: start, Values: joined, Style: terminal.Yellow, Sign: 'o'},
		},
		Bands:  []chart.Band{{Start: start, Lower: lower, Upper: upper, Style: terminal.Dim}},
		Divide: n, Left: strconv.Itoa(len(s.Values) - keep + 1), Middle: "forecast", Right: "+" + strconv.Itoa(len(r.Forecast)),
		Width: t.Width, Height: height, ASCII: ascii, Terminal: t,
	}
	if len(s.Dates) > 0 {
		c.Left = s.DateText(s.Dates[len(s.Dates)-keep])
	}
	if len(r.Timestamps) > 0 {
		c.Right = shortDate(r.Timestamps[len(r.Timestamps)-1], s.WholeDays)
	}
	return c
}

// mostTitle is how long a model's name may be above a chart.
const mostTitle = 60

// briefly names a model, a blend of many by their number.
func briefly(model string) string {
	if len(model) <= mostTitle {
		return model
	}
	return fmt.Sprintf("a blend of %d models", 1+strings.Count(model, "+"))
}

// chartDates are the dates along the axis of a forecast's chart; nil when
// history or forecast have none.
func chartDates(s *csvdata.Series, r *api.ForecastResult, c *chart.Chart) []time.Time {
	next := stamps(r.Timestamps)
	if len(s.Dates) == 0 || len(next) != len(r.Forecast) {
		return nil
	}
	return slices.Concat(s.Dates[len(s.Dates)-c.Divide:], next)
}
