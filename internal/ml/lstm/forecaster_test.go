package lstm_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/omni-run/omni/internal/ml/lstm"
)

func source(seed uint64) *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }

// zigzag is a rising series whose steps alternate.
func zigzag(n int) []float64 {
	y := make([]float64, n)
	for i := range y {
		y[i] = 100 + 5*float64(i) + 7.5*float64(i%2)
	}
	return y
}

func train(t testing.TB, y []float64, cfg lstm.SeriesConfig, seed uint64) (*lstm.Forecaster, lstm.Report) {
	t.Helper()
	f, report, err := lstm.TrainSeries(t.Context(), [][]float64{y}, cfg, source(seed), nil)
	if err != nil {
		t.Fatal(err)
	}
	return f, report
}

func TestLearnsAZigzag(t *testing.T) {
	t.Parallel()
	y := zigzag(44)
	f, report := train(t, y[:40], lstm.SeriesConfig{Lookback: 10}, 1)
	got, err := f.Forecast(t.Context(), y[:40], 4, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range y[40:] {
		if math.Abs(got[i]-want) > 5 {
			t.Errorf("step %d: %.2f, want %.2f within 5", i+1, got[i], want)
		}
	}
	if report.Epochs < 1 || math.IsNaN(report.Loss) || report.Loss > 0.2 {
		t.Errorf("report %+v", report)
	}
}

// TestLearnsWhatIsNotLinear uses the logistic map in its chaotic range, which
// no linear autoregression predicts: the recurrent part must.
func TestLearnsWhatIsNotLinear(t *testing.T) {
	t.Parallel()
	y := make([]float64, 240)
	y[0] = 0.3
	for i := 1; i < len(y); i++ {
		y[i] = 3.8 * y[i-1] * (1 - y[i-1])
	}
	cfg := lstm.SeriesConfig{Lookback: 4, Hidden: 10, Training: lstm.Training{Epochs: 80, Rate: 0.03, Patience: 80}}
	f, _ := train(t, y[:200], cfg, 2)
	var model, naive float64
	for at := 200; at < 239; at++ {
		p, err := f.Forecast(t.Context(), y[:at], 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		model += math.Abs(p[0] - y[at])
		naive += math.Abs(y[at-1] - y[at])
	}
	if model > naive/8 {
		t.Errorf("mean error %.3f, naive %.3f: less than eight times better", model/39, naive/39)
	}
}

func TestSameSeedSameForecastAtAnyGOMAXPROCS(t *testing.T) {
	y := zigzag(30)
	run := func(procs int, seed uint64) []float64 {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(procs))
		f, _ := train(t, y, lstm.SeriesConfig{Lookback: 6, Training: lstm.Training{Dropout: 0.1, Epochs: 9}}, seed)
		out, err := f.Forecast(t.Context(), y, 9, 0)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	one := run(1, 5)
	if !slices.Equal(one, run(4, 5)) {
		t.Error("GOMAXPROCS changes the forecast")
	}
	if slices.Equal(one, run(1, 6)) {
		t.Error("the seed changes nothing")
	}
}

func TestOddSeries(t *testing.T) {
	t.Parallel()
	cfg := lstm.SeriesConfig{Lookback: 3, Training: lstm.Training{Epochs: 5}}
	for name, y := range map[string][]float64{"short": {1, 2, 3}, "empty": nil} {
		if _, _, err := lstm.TrainSeries(t.Context(), [][]float64{y}, cfg, source(1), nil); !errors.Is(err, lstm.ErrTooShort) {
			t.Errorf("%s: %v, want ErrTooShort", name, err)
		}
	}
	still, report := train(t, []float64{5, 5, 5, 5, 5, 5, 5}, cfg, 1)
	if out, err := still.Forecast(t.Context(), []float64{5, 5, 5, 5}, 3, 0); err != nil || !slices.Equal(out, []float64{5, 5, 5}) || report.Epochs < 1 {
		t.Errorf("a constant series: %v, %v, %+v", out, err, report)
	}
	spike := append(zigzag(40), 1e6)
	f, _ := train(t, append(spike, zigzag(12)...), cfg, 1)
	for name, y := range map[string][]float64{"one point": {7}, "constant": {5, 5, 5, 5}, "tiny": {1e-150, 2e-150, 1e-150, 2e-150}} {
		out, err := f.Forecast(t.Context(), y, 50, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range out {
			if math.IsNaN(v) || math.IsInf(v, 0) || (name == "constant" && v != 5) {
				t.Fatalf("%s: %v", name, out)
			}
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := lstm.TrainSeries(ctx, [][]float64{zigzag(20)}, cfg, source(1), nil); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled training: %v", err)
	}
}

func BenchmarkSixteenPoints(b *testing.B) {
	y := zigzag(16)
	for b.Loop() {
		f, _ := train(b, y, lstm.SeriesConfig{Lookback: 10, Hidden: 12, Training: lstm.Training{Patience: 50}}, 1)
		if _, err := f.Forecast(b.Context(), y, 5, 0); err != nil {
			b.Fatal(err)
		}
	}
}
