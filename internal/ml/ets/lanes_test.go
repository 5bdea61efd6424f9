package ets

import (
	"math"
	"runtime"
	"testing"

	"pgregory.net/rapid"
)

// TestSideBySideAsAlone: whatever the models and the series, each gets the very
// numbers that it would get alone.
func TestSideBySideAsAlone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		period := rapid.IntRange(1, 13).Draw(t, "period")
		value := rapid.OneOf(rapid.Float64Range(-1, 1), rapid.Float64Range(0.1, 1), rapid.Float64Range(1e-30, 1e-20), rapid.Float64Range(1e20, 1e30), rapid.Just(0.0))
		y := rapid.SliceOfN(value, 1, 60).Draw(t, "values")
		l := newLanes(period)
		for range 2 { // the second time over what the first one left
			models := make([]*Model, rapid.IntRange(1, width).Draw(t, "models"))
			for i := range models {
				models[i] = drawModel(t, period)
				l.set(i, models[i], rapid.Bool().Draw(t, "moves"))
			}
			for i := len(models); i < width; i++ {
				l.idle(i)
			}
			pass := l.run
			if rapid.Bool().Draw(t, "plain") {
				pass = l.runPlain
			}
			pass(y)
			for i, m := range models {
				sse, logs := l.result(i)
				wantSSE, wantLogs := m.run(y, nil)
				if hopeless(sse, logs) && hopeless(wantSSE, wantLogs) {
					continue
				}
				if !equal(sse, wantSSE) || !equal(logs, wantLogs) {
					t.Fatalf("model %d, %+v: %v and %v side by side, %v and %v alone", i, *m, sse, logs, wantSSE, wantLogs)
				}
			}
		}
	})
}

// equal is exact where the compiler fuses no multiplication with an addition.
func equal(a, b float64) bool {
	return a == b || runtime.GOARCH != "amd64" && math.Abs(a-b) <= 1e-6*math.Abs(a)
}

// hopeless says that no search would stay there.
func hopeless(sse, logs float64) bool { return math.IsNaN(sse+logs) || math.IsInf(sse, 1) }

func drawModel(t *rapid.T, period int) *Model {
	share := rapid.Float64Range(0.001, 0.999)
	m := &Model{Spec: Spec{
		Error: rapid.SampledFrom([]Component{Additive, Multiplicative}).Draw(t, "error"),
		Trend: rapid.SampledFrom([]Component{None, Additive, Damped}).Draw(t, "trend"), Period: period, Season: None,
	}, Phi: 1, Alpha: share.Draw(t, "alpha"), Level: rapid.Float64Range(-1, 2).Draw(t, "level")}
	if m.Trend != None {
		m.Beta, m.Slope = share.Draw(t, "beta"), rapid.Float64Range(-0.1, 0.1).Draw(t, "slope")
	}
	if m.Trend == Damped {
		m.Phi = share.Draw(t, "phi")
	}
	if period == 1 {
		m.Period = 1
		return m
	}
	m.Spec.Season = rapid.SampledFrom([]Component{None, Additive, Multiplicative}).Draw(t, "season")
	if m.Spec.Season == None {
		return m
	}
	m.Gamma, m.Season = share.Draw(t, "gamma"), make([]float64, period)
	for i := range m.Season {
		if m.Season[i] = rapid.Float64Range(-0.2, 0.2).Draw(t, "index"); m.Spec.Season == Multiplicative {
			m.Season[i]++
		}
	}
	return m
}

// TestManyFitsAsEach: models that are estimated together are those that are
// estimated one by one.
func TestManyFitsAsEach(t *testing.T) {
	t.Parallel()
	y := make([]float64, 50)
	for i := range y {
		y[i] = 3 + 0.05*float64(i) + math.Sin(float64(i)*math.Pi/2) + 0.3*math.Sin(float64(i*i))
	}
	for _, opt := range []Options{{}, {Evaluations: 90, FixSeason: true}, {Evaluations: 40, once: true}} {
		specs := Candidates(y, 4)
		together, err := fitAll(t.Context(), y, each(specs, opt))
		if err != nil || len(together) != len(specs) {
			t.Fatalf("%d of %d models: %v", len(together), len(specs), err)
		}
		for i, spec := range specs {
			alone, err := Fit(y, spec, opt)
			if err != nil {
				t.Fatal(err)
			}
			if got := together[i]; got.Alpha != alone.Alpha || got.Level != alone.Level || got.AICc != alone.AICc || got.Spec != spec {
				t.Errorf("%s: %+v together, %+v alone", spec, *got, *alone)
			}
		}
	}
}
