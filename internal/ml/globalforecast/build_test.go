package globalforecast

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
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

func build(t *testing.T, parallel int) (*Model, Verdict) {
	t.Helper()
	m, verdicts, err := Build(context.Background(), Plan{
		Version: "test", Sources: []string{"made up"}, Seed: 3, Parallel: parallel,
		Frequencies: []FrequencyPlan{{Name: "quarterly", Recipe: small(), Series: quarterSeries(120, 1), Members: 3, Judges: 1}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return m, verdicts[0]
}

// TestBuildLearnsAndRepeats: a built model beats the Theta model on series like
// those it saw, covers what it promises, and is the same whatever ran beside.
func TestBuildLearnsAndRepeats(t *testing.T) {
	t.Parallel()
	m, v := build(t, 1)
	if !(v.Blended < v.Theta) || v.Series != 120 {
		t.Errorf("%+v", v)
	}
	other, _ := build(t, 3)
	a, err := m.Encode()
	if err != nil {
		t.Fatal(err)
	}
	b, err := other.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(a, b) {
		t.Error("three networks side by side are not those trained one after the other")
	}
	unseen := quarterSeries(150, 2)
	inside, all := 0, 0
	list := make([]Series, len(unseen))
	for i, y := range unseen {
		list[i] = Series{y[:len(y)-4], 4}
	}
	forecasts, err := m.Frequencies[0].Forecast(context.Background(), list, 4)
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
	m, _ := build(t, 2)
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
	part, report, err := m.Frequencies[0].Tune(context.Background(), series, Tuning{Steps: 200, Rate: 5e-3, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	if !(report.After < 0.8*report.Before) || report.Series != 20 {
		t.Errorf("%+v", report)
	}
	if part == m.Frequencies[0] || slices.Equal(part.networks[0].Weights, m.Frequencies[0].networks[0].Weights) {
		t.Error("the networks are the same ones")
	}
	if _, _, err := m.Frequencies[0].Tune(context.Background(), [][]float64{{1, 2, 3}}, Tuning{}); !errors.Is(err, ErrNoSeries) {
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
	x := []float64{5, 1, 4, 2, 3, 9, 8, 7, 6}
	for _, c := range []struct{ share, want float64 }{{0.5, 5}, {0.9, 9}, {0.975, 9}, {0.1, 1}} {
		if got := upper(x, c.share); got != c.want {
			t.Errorf("upper(%v) = %v, want %v", c.share, got, c.want)
		}
	}
	if got := upper(nil, 0.5); got != 1 {
		t.Errorf("without errors the factor is %v", got)
	}
}
