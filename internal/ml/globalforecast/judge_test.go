package globalforecast

import (
	"fmt"
	"math"
	"testing"
)

func TestSetsCountByTheRootOfTheirSize(t *testing.T) {
	t.Parallel()
	var c corpus
	for i := range 404 {
		c.series = append(c.series, make([]float64, 16))
		set := "large"
		if i >= 400 {
			set = "small"
		}
		c.sets = append(c.sets, set)
	}
	c.series = append(c.series, make([]float64, leastStart))
	c.sets = append(c.sets, "small")
	sum := map[string]float64{}
	shares := c.shares()
	for i, s := range shares {
		sum[c.sets[i]] += s
	}
	if got := sum["large"] / sum["small"]; math.Abs(got-10) > 1e-9 {
		t.Errorf("a set of 100 times as many series counts %v times, want 10", got)
	}
	if shares[404] != 0 {
		t.Error("a series too short to learn from is drawn")
	}
	c.sets = nil
	if shares = c.shares(); shares[0] != shares[403] {
		t.Error("series of one set count differently")
	}
}

func TestJuryHearsEverySet(t *testing.T) {
	t.Parallel()
	var h held
	for i := range 2*judgedOfSet + 10 {
		h.past, h.next = append(h.past, []float64{float64(i)}), append(h.next, []float64{1})
		set := "many"
		if i%300 == 0 {
			set = "few"
		}
		h.sets = append(h.sets, set)
	}
	j := h.jury()
	count, weight := map[string]int{}, map[string]float64{}
	for i, s := range j.sets {
		count[s]++
		weight[s] += j.weights[i]
	}
	if count["few"] != 11 || count["many"] > judgedOfSet || count["many"] < judgedOfSet*9/10 {
		t.Errorf("judged: %v", count)
	}
	for s, n := range count {
		if math.Abs(weight[s]-math.Sqrt(float64(n))) > 1e-9 {
			t.Errorf("%s: %d series weigh %v, want the root", s, n, weight[s])
		}
	}
	if n := j.only("few").count(); n != 11 {
		t.Errorf("%d series of the small set", n)
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

// Two ways of reading a series have factors of their own where both were judged.
func TestStretchIsApartForDifferences(t *testing.T) {
	t.Parallel()
	f := &Frequency{Recipe: Recipes()["yearly"]}
	h := f.Recipe.Near
	j := held{}
	var forecasts []Forecast
	for i := range 2 * leastStretched {
		linear := i%2 == 1
		far := 1.0
		if linear {
			far = 3
		}
		var one Forecast
		next := make([]float64, h)
		for k := range one {
			one[k] = make([]float64, h)
			for s := range h {
				one[k][s] = float64(k - middle)
				next[s] = far * float64(middle) * math.Copysign(1, float64(i%4)-1.5) * float64(i+1) / (2 * leastStretched)
			}
		}
		forecasts = append(forecasts, one)
		j.past, j.next = append(j.past, []float64{1, 2}), append(j.next, next)
		j.weights, j.demand = append(j.weights, 1), append(j.demand, linear)
		j.sets = append(j.sets, fmt.Sprint(i))
	}
	plain, other := f.stretched(forecasts, j, false), f.stretched(forecasts, j, true)
	if !(other[0][quantiles-1] > 2*plain[0][quantiles-1]) {
		t.Errorf("factors %v and %v", plain[0], other[0])
	}
	j.demand = make([]bool, len(j.demand))
	if f.stretched(forecasts, j, true) != nil {
		t.Error("factors for differences though nothing was read so")
	}
}
