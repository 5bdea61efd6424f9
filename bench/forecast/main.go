// Command forecast scores the forecasting methods on public competition data.
//
//	go run ./bench/forecast -data DIR [-sets tourism,m4_hourly,...] [-stride 1] [-methods ...]
//
// DIR holds files such as m4/m4_weekly.jsonl.gz: one JSON object a line with
// id, period, m (season length), h (horizon), train and test. The table goes to
// standard output as Markdown.
package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
)

type series struct {
	ID, Period  string
	M, H        int
	Train, Test []float64
}

var files = []string{"tourism/tourism", "m4/m4_yearly", "m4/m4_weekly", "m4/m4_hourly"}

func main() {
	data := flag.String("data", "", "directory of the data sets (required)")
	sets := flag.String("sets", "tourism,m4_yearly,m4_weekly,m4_hourly", "comma-separated data sets")
	chosen := flag.String("methods", "snaive,theta,dotm,ets,comb", "comma-separated methods: snaive theta dotm ets comb lstm auto")
	stride := flag.Int("stride", 1, "use every n-th series")
	seasons := flag.Int("seasons", 0, "keep only so many of the last seasons before the test, and test at most one; 0 for all")
	flag.Parse()
	if *data == "" {
		flag.Usage()
		os.Exit(2)
	}
	fmt.Println("| set | series | method | MAPE | sMAPE | MASE | seconds |\n|---|---|---|---|---|---|---|")
	for _, file := range files {
		if !slices.Contains(strings.Split(*sets, ","), filepath.Base(file)) {
			continue
		}
		groups, err := load(filepath.Join(*data, file+".jsonl.gz"), *stride)
		if err != nil {
			log.Fatal(err)
		}
		for _, g := range groups {
			shorten(g, *seasons)
			for _, name := range strings.Split(*chosen, ",") {
				method, ok := methods[name]
				if !ok {
					log.Fatalf("unknown method %q", name)
				}
				s := score(g, method)
				fmt.Printf("| %s %s | %d | %s | %.2f | %.3f | %.3f | %.1f |\n", filepath.Base(file), g[0].Period, len(g), name, s.mape, s.smape, s.mase, s.seconds)
			}
		}
	}
}

// load reads every stride-th series, grouped by period in order of appearance.
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
		var s series
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			return nil, fmt.Errorf("reading line %d of %s: %w", i+1, path, err)
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

// shorten makes young series of old ones: how the methods do with little.
func shorten(group []series, seasons int) {
	for i := range group {
		s := &group[i]
		if m := max(s.M, 1); seasons > 0 && m > 1 {
			s.Train = s.Train[max(0, len(s.Train)-seasons*m):]
			s.H = min(s.H, m)
			s.Test = s.Test[:min(len(s.Test), s.H)]
		}
	}
}

type scores struct{ mape, smape, mase, seconds float64 }

// score runs a method over a group on every core. MAPE and sMAPE are means
// over all points of a series, then over series, as in the competitions.
func score(group []series, method func(ctx context.Context, train []float64, m, h int) ([]float64, error)) scores {
	start := time.Now()
	each := make([]scores, len(group))
	var wait sync.WaitGroup
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for i := range next {
				s := group[i]
				f, err := method(context.Background(), s.Train, s.M, s.H)
				if err != nil {
					log.Fatalf("%s: %v", s.ID, err)
				}
				each[i] = compare(s, f)
			}
		})
	}
	for i := range group {
		next <- i
	}
	close(next)
	wait.Wait()
	var total scores
	n := float64(len(group))
	for _, s := range each {
		total.mape += s.mape / n
		total.smape += s.smape / n
		total.mase += s.mase / n
	}
	total.seconds = time.Since(start).Seconds()
	return total
}

func compare(s series, forecast []float64) (out scores) {
	scale := 0.0
	for i := s.M; i < len(s.Train); i++ {
		scale += math.Abs(s.Train[i]-s.Train[i-s.M]) / float64(len(s.Train)-s.M)
	}
	n := float64(len(s.Test))
	for i, a := range s.Test {
		d := math.Abs(a - forecast[i])
		out.mape += 100 * d / math.Abs(a) / n
		out.smape += 200 * d / (math.Abs(a) + math.Abs(forecast[i])) / n
		out.mase += d / scale / n
	}
	return out
}
