// Command forecast scores the forecasting methods on public competition data.
//
//	go run ./bench/forecast -data DIR [-sets tourism,m4_hourly,...] [-stride 1] [-methods ...]
//
// DIR holds files such as m4/m4_weekly.jsonl.gz: one JSON object a line with
// id, period, m (season length), h (horizon), train and test. The table goes to
// standard output as Markdown.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/omni-run/omni/internal/ml/accuracy"
)

func main() {
	data := flag.String("data", "", "directory of the data sets (required)")
	sets := flag.String("sets", "tourism,m4_yearly,m4_weekly,m4_hourly", "comma-separated data sets: "+strings.Join(names(), " "))
	chosen := flag.String("methods", "snaive,theta,dotm,ets,comb", "comma-separated methods: naive naive2 snaive theta dotm damped ets comb croston sba tsb zero lstm auto batch")
	stride := flag.Int("stride", 1, "use every n-th series")
	seasons := flag.Int("seasons", 0, "keep only so many of the last seasons before the test, and test at most one; 0 for all")
	flag.Parse()
	if *data == "" {
		flag.Usage()
		os.Exit(2)
	}
	fmt.Println("| set | series | method | MAPE | sMAPE | MASE | OWA | coverage 80 | coverage 95 | MSIS | seconds |\n|---|---|---|---|---|---|---|---|---|---|---|")
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
			reference := score(g, methods["naive2"])
			for _, name := range strings.Split(*chosen, ",") {
				method, ok := methods[name]
				if !ok {
					log.Fatalf("unknown method %q", name)
				}
				row(os.Stdout, filepath.Base(file)+" "+g[0].Period, name, score(g, method), reference)
			}
		}
	}
}

func row(to *os.File, set string, name string, s, reference scores) {
	intervals := "| | | "
	if len(s.Intervals) == len(levels) {
		intervals = fmt.Sprintf("| %.1f | %.1f | %.2f ", 100*s.Intervals[0].Coverage, 100*s.Intervals[1].Coverage, s.Intervals[1].MSIS)
	}
	fmt.Fprintf(to, "| %s | %d | %s | %.2f | %.3f | %.3f | %.3f %s| %.1f |\n", set, s.Series, name, s.MAPE, s.SMAPE, s.MASE,
		s.OWA(reference.Scores), intervals, s.seconds)
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

// levels are those of the intervals of the methods that have any.
var levels = []float64{80, 95}

type scores struct {
	accuracy.Scores
	seconds float64
}

// method forecasts a chunk of series of one season and horizon.
type method struct {
	// chunk is how many series a call takes.
	chunk int
	run   func(ctx context.Context, list []series) ([]accuracy.Forecast, error)
}

// score runs a method over a group on every core.
func score(group []series, m method) scores {
	start := time.Now()
	answers := make([]accuracy.Forecast, len(group))
	cases := make([]accuracy.Case, len(group))
	for i, s := range group {
		cases[i] = accuracy.Case{Train: s.Train, Test: s.Test, Lag: s.M}
	}
	var wait sync.WaitGroup
	next := make(chan int)
	workers := runtime.GOMAXPROCS(0)
	if m.chunk > 1 {
		workers = 1 // the service itself uses every core
	}
	for range workers {
		wait.Go(func() {
			for at := range next {
				part := group[at:min(at+m.chunk, len(group))]
				list, err := m.run(context.Background(), part)
				if err != nil {
					log.Fatalf("%s: %v", part[0].ID, err)
				}
				copy(answers[at:], list)
			}
		})
	}
	for i := 0; i < len(group); i += m.chunk {
		next <- i
	}
	close(next)
	wait.Wait()
	took := time.Since(start).Seconds()
	return scores{accuracy.Measure(cases, answers), took}
}
