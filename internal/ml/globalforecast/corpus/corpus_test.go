package corpus_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/omni-run/omni/internal/ml/globalforecast/corpus"
)

func TestRead(t *testing.T) {
	t.Parallel()
	list, err := corpus.Read(strings.NewReader(`{"id":"a","period":"yearly","m":1,"h":2,"train":[null,1,null,3],"test":[4,5],"other":7}

{"id":"b","period":"weekly","train":[1,2]}
`))
	if err != nil {
		t.Fatal(err)
	}
	if len(list) != 2 || !slices.Equal(list[0].Train, []float64{1, 0, 3}) || !slices.Equal(list[0].Test, []float64{4, 5}) || list[0].Ahead != 2 || list[1].Period != "weekly" {
		t.Errorf("%+v", list)
	}
	if _, err := corpus.Read(strings.NewReader("{}\nnonsense")); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("got %v", err)
	}
}

// A history that stands whole is cut where the line says, or at the usual place.
func TestReadCutsWholeHistories(t *testing.T) {
	t.Parallel()
	list, err := corpus.Read(strings.NewReader(`{"id":"a","period":"monthly","h":2,"values":[null,1,2,3,4]}
{"id":"b","period":"yearly","scripts":[1,2,3,4,5,6,7,8]}
{"id":"c","period":"yearly","values":[1,2]}`))
	if err != nil {
		t.Fatal(err)
	}
	if a := list[0]; !slices.Equal(a.Train, []float64{1, 2}) || !slices.Equal(a.Test, []float64{3, 4}) {
		t.Errorf("%+v", a)
	}
	if b := list[1]; !slices.Equal(b.Train, []float64{1, 2}) || len(b.Test) != 6 || b.Ahead != 6 {
		t.Errorf("%+v", b)
	}
	if c := list[2]; len(c.Train) != 0 || len(c.Test) != 2 {
		t.Errorf("too short to learn from: %+v", c)
	}
}

func TestFoldsLeaveOutTheirSeries(t *testing.T) {
	t.Parallel()
	var series []corpus.Series
	for i := range 200 {
		series = append(series, corpus.Series{ID: fmt.Sprint("s", i), Set: "a", Period: "yearly", Train: []float64{1, 2, float64(i), 4, 5, 3}})
	}
	seen := 0
	for fold := range 2 {
		plans, counts, err := corpus.Plans(series, nil, corpus.Options{Only: []string{"yearly"}, Members: 1, Effort: 1, Folds: 2, Fold: fold})
		if err != nil {
			t.Fatal(err)
		}
		for _, y := range plans[0].Series {
			if corpus.FoldOf(fmt.Sprint("s", int(y[2])), 2) == fold {
				t.Fatalf("fold %d learns from a series of its own", fold)
			}
		}
		if len(plans[0].Sets) != len(plans[0].Series) || counts.LeftOut+len(plans[0].Series) != len(series) {
			t.Errorf("fold %d: %d series, %d sets, %d left out", fold, len(plans[0].Series), len(plans[0].Sets), counts.LeftOut)
		}
		seen += len(plans[0].Series)
	}
	if seen != len(series) {
		t.Errorf("both folds together learn from %d series of %d", seen, len(series))
	}
}

func TestForbid(t *testing.T) {
	t.Parallel()
	f := corpus.Forbid([][]float64{{5, 6, 7, 8}, {1, 1, 1, 1, 1, 1}, {9, 8, 7, 6, 5}})
	for _, c := range []struct {
		y    []float64
		held bool
	}{
		{[]float64{1, 2, 3, 4, 5, 6, 7, 8, 9}, true},
		{[]float64{5, 6, 7, 8}, true},
		{[]float64{5, 6, 7, 8.5, 9}, false},
		{[]float64{1, 1, 1, 1, 1, 1, 1}, false}, // too plain to identify a series
		{[]float64{0, 9, 8, 7, 6, 5}, true},
		{[]float64{9, 8, 7}, false},
	} {
		if err := f.Check(c.y); errors.Is(err, corpus.ErrOverlap) != c.held {
			t.Errorf("%v: %v", c.y, err)
		}
	}
}

func TestPlans(t *testing.T) {
	t.Parallel()
	long := make([]float64, 120)
	for i := range long {
		long[i] = float64(i * i)
	}
	series := []corpus.Series{
		{ID: "y", Period: "yearly", Train: []float64{1, 2, 4, 3, 5, 6}, Test: []float64{7, 9, 8, 10}},
		{ID: "leak", Period: "yearly", Train: []float64{5, 6, 7, 9, 8, 10, 11}},
		{ID: "flat", Period: "yearly", Train: []float64{3, 3, 3, 3, 3}},
		{ID: "h", Period: "hourly", Train: long},
		{ID: "w", Period: "weekly", Train: long[:30]},
	}
	forbidden := corpus.Forbid([][]float64{series[0].Test})
	plans, counts, err := corpus.Plans(series, forbidden, corpus.Options{Only: []string{"yearly", "daily"}, Members: 2, Judges: 1, Effort: 0.5})
	if err != nil {
		t.Fatal(err)
	}
	if len(plans) != 2 || len(plans[0].Series) != 1 || counts.Refused != 1 || counts.Unusable != 1 || plans[0].Members != 2 {
		t.Errorf("%+v, %+v", plans, counts)
	}
	if len(plans[1].Series) != 2 || len(plans[1].Series[0]) != 5 || plans[1].Series[0][4] != sum(long[96:]) {
		t.Errorf("daily series %v", plans[1].Series)
	}
	if _, _, err := corpus.Plans(series, nil, corpus.Options{Only: []string{"monthly"}, Members: 1, Effort: 1}); err == nil {
		t.Error("there is no monthly series, and yet a plan")
	}
	if _, _, err := corpus.Plans(series, nil, corpus.Options{Only: []string{"secondly"}}); err == nil {
		t.Error("there is a plan for no known frequency")
	}
}

func sum(y []float64) (s float64) {
	for _, v := range y {
		s += v
	}
	return s
}
