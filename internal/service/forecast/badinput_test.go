package forecast_test

import (
	"errors"
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

// hostile are series that real callers send by mistake or malice. code is the
// refusal they get, "" for a forecast; field names what is at fault.
func hostile() map[string]struct {
	y           []any
	code, field string
} {
	random := rand.New(rand.NewPCG(8, 8))
	make2 := func(n int, f func(i int) any) []any {
		out := make([]any, n)
		for i := range out {
			out[i] = f(i)
		}
		return out
	}
	return map[string]struct {
		y           []any
		code, field string
	}{
		"constant":     {y: make2(40, func(int) any { return 7 })},
		"all zero":     {y: make2(40, func(int) any { return 0 })},
		"all null":     {make2(40, func(int) any { return nil }), "missing_value", "time_series[0]"},
		"one null":     {make2(40, func(i int) any { return map[bool]any{true: nil, false: 3}[i == 11] }), "missing_value", "time_series[11]"},
		"one spike":    {y: make2(40, func(i int) any { return map[bool]any{true: 1e7, false: 10 + i%3}[i == 25] })},
		"level shift":  {y: make2(60, func(i int) any { return map[bool]float64{true: 5000, false: 50}[i >= 35] + random.NormFloat64() })},
		"1e300":        {y: make2(40, func(i int) any { return 1e300 * (1 + float64(i%4)/10) })},
		"1e-300":       {y: make2(40, func(i int) any { return 1e-300 * (1 + float64(i%4)/10) })},
		"beyond 1e301": {make2(40, func(i int) any { return map[bool]any{true: 1e302, false: 1}[i == 30] }), "value_out_of_range", "time_series[30]"},
		"negative":     {y: make2(40, func(i int) any { return -100 - i - i%5 })},
		"mixed scales": {y: make2(40, func(i int) any { return math.Pow(10, float64(i%9*30-120)) })},
		"mixed signs":  {y: make2(40, func(i int) any { return 1e6 * math.Pow(-1, float64(i)) })},
		"two points":   {y: make2(2, func(i int) any { return i }), code: "too_few_points", field: "time_series"},
		"no point":     {make2(0, nil), "too_few_points", "time_series"},
		"a step":       {y: make2(30, func(i int) any { return i / 10 })},
		"sparse":       {y: make2(80, func(i int) any { return map[bool]any{true: 4, false: 0}[i%11 == 3] })},
		"one demand":   {y: make2(30, func(i int) any { return map[bool]any{true: 4, false: 0}[i == 3] })},
		"long":         {y: make2(100_000, func(i int) any { return 10 + i%24 })},
		"too long":     {make2(100_001, func(i int) any { return i }), "too_many_points", "time_series"},
	}
}

// TestHostileSeriesInEveryMode: finite and sensible, or a 422 that names the
// place, whichever way the series is sent.
func TestHostileSeriesInEveryMode(t *testing.T) {
	t.Parallel()
	shipped, own := forecast.New(forecast.Deps{}), forecast.New(forecast.Deps{Models: trainedTenant(t)})
	for name, c := range hostile() {
		for _, mode := range []string{"auto", "local", "global", "own global", "many"} {
			t.Run(name+" "+mode, func(t *testing.T) {
				t.Parallel()
				s := shipped
				if mode == "own global" {
					s, mode = own, "global"
				}
				body := object{"forecast_steps": 8, "sequence_length": 4, "epochs": 3, "mode": mode, "level": []int{80, 95}}
				if mode == "many" {
					delete(body, "mode")
					body["series"] = []object{{"id": "one", "time_series": c.y}, {"id": "fine", "time_series": zigzag}}
				} else {
					body["time_series"] = c.y
				}
				answer, _, err := post(t.Context(), s, "/predict/revenue-lstm", body)
				if c.code != "" && mode != "many" {
					if e := refused(t, err, 422, c.code); len(e.Details) == 0 || e.Details[0].Field != c.field {
						t.Errorf("details %v, want %s", e.Details, c.field)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				a := answer.(*api.ForecastAnswer)
				result := a.ForecastResult
				if mode == "many" {
					one := a.Series[0]
					if (one.Error != nil) != (c.code != "") || one.Error != nil && (one.Error.Code != c.code || one.Error.Details[0].Field != "series[0]."+c.field) {
						t.Fatalf("%+v, want %s", one.Error, c.code)
					}
					if result = one.ForecastResult; result == nil {
						return
					}
				}
				check(t, result, 8)
				sensible(t, c.y, result.Forecast)
			})
		}
	}
}

// sensible holds a forecast within ten times the span of the history, and at 0
// or above where the history is.
func sensible(t *testing.T, y []any, forecast []float64) {
	t.Helper()
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range y {
		var x float64
		if _, err := fmt.Sscan(fmt.Sprint(v), &x); err != nil {
			t.Fatal(err)
		}
		low, high = min(low, x), max(high, x)
	}
	reach := 10 * max(high-low, math.Abs(high), math.Abs(low))
	for i, v := range forecast {
		if v < low-reach || v > high+reach || low >= 0 && v < 0 {
			t.Errorf("step %d is %v after values from %v to %v", i+1, v, low, high)
		}
	}
}

// trainedTenant has a small promoted network.
func trainedTenant(t *testing.T) *tenantStore {
	t.Helper()
	spec := []byte(`{"series":[{"id":"a","time_series":[` + strings.TrimSuffix(strings.Repeat("3,5,4,6,7,6,", 6), ",") + `]}],"epochs":2,"sequence_length":4,"hidden":4}`)
	trainer := forecast.NewTrainer(forecast.Limits{}, nil)
	artifact, meta, err := trainer.Train(t.Context(), "t", spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	return promoted(artifact, meta, trainer.Kind())
}

// TestHostileDates: daylight saving, leap days, disorder and nonsense.
func TestHostileDates(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	berlin := time.FixedZone("CET", 3600)
	summer := time.FixedZone("CEST", 7200)
	dates := func(n int, f func(i int) string) []string {
		out := make([]string, n)
		for i := range out {
			out[i] = f(i)
		}
		return out
	}
	day := func(from string) func(i int) string {
		start, err := time.Parse(time.DateOnly, from)
		if err != nil {
			t.Fatal(err)
		}
		return func(i int) string { return start.AddDate(0, 0, i).Format(time.DateOnly) }
	}
	swapped := func(f func(i int) string, a, b int) func(i int) string {
		return func(i int) string {
			switch i {
			case a:
				return f(b)
			case b:
				return f(a)
			}
			return f(i)
		}
	}
	for name, c := range map[string]struct {
		dates       []string
		freq, gaps  string
		next        string
		code, field string
	}{
		"across a leap day":  {dates: dates(20, day("2024-02-15")), next: "2024-03-06"},
		"on a leap day":      {dates: dates(20, day("2024-02-09")), next: "2024-02-29"},
		"no leap day":        {dates: dates(20, day("2025-02-09")), next: "2025-03-01"},
		"leap days by year":  {dates: []string{"2004-02-29", "2008-02-29", "2012-02-29", "2016-02-29", "2020-02-29", "2024-02-29"}, next: "2028-02-29"},
		"month ends":         {dates: []string{"2023-10-31", "2023-11-30", "2023-12-31", "2024-01-31"}, next: "2024-02-29"},
		"summer time begins": {dates: dates(30, func(i int) string { return local(2026, 3, 15+i, berlin, summer, 3, 29) }), next: "2026-04-14T12:00:00+02:00"},
		"summer time ends":   {dates: dates(30, func(i int) string { return local(2026, 10, 10+i, summer, berlin, 10, 25) }), next: "2026-11-09T12:00:00+01:00"},
		"hours through it": {dates: dates(48, func(i int) string {
			return time.Date(2026, 3, 28, 12+i, 0, 0, 0, time.UTC).Format(time.RFC3339)
		}), next: "2026-03-30T12:00:00Z"},
		"unsorted":       {dates: dates(20, swapped(day("2026-01-01"), 5, 6)), code: "unsorted_timestamps", field: "timestamps[6]"},
		"repeated":       {dates: dates(20, func(i int) string { return day("2026-01-01")(i - i/12) }), code: "duplicate_timestamp", field: "timestamps[12]"},
		"same instant":   {dates: []string{"2026-01-01T00:00:00Z", "2026-01-01T01:00:00+01:00", "2026-01-01T02:00:00Z"}, code: "duplicate_timestamp", field: "timestamps[1]"},
		"30 February":    {dates: append(dates(5, day("2026-02-24")), "2026-02-30"), code: "bad_timestamp", field: "timestamps[5]"},
		"29 February":    {dates: []string{"2025-02-28", "2025-02-29", "2025-03-01"}, code: "bad_timestamp", field: "timestamps[1]"},
		"year 0":         {dates: []string{"0000-01-01", "0001-01-01", "0002-01-01"}, code: "bad_timestamp", field: "timestamps[0]"},
		"no frequency":   {dates: dates(20, day("2026-01-01")), freq: "fortnightly", code: "unknown_freq", field: "freq"},
		"0 days":         {dates: dates(20, day("2026-01-01")), freq: "0D", code: "unknown_freq", field: "freq"},
		"-1 days":        {dates: dates(20, day("2026-01-01")), freq: "-1D", code: "unknown_freq", field: "freq"},
		"half an hour":   {dates: dates(20, day("2026-01-01")), freq: "0.5h", code: "unknown_freq", field: "freq"},
		"a million days": {dates: dates(20, day("2026-01-01")), freq: "1000000D", code: "unknown_freq", field: "freq"},
		"the end of time": {
			dates: []string{"8996-01-01", "8997-01-01", "8998-01-01", "8999-01-01"}, freq: "9999YS", code: "freq_mismatch", field: "timestamps[1]",
		},
		"the end of time, as it comes": {
			dates: []string{"8996-01-01", "8997-01-01", "8998-01-01", "8999-01-01"}, freq: "9999YS", gaps: "ignore", code: "out_of_range", field: "forecast_steps",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			y := series(len(c.dates), func(i int) float64 { return float64(50 + i%7) })
			body := object{"time_series": y, "timestamps": c.dates, "forecast_steps": 3, "sequence_length": 1, "epochs": 2}
			if c.freq != "" {
				body["freq"] = c.freq
			}
			if c.gaps != "" {
				body["gaps"] = c.gaps
			}
			answer, warnings, err := post(t.Context(), s, "/predict/revenue-lstm", body)
			if c.code != "" {
				if e := refused(t, err, 422, c.code); len(e.Details) == 0 || e.Details[0].Field != c.field {
					t.Errorf("details %v, want %s", e.Details, c.field)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			a := answer.(*api.ForecastAnswer)
			check(t, a.ForecastResult, 3)
			if a.Timestamps[0] != c.next || len(warnings) > 0 {
				t.Errorf("continues with %v, want %s; warnings %q", a.Timestamps, c.next, warnings)
			}
		})
	}
}

// local is noon of a day by the clock on the wall, whose offset changes once.
func local(year int, month time.Month, day int, before, after *time.Location, changeMonth time.Month, changeDay int) string {
	at := time.Date(year, month, day, 12, 0, 0, 0, before)
	if !at.Before(time.Date(year, changeMonth, changeDay, 3, 0, 0, 0, before)) {
		at = time.Date(year, month, day, 12, 0, 0, 0, after)
	}
	return at.Format(time.RFC3339)
}

func TestAPlainChangeOfLevelStartsTheHistoryAnew(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 6))
	y := series(60, func(i int) float64 { return map[bool]float64{true: 1000, false: 10}[i >= 40] + random.NormFloat64() })
	a, warnings := predict(t, forecast.New(forecast.Deps{}), object{"time_series": y, "forecast_steps": 12, "explain": true})
	if len(warnings) != 1 || !strings.Contains(warnings[0], "changed at value 40") || slices.Min(a.Forecast) < 980 || slices.Max(a.Forecast) > 1020 {
		t.Errorf("%v, warnings %q", a.Forecast, warnings)
	}
	if a.Explanation.Start != 40 {
		t.Errorf("explained from %d on", a.Explanation.Start)
	}
	addsUp(t, a.Explanation, y, a.Forecast)
	// A ramp, a spike and a cycle are none.
	for name, f := range map[string]func(i int) float64{
		"ramp": func(i int) float64 { return float64(i) }, "spike": func(i int) float64 { return map[bool]float64{true: 900, false: 10}[i == 30] },
		"cycle": func(i int) float64 { return 100 * math.Sin(float64(i)/5) },
	} {
		if _, warnings := predict(t, forecast.New(forecast.Deps{}), object{"time_series": series(60, f), "forecast_steps": 2, "epochs": 2}); strings.Contains(strings.Join(warnings, ""), "level changed") {
			t.Errorf("%s: %q", name, warnings)
		}
	}
}

func TestTheRefusalNamesTheSeries(t *testing.T) {
	t.Parallel()
	_, _, err := post(t.Context(), forecast.New(forecast.Deps{}), "/predict/revenue-lstm", object{"series": []object{{"id": "a", "time_series": []any{1, nil, 3, 4, 5}}}})
	var e *api.Error
	if !errors.As(err, &e) || len(e.Details) == 0 || e.Details[0].Field != "series[0].time_series[1]" {
		t.Errorf("%v", err)
	}
}
