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
func shops(steps int) object {
	random := rand.New(rand.NewPCG(6, 6))
	var list []object
	for k, id := range []string{"a", "b", "c"} {
		y := series(60, func(i int) float64 {
			return float64(20*(k+1)) + float64(i)/4 + 5*math.Sin(float64(i)*math.Pi/2+float64(k)) + random.NormFloat64()
		})
		list = append(list, object{"id": id, "time_series": y})
	}
	return object{"series": list, "forecast_steps": steps, "level": []int{80, 95}, "quantiles": []float64{0.1, 0.9}, "hierarchy": object{"all": []string{"ab", "c"}, "ab": []string{"a", "b"}}}
}

func TestHierarchyAddsUp(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	for _, method := range []string{"", "mint_shrink", "wls_struct", "bottom_up"} {
		body := shops(5)
		body["reconcile"], body["explain"] = method, true
		a, _ := predict(t, s, body)
		by := map[string]*api.ForecastResult{}
		for _, r := range a.Series {
			by[r.ID] = r.ForecastResult
			check(t, r.ForecastResult, 5)
			if len(r.BaseForecast) != 5 {
				t.Errorf("%s: no base forecast", r.ID)
			}
			for i, v := range r.Forecast {
				if e := r.Explanation.Forecast; math.Abs(e.Values[i]-v) > 1e-9*math.Abs(v) {
					t.Errorf("%s: explained as %v, forecast %v", r.ID, e.Values[i], v)
				}
			}
		}
		if want := map[bool]string{true: "mint_shrink", false: method}[method == ""]; len(by) != 5 || a.Reconciliation.Method != want {
			t.Fatalf("%s: %d nodes by %+v", method, len(by), a.Reconciliation)
		}
		for i := range 5 {
			ab, all := by["a"].Forecast[i]+by["b"].Forecast[i], by["all"].Forecast[i]
			if math.Abs(by["ab"].Forecast[i]-ab) > 1e-9*ab || math.Abs(all-ab-by["c"].Forecast[i]) > 1e-9*all {
				t.Errorf("%s, step %d: %v of %v and %v", method, i, all, ab, by["c"].Forecast[i])
			}
			if method == "bottom_up" && math.Abs(by["a"].Forecast[i]-by["a"].BaseForecast[i]) > 1e-9*by["a"].Forecast[i] {
				t.Errorf("bottom-up moved a bottom series")
			}
		}
	}
}

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
func TestCrowdIsReconciledByItsErrors(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(7, 7))
	var list []object
	var ids []string
	for k := range 24 {
		id := fmt.Sprint("s", k)
		list, ids = append(list, object{"id": id, "time_series": series(48, func(i int) float64 { return 50 + float64(k+i)/3 + random.NormFloat64() })}), append(ids, id)
	}
	a, _ := predict(t, forecast.New(forecast.Deps{}), object{"series": list, "mode": "global", "forecast_steps": 4, "hierarchy": object{"all": ids}})
	if a.Reconciliation == nil || a.Reconciliation.Method != "mint_shrink" {
		t.Errorf("reconciled by %+v", a.Reconciliation)
	}
}

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

func TestHierarchyOfUnlikeSeries(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	a := series(40, func(i int) float64 { return 20 + float64(i%5) })
	b := series(40, func(i int) float64 { return 50 + 3*float64(i%4) })
	sum := func(f func(i int, v float64) float64) []float64 {
		return series(40, func(i int) float64 { return f(i, a[i]+b[i]) })
	}
	call := func(first, second, total object) object {
		list := []object{first, second}
		if total != nil {
			list = append(list, total)
		}
		return object{"series": list, "hierarchy": object{"all": []string{"a", "b"}}, "forecast_steps": 3}
	}
	one := object{"id": "a", "time_series": a}
	two := object{"id": "b", "time_series": b}
	for name, c := range map[string]struct {
		body        object
		code, field string
	}{
		"a total that is half as much again": {call(one, two, object{"id": "all", "time_series": sum(func(_ int, v float64) float64 { return 1.5 * v })}), "incoherent_sum", "series[2].time_series[19]"},
		"a total of others":                  {call(one, two, object{"id": "all", "time_series": series(40, func(i int) float64 { return float64(i) })}), "incoherent_sum", "series[2].time_series[3]"},
		"another last date": {
			call(object{"id": "a", "time_series": a, "freq": "D", "last_timestamp": "2025-01-31"}, object{"id": "b", "time_series": b, "freq": "D", "last_timestamp": "2024-01-31"}, nil),
			"length_mismatch", "series[1].last_timestamp",
		},
		"another frequency": {call(object{"id": "a", "time_series": a, "freq": "D"}, object{"id": "b", "time_series": b, "freq": "W"}, nil), "length_mismatch", "series[1].freq"},
	} {
		_, _, err := post(t.Context(), s, "/predict/revenue-lstm", c.body)
		if e := refused(t, err, 422, c.code); len(e.Details) == 0 || e.Details[0].Field != c.field {
			t.Errorf("%s: details %v, want %s", name, e.Details, c.field)
		}
	}
	rounded := sum(func(i int, v float64) float64 { return v + float64(i%3-1)*0.5 })
	for name, total := range map[string]any{"rounded": rounded, "with a gap": append([]any{nil}, anys(rounded[1:])...)} {
		body := call(one, two, object{"id": "all", "time_series": total})
		body["impute"] = "linear"
		if answer, _ := predict(t, s, body); answer.Status == "partial" || answer.Reconciliation == nil {
			t.Errorf("%s: %+v", name, answer)
		}
	}
}

func anys(values []float64) []any {
	out := make([]any, len(values))
	for i, v := range values {
		out[i] = v
	}
	return out
}

// shopDays is three years of days from 2021 on: a week, a time of year, and
// four holidays on which the shop is nearly closed.
func shopDays(n int, noise float64) (y []float64, dates []string, truth func(i int) float64) {
	random := rand.New(rand.NewPCG(8, 8))
	start := time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)
	truth = func(i int) float64 {
		d := start.AddDate(0, 0, i)
		v := 200 + 40*math.Sin(2*math.Pi*float64(d.YearDay())/365.25)
		if d.Weekday() == time.Saturday || d.Weekday() == time.Sunday {
			v += 30
		}
		switch d.Format("01-02") {
		case "12-25", "01-01", "07-04", "11-11":
			v -= 80
		}
		return v
	}
	for i := range n {
		y, dates = append(y, truth(i)+noise*random.NormFloat64()), append(dates, start.AddDate(0, 0, i).Format(time.DateOnly))
	}
	return y, dates, truth
}

// Each holiday has an effect of its own, whatever the mode, and it is told.
func TestHolidaysAreNotAllAlike(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	const n, steps, christmas = 1080, 30, 8 // 2023-12-17 is the first day forecast
	y, dates, _ := shopDays(n, 4)
	for _, mode := range []string{"auto", "global", "local"} {
		for name, dated := range map[string]object{
			"timestamps": {"timestamps": dates}, "last_timestamp": {"last_timestamp": dates[n-1], "freq": "D"},
		} {
			body := object{"time_series": y, "forecast_steps": steps, "country": "US", "mode": mode, "explain": true, "epochs": 5}
			for k, v := range dated {
				body[k] = v
			}
			a, warnings := predict(t, s, body)
			if len(warnings) > 0 {
				t.Errorf("%s, %s: %v", mode, name, warnings)
			}
			drop := (a.Forecast[christmas-1]+a.Forecast[christmas+1])/2 - a.Forecast[christmas]
			if drop < 55 || drop > 105 || a.Timestamps[christmas] != "2023-12-25" {
				t.Errorf("%s, %s: Christmas lies %.0f below its neighbours, want about 80", mode, name, drop)
			}
			e := a.Explanation
			if e.Forecast.Holiday[christmas] > -65 || e.Forecast.Holiday[christmas+1] != 0 || a.Exogenous != nil {
				t.Errorf("%s, %s: holidays %.1f, exogenous %v", mode, name, e.Forecast.Holiday, a.Exogenous)
			}
			for i, v := range e.History.Holiday { // Presidents' Day changes nothing
				if dates[i] == "2022-02-21" && math.Abs(v) > 10 {
					t.Errorf("%s, %s: a holiday without an effect got %.1f", mode, name, v)
				}
			}
			for i, v := range y {
				if p := e.History; math.Abs(p.Trend[i]+p.Season[i]+p.Holiday[i]+p.Residual[i]-v) > 1e-9*v {
					t.Fatalf("%s, %s: the parts of day %d do not add up", mode, name, i)
				}
			}
		}
	}
}

// Three years of days have a time of year, which no hint is needed for.
func TestTheTimeOfYearOfDays(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	const n, steps = 1095, 60
	y, dates, truth := shopDays(n, 4)
	a, _ := predict(t, s, object{"time_series": y, "timestamps": dates, "forecast_steps": steps})
	off := 0.0
	for i, v := range a.Forecast {
		off += math.Abs(v-truth(n+i)) / steps
	}
	if off > 10 {
		t.Errorf("%.1f off on the mean, of a year that moves by 80 (%s)", off, a.Model)
	}
}

func TestALevelThatIsAShareIsPointedOut(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	_, warnings := predict(t, s, object{"time_series": zigzag, "forecast_steps": 2, "level": []float64{0.8, 95}})
	if len(warnings) != 1 || !strings.Contains(warnings[0], "level[0] is 0.8 %") || !strings.Contains(warnings[0], "send 80") {
		t.Errorf("%q", warnings)
	}
}

// A shop that is open on weekdays has holidays too.
func TestHolidaysOfWeekdays(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	all, every, _ := shopDays(909, 2) // until 2023-06-28
	var y []float64
	var dates []string
	for i, text := range every {
		if d, _ := time.Parse(time.DateOnly, text); d.Weekday() != time.Saturday && d.Weekday() != time.Sunday {
			y, dates = append(y, all[i]), append(dates, text)
		}
	}
	for name, freq := range map[string]string{"told": "B", "found": ""} {
		a, warnings := predict(t, s, object{"time_series": y, "timestamps": dates, "freq": freq, "country": "US", "forecast_steps": 10, "explain": true})
		k := slices.Index(a.Timestamps, "2023-07-04")
		if k < 1 || len(warnings) > 0 {
			t.Fatalf("%s: %v, %v", name, a.Timestamps, warnings)
		}
		if v := a.Explanation.Forecast.Holiday; v[k] > -60 || v[k+1] != 0 || slices.Contains(a.Timestamps, "2023-07-01") {
			t.Errorf("%s: holidays %.1f on %v", name, v, a.Timestamps)
		}
	}
}

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
func TestClosedDaysStayClosed(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	random := rand.New(rand.NewPCG(7, 7))
	const n, steps = 390, 14 // from Sunday, 2023-01-01, until Thursday, 2024-01-25
	var dates []string
	y := series(n, func(i int) float64 {
		dates = append(dates, time.Date(2023, 1, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly))
		if i%7 == 0 {
			return 0
		}
		return 400 + 2*float64(i) + 60*random.NormFloat64()
	})
	column := series(n+steps, func(int) float64 { return random.NormFloat64() })
	for _, mode := range []string{"auto", "global", "local"} {
		for name, more := range map[string]object{"plain": {}, "holidays": {"country": "US"}, "columns": {"exogenous": object{"p": column}}} {
			body := object{"time_series": y, "timestamps": dates, "forecast_steps": steps, "mode": mode, "epochs": 5}
			for k, v := range more {
				body[k] = v
			}
			a, _ := predict(t, s, body)
			for i, v := range a.Forecast {
				sunday := (n+i)%7 == 0
				if sunday != (math.Abs(v) < 1e-6) {
					t.Errorf("%s, %s: %.3g on %s", mode, name, v, a.Timestamps[i])
				}
				if c := a.ConfidenceIntervals[i]; c.Lower > v || c.Upper < v {
					t.Errorf("%s, %s: %g is outside of its interval %+v", mode, name, v, c)
				}
			}
		}
	}
}
