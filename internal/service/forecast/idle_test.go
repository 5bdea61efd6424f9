package forecast

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/omni-run/omni/api"
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

func TestIdleIntervals(t *testing.T) {
	t.Parallel()
	week := func(weeks int, open float64) []float64 { // closed on the seventh day
		var y []float64
		for range weeks {
			y = append(y, open, open+1, open+2, open+3, open+4, open+5, 0)
		}
		return y
	}
	idle := []bool{6: true}
	for name, c := range map[string]struct {
		y            []float64
		atLeast0     bool
		level        float64
		lower, upper float64
	}{
		"a year":                      {week(52, 50), true, 0.95, 0, 0},
		"a year, nearly sure":         {week(52, 50), true, 0.999, 0, 55}, // 0.0094 is more than 0.001
		"eight weeks, likely":         {week(8, 50), true, 0.8, 0, 0},
		"eight weeks":                 {week(8, 50), true, 0.95, 0, 50}, // 0.056 is a little more than 0.05
		"nine weeks":                  {week(9, 50), true, 0.95, 0, 0},
		"open nine weeks ago":         {append([]float64{50, 50, 50, 50, 50, 50, 50}, week(8, 50)...), true, 0.95, 0, 50},
		"below 0 on other days":       {week(52, -53), false, 0.999, -53, 0},
		"below 0 on other days, sure": {week(52, -53), false, 0.95, 0, 0},
	} {
		d := newIdleness(c.y, idle, 14)
		if d.at(0) || !d.at(6) || !d.at(13) {
			t.Fatalf("%s: steps %v", name, d.steps)
		}
		lower, upper := d.interval(c.level, c.atLeast0)
		if lower != c.lower || upper != c.upper {
			t.Errorf("%s: [%v, %v] with chance %.4f, want [%v, %v]", name, lower, upper, d.chance, c.lower, c.upper)
		}
		before := math.Inf(-1)
		for q := 0.001; q < 1; q += 0.001 {
			if v := d.quantile(q); v < before || c.atLeast0 && v < 0 {
				t.Fatalf("%s: quantile %.3f is %v, a lower one was %v", name, q, v, before)
			} else {
				before = v
			}
		}
		within := [2]float64{}
		for l := 0.01; l < 1; l += 0.01 {
			if lower, upper = d.interval(l, c.atLeast0); lower > within[0] || upper < within[1] {
				t.Fatalf("%s: at %.2f [%v, %v] does not hold %v", name, l, lower, upper, within)
			}
			within = [2]float64{lower, upper}
		}
	}
}

// A closed Sunday is 0 for certain in every mode, in bounds, quantiles and the
// total, and no value of it was cut off.
func TestIdleDaysAreCertain(t *testing.T) {
	t.Parallel()
	m, err := New(Deps{}).shippedModel()
	if err != nil {
		t.Fatal(err)
	}
	y := noisy(2, 7*40, 5, waves(0, 2))
	for i := 6; i < len(y); i += 7 {
		y[i] = 0
	}
	for _, mode := range []string{modeGlobal, modeAuto} {
		out, err := run(t.Context(), task{
			y: y, horizon: 14, mode: mode, period: 7, kind: "daily", global: m, crowd: true, tested: true, selector: New(Deps{}).selector(),
			neural: neural{lookback: 10}, warn: t.Logf,
		})
		if err != nil {
			t.Fatal(err)
		}
		if out.cutOff() {
			t.Errorf("%s: a closed day is taken for one below 0", mode)
		}
		for i, v := range out.forecast {
			lower, upper := out.interval(0.95, i)
			sunday := i%7 == 6
			if none := v == 0 && lower == 0 && upper == 0 && out.quantile(0.9, i) == 0; none != sunday {
				t.Errorf("%s: step %d: %.4g in [%.4g, %.4g]", mode, i, v, lower, upper)
			}
			if !sunday && (out.quantile(0.975, i) != upper || out.quantile(0.025, i) != lower || out.quantile(0.5, i) != v) {
				t.Errorf("%s: step %d: the quantiles are not the bounds", mode, i)
			}
		}
		var answer, other api.RevenueAnswer
		dates := make([]time.Time, len(out.forecast))
		fillRevenue(&answer, out, dates, time.DateOnly, 0.95)
		out.idle = nil
		fillRevenue(&other, out, dates, time.DateOnly, 0.95)
		if w, wide := answer.ConfidenceInterval, other.ConfidenceInterval; w[1]-w[0] >= wide[1]-wide[0] {
			t.Errorf("%s: the total's interval is %v, with closed days as any others %v", mode, w, wide)
		}
	}
}
