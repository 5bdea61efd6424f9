package neldermead_test

import (
	"math"
	"testing"

	"github.com/omni-run/omni/internal/ml/neldermead"
)

func TestMinimize(t *testing.T) {
	t.Parallel()
	sphere := func(x []float64) (s float64) {
		for i, v := range x {
			s += float64(i+1) * (v - 1) * (v - 1)
		}
		return s
	}
	for _, c := range []struct {
		name  string
		f     func([]float64) float64
		start []float64
		want  []float64
	}{
		{"one dimension", sphere, []float64{9}, []float64{1}},
		{"Rosenbrock", func(x []float64) float64 {
			return 100*math.Pow(x[1]-x[0]*x[0], 2) + math.Pow(1-x[0], 2)
		}, []float64{-1.2, 1}, []float64{1, 1}},
		{"sixteen dimensions", sphere, make([]float64, 16), []float64{1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1}},
		{"a forbidden half", func(x []float64) float64 {
			if x[0] < 2 {
				return math.NaN()
			}
			return x[0]
		}, []float64{5}, []float64{2}},
		{"no parameters", func([]float64) float64 { return 3 }, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := neldermead.Minimize(c.f, c.start, neldermead.Options{Evaluations: 20000, Tolerance: 1e-14})
			for i, want := range c.want {
				if math.Abs(got.X[i]-want) > 1e-4 {
					t.Fatalf("%+v, want %v", got, c.want)
				}
			}
			if !got.Converged {
				t.Errorf("did not converge: %+v", got)
			}
		})
	}
}

func TestBudgetHolds(t *testing.T) {
	t.Parallel()
	calls := 0
	got := neldermead.Minimize(func(x []float64) float64 { calls++; return -x[0] }, []float64{0, 0, 0}, neldermead.Options{Evaluations: 50})
	if got.Converged || calls != got.Evaluations || calls > 60 {
		t.Errorf("%d calls, %+v", calls, got)
	}
}
