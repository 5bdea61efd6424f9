package globalforecast

import "testing"

// What the surprises of a history say: nothing known and as expected are 0,
// further out is more, and few weigh less than many.
func TestEvidenceFollowsTheErrors(t *testing.T) {
	t.Parallel()
	as := func(n int, near, far float64) *evidence {
		var e evidence
		for i := range n {
			v := near
			if i%12 == 0 {
				v = far
			}
			e.surprises = append(e.surprises, v)
		}
		return &e
	}
	for _, c := range []struct {
		name       string
		e          *evidence
		mean, tail [2]float64
	}{
		{"nothing known", &evidence{}, [2]float64{0, 0}, [2]float64{-0.1, 0}},
		{"as said", as(100, expected, 1), [2]float64{0, 0.15}, [2]float64{-0.05, 0.05}},
		{"a few far out", as(3, 10, 10), [2]float64{0.2, 0.3}, [2]float64{2.2, 2.4}},
		{"twice as far", as(100, 2*expected, 2), [2]float64{0.6, 0.75}, [2]float64{0.65, 0.72}},
		{"half as far", as(100, expected/2, 0.5), [2]float64{-0.7, -0.5}, [2]float64{-0.8, -0.2}},
		{"a heavy tail", as(120, 0.2, 3), [2]float64{-0.1, 0.2}, [2]float64{1, 1.2}},
	} {
		if got := c.e.mean(); !(got >= c.mean[0]-1e-9 && got <= c.mean[1]) {
			t.Errorf("%s: mean %.3f, want %v", c.name, got, c.mean)
		}
		if got := c.e.tail(); !(got >= c.tail[0] && got <= c.tail[1]) {
			t.Errorf("%s: tail %.3f, want %v", c.name, got, c.tail)
		}
	}
}

func TestShareFollowsTheEvidence(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name         string
		e            evidence
		blend, trust float64
		low, high    float64
	}{
		{"none", evidence{}, 0.6, 3, 0.6, 0.6},
		{"no trust", evidence{networks: 9, theta: 1, tried: 100}, 0.6, 0, 0.6, 0.6},
		{"equal", evidence{networks: 1, theta: 1, tried: 100}, 0.6, 3, 0.6, 0.6},
		{"networks better", evidence{networks: 1, theta: 2, tried: 100}, 0.6, 3, 0.85, 0.99},
		{"theta better", evidence{networks: 2, theta: 1, tried: 100}, 0.6, 3, 0.01, 0.25},
		{"little evidence", evidence{networks: 2, theta: 1, tried: 1}, 0.6, 3, 0.5, 0.6},
		{"no error at all", evidence{tried: 50}, 0.6, 3, 0.6, 0.6},
		{"one without error", evidence{theta: 1, tried: 1000}, 0.5, 1, 0.8, 1},
		{"no blend", evidence{networks: 2, theta: 1, tried: 100}, 1, 3, 1, 1},
	} {
		if got := c.e.share(c.blend, c.trust); !(got >= c.low-1e-9 && got <= c.high+1e-9) {
			t.Errorf("%s: %v, want %v to %v", c.name, got, c.low, c.high)
		}
	}
}

func TestTrialsFitTheHistory(t *testing.T) {
	t.Parallel()
	f := &Frequency{Recipe: Recipes()["monthly"]}
	for n := range 400 {
		tried, step := f.tried(n), f.held(n)
		if tried > trials || tried*step*trialsShare > n || (step > 0 && tried == 0) {
			t.Fatalf("%d values: %d trials of %d", n, tried, step)
		}
	}
	if f.tried(400) != trials {
		t.Errorf("a long history allows %d trials", f.tried(400))
	}
}
