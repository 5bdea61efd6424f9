package theta

import (
	"testing"

	"pgregory.net/rapid"
)

// TestErrorsAreThoseOfTheRecursion: what the search computes, with all that it
// computes once, is what next and observe say step by step.
func TestErrorsAreThoseOfTheRecursion(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		y := rapid.SliceOfN(rapid.Float64Range(-1e6, 1e6), 1, 50).Draw(t, "values")
		for _, alpha := range quickAlphas {
			row := follow(y).row(alpha)
			for k, theta := range quickThetas {
				s, want := dynamicState{level: y[0] / theta, decay: 1}, 0.0
				for i, v := range y {
					if i >= 2 {
						e := v - s.next(alpha, theta)
						want += e * e
					}
					s.observe(v, alpha)
				}
				tolerance := 1e-9 * (want + 1e-12)
				for _, got := range []float64{follow(y).errors(y[0]/theta, alpha, theta), row[k]} {
					if !(got-want <= tolerance && want-got <= tolerance) {
						t.Fatalf("alpha %v, theta %v: %v, want %v", alpha, theta, got, want)
					}
				}
				if end := run(y, y[0]/theta, alpha); end != s {
					t.Fatalf("the state at the end is %+v, want %+v", end, s)
				}
			}
		}
	})
}
