package agents

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/omni-run/omni/internal/ml/calc"
)

func TestBaselineMatchesTwoPassStatistics(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		x := rapid.SliceOfN(rapid.Float64Range(-1e6, 1e6), 2, 60).Draw(t, "x")
		var b baseline
		for _, v := range x {
			b.add(v)
		}
		if math.Abs(b.Mean-calc.Mean(x)) > 1e-6 || math.Abs(b.deviation()-calc.Deviation(x)) > 1e-6*(1+calc.Deviation(x)) {
			t.Fatalf("mean %g, want %g; deviation %g, want %g", b.Mean, calc.Mean(x), b.deviation(), calc.Deviation(x))
		}
	})
}

// TestQuantilePaperExample replays the example of Jain and Chlamtac (1985),
// table I: the median of these 20 observations is estimated as 4.44.
func TestQuantilePaperExample(t *testing.T) {
	t.Parallel()
	q := quantile{Share: 0.5}
	for _, x := range []float64{0.02, 0.15, 0.74, 3.39, 0.83, 22.37, 10.15, 15.43, 38.62, 15.92, 34.60, 10.28, 1.47, 0.40, 0.05, 11.39, 0.27, 0.42, 0.09, 11.37} {
		q.add(x)
	}
	if math.Abs(q.value()-4.44) > 0.005 {
		t.Fatalf("median %.4f, the paper has 4.44", q.value())
	}
}

func TestQuantilesOfManyValues(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	var b baseline
	for range 20_000 {
		b.add(random.Float64())
	}
	for i, share := range shares {
		if got := b.Quantiles[i].value(); math.Abs(got-share) > 0.01 {
			t.Errorf("quantile %g is %g", share, got)
		}
	}
}
