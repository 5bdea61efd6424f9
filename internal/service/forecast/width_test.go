package forecast_test

import (
	"math/rand/v2"
	"testing"

	"github.com/omni-run/omni/internal/service/forecast"
)

// Readings that move little beside their level, as a meter's do, have intervals
// of the size of their steps.
func TestMetersHaveIntervalsOfTheirSteps(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	for _, mode := range []string{"global", "auto"} {
		widths := map[float64]float64{}
		for _, level := range []float64{1e4, 1e8} {
			random, x := rand.New(rand.NewPCG(5, 5)), level
			y := series(100, func(int) float64 { x += 2 * random.NormFloat64(); return x })
			a, _ := predict(t, s, object{"time_series": y, "forecast_steps": 3, "mode": mode, "level": []float64{95}})
			widths[level] = a.Intervals["hi-95"][0] - a.Intervals["lo-95"][0]
		}
		if w := widths[1e8]; w < 4 || w > 80 || w > 2*widths[1e4] {
			t.Errorf("%s: widths %v for steps of 2", mode, widths)
		}
	}
}

// A pattern that the team continues almost exactly is not given the networks'
// doubt.
func TestAPatternIsNotDoubted(t *testing.T) {
	t.Parallel()
	y := series(16, func(i int) float64 { return 100 + 5*float64(i) + 7.5*float64(i%2) })
	a, _ := predict(t, forecast.New(forecast.Deps{}), object{"time_series": y, "forecast_steps": 5, "sequence_length": 10})
	if c := a.ConfidenceIntervals[0]; c.Upper-c.Lower > 25 {
		t.Errorf("the first interval is %v wide, where the back-test errs by a fraction of one", c.Upper-c.Lower)
	}
}
