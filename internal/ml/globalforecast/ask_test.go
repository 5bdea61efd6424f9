package globalforecast

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// trusting is a model of fresh networks that heeds all evidence.
func trusting(t testing.TB) *Frequency {
	f := untrained(t)
	f.Trust = 2
	return f
}

// TestTogetherAsApart: a question is answered in company, and with its
// beginnings in the same question, as it is alone.
func TestTogetherAsApart(t *testing.T) {
	t.Parallel()
	f := trusting(t)
	rapid.Check(t, func(t *rapid.T) {
		rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		var list []Question
		for range rapid.IntRange(1, 5).Draw(t, "questions") {
			n := rapid.IntRange(1, 70).Draw(t, "length")
			q := Question{Series: Series{quarters(rng, n), rapid.SampledFrom([]int{1, 4, 8}).Draw(t, "period")}, Horizon: rapid.IntRange(0, 14).Draw(t, "horizon")}
			ends := rapid.SliceOfNDistinct(rapid.IntRange(1, n), 0, min(n, 6), rapid.ID).Draw(t, "beginnings")
			if slices.Sort(ends); q.Horizon == 0 && len(ends) == 0 {
				ends = []int{n}
			}
			q.Beginnings, q.Test = ends, rapid.IntRange(1, 14).Draw(t, "test")
			list = append(list, q)
		}
		together, err := f.Ask(context.Background(), list)
		if err != nil {
			t.Fatal(err)
		}
		for i, q := range list {
			alone := Reply{}
			for _, part := range []Question{{Series: q.Series, Horizon: q.Horizon}, {Series: q.Series, Beginnings: q.Beginnings, Test: q.Test}} {
				if part.Horizon == 0 && len(part.Beginnings) == 0 {
					continue
				}
				one, err := f.Ask(context.Background(), []Question{part})
				if err != nil {
					t.Fatal(err)
				}
				if part.Horizon > 0 {
					alone.Forecast = one[0].Forecast
				} else {
					alone.Tests = one[0].Tests
				}
			}
			if got := together[i]; (got.Forecast == nil) != (q.Horizon == 0) || len(got.Tests) != len(q.Beginnings) {
				t.Fatalf("question %d: a forecast: %v, %d tests", i, got.Forecast != nil, len(got.Tests))
			}
			if q.Horizon > 0 {
				for k := range alone.Forecast {
					same(t, together[i].Forecast[k], alone.Forecast[k], q.Horizon)
				}
			}
			for k := range alone.Tests {
				same(t, together[i].Tests[k], alone.Tests[k], q.Test)
			}
		}
	})
}

func same(t *rapid.T, got, want []float64, steps int) {
	t.Helper()
	if len(got) != steps || len(want) != steps {
		t.Fatalf("%d and %d steps, want %d", len(got), len(want), steps)
	}
	for h, v := range want {
		if !(math.Abs(got[h]-v) <= 1e-5*math.Abs(v)) {
			t.Fatalf("step %d: %v together, %v alone", h+1, got[h], v)
		}
	}
}

// TestEvidenceIsThatOfGather, which judges the networks when they are made.
func TestEvidenceIsThatOfGather(t *testing.T) {
	t.Parallel()
	f, rng := trusting(t), rand.New(rand.NewPCG(7, 8))
	for _, n := range []int{1, 5, 7, 16, 40, 90} {
		s := Series{quarters(rng, n), 4}
		old := &space{}
		f.gather(old, []Series{s}, true)
		w, reply := &space{}, Reply{}
		f.lay(&w.hearing, &Question{Series: s, Horizon: 3}, &reply)
		said := w.cases[:1]
		if err := f.hear(context.Background(), w); err != nil {
			t.Fatal(err)
		}
		got, want := said[0].evidence, old.cases[0].evidence
		slices.Sort(want.surprises)
		slices.Sort(got.surprises)
		if got.networks != want.networks || got.theta != want.theta || got.tried != want.tried || !slices.Equal(got.surprises, want.surprises) {
			t.Errorf("%d values: %+v, gather says %+v", n, got, want)
		}
		if n == 90 && (want.tried == 0 || len(want.surprises) == 0) {
			t.Errorf("no evidence in %d values", n)
		}
	}
}

// TestManyWindows is of more than the networks read in one pass.
func TestManyWindows(t *testing.T) {
	t.Parallel()
	f, rng := trusting(t), rand.New(rand.NewPCG(9, 1))
	list := make([]Question, 2*chunk+3)
	for i := range list {
		list[i] = Question{Series: Series{quarters(rng, 80), 4}, Horizon: 6, Test: 2}
		for n := 41; n < 80; n++ {
			list[i].Beginnings = append(list[i].Beginnings, n)
		}
	}
	all, err := f.Ask(context.Background(), list)
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{0, chunk - 1, chunk, len(list) - 1} {
		one, err := f.Ask(context.Background(), list[i:i+1])
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(one[0].Forecast.Median(), all[i].Forecast.Median()) || !slices.Equal(one[0].Tests[38], all[i].Tests[38]) {
			t.Errorf("series %d is answered otherwise in a crowd", i)
		}
	}
}

func TestBadQuestions(t *testing.T) {
	t.Parallel()
	f := untrained(t)
	y := Series{[]float64{1, 2, 3, 4}, 1}
	for name, q := range map[string]Question{
		"nothing asked":    {Series: y},
		"a horizon below":  {Series: y, Horizon: -1, Beginnings: []int{2}, Test: 1},
		"tests of nothing": {Series: y, Beginnings: []int{2}},
		"a beginning of 0": {Series: y, Beginnings: []int{0}, Test: 1},
		"one too long":     {Series: y, Beginnings: []int{5}, Test: 1},
		"one twice":        {Series: y, Beginnings: []int{2, 2}, Test: 1},
		"one that returns": {Series: y, Beginnings: []int{3, 2}, Test: 1},
	} {
		if _, err := f.Ask(context.Background(), []Question{{Series: y, Horizon: 1}, q}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := f.Ask(context.Background(), []Question{{Horizon: 1}}); !errors.Is(err, ErrTooShort) {
		t.Errorf("no value: %v", err)
	}
	if got, err := f.Ask(context.Background(), nil); err != nil || len(got) != 0 {
		t.Errorf("no question: %v, %v", got, err)
	}
}

// TestACallThatEndsIsLeft: between passes, with the reason.
func TestACallThatEndsIsLeft(t *testing.T) {
	t.Parallel()
	reason := errors.New("enough")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(reason)
	_, err := trusting(t).Ask(ctx, []Question{{Series: Series{[]float64{1, 2, 3}, 1}, Horizon: 2}})
	if !errors.Is(err, reason) {
		t.Errorf("%v, want %v", err, reason)
	}
}
