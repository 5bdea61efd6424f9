package nabscore_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/omni-run/omni/internal/ml/nabscore"
)

// 40 rows, of which the first 6 are probationary, and one window of 5 rows.
var one = nabscore.Series{Name: "one", Rows: 40, Windows: []nabscore.Window{{First: 20, Last: 24}}}

func profile(t *testing.T, name string) nabscore.Profile {
	t.Helper()
	for _, p := range nabscore.Profiles() {
		if p.Name == name {
			return p
		}
	}
	t.Fatalf("no profile %q", name)
	return nabscore.Profile{}
}

// at is a score list that fires at the given rows.
func at(rows int, fired ...int) []float64 {
	s := make([]float64, rows)
	for _, i := range fired {
		s[i] = 1
	}
	return s
}

// logistic is the benchmark's curve as the paper writes it.
func logistic(x float64) float64 { return 2/(1+math.Exp(5*x)) - 1 }

func TestScoreByHand(t *testing.T) {
	t.Parallel()
	full := logistic(-1)
	for name, c := range map[string]struct {
		profile string
		fired   []int
		want    float64
	}{
		"silence":                      {"standard", nil, -1},
		"silence where misses count":   {"reward_low_FN_rate", nil, -2},
		"first row of the window":      {"standard", []int{20}, 1},
		"middle of the window":         {"standard", []int{22}, logistic(-3./5) / full},
		"last row of the window":       {"standard", []int{24}, logistic(-1./5) / full},
		"only the earliest counts":     {"standard", []int{21, 22, 23, 24}, logistic(-4./5) / full},
		"false alarm before":           {"standard", []int{10}, -1 - 0.11},
		"false alarm before, dear":     {"reward_low_FP_rate", []int{10}, -1 - 0.22},
		"in the probationary period":   {"standard", []int{0, 5}, -1},
		"first row that is scored":     {"standard", []int{6}, -1 - 0.11},
		"right behind the window":      {"standard", []int{20, 25}, 1 + 0.11*logistic(1./4)},
		"one width behind":             {"standard", []int{20, 28}, 1 + 0.11*logistic(1)},
		"three widths behind and more": {"standard", []int{20, 36, 39}, 1 - 0.22},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := nabscore.Score(one, at(40, c.fired...), profile(t, c.profile), 0.5)
			if math.Abs(got.Raw-c.want) > 1e-12 {
				t.Errorf("raw score %v, want %v", got.Raw, c.want)
			}
		})
	}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	got := nabscore.Score(one, at(40, 2, 10, 20, 21, 30), profile(t, "standard"), 0.5).Counts
	if want := (nabscore.Counts{TP: 2, FN: 3, FP: 2, TN: 27}); got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
}

func TestWindowOfOneRow(t *testing.T) {
	t.Parallel()
	s := nabscore.Series{Name: "point", Rows: 20, Windows: []nabscore.Window{{First: 10, Last: 10}}}
	if got := nabscore.Score(s, at(20, 10, 11), profile(t, "standard"), 0.5).Raw; math.Abs(got-(1-0.11)) > 1e-12 {
		t.Errorf("raw score %v, want 0.89", got)
	}
}

func TestWindowInsideProbationIsNeitherFoundNorMissed(t *testing.T) {
	t.Parallel()
	s := nabscore.Series{Name: "early", Rows: 100, Windows: []nabscore.Window{{First: 3, Last: 8}}}
	for _, scores := range [][]float64{at(100), at(100, 4)} {
		if got := nabscore.Score(s, scores, profile(t, "standard"), 0.5).Raw; got != 0 {
			t.Errorf("raw score %v, want 0", got)
		}
	}
}

func TestProbation(t *testing.T) {
	t.Parallel()
	for rows, want := range map[int]int{0: 0, 6: 0, 7: 1, 100: 15, 1127: 169, 5000: 750, 22695: 750} {
		if got := nabscore.Probation(rows); got != want {
			t.Errorf("%d rows: %d probationary, want %d", rows, got, want)
		}
	}
}

func TestNormalize(t *testing.T) {
	t.Parallel()
	standard, misses := profile(t, "standard"), profile(t, "reward_low_FN_rate")
	for _, c := range []struct {
		raw     float64
		windows int
		p       nabscore.Profile
		want    float64
	}{
		{-116, 116, standard, 0},
		{116, 116, standard, 100},
		{57.66075157860638, 116, standard, 74.85377223215792}, // the best published detector's row
		{47.66075157860638, 116, misses, 80.36228493638114},
		{-232, 116, misses, 0},
		{-3, 0, standard, 0},
	} {
		if got := nabscore.Normalize(c.raw, c.windows, c.p); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%v over %d windows, %s: %v, want %v", c.raw, c.windows, c.p.Name, got, c.want)
		}
	}
}

func TestOptimizeOverTheCorpus(t *testing.T) {
	t.Parallel()
	corpus := []nabscore.Series{one, {Name: "quiet", Rows: 40}}
	scores := [][]float64{make([]float64, 40), make([]float64, 40)}
	scores[0][20] = 0.7 // worth 1, plus the miss it avoids
	scores[1][30] = 0.8 // a false alarm that comes with it
	scores[1][31] = 0.6 // one that need not
	scores[1][2] = 0.9  // probationary
	got, err := nabscore.Optimize(corpus, scores, profile(t, "standard"))
	if err != nil {
		t.Fatal(err)
	}
	if got.Threshold != 0.7 || math.Abs(got.Raw-(1-0.11)) > 1e-12 {
		t.Errorf("threshold %v, raw %v; want 0.7 and 0.89", got.Threshold, got.Raw)
	}
}

func TestEqualScoresAreDetectedTogether(t *testing.T) {
	t.Parallel()
	scores := at(40, 20)
	for i := range 20 {
		scores[i] = 1 // 14 of them scored: 14 false alarms for one window
	}
	got, err := nabscore.Optimize([]nabscore.Series{one}, [][]float64{scores}, profile(t, "standard"))
	if err != nil {
		t.Fatal(err)
	}
	if want := 1 - 14*0.11; math.Abs(got.Raw-want) > 1e-12 || got.Counts.FP != 14 {
		t.Errorf("raw %v with %d false alarms, want %v with 14", got.Raw, got.Counts.FP, want)
	}
	for i := range 20 {
		scores[i] = 2 // all above the window's: 1 - 14 x 0.22 is worse than silence
	}
	got, err = nabscore.Optimize([]nabscore.Series{one}, [][]float64{scores}, profile(t, "reward_low_FP_rate"))
	if err != nil {
		t.Fatal(err)
	}
	if !math.IsInf(got.Threshold, 1) || got.Raw != -1 {
		t.Errorf("threshold %v, raw %v; want +Inf and -1", got.Threshold, got.Raw)
	}
}

func TestOptimizeRefuses(t *testing.T) {
	t.Parallel()
	good := make([]float64, 40)
	for name, c := range map[string]struct {
		corpus []nabscore.Series
		scores [][]float64
	}{
		"lists missing":  {[]nabscore.Series{one}, nil},
		"scores missing": {[]nabscore.Series{one}, [][]float64{good[:39]}},
		"window past the end": {
			[]nabscore.Series{{Rows: 40, Windows: []nabscore.Window{{First: 30, Last: 40}}}},
			[][]float64{good},
		},
		"windows overlap": {
			[]nabscore.Series{{Rows: 40, Windows: []nabscore.Window{{First: 8, Last: 12}, {First: 12, Last: 14}}}},
			[][]float64{good},
		},
		"window backwards": {
			[]nabscore.Series{{Rows: 40, Windows: []nabscore.Window{{First: 9, Last: 8}}}},
			[][]float64{good},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := nabscore.Optimize(c.corpus, c.scores, profile(t, "standard")); err == nil {
				t.Error("accepted")
			}
		})
	}
}

// TestSweepAgreesWithScore: the threshold found earns what scoring every
// series at it earns, and no other score that occurs earns more.
func TestSweepAgreesWithScore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		p := rapid.SampledFrom(nabscore.Profiles()).Draw(rt, "profile")
		var corpus []nabscore.Series
		var scores [][]float64
		for range rapid.IntRange(1, 3).Draw(rt, "series") {
			s := nabscore.Series{Rows: rapid.IntRange(1, 60).Draw(rt, "rows")}
			for from := 0; ; {
				first := from + rapid.IntRange(0, 25).Draw(rt, "gap")
				last := first + rapid.IntRange(0, 12).Draw(rt, "width")
				if last >= s.Rows {
					break
				}
				s.Windows = append(s.Windows, nabscore.Window{First: first, Last: last})
				from = last + 1
			}
			row := make([]float64, s.Rows)
			for i := range row {
				row[i] = rapid.SampledFrom([]float64{0, 0.25, 0.5, 1, math.NaN()}).Draw(rt, "score")
			}
			corpus, scores = append(corpus, s), append(scores, row)
		}
		best, err := nabscore.Optimize(corpus, scores, p)
		if err != nil {
			rt.Fatal(err)
		}
		total := func(threshold float64) (raw float64) {
			for k := range corpus {
				raw += nabscore.Score(corpus[k], scores[k], p, threshold).Raw
			}
			return raw
		}
		if got := total(best.Threshold); math.Abs(got-best.Raw) > 1e-9 {
			rt.Fatalf("threshold %v earns %v by the sweep, %v by scoring", best.Threshold, best.Raw, got)
		}
		for _, threshold := range []float64{0, 0.25, 0.5, 1, math.Inf(1)} {
			if got := total(threshold); got > best.Raw+1e-9 {
				rt.Fatalf("threshold %v earns %v, more than the best %v", threshold, got, best.Raw)
			}
		}
	})
}
