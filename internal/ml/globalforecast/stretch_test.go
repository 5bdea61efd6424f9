package globalforecast

import (
	"fmt"
	"math"
	"testing"
)

// Demand has factors of its own where enough of it was judged.
func TestStretchIsApartForDemand(t *testing.T) {
	t.Parallel()
	f := &Frequency{Recipe: Recipes()["yearly"]}
	h := f.Recipe.Near
	j := held{}
	var forecasts []Forecast
	for i := range 2 * leastStretched {
		demand := i%2 == 1
		far := 1.0
		if demand {
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
		j.weights, j.demand = append(j.weights, 1), append(j.demand, demand)
		j.sets = append(j.sets, fmt.Sprint(i))
	}
	plain, other := f.stretched(forecasts, j, false), f.stretched(forecasts, j, true)
	if !(other[0][quantiles-1] > 2*plain[0][quantiles-1]) {
		t.Errorf("factors %v and %v", plain[0], other[0])
	}
	j.demand = make([]bool, len(j.demand))
	if f.stretched(forecasts, j, true) != nil {
		t.Error("factors for demand though none was judged")
	}
}
