package globalforecast

import (
	"context"
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/omni-run/omni/internal/ml/gbdt"
)

func TestWidthSurvivesItsFile(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	var data gbdt.Targets
	for range 2000 {
		var x tells
		for k := range x {
			x[k] = rng.NormFloat64()
		}
		data.Rows, data.Values, data.Weights = append(data.Rows, x[:]), append(data.Values, x[5]+0.1*rng.NormFloat64()), append(data.Weights, 1)
	}
	trees, err := gbdt.TrainQuantile(context.Background(), data, gbdt.Targets{}, widthLevel, gbdt.Options{Rounds: 40})
	if err != nil {
		t.Fatal(err)
	}
	w := &Width{*trees}
	raw, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	back := &Width{}
	if err := json.Unmarshal(raw, back); err != nil {
		t.Fatal(err)
	}
	for _, r := range data.Rows[:200] {
		x := tells(r)
		if a, b := w.factor(&x), back.factor(&x); math.Abs(a-b) > 1e-5*a {
			t.Fatalf("the factor is %v after the file, was %v", b, a)
		}
	}
	if one := (*Width)(nil).factor(&tells{}); one != 1 {
		t.Errorf("without trees the factor is %v", one)
	}
	for _, bad := range []string{`{"bias":0,"trees":"AQ=="}`, `{"bias":0,"trees":"AQAAAAAAAAAAAAAAAAAAAAA="}`, `{"trees":7}`} {
		if err := json.Unmarshal([]byte(bad), &Width{}); err == nil {
			t.Errorf("%s was read", bad)
		}
	}
}

// A volatile kind of series is told from a calm one, and each gets its own
// width: the coverage of either is near the level, where one factor for both
// would leave one too wide and the other too narrow.
func TestWidthTellsVolatileSeriesApart(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 4))
	make1 := func(calm bool) []float64 {
		y, level := make([]float64, 40), 100.0
		for i := range y {
			step := rng.NormFloat64()
			if !calm && rng.IntN(8) == 0 {
				step *= 12 // rare but large
			}
			level += step
			y[i] = max(level, 20)
		}
		return y
	}
	plan := FrequencyPlan{Name: "yearly", Recipe: Recipes()["yearly"], Judges: 1, Members: 1}
	plan.Recipe.Steps, plan.Recipe.Batch, plan.Recipe.Synthetic = 60, 32, 0
	plan.Recipe.Shape.Hidden, plan.Recipe.Shape.Head = 8, 8
	for k := range 400 {
		plan.Series = append(plan.Series, make1(k%2 == 0))
		plan.Sets = append(plan.Sets, []string{"calm", "volatile"}[k%2])
	}
	m, verdicts, err := Build(context.Background(), Plan{Version: "test", Frequencies: []FrequencyPlan{plan}, Seed: 1, Parallel: 1})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range verdicts[0].Sets {
		if math.Abs(s.Coverage-0.95) > 0.04 {
			t.Errorf("%s: coverage %.3f", s.Name, s.Coverage)
		}
	}
	f := m.Frequencies[0]
	out, err := f.Forecast(context.Background(), []Series{{Values: plan.Series[0]}, {Values: plan.Series[1]}}, 6)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range out {
		for h := range 6 {
			column := make([]float64, quantiles)
			for k := range column {
				column[k] = one[k][h]
			}
			if !slices.IsSorted(column) {
				t.Errorf("quantiles cross at step %d: %v", h+1, column)
			}
		}
	}
}
