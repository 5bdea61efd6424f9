// Command train derives, from public data that is not in the form that
// `omni train forecast` reads, sets that are:
//
//	go run ./models/forecast/train -data DIR -out DIR
//
// From tabular/online_retail (transactions of a shop, CC0): daily revenue by
// article and by country, and of the whole shop by day of trade. From
// forecasting/walmart_weekly: weekly sales by store. From forecasting/nngc1: its
// series by their frequency. What other commands score, the last 14 days of
// trade and the last 13 weeks, is cut off and written as the test part.
package main

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
)

// line is one series as `omni train forecast` reads it.
type line struct {
	ID     string    `json:"id"`
	Period string    `json:"period"`
	Ahead  int       `json:"h,omitempty"`
	Train  []float64 `json:"train"`
	Test   []float64 `json:"test,omitempty"`
}

func main() {
	data := flag.String("data", "", "directory of the data sets (required)")
	out := flag.String("out", "", "directory to write to (required)")
	flag.Parse()
	if *data == "" || *out == "" {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(*data, *out); err != nil {
		log.Fatal(err)
	}
}

func run(data, out string) error {
	for _, set := range []struct {
		name, file string
		read       func(io.Reader) ([]line, error)
	}{
		{"online_retail", "tabular/online_retail/online_retail.tsv.gz", retail},
		{"walmart", "forecasting/walmart_weekly/walmart_store_weekly.csv", walmart},
		{"nngc1", "forecasting/nngc1/nngc1_train_only.jsonl.gz", nngc1},
	} {
		lines, err := from(filepath.Join(data, set.file), set.read)
		if err != nil {
			return fmt.Errorf("deriving %s: %w", set.name, err)
		}
		if err := write(filepath.Join(out, set.name+".jsonl.gz"), lines); err != nil {
			return fmt.Errorf("writing %s: %w", set.name, err)
		}
		fmt.Printf("%s: %d series\n", set.name, len(lines))
	}
	return nil
}

func from(path string, read func(io.Reader) ([]line, error)) (lines []line, err error) {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, fmt.Errorf("opening a data set: %w", err)
	}
	defer func() { _ = f.Close() }() // it was only read
	var in io.Reader = f
	if filepath.Ext(path) == ".gz" {
		if in, err = gzip.NewReader(f); err != nil {
			return nil, err
		}
	}
	return read(in)
}

func write(path string, lines []line) (err error) {
	f, err := os.Create(path) //nolint:gosec // the person names the folder
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z := gzip.NewWriter(f)
	e := json.NewEncoder(z)
	for _, l := range lines {
		if err := e.Encode(l); err != nil {
			return err
		}
	}
	return z.Close()
}
