package cli

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/omni-run/omni/internal/cli/evaluate"
	"github.com/omni-run/omni/internal/cli/table"
	"github.com/omni-run/omni/internal/ml/accuracy"
)

// writeEvaluation shows the tables in the form asked for, and the charts.
func (a *app) writeEvaluation(cmd *cobra.Command, tables []*evaluate.Table, f *evalForecastFlags) error {
	for i, t := range tables {
		name := ""
		if len(tables) > 1 {
			name = fmt.Sprintf("-%d-%s", i+1, t.Name)
		}
		if err := a.evalPicture(t, f, name); err != nil {
			return err
		}
	}
	switch {
	case f.json:
		return a.writeJSON(evaluationJSON(tables))
	case f.csv:
		return writeEvaluationCSV(a.Stdout, tables, f.level)
	}
	for i, t := range tables {
		if i > 0 {
			if err := a.printf("\n"); err != nil {
				return err
			}
		}
		if err := a.printf("%s: %d series, %s ahead, season %d\n\n", t.Name, len(t.Cases), steps(t.Horizon), t.Season); err != nil {
			return err
		}
		if f.wantsChart(a, cmd) {
			c, names := evalChart(t, f.chart)
			c.Width, c.Height, c.ASCII, c.Terminal = a.out.Width, f.height, f.plain(a) || !a.out.Colour, a.out // lines of one colour need their letters
			if err := a.printf("%s  %s\n\n", c, legend(c, names)); err != nil {
				return err
			}
		}
		if err := writeScores(a.Stdout, t, f.level); err != nil {
			return err
		}
	}
	return nil
}

func steps(n int) string {
	if n == 1 {
		return "1 step"
	}
	return strconv.Itoa(n) + " steps"
}

func writeScores(w io.Writer, t *evaluate.Table, level float64) error {
	out := table.New("method", "sMAPE", "MASE", "OWA", "MAPE", "MSIS", "inside", "series/s", "")
	best := t.Best()
	for _, s := range t.Scores {
		msis, inside, note := "-", "-", ""
		if i, ok := s.Interval(level / 100); ok {
			msis, inside = decimals(i.MSIS, 2), decimals(100*i.Coverage, 1)+" %"
		}
		if s.Method == best {
			note = "best"
		}
		speed := "-"
		if s.PerSecond > 0 {
			speed = table.Number(s.PerSecond)
		}
		out.Add(s.Method, decimals(s.SMAPE, 3), decimals(s.MASE, 3), decimals(s.OWA, 3), decimals(s.MAPE, 2), msis, inside, speed, note)
	}
	_, err := out.WriteTo(w)
	return err
}

func decimals(v float64, n int) string {
	if math.IsNaN(v) {
		return "-"
	}
	return strconv.FormatFloat(v, 'f', n, 64)
}

func writeEvaluationCSV(w io.Writer, tables []*evaluate.Table, level float64) error {
	out := csv.NewWriter(w)
	rows := [][]string{{"frequency", "season", "horizon", "series", "method", "smape", "mase", "owa", "mape", "level", "msis", "coverage", "series_per_second"}}
	exact := func(v float64) string {
		if math.IsNaN(v) {
			return ""
		}
		return strconv.FormatFloat(v, 'g', 8, 64)
	}
	for _, t := range tables {
		for _, s := range t.Scores {
			msis, inside := math.NaN(), math.NaN()
			if i, ok := s.Interval(level / 100); ok {
				msis, inside = i.MSIS, i.Coverage
			}
			rows = append(rows, []string{
				t.Name, strconv.Itoa(t.Season), strconv.Itoa(t.Horizon), strconv.Itoa(len(t.Cases)), s.Method, exact(s.SMAPE), exact(s.MASE),
				exact(s.OWA), exact(s.MAPE), exact(level), exact(msis), exact(inside), exact(s.PerSecond),
			})
		}
	}
	if err := out.WriteAll(rows); err != nil {
		return fmt.Errorf("writing: %w", err)
	}
	return nil
}

// number is a JSON number, or null for NaN.
type number float64

// MarshalJSON implements json.Marshaler.
func (n number) MarshalJSON() ([]byte, error) {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, float64(n), 'g', -1, 64), nil
}

type evaluationGroup struct {
	Frequency string             `json:"frequency"`
	Season    int                `json:"season"`
	Horizon   int                `json:"horizon"`
	Series    int                `json:"series"`
	LeftOut   int                `json:"left_out"`
	Best      string             `json:"best"`
	Methods   []evaluationMethod `json:"methods"`
}

type evaluationMethod struct {
	Method    string               `json:"method"`
	SMAPE     number               `json:"smape"`
	MASE      number               `json:"mase"`
	OWA       number               `json:"owa"`
	MAPE      number               `json:"mape"`
	PerSecond number               `json:"series_per_second"`
	Intervals []evaluationInterval `json:"intervals"`
	Steps     []evaluationStep     `json:"steps"`
}

type evaluationInterval struct {
	Level    number `json:"level"`
	Coverage number `json:"coverage"`
	MSIS     number `json:"msis"`
}

type evaluationStep struct {
	SMAPE number `json:"smape"`
	MASE  number `json:"mase"`
}

func evaluationJSON(tables []*evaluate.Table) any {
	groups := []evaluationGroup{}
	for _, t := range tables {
		g := evaluationGroup{Frequency: t.Name, Season: t.Season, Horizon: t.Horizon, Series: len(t.Cases), LeftOut: t.Failed, Best: t.Best()}
		for _, s := range t.Scores {
			g.Methods = append(g.Methods, methodJSON(s))
		}
		groups = append(groups, g)
	}
	return map[string]any{"status": "success", "groups": groups}
}

func methodJSON(s evaluate.Score) evaluationMethod {
	m := evaluationMethod{
		Method: s.Method, SMAPE: number(s.SMAPE), MASE: number(s.MASE), OWA: number(s.OWA), MAPE: number(s.MAPE),
		PerSecond: number(s.PerSecond), Intervals: []evaluationInterval{}, Steps: []evaluationStep{},
	}
	for _, i := range s.Intervals {
		m.Intervals = append(m.Intervals, evaluationInterval{number(percent(i)), number(i.Coverage), number(i.MSIS)})
	}
	for _, p := range s.Steps {
		m.Steps = append(m.Steps, evaluationStep{number(p.SMAPE), number(p.MASE)})
	}
	return m
}

// percent is the level of an interval without the noise of its last digits.
func percent(i accuracy.Interval) float64 { return math.Round(i.Level*1e8) / 1e6 }

// suffixed puts a word before the extension of a file's name.
func suffixed(path, word string) string {
	if word == "" || path == "" {
		return path
	}
	if at := strings.LastIndexByte(path, '.'); at > strings.LastIndexByte(path, '/')+1 {
		return path[:at] + word + path[at:]
	}
	return path + word
}
