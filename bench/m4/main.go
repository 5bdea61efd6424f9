// Command m4 scores the shipped global forecaster on public competition data,
// beside the published results and our own Theta and ETS.
//
//	go run ./bench/m4 -data DIR [-sets m4,tourism,...] [-model FILE] [-holdout] [-rivals] [-stride 1]
//
// DIR holds files such as m4/m4_weekly.jsonl.gz: one JSON object a line with
// id, period, m (season length), h (horizon), train and test. With -holdout no
// test part is scored: the last h values of each training part stand for it,
// which is how a recipe is tuned. The tables go to standard output as Markdown.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/omni-run/omni/internal/ml/globalforecast"
	"github.com/omni-run/omni/models/forecast"
)

type options struct {
	data, model     string
	sets            []string
	holdout, rivals bool
	stride          int
}

func main() {
	var o options
	var names string
	flag.StringVar(&o.data, "data", "", "directory of the data sets (required)")
	flag.StringVar(&names, "sets", "m4,tourism", "comma-separated: "+strings.Join(setNames(), " ")+"; or one period of a set, such as 'm4 weekly'")
	flag.StringVar(&o.model, "model", "", "model file to score in place of the shipped one")
	flag.BoolVar(&o.holdout, "holdout", false, "score on the ends of the training parts, no test part")
	flag.BoolVar(&o.rivals, "rivals", false, "score our Theta and ETS too (slow)")
	flag.IntVar(&o.stride, "stride", 1, "use every n-th series")
	flag.Parse()
	o.sets = strings.Split(names, ",")
	if o.data == "" || o.stride < 1 {
		flag.Usage()
		os.Exit(2)
	}
	if err := run(context.Background(), o); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, o options) error {
	model, err := load(o.model)
	if err != nil {
		return err
	}
	fmt.Printf("model %s, %d parameters\n\n", model.Version, model.Parameters())
	fmt.Println("| set | series | method | sMAPE | MASE | OWA | MAPE | MSIS | in 95 % | series/s |\n|---|---|---|---|---|---|---|---|---|---|")
	for _, s := range sets {
		if !slices.ContainsFunc(o.sets, func(asked string) bool { return strings.HasPrefix(asked+" ", s.name+" ") }) {
			continue
		}
		groups, err := s.read(o)
		if err != nil {
			return fmt.Errorf("reading %s: %w", s.name, err)
		}
		for _, g := range groups {
			if !slices.Contains(o.sets, s.name) && !slices.Contains(o.sets, g.name) {
				continue
			}
			if err := g.score(ctx, model, o.rivals); err != nil {
				return fmt.Errorf("scoring %s: %w", g.name, err)
			}
		}
	}
	return nil
}

func load(path string) (*globalforecast.Model, error) {
	if path == "" {
		return forecast.Default()
	}
	data, err := os.ReadFile(filepath.Clean(path))
	if err != nil {
		return nil, fmt.Errorf("reading the model: %w", err)
	}
	return globalforecast.Decode(data)
}
