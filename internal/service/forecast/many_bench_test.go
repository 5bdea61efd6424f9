package forecast_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/omni-run/omni/internal/service/forecast"
)

// BenchmarkMany forecasts 200 monthly series of a call in mode auto.
func BenchmarkMany(b *testing.B) {
	for _, n := range []int{40, 72, 120} {
		b.Run(fmt.Sprint(n, " points"), func(b *testing.B) {
			random := rand.New(rand.NewPCG(1, 1))
			var list []object
			for k := range 200 {
				level := 100.0
				y := series(n, func(i int) float64 {
					level += random.NormFloat64()
					return level + 10*math.Sin(float64(i+k)*math.Pi/6) + 2*random.NormFloat64()
				})
				list = append(list, object{"id": fmt.Sprint(k), "time_series": y})
			}
			s := forecast.New(forecast.Deps{})
			for b.Loop() {
				predict(b, s, object{"series": list, "forecast_steps": 18, "season_length": 12})
			}
			b.ReportMetric(200/(b.Elapsed().Seconds()/float64(b.N)), "series/s")
		})
	}
}
