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
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"
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
				row(os.Stdout, filepath.Base(file)+" "+g[0].Period, len(g), name, score(g, method), reference)
			}
		}
	}
}

func row(to *os.File, set string, n int, name string, s, reference scores) {
	intervals := "| | | "
	if s.bounded {
		intervals = fmt.Sprintf("| %.1f | %.1f | %.2f ", 100*s.cover80, 100*s.cover95, s.msis)
	}
	fmt.Fprintf(to, "| %s | %d | %s | %.2f | %.3f | %.3f | %.3f %s| %.1f |\n", set, n, name, s.mape, s.smape, s.mase,
		s.smape/reference.smape/2+s.mase/reference.mase/2, intervals, s.seconds)
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

// answer is a forecast; the bounds are nil for a method without intervals.
type answer struct{ point, lower80, upper80, lower95, upper95 []float64 }

type scores struct {
	mape, smape, mase, seconds float64
	cover80, cover95, msis     float64
	bounded                    bool
}

// method forecasts a chunk of series of one season and horizon.
type method struct {
	// chunk is how many series a call takes.
	chunk int
	run   func(ctx context.Context, list []series) ([]answer, error)
}

// score runs a method over a group on every core. MAPE and sMAPE are means
// over all points of a series, then over series, as in the competitions; MSIS
// is that of M4, at 95 %.
func score(group []series, m method) scores {
	start := time.Now()
	each := make([]scores, len(group))
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
				for i, a := range list {
					each[at+i] = compare(part[i], a)
				}
			}
		})
	}
	for i := 0; i < len(group); i += m.chunk {
		next <- i
	}
	close(next)
	wait.Wait()
	return mean(each, time.Since(start))
}

func mean(each []scores, took time.Duration) (total scores) {
	n := float64(len(each))
	for _, s := range each {
		total.mape += s.mape / n
		total.smape += s.smape / n
		total.mase += s.mase / n
		total.cover80 += s.cover80 / n
		total.cover95 += s.cover95 / n
		total.msis += s.msis / n
		total.bounded = s.bounded
	}
	total.seconds = took.Seconds()
	return total
}

func compare(s series, f answer) (out scores) {
	scale := s.scale()
	n := float64(len(s.Test))
	out.bounded = f.lower95 != nil
	for i, a := range s.Test {
		d := math.Abs(a - f.point[i])
		if a != 0 {
			out.mape += 100 * d / math.Abs(a) / n
		}
		if t := math.Abs(a) + math.Abs(f.point[i]); t > 0 {
			out.smape += 200 * d / t / n
		}
		out.mase += d / scale / n
		if !out.bounded {
			continue
		}
		if f.lower80[i] <= a && a <= f.upper80[i] {
			out.cover80 += 1 / n
		}
		if f.lower95[i] <= a && a <= f.upper95[i] {
			out.cover95 += 1 / n
		}
		const alpha = 0.05
		width := f.upper95[i] - f.lower95[i] + 2/alpha*(max(0, f.lower95[i]-a)+max(0, a-f.upper95[i]))
		out.msis += width / scale / n
	}
	return out
}
