package forecast_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service/forecast"
)

// priced is a rising series in which a unit of price takes three away and a

// promotion adds 40.

func priced(n, steps int) (y, price, promo []float64) {
	random := rand.New(rand.NewPCG(9, 9))
	for i := range n + steps {
		price = append(price, 10+2*random.NormFloat64())
		promo = append(promo, map[bool]float64{true: 1}[i%9 == 4])
		if i < n {
			y = append(y, 200+float64(i)/2-3*price[i]+40*promo[i]+random.NormFloat64())
		}
	}
	return y, price, promo
}

func TestExogenousColumns(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	y, price, promo := priced(90, 9)
	a, _ := predict(t, s, object{"time_series": y, "forecast_steps": 9, "season_length": 1, "explain": true, "exogenous": object{"price": price, "promo": promo, "flat": make([]float64, 99)}})
	e := a.Exogenous
	if e == nil || !e.Used || math.Abs(e.Coefficients["price"]+3) > 0.3 || math.Abs(e.Coefficients["promo"]-40) > 2 || len(e.Coefficients) != 2 {
		t.Fatalf("effects %+v", e)
	}
	for i, v := range a.Forecast {
		want := 200 + float64(90+i)/2 - 3*price[90+i] + 40*promo[90+i]
		if math.Abs(v-want) > 8 {
			t.Errorf("step %d: %.1f, want %.1f", i+1, v, want)
		}
	}
	check(t, a.ForecastResult, 9)
	addsUp(t, a.Explanation, y, a.Forecast)

	// Columns that say nothing are left out, with the errors that decided.
	random := rand.New(rand.NewPCG(1, 4))
	for i := range price {
		price[i] = random.NormFloat64() * math.Exp(random.NormFloat64()*3)
	}
	b, _ := predict(t, s, object{"time_series": zigzag, "forecast_steps": 2, "sequence_length": 4, "exogenous": object{"noise": price[:18]}})
	if e := b.Exogenous; e == nil || e.Reason == "" || !e.Used && len(e.Coefficients) > 0 {
		t.Errorf("noise: %+v", e)
	}
}

// addsUp holds an explanation to its word: the parts of the history add up to

// the values given, those of the forecast to the forecast.

func addsUp(t *testing.T, e *api.ForecastExplanation, y, forecast []float64) {
	t.Helper()
	if e == nil {
		t.Fatal("no explanation")
	}
	for name, c := range map[string]struct {
		parts api.ForecastParts
		want  []float64
	}{"history": {e.History, y[e.Start:]}, "forecast": {e.Forecast, forecast}} {
		if len(c.parts.Values) != len(c.want) {
			t.Fatalf("%s has %d steps, want %d", name, len(c.parts.Values), len(c.want))
		}
		for i, want := range c.want {
			sum := c.parts.Trend[i] + c.parts.Season[i] + c.parts.Holiday[i]
			for _, column := range c.parts.Exogenous {
				sum += column[i]
			}
			if name == "history" {
				sum += c.parts.Residual[i]
			}
			if tolerance := 1e-9 * (1 + math.Abs(want)); math.Abs(sum-want) > tolerance || math.Abs(c.parts.Values[i]-want) > tolerance {
				t.Fatalf("%s, step %d: parts add up to %v, values %v, want %v", name, i, sum, c.parts.Values[i], want)
			}
		}
	}
}

func TestExplanation(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	random := rand.New(rand.NewPCG(2, 2))
	is := func(day time.Time) bool { return day.Month() == time.December && day.Day() == 25 }
	first := time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC)
	var y []float64
	var dates []string
	for i := range 720 {
		day := first.AddDate(0, 0, i)
		v := 500 + float64(i)/10 + 60*math.Sin(2*math.Pi*float64(i)/7) + 3*random.NormFloat64()
		if is(day) {
			v -= 300
		}
		y, dates = append(y, v), append(dates, day.Format(time.DateOnly))
	}
	a, _ := predict(t, s, object{"time_series": y, "timestamps": dates, "forecast_steps": 14, "country": "US", "explain": true})
	addsUp(t, a.Explanation, y, a.Forecast)
	// Far from Christmas, whose fall the season of its weekday shares.
	part := a.Explanation.History.Season[100:200]
	swing := slices.Max(part) - slices.Min(part)
	if a.SeasonLength != 7 || swing < 90 || swing > 160 {
		t.Errorf("season of %d swings by %.0f, want 7 and about 120", a.SeasonLength, swing)
	}
	if a.Weights["calendar"] > 0 {
		on, off := a.Explanation.History.Holiday[358], a.Explanation.History.Holiday[359]
		if on >= 0 || off != 0 {
			t.Errorf("Christmas adds %v, the day after %v", on, off)
		}
	}
	b, _ := predict(t, s, object{"time_series": y[:40], "forecast_steps": 3, "season_length": 1, "explain": true, "mode": "local", "epochs": 2})
	addsUp(t, b.Explanation, y[:40], b.Forecast)
}

func TestGaps(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	var y []float64
	var dates []string
	for i := range 30 {
		if i == 12 || i == 13 {
			continue
		}
		y, dates = append(y, float64(100+i)), append(dates, time.Date(2026, 1, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly))
	}
	body := object{"time_series": y, "timestamps": dates, "forecast_steps": 2}
	for policy, warned := range map[string]bool{"": true, "linear": true, "previous": true, "zero": true, "ignore": false} {
		body := object{"time_series": y, "timestamps": dates, "forecast_steps": 2, "gaps": policy}
		a, warnings := predict(t, s, body)
		if a.Timestamps[0] != "2026-01-31" || warned != strings.Contains(strings.Join(warnings, " "), "2 dates") {
			t.Errorf("%q: %v, %v", policy, a.Timestamps, warnings)
		}
		if policy == "linear" && math.Abs(a.Forecast[0]-130) > 1 {
			t.Errorf("the line goes on to %v", a.Forecast)
		}
	}
	body["gaps"] = "refuse"
	_, _, err := post(t.Context(), s, "/predict/revenue-lstm", body)
	if e := refused(t, err, 422, "missing_timestamp"); e.Details[0].Field != "timestamps[12]" || !strings.Contains(e.Message, "2026-01-13 is missing before it, the first of 2 dates") {
		t.Errorf("%s; details %v", e.Message, e.Details)
	}
	dates[3] = "2026-01-04T05:00:00Z"
	_, _, err = post(t.Context(), s, "/predict/revenue-lstm", body)
	if e := refused(t, err, 422, "uneven_timestamps"); e.Details[0].Field != "timestamps[3]" {
		t.Errorf("details %v", e.Details)
	}
	// Columns move along with the values: their past is one value each.
	dates[3] = "2026-01-04"
	body["gaps"], body["exogenous"] = "linear", object{"x": series(30, func(i int) float64 { return float64(i % 4) })}
	a, _ := predict(t, s, body)
	check(t, a.ForecastResult, 2)
}

func TestIntermittentDemand(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	random := rand.New(rand.NewPCG(3, 1))
	y := series(120, func(int) float64 { return map[bool]float64{true: float64(1 + random.IntN(4))}[random.Float64() < 0.2] })
	a, _ := predict(t, s, object{"time_series": y, "forecast_steps": 6, "season_length": 1})
	check(t, a.ForecastResult, 6)
	seen := 0
	for _, c := range a.Selection.Candidates {
		if slices.Contains([]string{"croston", "sba", "tsb"}, c.Model) && c.MASE != nil {
			seen++
		}
	}
	if seen != 3 || slices.Max(a.Forecast) > 2 || slices.Min(a.Forecast) < 0 {
		t.Errorf("%d of the three methods took part; %v by %s", seen, a.Forecast, a.Model)
	}
	total := 0.0
	for _, w := range a.Weights {
		total += w
	}
	if math.Abs(total-1) > 1e-9 || a.Reason == "" || a.Reason != a.Selection.Reason {
		t.Errorf("weights %v, reason %q", a.Weights, a.Reason)
	}
}

// shops are three series, their sum not among them.

// Between the levels that the calibration knows, bounds keep their order.

func TestLevelsDoNotCross(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	random := rand.New(rand.NewPCG(9, 9))
	levels := []float64{50, 55, 60, 79, 80, 85, 89, 90, 91, 94, 95, 96, 97.5, 98, 98.5, 99, 99.5}
	for range 8 {
		n, spread := 8+random.IntN(60), math.Exp(3*random.Float64())
		var list []object
		for k := range 21 { // a crowd trains no network
			list = append(list, object{"id": fmt.Sprint(k), "time_series": series(n, func(int) float64 { return math.Round(100 + spread*random.NormFloat64()) })})
		}
		a, _ := predict(t, s, object{"series": list, "forecast_steps": 3, "sequence_length": 1, "level": levels})
		for _, r := range a.Series {
			for step := range 3 {
				for k := 1; k < len(levels); k++ {
					inner, outer := fmt.Sprintf("%g", levels[k-1]), fmt.Sprintf("%g", levels[k])
					if r.Intervals["hi-"+inner][step] > r.Intervals["hi-"+outer][step] || r.Intervals["lo-"+inner][step] < r.Intervals["lo-"+outer][step] {
						t.Fatalf("step %d: the interval of %s %% reaches beyond that of %s %%", step+1, inner, outer)
					}
				}
			}
		}
	}
}

// A crowd in mode global has no back-test of its own, but mint_shrink is made

// of the back-test's errors.

func TestBreadthRefusals(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	column := func(n int, change func(v []any)) object {
		v := make([]any, n)
		for i := range v {
			v[i] = i
		}
		if change != nil {
			change(v)
		}
		return object{"price": v}
	}
	with := func(key string, v any) object {
		return object{"time_series": zigzag, "forecast_steps": 3, "sequence_length": 4, key: v}
	}
	tree := func(h object) object {
		body := shops(3)
		body["hierarchy"] = h
		return body
	}
	uneven := shops(3)
	uneven["series"].([]object)[1]["time_series"] = zigzag
	broken := shops(3)
	broken["series"].([]object)[1]["time_series"].([]float64)[7] = 1e305
	for name, c := range map[string]struct {
		body        object
		code, field string
	}{
		"column too short":  {with("exogenous", column(16, nil)), "length_mismatch", "exogenous.price"},
		"column too long":   {with("exogenous", column(20, nil)), "length_mismatch", "exogenous.price"},
		"hole in a column":  {with("exogenous", column(19, func(v []any) { v[17] = nil })), "missing_value", "exogenous.price[17]"},
		"giant in a column": {with("exogenous", column(19, func(v []any) { v[2] = 1e307 })), "value_out_of_range", "exogenous.price[2]"},
		"nameless column":   {with("exogenous", object{"": make([]int, 19)}), "bad_column", "exogenous"},
		"gaps":              {with("gaps", "guess"), "unknown_gaps", "gaps"},
		"country":           {with("country", "Atlantis"), "unknown_country", "country"},
		"hierarchy of one":  {with("hierarchy", object{"a": []string{"b"}}), "ambiguous_input", "series"},
		"reconcile alone":   {object{"series": []object{{"id": "a", "time_series": zigzag}}, "reconcile": "bottom_up"}, "missing_hierarchy", "hierarchy"},
		"reconcile how":     {object{"series": []object{{"id": "a", "time_series": zigzag}}, "reconcile": "magic"}, "unknown_reconcile", "reconcile"},
		"unknown part":      {tree(object{"all": []string{"a", "x"}}), "unknown_id", "hierarchy.all[1]"},
		"repeated part":     {tree(object{"all": []string{"a", "a"}}), "duplicate_id", "hierarchy.all[1]"},
		"circle":            {tree(object{"p": []string{"q"}, "q": []string{"p"}}), "circular_hierarchy", "hierarchy.q[0]"},
		"empty sum":         {tree(object{"all": []string{}}), "empty_sum", "hierarchy.all"},
		"uneven lengths":    {uneven, "length_mismatch", "series[1].time_series"},
		"a part fails":      {broken, "incomplete_hierarchy", "series[1].time_series[7]"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := post(t.Context(), s, "/predict/revenue-lstm", c.body)
			if e := refused(t, err, 422, c.code); len(e.Details) == 0 || e.Details[0].Field != c.field {
				t.Errorf("details %v, want %s", e.Details, c.field)
			}
		})
	}
}

func TestManySeriesTrainNoNetwork(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	var list []object
	for k := range 40 {
		list = append(list, object{"id": fmt.Sprint(k), "time_series": series(36, func(i int) float64 { return float64(k + i + 5*(i%4)) })})
	}
	a, warnings := predict(t, s, object{"series": list, "forecast_steps": 4, "season_length": 4})
	if a.Status == "partial" || len(warnings) > 0 {
		t.Fatalf("%s, %v", a.Status, warnings)
	}
	for _, r := range a.Series {
		check(t, r.ForecastResult, 4)
		for _, c := range r.Selection.Candidates {
			if c.Model == "lstm" {
				t.Fatalf("a network among %d series", len(list))
			}
		}
	}
	if _, err := json.Marshal(a); err != nil {
		t.Error(err)
	}
}

// shopDays is three years of days from 2021 on: a week, a time of year, and

// four holidays on which the shop is nearly closed.

// Each holiday has an effect of its own, whatever the mode, and it is told.

// Three years of days have a time of year, which no hint is needed for.

func TestALevelThatIsAShareIsPointedOut(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	_, warnings := predict(t, s, object{"time_series": zigzag, "forecast_steps": 2, "level": []float64{0.8, 95}})
	if len(warnings) != 1 || !strings.Contains(warnings[0], "level[0] is 0.8 %") || !strings.Contains(warnings[0], "send 80") {
		t.Errorf("%q", warnings)
	}
}

// A shop that is open on weekdays has holidays too.

// A future far outside of what a column ever was does not run away with the

// forecast.

func TestAColumnFarOutside(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	random := rand.New(rand.NewPCG(2, 2))
	const n, steps = 120, 3
	y := series(n, func(int) float64 { return 100 + random.NormFloat64() })
	column := series(n+steps, func(int) float64 { return random.Float64() })
	for _, far := range []float64{1e9, -1e300} {
		column[n+1] = far
		a, warnings := predict(t, s, object{"time_series": y, "forecast_steps": steps, "exogenous": object{"p": column}})
		if len(warnings) != 1 || !strings.Contains(warnings[0], "exogenous.p") || !strings.Contains(warnings[0], "step 2") {
			t.Errorf("%g: %q", far, warnings)
		}
		if math.Abs(a.Forecast[1]-100) > 10 {
			t.Errorf("%g: %v", far, a.Forecast)
		}
	}
	// Some way outside is the caller's to know.
	y = series(n, func(i int) float64 { return 100 + 10*column[i] })
	column[n], column[n+1], column[n+2] = 1.5, 4, -0.8
	a, warnings := predict(t, s, object{"time_series": y, "forecast_steps": steps, "exogenous": object{"p": column}})
	for i, want := range []float64{115, 140, 92} {
		if math.Abs(a.Forecast[i]-want) > 1.5 || len(warnings) > 0 {
			t.Errorf("step %d: %.1f, want %g; %q", i+1, a.Forecast[i], want, warnings)
		}
	}
}

// A shop that is closed on Sundays stays closed on Sundays, in every mode, with

// columns and holidays taken out or not.
