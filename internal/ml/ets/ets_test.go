package ets_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/omni-run/omni/internal/ml/ets"
)

type reference struct {
	Y      []float64
	Period int
	Cases  []struct {
		Name                       string
		LLF                        float64
		Fitted, Forecast, Variance []float64
		BestLLF                    float64   `json:"best_llf"`
		BestForecast               []float64 `json:"best_forecast"`
	}
}

// load reads what testdata/reference.py wrote with statsmodels 0.15.
func load(t *testing.T) (r reference) {
	t.Helper()
	data, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func spec(name string, period int) ets.Spec {
	s := ets.Spec{Error: ets.Component(name[0]), Trend: ets.Component(name[1]), Season: ets.Component(name[len(name)-1]), Period: period}
	if len(name) == 4 {
		s.Trend = ets.Damped
	}
	return s
}

func near(t *testing.T, what string, got, want []float64, tolerance float64) {
	t.Helper()
	for i := range want {
		if math.Abs(got[i]-want[i]) > tolerance*(1+math.Abs(want[i])) {
			t.Fatalf("%s[%d] = %.10g, want %.10g", what, i, got[i], want[i])
		}
	}
}

func TestFilterAgreesWithStatsmodels(t *testing.T) {
	t.Parallel()
	r := load(t)
	for _, c := range r.Cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			m := ets.Model{Spec: spec(c.Name, r.Period), Alpha: 0.4, Beta: 0.1, Gamma: 0.2, Phi: 0.9, Level: 48, Slope: 0.7}
			switch m.Spec.Season {
			case ets.Additive:
				m.Season = []float64{7, -2, -9, 4} // statsmodels numbers them backwards in time
			case ets.Multiplicative:
				m.Season = []float64{1.13, 0.97, 0.82, 1.08}
			}
			fitted, err := m.Filter(r.Y)
			if err != nil {
				t.Fatal(err)
			}
			// For a multiplicative season statsmodels smooths with the new level
			// (Holt and Winters), we with the old one (Hyndman et al.), which
			// differ in the second order of the error.
			tolerance := 1e-9
			if m.Spec.Season == ets.Multiplicative {
				tolerance = 1e-2
			}
			near(t, "fitted", fitted, c.Fitted, tolerance)
			near(t, "forecast", m.Forecast(9), c.Forecast, tolerance)
			near(t, "log-likelihood", []float64{m.LogLikelihood}, []float64{c.LLF}, tolerance)
			if c.Variance != nil {
				near(t, "variance", m.Variance(9, 0, nil), c.Variance, 1e-6)
			}
		})
	}
}

// TestFitIsAsLikelyAsStatsmodels asks for a likelihood no more than 0.5 below
// the one statsmodels reaches with its own optimiser (it may be above).
func TestFitIsAsLikelyAsStatsmodels(t *testing.T) {
	t.Parallel()
	r := load(t)
	for _, c := range r.Cases {
		t.Run(c.Name, func(t *testing.T) {
			t.Parallel()
			m, err := ets.Fit(r.Y, spec(c.Name, r.Period), ets.Options{Evaluations: 4000})
			if err != nil {
				t.Fatal(err)
			}
			if m.LogLikelihood < c.BestLLF-0.5 {
				t.Errorf("log-likelihood %.3f, statsmodels %.3f", m.LogLikelihood, c.BestLLF)
			}
		})
	}
}

func TestSimulatedVarianceAgreesWithAnalytic(t *testing.T) {
	t.Parallel()
	r := load(t)
	// With a small relative error the multiplicative model's variance is the
	// additive one's times the squared level.
	m := ets.Model{Spec: spec("MNN", 1), Alpha: 0.4, Level: 48}
	if _, err := m.Filter(r.Y); err != nil {
		t.Fatal(err)
	}
	m.Sigma2 = 1e-6
	got, level := m.Variance(5, 20000, rand.New(rand.NewPCG(1, 1))), m.Forecast(1)[0]
	for h, v := range got {
		want := 1e-6 * level * level * (1 + float64(h)*0.16)
		if math.Abs(v-want) > 0.05*want {
			t.Errorf("step %d: %.4g, want %.4g within 5 %%", h+1, v, want)
		}
	}
}

func TestSelectFindsTheFormOfASeries(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 5))
	y := make([]float64, 96)
	for i := range y {
		y[i] = (100 + 2*float64(i)) * (1 + 0.3*math.Sin(float64(i)*math.Pi/6)) * (1 + 0.01*rng.NormFloat64())
	}
	m, err := ets.Select(t.Context(), y, 12, ets.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if m.Spec.Season != ets.Multiplicative || m.Trend == ets.None {
		t.Errorf("chose %s for a multiplicative season with a trend", m.Spec)
	}
	for h, v := range m.Forecast(12) {
		i := float64(96 + h)
		want := (100 + 2*i) * (1 + 0.3*math.Sin(i*math.Pi/6))
		if math.Abs(v-want) > 0.05*want {
			t.Errorf("step %d: %.1f, want %.1f within 5 %%", h+1, v, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ets.Select(ctx, y, 12, ets.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestOddSeries(t *testing.T) {
	t.Parallel()
	for name, y := range map[string][]float64{
		"constant": {5, 5, 5, 5, 5, 5, 5, 5}, "zero": make([]float64, 9), "negative": {-3, -5, -4, -3, -5, -4, -3, -5, -4},
		"spike": {1, 1, 1, 1, 1e6, 1, 1, 1, 1, 1}, "tiny": {1e-150, 2e-150, 1e-150, 2e-150, 1e-150, 2e-150, 1e-150},
	} {
		m, err := ets.Select(t.Context(), y, 1, ets.Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, v := range m.Forecast(40) {
			if math.IsNaN(v) || math.IsInf(v, 0) || (name == "constant" && math.Abs(v-5) > 1e-6) {
				t.Errorf("%s: %v", name, v)
			}
		}
	}
	if _, err := ets.Fit([]float64{1, 2, 3}, spec("AAN", 1), ets.Options{}); !errors.Is(err, ets.ErrTooShort) {
		t.Errorf("three values: %v", err)
	}
	if _, err := ets.Fit([]float64{1, 2, 3, -4, 5, 6, 7, 8}, spec("MNN", 1), ets.Options{}); !errors.Is(err, ets.ErrNotPositive) {
		t.Errorf("a negative value: %v", err)
	}
	if _, err := ets.Fit(make([]float64, 30), spec("XNN", 1), ets.Options{}); !errors.Is(err, ets.ErrSpec) {
		t.Errorf("an unknown form: %v", err)
	}
}

// TestScreeningFindsAFormAsLikely: the form that a screening leaves is, on
// each reference series, nearly as likely as the one of the full search.
func TestScreeningFindsAFormAsLikely(t *testing.T) {
	t.Parallel()
	r := load(t)
	full, err := ets.Select(t.Context(), r.Y, r.Period, ets.Options{Evaluations: 600})
	if err != nil {
		t.Fatal(err)
	}
	quick, err := ets.Select(t.Context(), r.Y, r.Period, ets.Options{Evaluations: 600, Screen: 60})
	if err != nil {
		t.Fatal(err)
	}
	if quick.AICc > full.AICc+2 {
		t.Errorf("screened %s with AICc %.2f, of all %s with %.2f", quick.Spec, quick.AICc, full.Spec, full.AICc)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ets.Select(ctx, r.Y, r.Period, ets.Options{Screen: 60}); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestAgain: from where a fit on the beginning stood, a short search on the
// whole comes close to the likelihood that a full one finds.
func TestAgain(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(5, 5))
	y := make([]float64, 96)
	level := 100.0
	for i := range y {
		level += 0.5 + rng.NormFloat64()
		y[i] = level * (1 + 0.2*math.Sin(2*math.Pi*float64(i)/12)) * (1 + 0.01*rng.NormFloat64())
	}
	opt := ets.Options{FixSeason: true, Evaluations: 240, Screen: 50, Finalists: 2}
	earlier, err := ets.Rank(t.Context(), y[:72], 12, opt)
	if err != nil || len(earlier) != 2 || earlier[0].AICc > earlier[1].AICc {
		t.Fatalf("%d models, %v", len(earlier), err)
	}
	full, err := ets.Select(t.Context(), y, 12, opt)
	if err != nil {
		t.Fatal(err)
	}
	opt.Evaluations = 120
	again, err := ets.Again(t.Context(), y, earlier, opt)
	if err != nil {
		t.Fatal(err)
	}
	if again.N != len(y) || again.AICc > full.AICc+4 {
		t.Errorf("AICc %.2f (%s) again, %.2f (%s) in full", again.AICc, again.Spec, full.AICc, full.Spec)
	}
	if _, err := ets.Again(t.Context(), y[:2], earlier, opt); !errors.Is(err, ets.ErrTooShort) {
		t.Errorf("two values: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ets.Again(ctx, y, earlier, opt); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}
