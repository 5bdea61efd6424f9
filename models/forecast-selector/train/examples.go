package main

import (
	"compress/gzip"
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"path/filepath"

	"github.com/omni-run/omni/internal/ml/backtest"
	"github.com/omni-run/omni/internal/ml/globalforecast"
	"github.com/omni-run/omni/internal/ml/globalforecast/corpus"
	"github.com/omni-run/omni/internal/ml/selector"
	"github.com/omni-run/omni/internal/service/forecast"
)

// source is one file and how much of it is used.
type source struct {
	file string
	// most series, evenly spread; cuts how many ends are held back of each.
	most, cuts int
	// demand leaves sMAPE out of the loss.
	demand bool
}

// sources are the training parts of public data sets; what a file calls its
// test, or cuts from its end for one, is not used. Those in derived were written
// by models/forecast/train.
func sources(derived string) []source {
	return []source{
		{file: "m4/m4_yearly", most: 2500, cuts: 1},
		{file: "m4/m4_quarterly_part", most: 2500, cuts: 1},
		{file: "m4/m4_monthly_train_only_part", most: 2500, cuts: 1},
		{file: "m4/m4_weekly", most: 359, cuts: 2},
		{file: "m4/m4_hourly", most: 414, cuts: 1},
		{file: "tourism/tourism", most: 1311, cuts: 1},
		{file: "m1/m1", most: 1001, cuts: 1},
		{file: "aus_retail/aus_retail", most: 150, cuts: 2},
		{file: "pbs/pbs_pharma_sales", most: 336, cuts: 1},
		{file: "jewelry/jewelry_weekly", most: 314, cuts: 2},
		{file: filepath.Join(derived, "walmart"), most: 45, cuts: 2},
		{file: filepath.Join(derived, "nngc1"), most: 60, cuts: 2},
		{file: filepath.Join(derived, "online_retail"), most: 350, cuts: 1, demand: true},
		{file: "carparts/carparts", most: 1500, cuts: 1, demand: true},
	}
}

// seasons are the usual ones, for sets that state none.
var seasons = map[string]int{"yearly": 1, "quarterly": 4, "monthly": 12, "weekly": 1, "daily": 7, "hourly": 24}

// ahead is the horizon of sets that state none.
const ahead = 14

// example is a case with what came after.
type example struct {
	Group string
	// Known is the history that was forecast, Actual what came after it.
	Known, Actual []float64
	Period        int
	Unit          float64
	// Scale is the MASE denominator of Known, in its unit.
	Scale float64
	// Demand leaves sMAPE, which means nothing for zeros, out of the loss.
	Demand bool
	Held   bool
	// Fold is which global model did not learn from the series, Kind names its
	// frequency where the caller would have said.
	Fold     int
	ID, Kind string
	Case     selector.Case
}

const (
	leastKnown = 8
	// mostKnown bounds the survey of long series.
	mostKnown = 900
	// networkEvery: on every so manieth series the network takes part too.
	networkEvery = 3
)

// unseen are global models by the fold they did not learn from.
type unseen []*globalforecast.Model

func survey(ctx context.Context, dir string, from source, nets unseen) ([]example, error) {
	path := from.file
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	lines, err := load(path + ".jsonl.gz")
	if err != nil {
		return nil, err
	}
	var list []example
	stride := max(1, len(lines)/from.most)
	for i := 0; i < len(lines); i += stride {
		for cut := 1; cut <= from.cuts; cut++ {
			found, err := examples(ctx, lines[i], from, cut, i/stride%networkEvery == 0, nets)
			if err != nil {
				return nil, fmt.Errorf("%s, series %s: %w", from.file, lines[i].ID, err)
			}
			list = append(list, found...)
		}
	}
	return list, nil
}

func load(path string) ([]corpus.Series, error) {
	f, err := os.Open(filepath.Clean(path))
	if err != nil {
		return nil, fmt.Errorf("opening a data set: %w", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	list, err := corpus.Read(z)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return list, nil
}

// examples holds back the cut-th last horizon of a training part. The case is
// there without the network trained in the call and, if networked, with it.
func examples(ctx context.Context, s corpus.Series, from source, cut int, networked bool, nets unseen) ([]example, error) {
	period, h := s.Season, s.Ahead
	if period == 0 {
		period = seasons[s.Period]
	}
	if h == 0 {
		h = ahead
	}
	end := len(s.Train) - (cut-1)*h
	known := end - h
	if known < max(leastKnown, h/2) {
		return nil, nil
	}
	e := example{
		Group: filepath.Base(from.file) + " " + s.Period, Known: s.Train[max(0, known-mostKnown):known], Actual: s.Train[known:end],
		Period: period, Demand: from.demand, Held: digest(s.ID)%5 == 0, Fold: corpus.FoldOf(s.ID, len(nets)), ID: s.ID, Kind: s.Period,
	}
	if e.Scale = backtest.Scale(e.Known, period); !(e.Scale > 0) {
		return nil, nil
	}
	if digest(s.ID)%3 == 0 {
		e.Kind = "" // not every caller says
	}
	var out []example
	for _, with := range []bool{false, true} {
		if with && !networked {
			break
		}
		var err error
		known := forecast.Surveyed{Values: e.Known, Period: period, Horizon: h, Global: nets[e.Fold], Kind: e.Kind}
		if e.Case, e.Unit, err = known.Survey(ctx, with); err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

func digest(id string) uint32 {
	h := fnv.New32a()
	h.Write([]byte(id))
	return h.Sum32()
}

// errorsOf returns MASE and sMAPE of a forecast in the case's unit.
func (e *example) errorsOf(f []float64) (mase, smape float64) {
	n := float64(len(e.Actual))
	for i, a := range e.Actual {
		v := f[i] * e.Unit
		d := math.Abs(a - v)
		mase += d / e.Scale / n
		if t := math.Abs(a) + math.Abs(v); t > 0 {
			smape += 200 * d / t / n
		}
	}
	return mase, smape
}
