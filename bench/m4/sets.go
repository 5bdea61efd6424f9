package main

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/omni-run/omni/internal/ml/accuracy"
	"github.com/omni-run/omni/internal/ml/globalforecast/corpus"
)

// group is the series of one set that share a season and a horizon.
type group struct {
	name, frequency string
	// season is the length of the season, lag the one that scales errors: the
	// competitions use none for weekly data.
	season, lag, horizon int
	series               []accuracy.Case
}

// set is a data set and how it is read.
type set struct {
	name  string
	files []string
	parse func(path string) ([]corpus.Series, error)
}

var sets = []set{
	{"m4", []string{"m4/m4_yearly.jsonl.gz", "m4/m4_quarterly_part.jsonl.gz", "m4/m4_monthly_train_only_part.jsonl.gz", "m4/m4_weekly.jsonl.gz", "m4/m4_hourly.jsonl.gz"}, plain},
	{"tourism", []string{"tourism/tourism.jsonl.gz"}, plain},
	{"m1", []string{"m1/m1.jsonl.gz"}, plain},
	{"carparts", []string{"carparts/carparts.jsonl.gz"}, plain},
	{"aus_retail", []string{"aus_retail/aus_retail.jsonl.gz"}, withValues("values")},
	{"pbs", []string{"pbs/pbs_pharma_sales.jsonl.gz"}, withValues("scripts")},
	{"jewelry", []string{"jewelry/jewelry_weekly.jsonl.gz"}, withValues("values")},
	{"walmart", []string{"walmart_weekly/walmart_store_weekly.csv"}, walmart},
	{"online_retail", []string{"online_retail_daily/daily_revenue.csv"}, onlineRetail},
}

func setNames() (out []string) {
	for _, s := range sets {
		out = append(out, s.name)
	}
	return out
}

// read groups a set's series by period.
func (s set) read(o options) ([]*group, error) {
	var groups []*group
	for _, file := range s.files {
		list, err := s.parse(filepath.Join(o.data, file))
		if err != nil {
			return nil, err
		}
		at := map[string]*group{}
		for i, one := range list {
			g := at[one.Period]
			if g == nil {
				f, ok := accuracy.FrequencyOf(one.Period)
				if !ok {
					return nil, fmt.Errorf("%s has a series of period %q", file, one.Period)
				}
				g = &group{name: s.name + " " + one.Period, frequency: f.Name, season: f.Season, lag: f.Lag, horizon: one.Ahead}
				at[one.Period] = g
				groups = append(groups, g)
			}
			if i%o.stride == 0 {
				g.add(one, o.holdout)
			}
		}
	}
	kept := groups[:0]
	for _, g := range groups {
		if len(g.series) > 0 {
			kept = append(kept, g)
		}
	}
	return kept, nil
}

// add cuts a series into what is known and what is asked. A set that has no
// test part is cut at its end, as -holdout cuts every set.
func (g *group) add(s corpus.Series, holdout bool) {
	one := accuracy.Case{Train: s.Train, Test: s.Test, Lag: g.lag}
	if holdout || len(s.Test) == 0 {
		n := len(s.Train) - g.horizon
		if n <= g.lag+3 || (!holdout && strings.HasPrefix(g.name, "m4 ")) {
			return // too short, or a part whose test was never here
		}
		one.Train, one.Test = s.Train[:n], s.Train[n:]
	}
	g.series = append(g.series, one)
}

func plain(path string) (list []corpus.Series, err error) {
	err = open(path, func(r io.Reader) error {
		list, err = corpus.Read(r)
		return err
	})
	return list, err
}

func open(path string, read func(io.Reader) error) error {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return fmt.Errorf("opening a data set: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	var in io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if in, err = gzip.NewReader(f); err != nil {
			return fmt.Errorf("reading %s: %w", path, err)
		}
	}
	if err := read(in); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return nil
}

// withValues reads sets whose values stand under another name and have no test
// part.
func withValues(field string) func(string) ([]corpus.Series, error) {
	return func(path string) (list []corpus.Series, err error) {
		err = open(path, func(r io.Reader) error {
			lines := bufio.NewScanner(r)
			lines.Buffer(nil, 1<<24)
			for lines.Scan() {
				var raw map[string]json.RawMessage
				if err := json.Unmarshal(lines.Bytes(), &raw); err != nil {
					return err
				}
				var s corpus.Series
				if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
					return err
				}
				var values []*float64
				if err := json.Unmarshal(raw[field], &values); err != nil {
					return err
				}
				for _, v := range values {
					if v != nil {
						s.Train = append(s.Train, *v)
					}
				}
				if s.Ahead == 0 {
					s.Ahead = horizonOf(s.Period)
				}
				list = append(list, s)
			}
			return lines.Err()
		})
		return list, err
	}
}

func horizonOf(period string) int {
	f, _ := accuracy.FrequencyOf(period) // read refuses unknown ones
	return f.Horizon
}

func walmart(path string) ([]corpus.Series, error) { return columns(path, "weekly", 0, 2) }

func onlineRetail(path string) ([]corpus.Series, error) { return columns(path, "daily", -1, 1) }

// columns reads a CSV of one value a line; id is the column that tells series
// apart, -1 for one series.
func columns(path, period string, id, value int) (list []corpus.Series, err error) {
	err = open(path, func(r io.Reader) error {
		rows, err := csv.NewReader(r).ReadAll()
		if err != nil {
			return err
		}
		at := map[string]int{}
		for _, row := range rows[1:] {
			key := ""
			if id >= 0 {
				key = row[id]
			}
			v, err := strconv.ParseFloat(row[value], 64)
			if err != nil {
				return fmt.Errorf("value %q: %w", row[value], err)
			}
			k, ok := at[key]
			if !ok {
				k = len(list)
				at[key] = k
				list = append(list, corpus.Series{ID: key, Period: period, Ahead: horizonOf(period)})
			}
			list[k].Train = append(list[k].Train, v)
		}
		return nil
	})
	return list, err
}
