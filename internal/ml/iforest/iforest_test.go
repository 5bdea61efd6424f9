package iforest_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/omni-run/omni/internal/ml/iforest"
)

type reference struct {
	Data         [][]float64 `json:"data"`
	Scores       []float64   `json:"scores"`
	ScoresPsi32  []float64   `json:"scores_psi_32"`
	PathN        []int       `json:"path_n"`
	PathC        []float64   `json:"path_c"`
	PercentileIn []float64   `json:"percentile_in"`
	Percentile18 float64     `json:"percentile_18"`
}

func load(t *testing.T) reference {
	t.Helper()
	raw, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var r reference
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func fitScores(t *testing.T, rows [][]float64, o iforest.Options) (*iforest.Forest, []float64) {
	t.Helper()
	f, err := iforest.Fit(t.Context(), rows, o)
	if err != nil {
		t.Fatal(err)
	}
	s, err := f.Scores(t.Context(), rows)
	if err != nil {
		t.Fatal(err)
	}
	return f, s
}

// The reference is the mean over 4,000 trees of scikit-learn 1.9.1; one
// forest of 1,000 trees strays from it by about 0.004 at a point.
func TestScoresAgreeWithScikitLearn(t *testing.T) {
	t.Parallel()
	r := load(t)
	for name, c := range map[string]struct {
		psi  int
		want []float64
	}{"default": {0, r.Scores}, "psi 32": {32, r.ScoresPsi32}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, got := fitScores(t, r.Data, iforest.Options{Trees: 1000, MaxSamples: c.psi, Seed: 3})
			var mean float64
			for i := range got {
				if d := math.Abs(got[i] - c.want[i]); d > 0.015 {
					t.Errorf("row %d: %.4f, scikit-learn %.4f", i, got[i], c.want[i])
				}
				mean += (got[i] - c.want[i]) / float64(len(got))
			}
			if math.Abs(mean) > 0.002 {
				t.Errorf("scores are off by %.5f on average", mean)
			}
		})
	}
}

func TestAveragePathLengthAgreesWithScikitLearn(t *testing.T) {
	t.Parallel()
	r := load(t)
	for i, n := range r.PathN {
		if got := iforest.AveragePathLength(n); math.Abs(got-r.PathC[i]) > 1e-12 {
			t.Errorf("c(%d) = %v, want %v", n, got, r.PathC[i])
		}
	}
}

func TestOffsetIsNumpysPercentile(t *testing.T) {
	t.Parallel()
	r := load(t)
	if got := iforest.Offset(r.PercentileIn, 0.18); math.Abs(got-r.Percentile18) > 1e-12 {
		t.Errorf("offset %v, want %v", got, r.Percentile18)
	}
	if got := iforest.Offset([]float64{-0.5}, 0.1); got != -0.5 {
		t.Errorf("one score: %v", got)
	}
}

func TestSameSeedSameScoresAtAnyGOMAXPROCS(t *testing.T) {
	r := load(t)
	_, want := fitScores(t, r.Data, iforest.Options{Seed: 9})
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for _, procs := range []int{1, 3, 8} {
		runtime.GOMAXPROCS(procs)
		if _, got := fitScores(t, r.Data, iforest.Options{Seed: 9}); !slices.Equal(got, want) {
			t.Fatalf("GOMAXPROCS %d changed the scores", procs)
		}
	}
	if _, got := fitScores(t, r.Data, iforest.Options{Seed: 10}); slices.Equal(got, want) {
		t.Fatal("another seed gave the same scores")
	}
}

func TestConstantDataHasOneScore(t *testing.T) {
	t.Parallel()
	rows := slices.Repeat([][]float64{{3, 4}}, 20)
	_, s := fitScores(t, rows, iforest.Options{})
	if slices.Min(s) != slices.Max(s) || iforest.Offset(s, 0.1) != s[0] {
		t.Fatalf("scores %v", s)
	}
	_, s = fitScores(t, rows[:1], iforest.Options{})
	if s[0] != -0.5 {
		t.Fatalf("one row scored %v", s[0])
	}
}

func TestDriversNameTheStrangeFeature(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	rows := make([][]float64, 300)
	for i := range rows {
		rows[i] = []float64{random.NormFloat64(), random.NormFloat64(), random.NormFloat64()}
	}
	rows[17][1] = 12
	f, _ := fitScores(t, rows, iforest.Options{})
	c, _ := f.Contributions(rows[17])
	if c[1] < 5*max(math.Abs(c[0]), math.Abs(c[2])) {
		t.Fatalf("contributions %v", c)
	}
}

func TestContributionsAddUpOnAnyData(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		d := rapid.IntRange(1, 4).Draw(t, "features")
		value := rapid.OneOf(rapid.Float64Range(-1, 1), rapid.SampledFrom([]float64{0, 1e300, -1e300, 1e-300, math.MaxFloat64, -math.MaxFloat64}))
		rows := rapid.SliceOfN(rapid.SliceOfN(value, d, d), 1, 40).Draw(t, "rows")
		f, err := iforest.Fit(context.Background(), rows, iforest.Options{Trees: 20})
		if err != nil {
			t.Fatal(err)
		}
		s, err := f.Scores(context.Background(), rows)
		if err != nil {
			t.Fatal(err)
		}
		for i, row := range rows {
			if !(s[i] >= -1 && s[i] < 0) {
				t.Fatalf("score %v", s[i])
			}
			c, sum := f.Contributions(row)
			for _, v := range c {
				sum += v
			}
			if math.Abs(sum-math.Log2(-s[i])) > 1e-9 {
				t.Fatalf("row %d: contributions add to %v, log2 of the score is %v", i, sum, math.Log2(-s[i]))
			}
		}
	})
}

func TestFitStopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := iforest.Fit(ctx, [][]float64{{1}, {2}}, iforest.Options{}); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
}
