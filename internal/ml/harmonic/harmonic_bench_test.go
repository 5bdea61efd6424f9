package harmonic

import (
	"math"
	"testing"
)

func BenchmarkFit(b *testing.B) {
	y := drawn(1, 1095, 0.5, 4, func(i int) float64 { return 30 * math.Sin(2*math.Pi*float64(i)/365) })
	b.ReportAllocs()
	for b.Loop() {
		Fit(y, 365, []int{7})
	}
}
