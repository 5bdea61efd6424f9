package season_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/omni-run/omni/internal/ml/season"
	"pgregory.net/rapid"
)

// wave is a noisy season of the given length over a trend.
func wave(n, period int, trend, size, noise float64) []float64 {
	rng := rand.New(rand.NewPCG(1, uint64(period)))
	y := make([]float64, n)
	for i := range y {
		y[i] = 100 + trend*float64(i) + size*math.Sin(2*math.Pi*float64(i)/float64(period)) + noise*rng.NormFloat64()
	}
	return y
}

func TestDetect(t *testing.T) {
	t.Parallel()
	zigzag := []float64{100, 120, 115, 130, 125, 140, 135, 150, 145, 160, 155, 170, 165, 180, 175, 190}
	walk := make([]float64, 300)
	rng := rand.New(rand.NewPCG(4, 4))
	for i := 1; i < len(walk); i++ {
		walk[i] = walk[i-1] + rng.NormFloat64()
	}
	for _, c := range []struct {
		name       string
		y          []float64
		candidates []int
		want       int
	}{
		{"a week in days", wave(120, 7, 0.5, 10, 1), []int{7}, 7},
		{"a week nobody named", wave(120, 7, 0.5, 10, 1), nil, 7},
		{"a year in months", wave(72, 12, 1, 20, 2), []int{12}, 12},
		{"a day in hours", wave(400, 24, 0, 10, 1), []int{24, 168}, 24},
		{"a rising zig-zag", zigzag, nil, 2},
		{"a random walk", walk, []int{7}, 1},
		{"a line", wave(60, 7, 2, 0, 0), []int{7}, 1},
		{"constant", wave(60, 7, 0, 0, 0), []int{7}, 1},
		{"noise", wave(200, 7, 0, 0, 1), []int{7}, 1},
		{"five values", zigzag[:5], []int{2}, 1},
		{"empty", nil, []int{2}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := season.Detect(c.y, c.candidates, 60); got != c.want {
				t.Errorf("period %d, want %d", got, c.want)
			}
		})
	}
}

// Beside a trend every autocorrelation of the values is high, and only the
// steps show the season.
func TestShowsBesideATrend(t *testing.T) {
	t.Parallel()
	y := wave(96, 12, 1, 10, 1)
	if season.Present(y, 12) || !season.Shows(y, 12) {
		t.Errorf("a season beside a trend: present %v, shows %v", season.Present(y, 12), season.Shows(y, 12))
	}
	if season.Shows(wave(25, 12, 5, 0, 0), 12) || season.Shows(nil, 4) {
		t.Error("a line or nothing shows a season")
	}
}

func TestPresent(t *testing.T) {
	t.Parallel()
	if !season.Present(wave(48, 12, 0, 10, 1), 12) {
		t.Error("a clear season is not seen")
	}
	if season.Present(wave(48, 12, 0, 0, 1), 12) || season.Present(wave(20, 12, 0, 10, 1), 12) || season.Present(nil, 1) {
		t.Error("a season is seen where none is")
	}
}

func TestRemoveAndRestore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		period, n := rapid.IntRange(2, 13).Draw(t, "period"), rapid.IntRange(30, 90).Draw(t, "n")
		multiplicative := rapid.Bool().Draw(t, "multiplicative")
		y := wave(n, period, 0.3, 20, 2)
		indices, ok := season.Indices(y, period, multiplicative)
		if !ok {
			t.Fatal("no indices for a positive series of two seasons")
		}
		mean := 0.0
		for _, s := range indices {
			mean += s / float64(period)
		}
		want := 0.0
		if multiplicative {
			want = 1
		}
		if math.Abs(mean-want) > 1e-9 {
			t.Fatalf("indices average %v, want %v", mean, want)
		}
		back := season.Remove(y, indices, multiplicative)
		season.Restore(back, indices, 0, multiplicative)
		for i := range y {
			if math.Abs(back[i]-y[i]) > 1e-9 {
				t.Fatalf("value %d: %v, want %v", i, back[i], y[i])
			}
		}
	})
	if _, ok := season.Indices([]float64{1, -1, 1, -1, 1, -1}, 2, true); ok {
		t.Error("a multiplicative season in negative values")
	}
}

func TestNaiveAndDrift(t *testing.T) {
	t.Parallel()
	y := []float64{1, 2, 3, 4, 5, 7}
	if got := season.Naive(y, 3, 5); !slices.Equal(got, []float64{4, 5, 7, 4, 5}) {
		t.Errorf("seasonal naive %v", got)
	}
	if got := season.Naive(y[:2], 3, 2); !slices.Equal(got, []float64{2, 2}) {
		t.Errorf("short seasonal naive %v", got)
	}
	if got := season.Drift([]float64{1, 9, 5}, 2); !slices.Equal(got, []float64{7, 9}) {
		t.Errorf("drift %v", got)
	}
	if got := append(season.Naive(nil, 2, 1), season.Drift(nil, 1)...); !slices.Equal(got, []float64{0, 0}) {
		t.Errorf("empty %v", got)
	}
}

// The usual seasons are found without a hint though there is noise, and
// walks have none.
func TestDetectUsualSeasons(t *testing.T) {
	t.Parallel()
	for _, period := range []int{4, 7, 12, 24} {
		for _, noise := range []float64{0.5, 24 / float64(period)} {
			if got := season.Detect(wave(14*period, period, 0.1, 10, noise), nil, 60); got != period {
				t.Errorf("period %d, noise %v: found %d", period, noise, got)
			}
		}
	}
	rng := rand.New(rand.NewPCG(3, 4))
	found := 0
	for range 300 {
		y, level := make([]float64, 80), 100.0
		for i := range y {
			level += rng.NormFloat64()
			y[i] = level
		}
		if season.Detect(y, nil, 60) > 1 {
			found++
		}
	}
	if found > 6 {
		t.Errorf("%d of 300 random walks have a season", found)
	}
}
