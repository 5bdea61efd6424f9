package theta_test

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/omni-run/omni/internal/ml/theta"
)

// TestAgreesWithStatsmodels compares with testdata/reference.py (statsmodels
// 0.15). The slope is exact; alpha and the forecasts differ by how the two
// optimisers end, hence 1 %.
func TestAgreesWithStatsmodels(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Period    int
		Y         []float64
		B0, Alpha float64
		Forecast  []float64
	}
	if err := json.Unmarshal(data, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		m, err := theta.Fit(c.Y, c.Period)
		if err != nil {
			t.Fatal(err)
		}
		if m.Period != c.Period {
			t.Fatalf("period %d, want %d", m.Period, c.Period)
		}
		if math.Abs(m.Slope-c.B0) > 1e-6 || math.Abs(m.Alpha-c.Alpha) > 0.05 {
			t.Errorf("period %d: slope %.8f alpha %.4f, want %.8f %.4f", c.Period, m.Slope, m.Alpha, c.B0, c.Alpha)
		}
		for h, v := range m.Forecast(len(c.Forecast)) {
			if math.Abs(v-c.Forecast[h]) > 0.01*c.Forecast[h] {
				t.Errorf("period %d step %d: %.4f, want %.4f within 1 %%", c.Period, h+1, v, c.Forecast[h])
			}
		}
	}
}

func TestDynamicFollowsALine(t *testing.T) {
	t.Parallel()
	y := make([]float64, 40)
	for i := range y {
		y[i] = 10 + 3*float64(i)
	}
	m, err := theta.FitDynamic(y, 1)
	if err != nil {
		t.Fatal(err)
	}
	for h, v := range m.Forecast(10) {
		if want := 10 + 3*float64(40+h); math.Abs(v-want) > 0.02*want {
			t.Errorf("step %d: %.3f, want %.3f within 2 %%", h+1, v, want)
		}
	}
}

func TestOddSeries(t *testing.T) {
	t.Parallel()
	for name, y := range map[string][]float64{
		"one": {4}, "two": {4, 6}, "constant": {5, 5, 5, 5, 5}, "zero": make([]float64, 30), "negative": {-1, -2, -1, -2, -1, -2},
		"spike": {0, 0, 0, 0, 1e100, 0, 0, 0, 0},
	} {
		standard, err := theta.Fit(y, 2)
		if err != nil {
			t.Fatal(err)
		}
		dynamic, err := theta.FitDynamic(y, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range append(standard.Forecast(9), dynamic.Forecast(9)...) {
			if math.IsNaN(v) || math.IsInf(v, 0) || (name == "constant" && math.Abs(v-5) > 1e-9) {
				t.Errorf("%s: %v", name, v)
			}
		}
	}
	if _, err := theta.Fit(nil, 1); !errors.Is(err, theta.ErrTooShort) {
		t.Errorf("empty: %v", err)
	}
}

// TestExtendOverTheSameValuesChangesNothing: a fitted model extended over its
// own series forecasts the same, and over a longer one it follows it.
func TestExtendOverTheSameValuesChangesNothing(t *testing.T) {
	t.Parallel()
	y := make([]float64, 48)
	for i := range y {
		y[i] = 100 + 2*float64(i) + 10*math.Sin(float64(i)*math.Pi/2)
	}
	standard, err := theta.Fit(y, 4)
	if err != nil {
		t.Fatal(err)
	}
	dynamic, err := theta.FitDynamic(y, 4)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(standard.Forecast(6), standard.Extend(y).Forecast(6)) || !slices.Equal(dynamic.Forecast(6), dynamic.Extend(y).Forecast(6)) {
		t.Error("extended over its own series, a model forecasts differently")
	}
	longer := append(slices.Clone(y), 500, 490, 500, 510)
	if a, b := standard.Extend(longer).Forecast(1)[0], dynamic.Extend(longer).Forecast(1)[0]; a < 250 || b < 250 {
		t.Errorf("after a jump to 500 the forecasts are %v and %v", a, b)
	}
}
