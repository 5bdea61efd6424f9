// Command nab scores the streaming anomaly detector on the Numenta Anomaly
// Benchmark, and the published detectors' saved scores beside it, all through
// the same scorer.
//
//	go run ./bench/nab -data DIR [-published] [-files] [-holdout]
//
// DIR holds the benchmark's release 1.1 (Lavin and Ahmad 2015): data.csv.gz
// with columns file, timestamp, value; combined_windows.json as released; for
// -published also detector_scores.csv.gz with columns file, row and one a
// detector, and final_results.json and thresholds.json as released.
package main

import (
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/omni-run/omni/internal/ml/nabscore"
	"github.com/omni-run/omni/internal/ml/stream"
)

func main() {
	data := flag.String("data", ".", "folder of the corpus")
	published := flag.Bool("published", false, "score the published detectors too")
	files := flag.Bool("files", false, "show every file")
	holdout := flag.Bool("holdout", false, "judge each category by what was chosen on the others")
	flag.Parse()
	if err := run(*data, *published, *files, *holdout); err != nil {
		fmt.Fprintln(os.Stderr, "nab:", err)
		os.Exit(1)
	}
}

func run(dir string, published, files, holdout bool) error {
	c, err := readCorpus(dir)
	if err != nil {
		return err
	}
	start, points := time.Now(), 0
	scores, err := detect(c, stream.DefaultConfig())
	if err != nil {
		return err
	}
	for _, s := range c.series {
		points += s.Rows
	}
	each := time.Since(start).Seconds() * 1000 / float64(points)
	fmt.Printf("%d files, %d points, %d windows; %.5f ms a point\n\n", len(c.series), points, nabscore.Windows(c.series), each)
	if err := summary(c, scores); err != nil {
		return err
	}
	if files {
		if err := perFile(c, scores); err != nil {
			return err
		}
	}
	if holdout {
		if err := leaveOut(c); err != nil {
			return err
		}
	}
	if published {
		return besides(c, dir)
	}
	return nil
}

// detect runs a fresh detector over every series.
func detect(c *corpus, config stream.Config) ([][]float64, error) {
	scores := make([][]float64, len(c.series))
	for k, values := range c.values {
		d, err := stream.NewWith(config)
		if err != nil {
			return nil, err
		}
		scores[k] = make([]float64, len(values))
		for i, v := range values {
			scores[k][i] = d.Push(c.times[k][i], v).Score
		}
	}
	return scores, nil
}
