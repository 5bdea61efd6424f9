// Command train learns the forecast selector from series whose end is held
// back: never from any test part.
//
//	go run ./models/forecast-selector/train -data DIR [-out FILE] [-cases FILE]
//
// DIR holds files such as m4/m4_weekly.jsonl.gz: one JSON object a line with
// id, period, m (season length), h (horizon) and train. A "test" beside them is
// never read. The same data give the same bytes.
package main

import (
	"context"
	"encoding/gob"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"os"

	"github.com/omni-run/omni/internal/ml/features"
	"github.com/omni-run/omni/internal/ml/gbdt"
	"github.com/omni-run/omni/internal/ml/selector"
)

func main() {
	data := flag.String("data", "", "directory of the data sets (required)")
	out := flag.String("out", "models/forecast-selector/selector.json.gz", "where the model goes")
	cases := flag.String("cases", "", "keep the surveyed cases in this file, and read them from it when it is there")
	rounds := flag.Int("rounds", 150, "the most rounds of trees")
	flag.Parse()
	if *data == "" {
		flag.Usage()
		os.Exit(2)
	}
	if err := train(context.Background(), *data, *out, *cases, *rounds); err != nil {
		log.Fatal(err)
	}
}

func train(ctx context.Context, data, out, cache string, rounds int) error {
	list, err := surveyed(ctx, data, cache)
	if err != nil {
		return err
	}
	l := newLoss(list)
	rows, available, held := make([][]float64, len(list)), make([][]bool, len(list)), make([]bool, len(list))
	for i, e := range list {
		rows[i], available[i], held[i] = e.Case.Row(), e.Case.Available(), e.Held
	}
	m := &selector.Model{Members: selector.Members(), Features: features.Names()}
	combiner, err := gbdt.TrainCombiner(ctx, rows, available, held, l, gbdt.Options{
		Rounds: rounds, LearningRate: 0.1, Leaves: 8, MinLeaf: 60, Lambda: 2, FeatureShare: 0.7, RowShare: 0.7, Patience: 15, Seed: 1,
	})
	if err != nil {
		return fmt.Errorf("training the combiner: %w", err)
	}
	round(combiner)
	m.Combiner = *combiner
	l.report(m, list)
	if m.Calibration, err = calibrate(ctx, m, list); err != nil {
		return err
	}
	raw, err := m.Encode()
	if err != nil {
		return err
	}
	fmt.Printf("%d cases, %d rounds, %d bytes\n", len(list), len(combiner.Rounds), len(raw))
	return os.WriteFile(out, raw, 0o600)
}

// round shortens the numbers to what float32 holds, which halves the file.
func round(c *gbdt.Combiner) {
	for _, trees := range c.Rounds {
		for k := range trees {
			for i := range trees[k].Value {
				trees[k].Value[i] = float64(float32(trees[k].Value[i]))
				trees[k].Threshold[i] = float64(float32(trees[k].Threshold[i]))
			}
		}
	}
}

// surveyed reads the cases from the cache or surveys the data.
func surveyed(ctx context.Context, data, cache string) ([]example, error) {
	if cache != "" {
		f, err := os.Open(cache)
		if err == nil {
			defer f.Close()
			var list []example
			return list, gob.NewDecoder(f).Decode(&list)
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	list, err := survey(ctx, data)
	if err != nil || cache == "" {
		return list, err
	}
	f, err := os.Create(cache)
	if err != nil {
		return nil, err
	}
	return list, errors.Join(gob.NewEncoder(f).Encode(list), f.Close())
}
