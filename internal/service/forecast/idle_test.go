package forecast

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func TestIdlePhases(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 5))
	days := func(n int, f func(i int) float64) []float64 {
		y := make([]float64, n)
		for i := range y {
			y[i] = f(i)
		}
		return y
	}
	closed := func(i int) float64 {
		if i%7 == 6 {
			return 0
		}
		return 50 + random.Float64()
	}
	lately := func(i int) float64 { // open on the seventh day until not long ago
		if i < 30 {
			return 50
		}
		return closed(i)
	}
	for name, c := range map[string]struct {
		y      []float64
		period int
		want   []int
	}{
		"closed on the seventh day":   {days(100, closed), 7, []int{6}},
		"since not long ago":          {days(400, lately), 7, []int{6}},
		"once open":                   {append(days(90, closed), 50), 7, nil},
		"two weeks":                   {days(20, closed), 7, nil},
		"no season":                   {days(100, closed), 1, nil},
		"never anything":              {make([]float64, 100), 7, nil},
		"intermittent":                {days(100, func(int) float64 { return float64(max(0, random.IntN(10)-8)) }), 7, nil},
		"open every other":            {days(64, func(i int) float64 { return float64(i % 2) }), 2, []int{0}},
		"season that was not the one": {days(100, closed), 6, nil},
	} {
		var got []int
		for phase, idle := range idlePhases(c.y, c.period) {
			if idle {
				got = append(got, phase)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}
