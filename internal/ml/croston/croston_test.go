package croston_test

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"testing"

	"github.com/omni-run/omni/internal/ml/croston"
	"pgregory.net/rapid"
)

// TestAgreesWithStatsforecast compares with testdata/reference.py.
func TestAgreesWithStatsforecast(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Y                 []float64
		Croston, SBA, TSB float64
	}
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	for i, c := range cases {
		for name, m := range map[string]struct {
			method      croston.Method
			alpha, beta float64
			want        float64
		}{"croston": {croston.Croston, 0.1, 0.1, c.Croston}, "sba": {croston.SBA, 0.1, 0.1, c.SBA}, "tsb": {croston.TSB, 0.2, 0.3, c.TSB}} {
			got, err := m.method(c.Y, m.alpha, m.beta)
			if err != nil || math.Abs(got.Rate-m.want) > 1e-9*(1+m.want) {
				t.Errorf("series %d, %s: %v (%v), statsforecast %v", i, name, got.Rate, err, m.want)
			}
		}
	}
}

// TestByHand follows the published recursions on four periods.
func TestByHand(t *testing.T) {
	t.Parallel()
	y := []float64{0, 4, 0, 8}
	// Croston: size 4, then 4+0.5*4 = 6; interval 2, then 2. SBA: times 1-0.25.
	if m, err := croston.Croston(y, 0.5, 0.5); err != nil || m.Rate != 3 || m.MSE != (4+36)/2.0 {
		t.Errorf("croston %+v, %v", m, err)
	}
	if m, err := croston.SBA(y, 0.5, 0.5); err != nil || m.Rate != 2.25 {
		t.Errorf("sba %+v, %v", m, err)
	}
	// TSB: chance 0, 0.5, 0.25, 0.625; size 4, then 6.
	if m, err := croston.TSB(y, 0.5, 0.5); err != nil || m.Rate != 3.75 {
		t.Errorf("tsb %+v, %v", m, err)
	}
}

func TestFitIsTheBestOfItsGrid(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		y := rapid.SliceOfN(rapid.SampledFrom([]float64{0, 0, 0, 1, 2, 5}), 2, 60).Draw(t, "y")
		for _, method := range []croston.Method{croston.Croston, croston.SBA, croston.TSB} {
			best, err := croston.Fit(method, y)
			one, other := method(y, 0.1, 0.1)
			if (err == nil) != (other == nil) || best.MSE > one.MSE {
				t.Fatalf("fit %+v (%v), 0.1: %+v (%v)", best, err, one, other)
			}
			if err != nil {
				continue
			}
			for _, v := range best.Forecast(3) {
				if !(v >= 0 && v <= 5) {
					t.Fatalf("forecast %v of demands within 0 and 5", v)
				}
			}
		}
	})
}

func TestNoDemand(t *testing.T) {
	t.Parallel()
	for _, method := range []croston.Method{croston.Croston, croston.SBA, croston.TSB} {
		if _, err := croston.Fit(method, make([]float64, 5)); !errors.Is(err, croston.ErrNoDemand) {
			t.Errorf("all zero: %v", err)
		}
	}
}
