package globalforecast

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// The lean moves the point of a series read as ratios down, more where the
// networks are less sure, and neither its quantiles nor a series read as
// differences.
func TestLean(t *testing.T) {
	t.Parallel()
	straight, rng := trusting(t), rand.New(rand.NewPCG(3, 8))
	leaning := *straight
	leaning.Lean = 0.3
	positive := Series{quarters(rng, 40), 4}
	signed := Series{slices.Clone(positive.Values), 4}
	centre := slices.Max(positive.Values)/2 + slices.Min(positive.Values)/2
	for i := range signed.Values {
		signed.Values[i] -= centre
	}
	ask := func(f *Frequency) []Forecast {
		list, err := f.Forecast(context.Background(), []Series{positive, signed}, 4)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	was, is := ask(straight), ask(&leaning)
	for h := range 4 {
		if a, b := was[0].Median()[h], is[0].Median()[h]; !(b < a && b > a/2) {
			t.Errorf("step %d: the point is %v, without the lean %v", h+1, b, a)
		}
		if a, b := was[1].Median()[h], is[1].Median()[h]; a != b {
			t.Errorf("step %d: a series of differences leans from %v to %v", h+1, a, b)
		}
		for k := range quantiles {
			if k != middle && was[0][k][h] != is[0][k][h] {
				t.Errorf("step %d: quantile %v moved from %v to %v", h+1, Quantiles[k], was[0][k][h], is[0][k][h])
			}
		}
	}
}

// A set that nobody forecasts well counts as much as any other.
func TestBesideEvensSets(t *testing.T) {
	t.Parallel()
	f := &Frequency{Recipe: Recipe{Scored: 1, RelativeShare: 1, ScaledShare: 1}}
	var j held
	var m mixture
	for k := range 6 {
		set, off := "easy", 1.0
		if k%2 == 1 {
			set, off = "hard", 30
		}
		j.past, j.next, j.sets = append(j.past, []float64{100, 101, 100}), append(j.next, []float64{100}), append(j.sets, set)
		j.weights = append(j.weights, 1)
		m.networks, m.theta, m.variances = append(m.networks, []float64{100}), append(m.theta, []float64{100 + off}), append(m.variances, []float64{0})
	}
	even, none := f.beside(j, m), func(int) float64 { return 0 }
	part := func(set string) float64 {
		sum := 0.0
		for i, s := range even.sets {
			if s == set {
				sum += even.weights[i] * f.error(j.only(set), m, 0, none)
			}
		}
		return sum
	}
	if easy, hard := part("easy"), part("hard"); math.Abs(easy-hard) > 1e-9*easy {
		t.Errorf("the easy set's errors count %v, the hard one's %v", easy, hard)
	}
	if j.weights[0] != 1 {
		t.Error("the weights of the others' owner changed")
	}
}
