package globalforecast

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

func quarterSeries(count int, seed uint64) [][]float64 {
	rng := rand.New(rand.NewPCG(seed, seed))
	out := make([][]float64, count)
	for i := range out {
		out[i] = quarters(rng, 24+rng.IntN(40))
	}
	return out
}

func build(steps, parallel int) (*Model, []Verdict, error) {
	r := small()
	r.Steps = steps
	return Build(context.Background(), Plan{
		Version: "test", Sources: []string{"made up"}, Seed: 3, Parallel: parallel,
		Frequencies: []FrequencyPlan{{Name: "quarterly", Recipe: r, Series: quarterSeries(120, 1), Members: 2, Judges: 1}},
	})
}

// built is a model trained once for the tests that need one that knows
// something.
var built = sync.OnceValues(func() (*Frequency, error) {
	m, verdicts, err := build(small().Steps, 2)
	if err != nil {
		return nil, err
	}
	if v := verdicts[0]; !(v.Blended < v.Theta) || v.Series != 120 {
		return nil, fmt.Errorf("the held-out ends say %+v", v)
	}
	return m.Frequencies[0], nil
})

// TestBuildRepeats: whatever ran beside.
func TestBuildRepeats(t *testing.T) {
	t.Parallel()
	var files [2][]byte
	for i, parallel := range []int{1, 3} {
		m, _, err := build(4, parallel)
		if err != nil {
			t.Fatal(err)
		}
		if files[i], err = m.Encode(); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(files[0], files[1]) {
		t.Error("networks trained side by side are not those trained one after the other")
	}
}

// TestBuildLearns: a built model beats the Theta model on series like those it
// saw (see built), and covers what it promises on others.
func TestBuildLearns(t *testing.T) {
	t.Parallel()
	part, err := built()
	if err != nil {
		t.Fatal(err)
	}
	unseen := quarterSeries(150, 2)
	inside, all := 0, 0
	list := make([]Series, len(unseen))
	for i, y := range unseen {
		list[i] = Series{y[:len(y)-4], 4}
	}
	forecasts, err := part.Forecast(context.Background(), list, 4)
	if err != nil {
		t.Fatal(err)
	}
	for i, y := range unseen {
		for h, v := range y[len(y)-4:] {
			all++
			if v >= forecasts[i][0][h] && v <= forecasts[i][quantiles-1][h] {
				inside++
			}
		}
	}
	if share := float64(inside) / float64(all); share < 0.9 || share > 0.99 {
		t.Errorf("%.3f of the values lie within 95 %%", share)
	}
}

func TestBuildRefuses(t *testing.T) {
	t.Parallel()
	_, _, err := Build(context.Background(), Plan{Frequencies: []FrequencyPlan{{Name: "quarterly", Recipe: small(), Series: [][]float64{{1, 2}}, Members: 1}}})
	if !errors.Is(err, ErrNoSeries) {
		t.Errorf("got %v", err)
	}
	r := small()
	r.Shape.Patch = 5
	_, _, err = Build(context.Background(), Plan{Frequencies: []FrequencyPlan{{Name: "quarterly", Recipe: r, Series: quarterSeries(3, 1), Members: 1}}})
	if !errors.Is(err, ErrShape) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	stop := errors.New("stop")
	cancel(stop)
	_, _, err = Build(ctx, Plan{Frequencies: []FrequencyPlan{{Name: "quarterly", Recipe: small(), Series: quarterSeries(3, 1), Members: 1}}})
	if !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
}

// TestTuneGains on series that repeat every five steps, which the networks
// have not seen.
func TestTuneGains(t *testing.T) {
	t.Parallel()
	part, err := built()
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(8, 8))
	series := make([][]float64, 20)
	for i := range series {
		series[i] = make([]float64, 60)
		for k := range series[i] {
			series[i][k] = 50 + rng.NormFloat64()
			if k%5 == 2 {
				series[i][k] += 30
			}
		}
	}
	tuned, report, err := part.Tune(context.Background(), series, Tuning{Steps: 60, Rate: 1e-2, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if !(report.After < 0.9*report.Before) || report.Series != 20 {
		t.Errorf("%+v", report)
	}
	if tuned == part || slices.Equal(tuned.networks[0].Weights, part.networks[0].Weights) {
		t.Error("the networks are the same ones")
	}
	if _, _, err := part.Tune(context.Background(), [][]float64{{1, 2, 3}}, Tuning{}); !errors.Is(err, ErrNoSeries) {
		t.Errorf("got %v", err)
	}
}

// TestInventedSeriesAreSound and differ.
func TestInventedSeriesAreSound(t *testing.T) {
	t.Parallel()
	for _, period := range []int{1, 7, 12, 168} {
		list := Invent(rand.New(rand.NewPCG(1, 2)), 300, 200, period)
		again := Invent(rand.New(rand.NewPCG(1, 2)), 300, 200, period)
		zeros := 0
		for i, y := range list {
			if !slices.Equal(y, again[i]) {
				t.Fatal("the same seed invents others")
			}
			if slices.Contains(y, 0) {
				zeros++
			}
			for _, v := range y {
				if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
					t.Fatalf("period %d: %v", period, v)
				}
			}
		}
		if zeros < 30 || zeros > 150 {
			t.Errorf("period %d: %d of 300 have zeros", period, zeros)
		}
	}
}

func TestUpperIsTheConformalQuantile(t *testing.T) {
	t.Parallel()
	var x []weighted
	for v := 1.0; v <= 9; v++ {
		x = append(x, weighted{v, 0.7})
	}
	for _, c := range []struct{ share, want float64 }{{0.5, 5}, {0.9, 9}, {0.975, 9}, {0.1, 1}} {
		if got := upper(x, c.share); got != c.want {
			t.Errorf("upper(%v) = %v, want %v", c.share, got, c.want)
		}
	}
	heavy := []weighted{{1, 1}, {2, 1}, {3, 8}, {4, 1}}
	if got := upper(heavy, 0.5); got != 3 {
		t.Errorf("half of the weight lies below %v, want 3", got)
	}
	if got := upper(nil, 0.5); got != 1 {
		t.Errorf("without errors the factor is %v", got)
	}
}
