package forecast_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/omni-run/omni/internal/service/forecast"
)

// TestSeriesThatNeverMove are continued as they are, by the networks too.
func TestSeriesThatNeverMove(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	for _, v := range []float64{0, 10, 1e-9} {
		y := series(24, func(int) float64 { return v })
		a, warnings := predict(t, s, object{"time_series": y, "forecast_steps": 6, "mode": "global", "level": []int{80, 95}})
		check(t, a.ForecastResult, 6)
		if a.Model != "global_lstm" || len(warnings) > 0 {
			t.Errorf("%v: %s, warnings %q", v, a.Model, warnings)
		}
		for i, f := range a.Forecast {
			if c := a.ConfidenceIntervals[i]; !near(f, v) || c.Lower > v || c.Upper < v {
				t.Errorf("%v: step %d is %v in %+v", v, i, f, c)
			}
		}
	}
}

// TestIntervalsHoldTheUsualValue: one outlier must not move the interval off
// what a series nearly always shows.
func TestIntervalsHoldTheUsualValue(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	ten := slices.Repeat([]float64{10}, 20)
	for _, mode := range []string{"global", "auto"} {
		a, _ := predict(t, s, object{"time_series": slices.Concat(ten, []float64{1000}, ten), "forecast_steps": 6, "mode": mode, "level": []int{80, 95}, "seed": 1})
		check(t, a.ForecastResult, 6)
		for i := range a.Forecast {
			for _, level := range []string{"80", "95"} {
				if lo, hi := a.Intervals["lo-"+level][i], a.Intervals["hi-"+level][i]; lo > 10 || hi < 10 {
					t.Errorf("%s: step %d at %s %%: %v to %v leaves out 10", mode, i, level, lo, hi)
				}
			}
		}
	}
}

// TestFewErrorsLeaveTheWidthToTheNetwork: Student's t on two or three errors
// alone would give an interval several times as wide as the series.
func TestFewErrorsLeaveTheWidthToTheNetwork(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	y := []float64{100, 112, 108, 121, 130, 138, 150}
	width := map[string]float64{}
	for _, mode := range []string{"global", "auto"} {
		a, _ := predict(t, s, object{"time_series": y, "forecast_steps": 4, "freq": "YS", "mode": mode, "level": []int{80, 95}, "seed": 1})
		check(t, a.ForecastResult, 4)
		width[mode] = a.ConfidenceIntervals[3].Upper - a.ConfidenceIntervals[3].Lower
	}
	if ratio := width["auto"] / width["global"]; ratio > 1.6 || ratio < 0.6 {
		t.Errorf("widths %v", width)
	}
}

// TestShortAndSparse: whatever the shape, the answer is finite and ordered.
func TestShortAndSparse(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	shapes := map[string][]any{
		"three": {3, 5, 4}, "four": {3, 5, 4, 9}, "five": {1, 2, 3, 4, 5}, "six": {0, 0, 7, 0, 0, 3},
		"gaps": {1, nil, 3, 4, nil, 6, 2, 1, nil, 4}, "zeros": {0, 0, 0, 12, 0, 0, 0, 0, 40, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 21},
		"nothing": {0, 0, 0, 0, 0, 0, 0, 0},
	}
	for name, y := range shapes {
		for _, mode := range []string{"global", "auto"} {
			for _, steps := range []int{1, 40} {
				t.Run(fmt.Sprint(name, mode, steps), func(t *testing.T) {
					t.Parallel()
					a, warnings := predict(t, s, object{"time_series": y, "forecast_steps": steps, "mode": mode, "impute": "linear", "epochs": 2, "level": []int{80, 95}})
					check(t, a.ForecastResult, steps)
					if slices.Min(a.Forecast) < 0 {
						t.Errorf("negative: %v", a.Forecast)
					}
					if slices.ContainsFunc(warnings, func(w string) bool { return strings.Contains(w, "no model gave") }) {
						t.Errorf("warnings %q", warnings)
					}
				})
			}
		}
	}
}

func near(a, b float64) bool { return a-b <= 1e-9*(1+b) && b-a <= 1e-9*(1+b) }
