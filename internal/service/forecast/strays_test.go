package forecast_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/omni-run/omni/internal/service/forecast"
)

func TestOneStrayValue(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	rng := rand.New(rand.NewPCG(2, 3))
	plain := series(90, func(int) float64 { return 100 + 3*rng.NormFloat64() })
	for _, at := range []int{0, 40, 84, 88, 89} {
		for _, stray := range []float64{5000, -5000} {
			y := append([]float64(nil), plain...)
			y[at] = stray
			a, warnings := predict(t, s, object{"time_series": y, "forecast_steps": 6})
			for i, c := range a.ConfidenceIntervals {
				if math.Abs(c.Prediction-100) > 10 || c.Upper-c.Lower > 60 {
					t.Errorf("%v at %d, step %d: %+v", stray, at, i, c)
				}
			}
			if len(warnings) != 1 || !strings.Contains(warnings[0], "5000") {
				t.Errorf("warnings %q", warnings)
			}
		}
	}
}

func TestWhatIsNoStray(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	rng := rand.New(rand.NewPCG(2, 3))
	for name, y := range map[string][]float64{
		"growth":     series(24, func(i int) float64 { return math.Pow(10, float64(i)) }),
		"december":   series(48, func(i int) float64 { return 100 + float64(i) + 900*float64(i%12/11) }),
		"new level":  append(series(60, func(int) float64 { return 100 + rng.NormFloat64() }), 900, 901, 899),
		"rare sales": series(60, func(i int) float64 { return 50 * float64(i%20/19) }),
		"short":      append(series(15, func(i int) float64 { return float64(i % 3) }), 500),
	} {
		if _, warnings := predict(t, s, object{"time_series": y, "forecast_steps": 3, "sequence_length": 5}); strings.Contains(strings.Join(warnings, ""), "left out") {
			t.Errorf("%s: %q", name, warnings)
		}
	}
}
