// Command train learns the forecast selector from series whose end is held
// back: never from any test part.
//
//	go run ./models/forecast-selector/train -data DIR -derived DIR -folds FILE,FILE [-out FILE] [-cases FOLDER]
//
// -data holds files such as m4/m4_weekly.jsonl.gz: one JSON object a line with
// id, period, m (season length), h (horizon) and train. A "test" beside them is
// not used. What the global networks forecast for a series comes from those
// that did not learn from it: `omni train forecast --folds 2 --fold 0` and 1. The
// same data give the same bytes.
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
	"runtime"
	"slices"
	"strings"
	"sync"

	"github.com/omni-run/omni/internal/ml/features"
	"github.com/omni-run/omni/internal/ml/gbdt"
	"github.com/omni-run/omni/internal/ml/globalforecast"
	"github.com/omni-run/omni/internal/ml/selector"
)

func main() {
	data := flag.String("data", "", "directory of the data sets (required)")
	out := flag.String("out", "models/forecast-selector/selector.bin", "where the model goes")
	derived := flag.String("derived", "", "folder that models/forecast/train wrote to (required)")
	folds := flag.String("folds", "", "comma-separated: global models, the i-th trained without fold i (required)")
	cases := flag.String("cases", "", "keep the surveyed cases in this folder, and read them from it when they are there")
	rounds := flag.Int("rounds", 300, "the most rounds of trees")
	flag.Parse()
	if *data == "" || *derived == "" || *folds == "" {
		flag.Usage()
		os.Exit(2)
	}
	if err := train(context.Background(), options{*data, *derived, *out, *cases, strings.Split(*folds, ","), *rounds}); err != nil {
		log.Fatal(err)
	}
}

type options struct {
	data, derived, out, cases string
	folds                     []string
	rounds                    int
}

func train(ctx context.Context, o options) error {
	nets, err := o.unseen()
	if err != nil {
		return err
	}
	list, err := surveyed(ctx, o, nets)
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
		Rounds: o.rounds, LearningRate: 0.1, Leaves: 8, MinLeaf: 60, Lambda: 2, FeatureShare: 0.7, RowShare: 0.7, Patience: 40, Seed: 1,
	})
	if err != nil {
		return fmt.Errorf("training the combiner: %w", err)
	}
	m.Combiner = *combiner
	l.report(m, list)
	if m.Calibration, err = calibrate(ctx, m, list, nets); err != nil {
		return err
	}
	raw, err := m.Encode()
	if err != nil {
		return err
	}
	fmt.Printf("%d cases, %d rounds, %d bytes\n", len(list), len(combiner.Rounds), len(raw))
	return os.WriteFile(o.out, raw, 0o600)
}

// unseen reads the global models.
func (o options) unseen() (nets unseen, err error) {
	for _, path := range o.folds {
		data, err := os.ReadFile(filepath.Clean(path))
		if err != nil {
			return nil, err
		}
		m, err := globalforecast.Decode(data)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		nets = append(nets, m)
	}
	return nets, nil
}

// surveyed reads each source's cases from the folder of cases, or surveys the
// data and keeps them there.
func surveyed(ctx context.Context, o options, nets unseen) ([]example, error) {
	from := sources(o.derived)
	found, failures := make([][]example, len(from)), make([]error, len(from))
	var wait sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, s := range from {
		wait.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			list, err := kept(o.cases, s)
			if errors.Is(err, fs.ErrNotExist) {
				list, err = survey(ctx, o.data, s, nets)
				if err == nil && o.cases != "" {
					err = keep(o.cases, s, list)
				}
			}
			found[i], failures[i] = list, err
			log.Printf("%s: %d cases", s.file, len(list))
		})
	}
	wait.Wait()
	return slices.Concat(found...), errors.Join(failures...)
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
