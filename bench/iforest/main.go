// Command iforest measures how well the isolation forest ranks labelled
// outliers: the area under the ROC curve on every table of a folder, as the
// mean over seeds.
//
//	go run ./bench/iforest -data DIR [-reference sklearn.csv]
//
// DIR holds name.csv.gz files with a header, numbers, and the label (1 for an
// outlier) in the last column, such as the tables of ADBench (Han et al. 2022,
// BSD-2). reference.py writes the file that -reference shows beside.
package main

import (
	"compress/gzip"
	"context"
	"encoding/csv"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/omni-run/omni/internal/ml/gbdt"
	"github.com/omni-run/omni/internal/ml/iforest"
)

func main() {
	data := flag.String("data", ".", "folder of name.csv.gz tables")
	reference := flag.String("reference", "", "CSV of name,auc,seconds to show beside")
	seeds := flag.Int("seeds", 5, "forests a table")
	flag.Parse()
	if err := run(context.Background(), *data, *reference, *seeds); err != nil {
		fmt.Fprintln(os.Stderr, "iforest:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, data, reference string, seeds int) error {
	beside, err := readReference(reference)
	if err != nil {
		return err
	}
	paths, err := filepath.Glob(filepath.Join(data, "*.csv.gz"))
	if err != nil {
		return err
	}
	fmt.Println("| table | rows | features | AUC | reference AUC | seconds | reference seconds |")
	fmt.Println("|---|---|---|---|---|---|---|")
	var mean, meanBeside float64
	for _, path := range paths {
		rows, labels, err := readTable(path)
		if err != nil {
			return err
		}
		auc, seconds, err := measure(ctx, rows, labels, seeds)
		if err != nil {
			return err
		}
		name := strings.TrimSuffix(filepath.Base(path), ".csv.gz")
		other := beside[name]
		fmt.Printf("| %s | %d | %d | %.4f | %s | %.2f | %s |\n", name, len(rows), len(rows[0]), auc, show(other, 0, 4), seconds, show(other, 1, 2))
		mean += auc / float64(len(paths))
		if other != nil {
			meanBeside += other[0] / float64(len(paths))
		}
	}
	fmt.Printf("| mean | | | %.4f | %.4f | | |\n", mean, meanBeside)
	return nil
}

func show(values []float64, at, digits int) string {
	if values == nil {
		return ""
	}
	return strconv.FormatFloat(values[at], 'f', digits, 64)
}

// measure returns the mean AUC and the mean time to fit and score.
func measure(ctx context.Context, rows [][]float64, labels []bool, seeds int) (auc, seconds float64, err error) {
	for seed := range seeds {
		start := time.Now()
		f, err := iforest.Fit(ctx, rows, iforest.Options{Seed: uint64(seed)})
		if err != nil {
			return 0, 0, err
		}
		scores, err := f.Scores(ctx, rows)
		if err != nil {
			return 0, 0, err
		}
		seconds += time.Since(start).Seconds() / float64(seeds)
		for i := range scores {
			scores[i] = -scores[i]
		}
		auc += gbdt.AUC(scores, labels) / float64(seeds)
	}
	return auc, seconds, nil
}

func readTable(path string) (rows [][]float64, labels []bool, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w", path, err)
	}
	records, err := csv.NewReader(z).ReadAll()
	if err != nil {
		return nil, nil, fmt.Errorf("reading %s: %w", path, err)
	}
	for _, r := range records[1:] {
		row := make([]float64, len(r))
		for j, cell := range r {
			if row[j], err = strconv.ParseFloat(cell, 64); err != nil {
				return nil, nil, fmt.Errorf("reading %s: %w", path, err)
			}
		}
		rows, labels = append(rows, row[:len(row)-1]), append(labels, row[len(row)-1] == 1)
	}
	return rows, labels, nil
}

func readReference(path string) (map[string][]float64, error) {
	out := map[string][]float64{}
	if path == "" {
		return out, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	records, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	for _, r := range records[1:] {
		auc, err1 := strconv.ParseFloat(r[1], 64)
		seconds, err2 := strconv.ParseFloat(r[2], 64)
		if err1 != nil || err2 != nil {
			return nil, fmt.Errorf("reading %s: %q are no numbers", path, r)
		}
		out[r[0]] = []float64{auc, seconds}
	}
	return out, nil
}
