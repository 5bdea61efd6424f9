package f32

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func BenchmarkGemm(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	for _, p := range paths() {
		for _, s := range [][3]int{{1, 256, 64}, {8, 256, 128}, {32, 128, 32}, {64, 256, 64}, {64, 40, 10}, {64, 10, 64}, {64, 64, 256}, {512, 512, 512}, {4096, 256, 128}} {
			m, n, k := s[0], s[1], s[2]
			for _, form := range []string{"NN", "TN", "NT"} {
				x, w, c := random(rng, m*k), random(rng, k*n), random(rng, m*n)
				ma, mb := Mat(x, k), Mat(w, n)
				if form == "TN" {
					ma = Mat(x, m).T()
				}
				if form == "NT" {
					mb = Mat(w, k).T()
				}
				b.Run(fmt.Sprintf("%s/%s/%dx%dx%d", p.name, form, m, n, k), func(b *testing.B) {
					for b.Loop() {
						p.gemm(m, n, k, 1, ma, mb, 1, Mat(c, n))
					}
					b.ReportMetric(float64(2*m*k*n)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
				})
			}
		}
	}
}
