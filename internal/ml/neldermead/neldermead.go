// Package neldermead minimises a function without derivatives by the downhill
// simplex of Nelder and Mead (1965), with the dimension-adapted coefficients
// of Gao and Han (2012), which keep it working past a dozen parameters.
package neldermead

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

// Minimize searches from start. f may return +Inf (or NaN, which counts as
// such) to forbid a point. It is deterministic.
func Minimize(f func(x []float64) float64, start []float64, opt Options) Result {
	s := New(start, opt)
	for x, more := s.Next(); more; x, more = s.Next() {
		s.Tell(f(x))
	}
	return s.Result()
}
