package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/omni-run/omni/internal/ml/accuracy"
)

type series struct {
	ID, Period  string
	M, H        int
	Train, Test []float64
}

var files = []string{
	"tourism/tourism", "m4/m4_yearly", "m4/m4_quarterly_part", "m4/m4_weekly", "m4/m4_hourly",
	"m1/m1", "aus_retail/aus_retail", "pbs/pbs_pharma_sales", "carparts/carparts",
}

func names() []string {
	out := make([]string, len(files))
	for i, f := range files {
		out[i] = filepath.Base(f)
	}
	return out
}

// load reads every stride-th series, grouped by period in order of appearance.
// Series end at their first hole; those without a test, or that repeat exactly,
// are left out.
func load(path string, stride int) ([][]series, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening a data set: %w", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 1<<24)
	var groups [][]series
	at := map[string]int{}
	for i := 0; lines.Scan(); i++ {
		if i%stride != 0 {
			continue
		}
		// A series in two parts, or as values (scripts) whose last H are the test.
		var l struct {
			ID, Period      string
			M, H            int
			Train, Test     []*float64
			Values, Scripts []*float64
		}
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			return nil, fmt.Errorf("reading line %d of %s: %w", i+1, path, err)
		}
		if all := append(l.Values, l.Scripts...); len(all) > 2*l.H {
			l.Train, l.Test = all[:len(all)-l.H], all[len(all)-l.H:]
		}
		s := series{ID: l.ID, Period: l.Period, M: l.M, H: l.H, Train: known(l.Train), Test: known(l.Test)}
		if len(s.Train) < 3 || len(s.Train) < len(l.Train) || len(s.Test) < s.H || !(accuracy.Scale(s.Train, s.M) > 0) {
			continue
		}
		k, ok := at[s.Period]
		if !ok {
			k = len(groups)
			at[s.Period] = k
			groups = append(groups, nil)
		}
		groups[k] = append(groups[k], s)
	}
	return groups, lines.Err()
}

func known(values []*float64) []float64 {
	var out []float64
	for _, v := range values {
		if v == nil {
			break
		}
		out = append(out, *v)
	}
	return out
}
