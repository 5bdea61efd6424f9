package forecast_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/omni-run/omni/internal/service/forecast"
)

// Without timestamps and frequency the day of five-minute values and the year
// of months are found, and a walk has no season.
func TestSeasonsWithoutAHint(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 12))
	walk := 0.0
	for name, c := range map[string]struct {
		y    []float64
		want int
	}{
		"five minutes": {series(288*5, func(i int) float64 { return 50 - 20*math.Cos(2*math.Pi*float64(i)/288) + rng.NormFloat64() }), 288},
		"months":       {series(72, func(i int) float64 { return 100 + float64(i) + 15*math.Sin(math.Pi*float64(i)/6) + 3*rng.NormFloat64() }), 12},
		"walk":         {series(200, func(int) float64 { walk += rng.NormFloat64(); return 100 + walk }), 1},
	} {
		answer, _ := predict(t, forecast.New(forecast.Deps{}), object{"time_series": c.y, "forecast_steps": 12, "mode": "global"})
		if got := answer.SeasonLength; got != c.want {
			t.Errorf("%s: season of %d, want %d", name, got, c.want)
		}
	}
}
