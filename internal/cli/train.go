package cli

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/omni-run/omni/internal/cli/table"
	"github.com/omni-run/omni/internal/ml/globalforecast"
	"github.com/omni-run/omni/internal/ml/globalforecast/corpus"
	"github.com/omni-run/omni/internal/ml/mat/f32"
)

func (a *app) trainCommand() *cobra.Command {
	return group("train", "Train a model that ships in the binary", a.trainForecastCommand())
}

// forecastTraining is what a person asks of a training.
type forecastTraining struct {
	corpus.Options
	forbid   []string
	out      string
	into     string
	adjust   bool
	version  string
	seed     uint64
	parallel int
}

func (a *app) trainForecastCommand() *cobra.Command {
	var t forecastTraining
	c := &cobra.Command{
		Use: "forecast FILE...", Short: "Train the global forecaster on files of series",
		Long: `Train the networks behind mode global. Each FILE has one JSON object a line with
id, period (yearly, quarterly, monthly, weekly, daily or hourly), train and,
for a benchmark, test, or else the whole history as values, whose last h are
then the test; it may be compressed (.gz). Each file counts by the root of its
size, so a small set is heard beside a large one.

Nothing in test is learnt from: a series whose train part holds the test part
of any series, in FILE or in --forbid, is left out and counted.`,
		Example: "  omni train forecast m4_yearly.jsonl.gz m4_weekly.jsonl.gz --only yearly,weekly --out model.bin",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("FILE is missing")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.trainForecast(cmd.Context(), t, args) },
	}
	flags := c.Flags()
	flags.StringVar(&t.out, "out", "model.bin", "file to write")
	flags.StringVar(&t.into, "into", "", "model file whose other frequencies are kept")
	flags.BoolVar(&t.adjust, "calibrate", false, "train nothing: learn the blend and the intervals of the networks in --into anew")
	flags.StringSliceVar(&t.forbid, "forbid", nil, "further files whose test parts must stay unseen")
	flags.StringSliceVar(&t.Only, "only", nil, "some of "+strings.Join(corpus.Names, ", ")+" (default: all)")
	flags.IntVar(&t.Members, "members", 3, "networks of each ensemble")
	flags.IntVar(&t.Judges, "judges", 1, "how many of them see all but the ends of the series and are judged on those; 0 leaves the intervals uncalibrated")
	flags.IntVar(&t.Folds, "folds", 0, "divide the series into so many parts and leave out that of --fold, for measuring on it")
	flags.IntVar(&t.Fold, "fold", 0, "the part to leave out, from 0")
	flags.Float64Var(&t.Effort, "effort", 1, "share of the usual number of steps")
	flags.Uint64Var(&t.seed, "seed", 1, "seed of everything random")
	flags.IntVar(&t.parallel, "parallel", runtime.GOMAXPROCS(0), "networks trained side by side")
	flags.StringVar(&t.version, "version", "", "name of the training, written into the model (default: today's date)")
	return c
}

func (t forecastTraining) check() error {
	switch {
	case t.Members < 1 || t.Members > 64:
		return usagef("--members %d is not in 1 to 64", t.Members)
	case t.Judges < 0 || t.Judges > t.Members:
		return usagef("--judges %d is not in 0 to %d, the members", t.Judges, t.Members)
	case t.adjust && t.into == "":
		return usagef("--calibrate needs --into")
	case t.Folds < 0 || t.Fold < 0 || (t.Fold > 0 && t.Fold >= t.Folds):
		return usagef("--fold %d is none of --folds %d parts", t.Fold, t.Folds)
	case !(t.Effort > 0 && t.Effort <= 1000):
		return usagef("--effort %v is not in (0, 1000]", t.Effort)
	}
	for _, name := range t.Only {
		if !slices.Contains(corpus.Names, name) {
			return usagef("--only %q is none of %s", name, strings.Join(corpus.Names, ", "))
		}
	}
	return nil
}

func (a *app) trainForecast(ctx context.Context, t forecastTraining, paths []string) error {
	if err := t.check(); err != nil {
		return err
	}
	if t.version == "" {
		t.version = a.Now().UTC().Format(time.DateOnly)
	}
	series, sources, err := readSets(paths)
	if err != nil {
		return err
	}
	others, _, err := readSets(t.forbid)
	if err != nil {
		return err
	}
	var tests [][]float64
	for _, s := range slices.Concat(series, others) {
		tests = append(tests, s.Test)
	}
	plans, counts, err := corpus.Plans(series, corpus.Forbid(tests), t.Options)
	if err != nil {
		return otherwise(err, counts)
	}
	a.notice("%d series; %d left out because they hold a test part, %d too short or without movement, %d to measure on; kernels: %s",
		len(series), counts.Refused, counts.Unusable, counts.LeftOut, f32.Path())
	start := time.Now()
	bar := &progressBar{app: a}
	var model *globalforecast.Model
	var verdicts []globalforecast.Verdict
	if t.adjust {
		model, verdicts, err = calibrated(ctx, t.into, plans)
	} else {
		model, verdicts, err = globalforecast.Build(ctx, globalforecast.Plan{
			Version: t.version, Sources: sources, Frequencies: plans, Seed: t.seed, Parallel: t.parallel, Progress: bar.tell,
		})
		bar.end()
		if err == nil && t.into != "" {
			model, err = mergeModel(t.into, model)
		}
	}
	if err != nil {
		return err
	}
	data, err := model.Encode()
	if err != nil {
		return err
	}
	if err := os.WriteFile(t.out, data, 0o644); err != nil { //nolint:gosec // weights are no secret
		return fmt.Errorf("writing the model: %w", err)
	}
	return a.writeVerdicts(verdicts, counts, fmt.Sprintf("%s: %d parameters, %.1f MB, in %s", t.out, model.Parameters(), float64(len(data))/1e6, time.Since(start).Round(time.Second)))
}

func readModel(path string) (*globalforecast.Model, error) {
	data, err := os.ReadFile(path) //nolint:gosec // the person names the file
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, underlying(err))
	}
	m, err := globalforecast.Decode(data)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return m, nil
}

// calibrated learns the blend and the intervals of a file's networks anew.
func calibrated(ctx context.Context, path string, plans []globalforecast.FrequencyPlan) (*globalforecast.Model, []globalforecast.Verdict, error) {
	model, err := readModel(path)
	if err != nil {
		return nil, nil, err
	}
	var verdicts []globalforecast.Verdict
	for _, p := range plans {
		part := model.Frequency(p.Name)
		if part == nil {
			return nil, nil, fmt.Errorf("%s has no networks for %s series", path, p.Name)
		}
		v, err := p.Calibrate(ctx, part)
		if err != nil {
			return nil, nil, err
		}
		verdicts = append(verdicts, v)
	}
	return model, verdicts, nil
}

// mergeModel puts what was trained into the model of a file.
func mergeModel(path string, trained *globalforecast.Model) (*globalforecast.Model, error) {
	m, err := readModel(path)
	if err != nil {
		return nil, err
	}
	m.Replace(trained.Frequencies...)
	m.Version, m.Sources = trained.Version, slices.Compact(slices.Sorted(slices.Values(slices.Concat(m.Sources, trained.Sources))))
	return m, nil
}

// otherwise names the flag that trains the frequencies there are, where another
// one was asked for.
func otherwise(err error, counts corpus.Counts) error {
	var have []string
	for _, name := range corpus.Names {
		if counts.Used[name] > 0 {
			have = append(have, name)
		}
	}
	if !errors.Is(err, corpus.ErrNone) || len(have) == 0 {
		return err
	}
	return fmt.Errorf("%w; train what the files hold with --only %s", err, strings.Join(have, ","))
}

// readSets reads files of series and names them.
func readSets(paths []string) (series []corpus.Series, names []string, err error) {
	for _, path := range paths {
		list, err := readSet(path)
		if err != nil {
			return nil, nil, err
		}
		name := strings.TrimSuffix(strings.TrimSuffix(filepath.Base(path), ".gz"), ".jsonl")
		for i := range list {
			list[i].Set = name
		}
		series, names = append(series, list...), append(names, name)
	}
	return series, names, nil
}

func readSet(path string) (list []corpus.Series, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", path, underlying(err))
	}
	defer func() { _ = f.Close() }() // it was only read
	var in io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		z, err := gzip.NewReader(f)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		in = z
	}
	if list, err = corpus.Read(in); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return list, nil
}

// writeVerdicts prints what the held-out ends said. Errors are relative to
// those of the Theta model.
func (a *app) writeVerdicts(verdicts []globalforecast.Verdict, counts corpus.Counts, last string) error {
	t := table.New("frequency", "series", "points", "networks/Theta", "blend/Theta", "networks' share", "trust", "lean", "raw 95 %", "MSIS", "loss")
	for _, v := range verdicts {
		t.Add(v.Name, fmt.Sprint(counts.Used[v.Name]), fmt.Sprint(counts.Points[v.Name]), ratioOf(v.Networks, v.Theta), ratioOf(v.Blended, v.Theta), fmt.Sprintf("%.2f", v.Blend), fmt.Sprint(v.Trust), fmt.Sprint(v.Lean), fmt.Sprintf("%.3f", v.Coverage), fmt.Sprintf("%.2f", v.Score), fmt.Sprintf("%.3f", v.Loss))
		for _, s := range v.Sets {
			if len(v.Sets) > 1 {
				t.Add("  "+s.Name, fmt.Sprint(s.Series), "", ratioOf(s.Networks, s.Theta), ratioOf(s.Blended, s.Theta), "", "", "", fmt.Sprintf("%.3f", s.Coverage), "", "")
			}
		}
	}
	if _, err := t.WriteTo(a.Stdout); err != nil {
		return err
	}
	return a.printf("%s\n", last)
}

func ratioOf(x, y float64) string {
	if y == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f", x/y)
}
