package theta_test

import (
	"math"
	"testing"

	"github.com/omni-run/omni/internal/ml/theta"
)

// BenchmarkFit is of ten years of months.
func BenchmarkFit(b *testing.B) {
	y := make([]float64, 120)
	for i := range y {
		y[i] = 100 + 0.7*float64(i) + 12*math.Sin(float64(i)*math.Pi/6) + 5*math.Sin(float64(i*i))
	}
	for name, fit := range map[string]func() error{
		"standard": func() error { _, err := theta.Fit(y, 12); return err },
		"dynamic":  func() error { _, err := theta.FitDynamic(y, 12); return err },
		"quick":    func() error { _, err := theta.FitQuick(y, 12); return err },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := fit(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
