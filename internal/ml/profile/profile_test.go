package profile_test

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"

	"github.com/omni-run/omni/internal/ml/profile"
)

func compute(t interface{ Fatal(...any) }, values []float64, window int) *profile.Profile {
	p, err := profile.Compute(context.Background(), values, window)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// brute is the definition, written out: the distance of z-normalised stretches.
func brute(values []float64, window int) []float64 {
	n := len(values) - window + 1
	z := make([][]float64, n)
	for i := range n {
		mean, square := 0.0, 0.0
		for _, v := range values[i : i+window] {
			mean += v / float64(window)
		}
		for _, v := range values[i : i+window] {
			square += (v - mean) * (v - mean)
		}
		sd := math.Sqrt(square / float64(window))
		for _, v := range values[i : i+window] {
			z[i] = append(z[i], (v-mean)/sd)
		}
	}
	out := make([]float64, n)
	for i := range n {
		out[i] = math.NaN()
		for j := range n {
			if max(i-j, j-i) < (window+3)/4 {
				continue
			}
			sum := 0.0
			for k := range window {
				sum += (z[i][k] - z[j][k]) * (z[i][k] - z[j][k])
			}
			if d := math.Sqrt(sum); !(d >= out[i]) {
				out[i] = d
			}
		}
	}
	return out
}

func TestAgainstTheDefinition(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		window := rapid.IntRange(4, 12).Draw(t, "window")
		n := rapid.IntRange(window, 80).Draw(t, "n")
		level, size := rapid.Float64Range(-1e6, 1e6).Draw(t, "level"), rapid.Float64Range(1e-3, 1e6).Draw(t, "size")
		values := make([]float64, n)
		for i := range values {
			values[i] = level + size*(math.Sin(float64(i)/3)+0.3*r.NormFloat64())
		}
		got, want := compute(t, values, window), brute(values, window)
		// The level may be 1e9 times the size: as many digits of the shape are
		// lost in the values themselves.
		tolerance := 1e-6 + 1e-13*math.Abs(level)/size*1e4
		for i := range want {
			if math.IsNaN(want[i]) != math.IsNaN(got.Distance[i]) || math.Abs(got.Distance[i]-want[i]) > tolerance*math.Sqrt(float64(window)) {
				t.Fatalf("at %d: %g, by definition %g", i, got.Distance[i], want[i])
			}
		}
	})
}

// Distances of stumpy 1.14.1, stump(numpy.array(values), m=5): the first
// column. Exclusion zone ceil(5/4).
func TestAgainstStumpy(t *testing.T) {
	t.Parallel()
	values := []float64{584, -11, 23, 79, 1001, 0, -19, 584, -11, 30, 70, 999, 5, -10, 600, 0, 20, 500, 20}
	got := compute(t, values, 5)
	for i, want := range stumpyDistances {
		if math.Abs(got.Distance[i]-want) > 1e-9 {
			t.Errorf("at %d: %.12g, stumpy has %.12g", i, got.Distance[i], want)
		}
	}
}

func TestConstantStretches(t *testing.T) {
	t.Parallel()
	values := make([]float64, 60)
	for i := 20; i < 40; i++ {
		values[i] = math.Sin(float64(i))
	}
	p := compute(t, values, 5)
	if p.Distance[0] != 0 || p.Distance[50] != 0 {
		t.Errorf("two constant stretches are %g apart", p.Distance[0])
	}
	for i, d := range p.Distance {
		if math.IsNaN(d) || d < 0 || d > 2*math.Sqrt(5)+1e-9 {
			t.Errorf("at %d: %g", i, d)
		}
	}
}

func TestMissingValues(t *testing.T) {
	t.Parallel()
	values := make([]float64, 100)
	for i := range values {
		values[i] = math.Sin(float64(i) / 2)
	}
	values[50] = math.NaN()
	p := compute(t, values, 8)
	for i, d := range p.Distance {
		if touches := i > 42 && i <= 50; math.IsNaN(d) != touches || (p.Neighbor[i] < 0) != touches {
			t.Errorf("at %d: %g, neighbour %d", i, d, p.Neighbor[i])
		}
	}
}

// Any finite numbers give distances in range; a shape does not depend on level
// and size.
func TestAnyNumbers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.OneOf(rapid.Float64Range(-1e300, 1e300), rapid.Float64Range(-1, 1), rapid.Just(0.0), rapid.Just(math.NaN()), rapid.Just(1e-300)), 0, 60).Draw(t, "values")
		window := rapid.IntRange(4, 10).Draw(t, "window")
		p := compute(t, values, window)
		for i, d := range p.Distance {
			if math.IsInf(d, 0) || d < 0 || d > 2*math.Sqrt(float64(window))+1e-6 {
				t.Fatalf("at %d: %g", i, d)
			}
		}
		for _, d := range p.Discords(0, 5) {
			expected := make([]float64, window)
			d.Expected(expected, values)
			for _, v := range expected {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Fatalf("expected %v", expected)
				}
			}
		}
	})
}

// A beat that is turned over among regular ones has values as ordinary as
// theirs; only its shape is strange.
func TestADiscordIsFound(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(7, 7))
	values := make([]float64, 2000)
	for i := range values {
		phase := 2 * math.Pi * float64(i) / 50
		values[i] = math.Sin(phase) + 0.6*math.Sin(2*phase) + 0.05*r.NormFloat64()
		if i >= 1200 && i < 1250 {
			values[i] = math.Sin(phase) - 0.6*math.Sin(2*phase) + 0.05*r.NormFloat64()
		}
	}
	discords := compute(t, values, 50).Discords(4.6, 10)
	if len(discords) != 1 || discords[0].Start < 1170 || discords[0].Start > 1230 {
		t.Fatalf("%+v", discords)
	}
	if quiet := compute(t, values[:1200], 50).Discords(4.6, 10); len(quiet) != 0 {
		t.Errorf("in the regular part: %+v", quiet)
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := profile.Compute(ctx, make([]float64, 10_000), 10); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func BenchmarkCompute(b *testing.B) {
	values := make([]float64, 10_000)
	r := rand.New(rand.NewPCG(1, 1))
	for i := range values {
		values[i] = r.NormFloat64()
	}
	for b.Loop() {
		compute(b, values, 100)
	}
}
