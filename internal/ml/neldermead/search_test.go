package neldermead_test

import (
	"math"
	"slices"
	"testing"

	"github.com/omni-run/omni/internal/ml/neldermead"
)

// TestSearchesSideBySide: a search does not notice others that go on beside it.
func TestSearchesSideBySide(t *testing.T) {
	t.Parallel()
	f := func(x []float64) float64 {
		sum := 0.0
		for i, v := range x {
			sum += float64(i+1) * math.Pow(v-float64(i), 4)
		}
		return sum + math.Cos(3*sum)
	}
	starts := [][]float64{{3}, {1, 1}, {0, 5, -2}, {}, {4, 4, 4, 4, 4}}
	searches := make([]*neldermead.Search, len(starts))
	for i, s := range starts {
		searches[i] = neldermead.New(s, neldermead.Options{Evaluations: 70 + 30*i})
	}
	for going := true; going; {
		going = false
		for _, s := range searches {
			if x, more := s.Next(); more {
				s.Tell(f(x))
				going = true
			}
		}
	}
	for i, s := range searches {
		got, want := s.Result(), neldermead.Minimize(f, starts[i], neldermead.Options{Evaluations: 70 + 30*i})
		if !slices.Equal(got.X, want.X) || got.Value != want.Value || got.Evaluations != want.Evaluations || got.Converged != want.Converged {
			t.Errorf("from %v: %+v beside others, %+v alone", starts[i], got, want)
		}
		s.Tell(-1)
		if after := s.Result(); after.Value != got.Value {
			t.Errorf("from %v: a value told after the end counts", starts[i])
		}
	}
}
