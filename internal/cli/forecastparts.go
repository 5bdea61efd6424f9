package cli

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/cli/csvdata"
	"github.com/omni-run/omni/internal/cli/table"
)

// readColumns reads the series and, when asked for, other columns beside it.
// The last rows, which have no value, are the columns' future.
func (a *app) readColumns(cmd *cobra.Command, path string, f *forecastFlags) (*csvdata.Series, map[string]api.Values, error) {
	if len(f.columns) == 0 {
		s, err := a.readSeries(path, f.Options)
		return s, nil, err
	}
	raw, err := a.readAll(path)
	if err != nil {
		return nil, nil, err
	}
	s, err := csvdata.Read(bytes.NewReader(raw), f.Options)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	future := 0
	for future < len(s.Values) && math.IsNaN(s.Values[len(s.Values)-1-future]) {
		future++
	}
	if cmd.Flags().Changed("horizon") && future != f.horizon || future == 0 {
		return nil, nil, fmt.Errorf("%s: the last %d rows have no value, but are the future of the columns; --horizon %d needs as many", path, future, f.horizon)
	}
	f.horizon = future
	extra := map[string]api.Values{}
	for _, name := range f.columns {
		o := f.Options
		o.Column = name
		column, err := csvdata.Read(bytes.NewReader(raw), o)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, err)
		}
		if len(column.Values) != len(s.Values) {
			return nil, nil, fmt.Errorf("%s: the column %s has %d rows, the series %d", path, name, len(column.Values), len(s.Values))
		}
		extra[name] = column.Values
	}
	known := len(s.Values) - future
	s.Values, s.Missing = s.Values[:known], s.Missing-future
	if len(s.Dates) > known {
		s.Dates = s.Dates[:known]
	}
	return s, extra, nil
}

func (a *app) readAll(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(a.Stdin)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, underlying(err))
	}
	return raw, nil
}

// writeParts prints what each step of the forecast is made of, when asked for.
func writeParts(w io.Writer, r *api.ForecastResult) error {
	var b strings.Builder
	if e := r.Exogenous; e != nil {
		fmt.Fprintf(&b, "\n  columns    %s\n", e.Reason)
		for _, name := range sortedKeys(e.Coefficients) {
			fmt.Fprintf(&b, "             one unit of %s adds %s\n", name, table.Number(e.Coefficients[name]))
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil || r.Explanation == nil {
		return err
	}
	p := r.Explanation.Forecast
	header := []string{"step", "forecast", "trend", "season", "holiday"}
	names := sortedKeys(p.Exogenous)
	t := table.New(append(header, names...)...)
	for i, v := range p.Values {
		row := []string{strconv.Itoa(i + 1), table.Number(v), table.Number(p.Trend[i]), table.Number(p.Season[i]), table.Number(p.Holiday[i])}
		for _, name := range names {
			row = append(row, table.Number(p.Exogenous[name][i]))
		}
		t.Add(row...)
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return err
	}
	if _, err := t.WriteTo(w); err != nil {
		return err
	}
	_, err := fmt.Fprintf(w, "\n  %s\n", r.Explanation.Note)
	return err
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
