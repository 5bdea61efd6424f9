package reconcile_test

import (
	"encoding/json"
	"errors"
	"math"
	"os"
	"testing"

	"github.com/omni-run/omni/internal/ml/reconcile"
	"pgregory.net/rapid"
)

// TestAgreesWithReferences compares with testdata/reference.py: WLS-struct with
// hierarchicalforecast, MinT-shrink with a numpy twin of the authors' R code.
func TestAgreesWithReferences(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Sums, Errors [][]float64
		YHat         [][]float64 `json:"y_hat"`
		Structural   [][]float64 `json:"wls_struct"`
		MinT         [][]float64 `json:"mint_shrink"`
		Lambda       float64
		Covariance   []float64
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		t.Fatal(err)
	}
	h := reconcile.Hierarchy{Bottom: 4, Sums: r.Sums}
	compare := func(name string, bottom, want [][]float64) {
		t.Helper()
		for step := range want[0] {
			column := make([]float64, h.Bottom)
			for i := range column {
				column[i] = bottom[i][step]
			}
			for node, v := range h.Aggregate(column) {
				if math.Abs(v-want[node][step]) > 1e-8 {
					t.Errorf("%s: node %d, step %d: %v, want %v", name, node, step, v, want[node][step])
				}
			}
		}
	}
	bottom, err := h.Structural(r.YHat)
	if err != nil {
		t.Fatal(err)
	}
	compare("wls_struct", bottom, r.Structural)
	bottom, lambda, err := h.MinT(r.YHat, r.Errors)
	if err != nil {
		t.Fatal(err)
	}
	compare("mint_shrink", bottom, r.MinT)
	w, _, err := reconcile.Shrunk(r.Errors)
	if err != nil || math.Abs(lambda-r.Lambda) > 1e-10 {
		t.Errorf("shrinkage %v, want %v (%v)", lambda, r.Lambda, err)
	}
	for i, v := range r.Covariance {
		if math.Abs(w[i]-v) > 1e-9 {
			t.Errorf("covariance %d is %v, want %v", i, w[i], v)
		}
	}
}

// TestCoherentForecastsStayAsTheyAre: every method is a projection.
func TestCoherentForecastsStayAsTheyAre(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 6).Draw(t, "bottom")
		h := reconcile.Hierarchy{Bottom: n}
		for range rapid.IntRange(1, 4).Draw(t, "sums") {
			row := make([]float64, n)
			for i := range row {
				row[i] = float64(rapid.IntRange(0, 1).Draw(t, "member"))
			}
			row[0] = 1
			h.Sums = append(h.Sums, row)
		}
		bottom := rapid.SliceOfN(rapid.Float64Range(-100, 100), n, n).Draw(t, "values")
		base, errs := make([][]float64, h.Nodes()), make([][]float64, h.Nodes())
		for node, v := range h.Aggregate(bottom) {
			base[node] = []float64{v}
			errs[node] = rapid.SliceOfN(rapid.Float64Range(0.1, 5), 12, 12).Draw(t, "errors")
		}
		for name, method := range map[string]func() ([][]float64, error){
			"structural": func() ([][]float64, error) { return h.Structural(base) },
			"mint": func() ([][]float64, error) {
				out, lambda, err := h.MinT(base, errs)
				if lambda < 0 || lambda > 1 {
					t.Fatalf("shrinkage %v", lambda)
				}
				return out, err
			},
		} {
			out, err := method()
			if errors.Is(err, reconcile.ErrSingular) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			for i, v := range bottom {
				if math.Abs(out[i][0]-v) > 1e-5*(1+math.Abs(v)) {
					t.Fatalf("%s moved %v to %v", name, v, out[i][0])
				}
			}
		}
	})
}

func TestNoErrorsNoCovariance(t *testing.T) {
	t.Parallel()
	if _, _, err := reconcile.Shrunk([][]float64{{1}, {2}}); !errors.Is(err, reconcile.ErrSingular) {
		t.Errorf("one error a node: %v", err)
	}
	if _, _, err := reconcile.Shrunk([][]float64{{0, 0}, {2, 1}}); !errors.Is(err, reconcile.ErrSingular) {
		t.Errorf("a node without error: %v", err)
	}
}
