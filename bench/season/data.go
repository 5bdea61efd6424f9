package main

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/omni-run/omni/internal/ml/accuracy"
)

// files are the data sets; a period not named here takes every series.
var files = []struct {
	set, path string
	stride    int
}{
	{"tourism", "tourism/tourism.jsonl.gz", 1},
	{"aus_retail", "aus_retail/aus_retail.jsonl.gz", 1},
	{"pbs", "pbs/pbs_pharma_sales.jsonl.gz", 1},
	{"m1", "m1/m1.jsonl.gz", 1},
	{"m4", "m4/m4_hourly.jsonl.gz", 1},
	{"m4", "m4/m4_weekly.jsonl.gz", 1},
	{"jewelry", "jewelry/jewelry_weekly.jsonl.gz", 1},
	{"m4", "m4/m4_monthly_train_only_part.jsonl.gz", 1},
	{"m4", "m4/m4_quarterly_part.jsonl.gz", 3},
	{"m4", "m4/m4_yearly.jsonl.gz", 5},
}

// row is one line of a data set: sets name their values differently.
type row struct {
	Period  string     `json:"period"`
	Train   []*float64 `json:"train"`
	Values  []*float64 `json:"values"`
	Scripts []*float64 `json:"scripts"`
}

func read(dir string) ([]collection, error) {
	var out []collection
	for _, f := range files {
		list, err := readFile(filepath.Join(dir, f.path), f.set, f.stride)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", f.path, err)
		}
		out = append(out, list...)
	}
	return out, nil
}

func readFile(path, set string, stride int) ([]collection, error) {
	file, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	text, err := gzip.NewReader(file)
	if err != nil {
		return nil, err
	}
	var out []collection
	at := map[string]int{}
	lines := json.NewDecoder(text)
	for i := 0; lines.More(); i++ {
		var r row
		if err := lines.Decode(&r); err != nil {
			return nil, err
		}
		if i%stride != 0 {
			continue
		}
		k, ok := at[r.Period]
		if !ok {
			k, at[r.Period] = len(out), len(out)
			out = append(out, collection{name: set + " " + r.Period, seasons: seasonsOf(r.Period)})
		}
		if y := r.values(); len(y) > 0 {
			out[k].series = append(out[k].series, y)
		}
	}
	return out, nil
}

func seasonsOf(period string) []int {
	f, _ := accuracy.FrequencyOf(period)
	switch {
	case period == "hourly":
		return []int{24, 168}
	case f.Season > 1:
		return []int{f.Season}
	default:
		return nil
	}
}

// values are the known ones up to the first gap after them.
func (r row) values() (y []float64) {
	for _, list := range [][]*float64{r.Train, r.Values, r.Scripts} {
		for _, v := range list {
			if v != nil {
				y = append(y, *v)
			} else if len(y) > 0 {
				return y
			}
		}
	}
	return y
}
