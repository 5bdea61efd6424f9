package main

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/omni-run/omni/internal/ml/nabscore"
)

// stamp is how the corpus writes a time.
const stamp = "2006-01-02 15:04:05"

// corpus is the benchmark's files, sorted by name.
type corpus struct {
	series []nabscore.Series
	times  [][]time.Time
	values [][]float64
	index  map[string]int // position by name
}

// readCorpus reads data.csv.gz (file, timestamp, value; one row a point, in
// order) and combined_windows.json (file: [[first, last], ...]).
func readCorpus(dir string) (*corpus, error) {
	c := &corpus{index: map[string]int{}}
	rows := [][]string{}
	err := eachRow(filepath.Join(dir, "data.csv.gz"), func(fields []string) error {
		rows = append(rows, slices.Clone(fields))
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(rows[1:], func(a, b []string) int { return strings.Compare(a[0], b[0]) })
	for _, r := range rows[1:] {
		k, ok := c.index[r[0]]
		if !ok {
			k = len(c.series)
			c.index[r[0]] = k
			c.series = append(c.series, nabscore.Series{Name: r[0]})
			c.times = append(c.times, nil)
			c.values = append(c.values, nil)
		}
		at, err := time.Parse(stamp, r[1])
		if err != nil {
			return nil, fmt.Errorf("reading the times of %s: %w", r[0], err)
		}
		value, err := strconv.ParseFloat(r[2], 64)
		if err != nil {
			return nil, fmt.Errorf("reading the values of %s: %w", r[0], err)
		}
		c.series[k].Rows++
		c.times[k] = append(c.times[k], at)
		c.values[k] = append(c.values[k], value)
	}
	return c, c.readWindows(filepath.Join(dir, "combined_windows.json"))
}

func (c *corpus) readWindows(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the labels: %w", err)
	}
	var windows map[string][][2]string
	if err := json.Unmarshal(text, &windows); err != nil {
		return fmt.Errorf("reading the labels: %w", err)
	}
	for k := range c.series {
		s := &c.series[k]
		for _, w := range windows[s.Name] {
			first, last := c.rowAt(k, w[0]), c.rowAt(k, w[1])
			if first < 0 || last < 0 {
				return fmt.Errorf("%s has no rows at %v", s.Name, w)
			}
			s.Windows = append(s.Windows, nabscore.Window{First: first, Last: last})
		}
		if err := s.Validate(); err != nil {
			return err
		}
	}
	return nil
}

// rowAt returns the first row of series k at the given time, -1 if none.
func (c *corpus) rowAt(k int, text string) int {
	at, err := time.Parse(stamp, text) // fractions of a second are accepted
	if err != nil {
		return -1
	}
	return slices.IndexFunc(c.times[k], at.Equal)
}

// readScores reads detector_scores.csv.gz: file, row, then a column for each
// detector. The answer is by detector, then by series.
func (c *corpus) readScores(path string) (map[string][][]float64, error) {
	var names []string
	scores := map[string][][]float64{}
	err := eachRow(path, func(fields []string) error {
		if names == nil {
			names = slices.Clone(fields[2:])
			for _, n := range names {
				scores[n] = make([][]float64, len(c.series))
				for k, s := range c.series {
					scores[n][k] = make([]float64, s.Rows)
				}
			}
			return nil
		}
		k, ok := c.index[fields[0]]
		row, err := strconv.Atoi(fields[1])
		if !ok || err != nil || row < 0 || row >= c.series[k].Rows {
			return fmt.Errorf("no row %s in %q", fields[1], fields[0])
		}
		for j, n := range names {
			if scores[n][k][row], err = strconv.ParseFloat(fields[2+j], 64); err != nil {
				return err
			}
		}
		return nil
	})
	return scores, err
}

func eachRow(path string, visit func([]string) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	zipped, err := gzip.NewReader(bufio.NewReaderSize(f, 1<<20))
	if err != nil {
		return fmt.Errorf("unpacking %s: %w", path, err)
	}
	rows := csv.NewReader(zipped)
	rows.ReuseRecord = true
	for {
		fields, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = visit(fields)
		}
		if err != nil {
			return fmt.Errorf("reading %s: %w", path, err)
		}
	}
}
