package main

import (
	"bufio"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/omni-run/omni/internal/cli/evaluate"
	"github.com/omni-run/omni/internal/ml/nabscore"
)

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
	f, err := os.Open(filepath.Join(dir, "data.csv.gz"))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	zipped, err := gzip.NewReader(bufio.NewReaderSize(f, 1<<20))
	if err != nil {
		return nil, fmt.Errorf("unpacking the corpus: %w", err)
	}
	list, err := evaluate.ReadLabelled(zipped, "", evaluate.Columns{})
	if err != nil {
		return nil, fmt.Errorf("reading the corpus: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "combined_windows.json"))
	if err != nil {
		return nil, fmt.Errorf("reading the labels: %w", err)
	}
	if err := evaluate.SetWindows(list, text); err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b *evaluate.Labelled) int { return strings.Compare(a.Name, b.Name) })
	c := &corpus{index: map[string]int{}}
	for k, s := range list {
		c.index[s.Name] = k
		c.series, c.times, c.values = append(c.series, s.Series), append(c.times, s.Times), append(c.values, s.Values)
	}
	return c, nil
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
