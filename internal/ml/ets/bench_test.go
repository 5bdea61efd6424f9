package ets_test

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/omni-run/omni/internal/ml/ets"
)

// BenchmarkRank selects as the service does, five and ten years of months.
func BenchmarkRank(b *testing.B) {
	for _, n := range []int{60, 120} {
		y := make([]float64, n)
		for i := range y {
			y[i] = 0.5 + 0.0035*float64(i) + 0.06*math.Sin(float64(i)*math.Pi/6) + 0.025*math.Sin(float64(i*i))
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				if _, err := ets.Rank(context.Background(), y, 12, ets.Options{FixSeason: true, Evaluations: 240, Screen: 50, Finalists: 2}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
