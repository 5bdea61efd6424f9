package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"os"
	"path/filepath"

	"github.com/omni-run/omni/internal/ml/backtest"
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

// sources are the training parts of public competitions. What a file calls its
// test is not even decoded.
func sources() []source {
	return []source{
		{file: "m4/m4_yearly", most: 2500, cuts: 1},
		{file: "m4/m4_quarterly_part", most: 2500, cuts: 1},
		{file: "m4/m4_monthly_train_only_part", most: 2500, cuts: 1},
		{file: "m4/m4_weekly", most: 359, cuts: 2},
		{file: "m4/m4_hourly", most: 414, cuts: 2},
		{file: "tourism/tourism", most: 1311, cuts: 1},
		{file: "carparts/carparts", most: 1500, cuts: 1, demand: true},
	}
}

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
	Case   selector.Case
}

type series struct {
	ID, Period string
	M, H       int
	Train      []*float64
}

const (
	leastKnown = 8
	// mostKnown bounds the survey of long series.
	mostKnown = 900
	// networkEvery: on every so manieth series the network takes part too.
	networkEvery = 3
)

func survey(ctx context.Context, dir string, from source) ([]example, error) {
	lines, err := load(filepath.Join(dir, from.file+".jsonl.gz"))
	if err != nil {
		return nil, err
	}
	var list []example
	stride := max(1, len(lines)/from.most)
	for i := 0; i < len(lines); i += stride {
		for cut := 1; cut <= from.cuts; cut++ {
			found, err := lines[i].examples(ctx, from, cut, i/stride%networkEvery == 0)
			if err != nil {
				return nil, fmt.Errorf("%s, series %s: %w", from.file, lines[i].ID, err)
			}
			list = append(list, found...)
		}
	}
	return list, nil
}

func load(path string) ([]series, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening a data set: %w", err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	var out []series
	scan := bufio.NewScanner(z)
	scan.Buffer(nil, 1<<24)
	for scan.Scan() {
		var s series
		if err := json.Unmarshal(scan.Bytes(), &s); err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		out = append(out, s)
	}
	return out, scan.Err()
}

// values are the series' values up to its first hole.
func (s series) values() []float64 {
	var y []float64
	for _, v := range s.Train {
		if v == nil {
			break
		}
		y = append(y, *v)
	}
	return y
}

// examples holds back the cut-th last horizon of a training part. The case is
// there without the network and, if networked, with it.
func (s series) examples(ctx context.Context, from source, cut int, networked bool) ([]example, error) {
	y := s.values()
	end := len(y) - (cut-1)*s.H
	known := end - s.H
	if known < max(leastKnown, s.H/2) {
		return nil, nil
	}
	e := example{
		Group: filepath.Base(from.file) + " " + s.Period, Known: y[max(0, known-mostKnown):known], Actual: y[known:end],
		Period: s.M, Demand: from.demand, Held: digest(s.ID)%5 == 0,
	}
	if e.Scale = backtest.Scale(e.Known, s.M); !(e.Scale > 0) {
		return nil, nil
	}
	var out []example
	for _, with := range []bool{false, true} {
		if with && !networked {
			break
		}
		var err error
		if e.Case, e.Unit, err = forecast.Survey(ctx, e.Known, s.M, s.H, with); err != nil {
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
