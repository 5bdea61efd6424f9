package accuracy_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/omni-run/omni/internal/ml/accuracy"
)

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-12*max(1, math.Abs(want)) && !(math.IsNaN(got) && math.IsNaN(want)) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// Every figure by hand.
func TestMeasure(t *testing.T) {
	t.Parallel()
	cases := []accuracy.Case{
		{Train: []float64{10, 12, 11, 13}, Test: []float64{10, 20}, Lag: 2}, // scale 1
		{Train: []float64{5, 5, 5}, Test: []float64{5}, Lag: 1},             // no scale
		{Train: []float64{0, 4, 0}, Test: []float64{0, 4}, Lag: 1},          // scale 4
	}
	band := func(level float64, lower, upper []float64) accuracy.Band {
		return accuracy.Band{Level: level, Lower: lower, Upper: upper}
	}
	s := accuracy.Measure(cases, []accuracy.Forecast{
		{[]float64{11, 17}, []accuracy.Band{band(0.5, []float64{10, 16}, []float64{12, 18})}},
		{[]float64{5}, []accuracy.Band{band(0.5, []float64{5}, []float64{5})}},
		{[]float64{0, 2}, []accuracy.Band{band(0.5, []float64{0, 1}, []float64{1, 5})}},
	})
	near(t, "sMAPE", s.SMAPE, ((200./21+600./37)/2+0+(0+400./6)/2)/3)
	near(t, "MASE", s.MASE, (2+0.25)/2)
	near(t, "MAPE", s.MAPE, (12.5+0+50)/3)
	if s.Series != 3 || s.Scaled != 2 || len(s.Intervals) != 1 {
		t.Fatalf("%+v", s)
	}
	near(t, "coverage", s.Intervals[0].Coverage, 4./5)
	// The first: widths 2 and 2, the second point 2 above, at 4 a unit.
	near(t, "MSIS", s.Intervals[0].MSIS, (((2+2+8)/2.)/1+((1+4)/2.)/4)/2)
	near(t, "sMAPE of step 2", s.Steps[1].SMAPE, (600./37+400./6)/2)
	near(t, "MASE of step 2", s.Steps[1].MASE, (3+0.5)/2)
	if s.Steps[0].Series != 3 || s.Steps[1].Series != 2 {
		t.Errorf("%+v", s.Steps)
	}
}

func TestNothingToMeasure(t *testing.T) {
	t.Parallel()
	s := accuracy.Measure(nil, nil)
	if s.Series != 0 || !math.IsNaN(s.SMAPE) || !math.IsNaN(s.MASE) || !math.IsNaN(s.MAPE) {
		t.Errorf("%+v", s)
	}
	zeros := accuracy.Measure([]accuracy.Case{{Train: []float64{1, 2}, Test: []float64{0}, Lag: 1}}, []accuracy.Forecast{{Point: []float64{1}}})
	if !math.IsNaN(zeros.MAPE) || zeros.SMAPE != 200 {
		t.Errorf("%+v", zeros)
	}
	if !math.IsNaN(zeros.OWA(accuracy.Scores{})) {
		t.Error("relative to a reference without error")
	}
}

// A value that nobody knows counts for nothing, nor does a series of such.
func TestUnknownValues(t *testing.T) {
	t.Parallel()
	unknown := math.NaN()
	forecast := func(f ...float64) accuracy.Forecast {
		return accuracy.Forecast{Point: f, Bands: []accuracy.Band{{Level: 0.5, Lower: f, Upper: f}}}
	}
	got := accuracy.Measure([]accuracy.Case{
		{Train: []float64{1, 2}, Test: []float64{unknown, 4}, Lag: 1},
		{Train: []float64{1, 2}, Test: []float64{unknown, unknown}, Lag: 1},
	}, []accuracy.Forecast{forecast(9, 6), forecast(1, 1)})
	near(t, "sMAPE", got.SMAPE, 40)
	near(t, "MASE", got.MASE, 2)
	near(t, "MAPE", got.MAPE, 50)
	near(t, "coverage", got.Intervals[0].Coverage, 0)
	near(t, "MSIS", got.Intervals[0].MSIS, 8)
	if got.Series != 1 || len(got.Steps) != 2 || got.Steps[0].Series != 0 || !math.IsNaN(got.Steps[0].SMAPE) || got.Steps[1].MASE != 2 {
		t.Errorf("%+v", got)
	}
}

func TestMeasurePanics(t *testing.T) {
	t.Parallel()
	one := []accuracy.Case{{Train: []float64{1, 2}, Test: []float64{3, 4}, Lag: 1}}
	two := append(one[:1:1], one...)
	at := func(level float64) accuracy.Forecast {
		return accuracy.Forecast{Point: []float64{3, 4}, Bands: []accuracy.Band{{Level: level, Lower: []float64{3, 4}, Upper: []float64{3, 4}}}}
	}
	for name, f := range map[string]func(){
		"fewer forecasts":  func() { accuracy.Measure(one, nil) },
		"fewer steps":      func() { accuracy.Measure(one, []accuracy.Forecast{{Point: []float64{3}}}) },
		"different levels": func() { accuracy.Measure(two, []accuracy.Forecast{at(0.8), at(0.9)}) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("accepted")
				}
			}()
			f()
		})
	}
}

// The yardstick is 1 by its own measure, and a change of unit changes nothing.
func TestUnitsDoNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.Float64Range(1, 100)
		y := rapid.SliceOfN(number, 8, 60).Draw(t, "y")
		cut := len(y) - rapid.IntRange(1, 4).Draw(t, "horizon")
		unit := math.Exp2(float64(rapid.IntRange(-20, 20).Draw(t, "unit")))
		measure := func(unit float64) accuracy.Scores {
			z := make([]float64, len(y))
			for i, v := range y {
				z[i] = v * unit
			}
			f := accuracy.Naive2(z[:cut], 4, len(z)-cut)
			return accuracy.Measure([]accuracy.Case{{z[:cut], z[cut:], 1}}, []accuracy.Forecast{{Point: f}})
		}
		a, b := measure(1), measure(unit)
		if math.Abs(a.SMAPE-b.SMAPE) > 1e-9 || a.Scaled == 1 && math.Abs(a.MASE-b.MASE) > 1e-9*a.MASE {
			t.Fatalf("%+v and %+v", a, b)
		}
		if own := a.OWA(a); !math.IsNaN(own) && own != 1 {
			t.Fatalf("OWA of the yardstick: %v", own)
		}
	})
}

func TestNaive2(t *testing.T) {
	t.Parallel()
	var y []float64
	for range 6 {
		y = append(y, 50, 100, 150, 100)
	}
	got := accuracy.Naive2(y, 4, 5)
	for h, want := range []float64{50, 100, 150, 100, 50} {
		near(t, "a season that repeats", got[h], want)
	}
	for _, v := range accuracy.Naive2([]float64{1, 2, 9}, 4, 3) {
		near(t, "a short series", v, 9)
	}
}

func TestFrequencyOf(t *testing.T) {
	t.Parallel()
	if f, ok := accuracy.FrequencyOf("weekly"); !ok || f.Lag != 1 || f.Season != 52 {
		t.Errorf("%+v", f)
	}
	if _, ok := accuracy.FrequencyOf("secondly"); ok {
		t.Error("secondly found")
	}
}
