package globalforecast

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// BenchmarkForward is one network over windows of months, by how many share a
// pass.
func BenchmarkForward(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	r := Recipes()["monthly"]
	n, err := NewNetwork(r.Shape, rng)
	if err != nil {
		b.Fatal(err)
	}
	list := make([]*window, 192)
	read := reader{shape: r.Shape}
	for i := range list {
		list[i] = &window{}
		read.read(list[i], quarters(rng, 72), r.Seasons[0], false, false)
	}
	for _, size := range []int{1, 7, 12, 24, 48, 96, 192} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			var w workspace
			for b.Loop() {
				n.forward(&w, list[:size])
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*size), "us/window")
		})
	}
}
