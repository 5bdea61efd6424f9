// Package neldermead minimises a function without derivatives by the downhill
// simplex of Nelder and Mead (1965), with the dimension-adapted coefficients
// of Gao and Han (2012), which keep it working past a dozen parameters.
package neldermead

import (
	"math"
	"slices"
)

// Options bounds the search. The zero value takes every default.
type Options struct {
	// Evaluations is the largest number of function calls; default 200 per
	// parameter.
	Evaluations int
	// Step is the size of the starting simplex in each coordinate; default 0.5.
	Step float64
	// Tolerance ends the search when the simplex's values differ by less,
	// relative to the best, and the simplex is smaller than its square root;
	// default 1e-8.
	Tolerance float64
}

// Result is where the search ended.
type Result struct {
	X           []float64
	Value       float64
	Evaluations int
	// Converged says that the tolerance, not the budget, ended the search.
	Converged bool
}

type vertex struct {
	x []float64
	f float64
}

// Minimize searches from start. f may return +Inf (or NaN, which counts as
// such) to forbid a point. It is deterministic.
func Minimize(f func(x []float64) float64, start []float64, opt Options) Result {
	n := len(start)
	if opt.Evaluations == 0 {
		opt.Evaluations = 200 * max(n, 1)
	}
	if opt.Step == 0 {
		opt.Step = 0.5
	}
	if opt.Tolerance == 0 {
		opt.Tolerance = 1e-8
	}
	used := 0
	at := func(x []float64) float64 {
		used++
		if v := f(x); !math.IsNaN(v) {
			return v
		}
		return math.Inf(1)
	}
	simplex := make([]vertex, n+1)
	for i := range simplex {
		x := slices.Clone(start)
		if i > 0 {
			x[i-1] += opt.Step
		}
		simplex[i] = vertex{x, at(x)}
	}
	d := float64(max(n, 2))
	expansion, contraction, shrinkage := 1+2/d, 0.75-0.5/d, 1-1/d
	centre, tried, second := make([]float64, n), make([]float64, n), make([]float64, n)
	byValue := func(a, b vertex) int {
		switch {
		case a.f < b.f:
			return -1
		case a.f > b.f:
			return 1
		default:
			return 0
		}
	}
	converged := n == 0
	for !converged && used < opt.Evaluations {
		slices.SortStableFunc(simplex, byValue)
		best, worst := simplex[0], &simplex[n]
		if worst.f-best.f <= opt.Tolerance*(math.Abs(best.f)+opt.Tolerance) && diameter(simplex) <= math.Sqrt(opt.Tolerance) {
			converged = true
			break
		}
		clear(centre)
		for _, v := range simplex[:n] {
			for j, x := range v.x {
				centre[j] += x / float64(n)
			}
		}
		// along sets dst on the line from the worst vertex through the centre.
		along := func(dst []float64, t float64) float64 {
			for j := range dst {
				dst[j] = centre[j] + t*(centre[j]-worst.x[j])
			}
			return at(dst)
		}
		accept := func(x []float64, v float64) {
			copy(worst.x, x)
			worst.f = v
		}
		reflected := along(tried, 1)
		switch {
		case reflected < best.f:
			if further := along(second, expansion); further < reflected {
				accept(second, further)
			} else {
				accept(tried, reflected)
			}
			continue
		case reflected < simplex[n-1].f:
			accept(tried, reflected)
			continue
		}
		t := contraction
		if reflected >= worst.f {
			t = -contraction
		}
		if inner := along(second, t); inner < min(reflected, worst.f) {
			accept(second, inner)
			continue
		}
		for i := 1; i <= n; i++ {
			for j := range simplex[i].x {
				simplex[i].x[j] = best.x[j] + shrinkage*(simplex[i].x[j]-best.x[j])
			}
			simplex[i].f = at(simplex[i].x)
		}
	}
	slices.SortStableFunc(simplex, byValue)
	return Result{X: simplex[0].x, Value: simplex[0].f, Evaluations: used, Converged: converged}
}

// diameter is the largest distance, along a coordinate, of a vertex from the
// first. Equal values alone prove nothing: two vertices may stand on opposite
// slopes.
func diameter(simplex []vertex) (d float64) {
	for _, v := range simplex[1:] {
		for j, x := range v.x {
			d = max(d, math.Abs(x-simplex[0].x[j]))
		}
	}
	return d
}
