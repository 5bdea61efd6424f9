// Command train learns the forecast selector from series whose end is held
// back: never from any test part.
//
//	go run ./models/forecast-selector/train -data DIR [-out FILE] [-cases FOLDER]
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
	"path/filepath"

	"github.com/omni-run/omni/internal/ml/features"
	"github.com/omni-run/omni/internal/ml/gbdt"
	"github.com/omni-run/omni/internal/ml/selector"
)

func main() {
	data := flag.String("data", "", "directory of the data sets (required)")
	out := flag.String("out", "models/forecast-selector/selector.bin", "where the model goes")
	cases := flag.String("cases", "", "keep the surveyed cases in this folder, and read them from it when they are there")
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

// surveyed reads each source's cases from the folder of cases, or surveys the
// data and keeps them there.
func surveyed(ctx context.Context, data, folder string) ([]example, error) {
	var list []example
	for _, from := range sources() {
		found, err := kept(folder, from)
		if errors.Is(err, fs.ErrNotExist) {
			found, err = survey(ctx, data, from)
			if err == nil && folder != "" {
				err = keep(folder, from, found)
			}
		}
		if err != nil {
			return nil, err
		}
		log.Printf("%s: %d cases", from.file, len(found))
		list = append(list, found...)
	}
	return list, nil
}

func place(folder string, from source) string {
	return filepath.Join(folder, fmt.Sprintf("%s-%d-%d.gob", filepath.Base(from.file), from.most, from.cuts))
}

func kept(folder string, from source) (list []example, err error) {
	if folder == "" {
		return nil, fs.ErrNotExist
	}
	f, err := os.Open(place(folder, from))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return list, gob.NewDecoder(f).Decode(&list)
}

func keep(folder string, from source, list []example) error {
	f, err := os.Create(place(folder, from))
	if err != nil {
		return err
	}
	return errors.Join(gob.NewEncoder(f).Encode(list), f.Close())
}
