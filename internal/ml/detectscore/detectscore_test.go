package detectscore_test

import (
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/omni-run/omni/internal/ml/detectscore"
	"github.com/omni-run/omni/internal/ml/nabscore"
)

func rows(text string) []bool {
	out := make([]bool, len(text))
	for i, c := range text {
		out[i] = c == '#'
	}
	return out
}

func labelled(text string) nabscore.Series {
	return nabscore.Series{Rows: len(text), Windows: detectscore.Windows(rows(text))}
}

// Every figure by hand.
func TestCompare(t *testing.T) {
	t.Parallel()
	s := labelled("..####..##..#.")
	got := detectscore.Compare(s, rows("#..##.#.....##"))
	want := detectscore.Result{
		Points:   detectscore.Counts{TP: 3, FP: 3, FN: 4, TN: 4},
		Adjusted: detectscore.Counts{TP: 5, FP: 3, FN: 2, TN: 4},
		Windows:  3, Found: 2, Alarms: 4, True: 2,
	}
	if got != want {
		t.Fatalf("%+v, want %+v", got, want)
	}
	if got.EventPrecision() != 0.5 || got.EventRecall() != 2./3 || math.Abs(got.EventF1()-4./7) > 1e-15 ||
		got.Points.Precision() != 0.5 || got.Points.Recall() != 3./7 || got.Points.F1() != 6./13 {
		t.Errorf("%v %v %v, %v %v %v", got.EventPrecision(), got.EventRecall(), got.EventF1(), got.Points.Precision(), got.Points.Recall(), got.Points.F1())
	}
	if two := got.Add(got); two.Alarms != 8 || two.Points.TP != 6 || two.Windows != 6 {
		t.Errorf("%+v", two)
	}
}

func TestNothing(t *testing.T) {
	t.Parallel()
	none := detectscore.Compare(labelled("...."), rows("...."))
	if !math.IsNaN(none.EventF1()) || !math.IsNaN(none.Points.F1()) || !math.IsNaN(none.EventRecall()) {
		t.Errorf("%+v", none)
	}
	if f := detectscore.Compare(labelled("..#."), rows("....")).EventF1(); f != 0 {
		t.Errorf("a missed window: %v", f)
	}
	defer func() {
		if recover() == nil {
			t.Error("a verdict too few was accepted")
		}
	}()
	detectscore.Compare(labelled("...."), rows("..."))
}

// What holds of any labels and alarms.
func TestCounts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 80).Draw(t, "rows")
		some := rapid.SliceOfN(rapid.Bool(), n, n)
		labels, alarm := some.Draw(t, "labels"), some.Draw(t, "alarm")
		s := nabscore.Series{Rows: n, Windows: detectscore.Windows(labels)}
		if err := s.Validate(); err != nil {
			t.Fatal(err)
		}
		back := make([]bool, n)
		for _, w := range s.Windows {
			for i := w.First; i <= w.Last; i++ {
				back[i] = true
			}
		}
		if !slices.Equal(back, labels) {
			t.Fatalf("windows %v of %v", s.Windows, labels)
		}
		r := detectscore.Compare(s, alarm)
		total := r.Points.TP + r.Points.FP + r.Points.FN + r.Points.TN
		if total != n || r.Adjusted.TP < r.Points.TP || r.Adjusted.FP != r.Points.FP || r.Found > r.Windows || r.True > r.Alarms {
			t.Fatalf("%+v", r)
		}
		if (r.Points.TP > 0) != (r.Found > 0) || (r.Points.TP > 0) != (r.True > 0) {
			t.Fatalf("%+v", r)
		}
		own := detectscore.Compare(s, labels)
		if own.Points.FP+own.Points.FN > 0 || own.Found != own.Windows || own.True != own.Alarms {
			t.Fatalf("the labels against themselves: %+v", own)
		}
	})
}
