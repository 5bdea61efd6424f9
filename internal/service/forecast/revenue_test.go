package forecast_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service/forecast"
)

func revenue(t *testing.T, body any) (*api.RevenueAnswer, []string) {
	t.Helper()
	answer, warnings, err := post(t.Context(), forecast.New(forecast.Deps{}), "/predict/revenue", body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer.(*api.RevenueAnswer)
	sum := 0.0
	for i, p := range a.Predictions {
		sum += p.PredictedRevenue
		if !(p.LowerBound <= p.PredictedRevenue && p.PredictedRevenue <= p.UpperBound) {
			t.Fatalf("prediction %d: %+v", i, p)
		}
	}
	if sum != a.TotalPredicted || !(a.ConfidenceInterval[0] <= sum && sum <= a.ConfidenceInterval[1]) {
		t.Fatalf("total %v in %v, sum %v", a.TotalPredicted, a.ConfidenceInterval, sum)
	}
	return a, warnings
}

// daily makes points a day apart; f is given the day and its place.
func daily(start string, n int, f func(day time.Time, i int) float64) []object {
	first, err := time.Parse(time.DateOnly, start)
	if err != nil {
		panic(err)
	}
	out := make([]object, n)
	for i := range out {
		day := first.AddDate(0, 0, i)
		out[i] = object{"date": day.Format(time.DateOnly), "revenue": f(day, i)}
	}
	return out
}

func TestRevenueByMonth(t *testing.T) {
	t.Parallel()
	var points []object
	for m := 1; m <= 10; m++ {
		points = append(points, object{"date": fmt.Sprintf("2025-%02d-01", m), "revenue": 100 + 15*m})
	}
	a, warnings := revenue(t, object{"historical_data": points, "forecast_days": 3})
	for i, want := range []string{"2025-11-01", "2025-12-01", "2026-01-01"} {
		p := a.Predictions[i]
		if p.Date != want || math.Abs(p.PredictedRevenue-float64(100+15*(11+i))) > 10 {
			t.Errorf("%+v, want %s and about %d", p, want, 100+15*(11+i))
		}
	}
	if a.Freq != "MS" || a.DataPointsUsed != 10 || len(warnings) != 0 {
		t.Errorf("freq %s, %d points, %v", a.Freq, a.DataPointsUsed, warnings)
	}
}

func TestRevenueKnowsTheWeekAndTheMonthsEnd(t *testing.T) {
	t.Parallel()
	truth := func(day time.Time, i int) float64 {
		v := 1000 + float64(i) + 50*math.Sin(float64(i*i))
		if day.Weekday() == time.Saturday {
			v += 400
		}
		if day.AddDate(0, 0, 1).Day() == 1 {
			v += 900
		}
		return v
	}
	a, _ := revenue(t, object{"historical_data": daily("2024-01-01", 366, truth), "forecast_days": 31, "country": "US"})
	start := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	for i, p := range a.Predictions {
		want := truth(start.AddDate(0, 0, i), 366+i)
		if math.Abs(p.PredictedRevenue-want) > 200 {
			t.Errorf("%s: %.0f, want %.0f within 200 (%s)", p.Date, p.PredictedRevenue, want, a.Model)
		}
	}
}

func TestRevenueGaps(t *testing.T) {
	t.Parallel()
	points := daily("2025-03-01", 40, func(_ time.Time, i int) float64 { return float64(100 + i) })
	points = append(points[:10:10], points[13:]...)
	a, warnings := revenue(t, object{"historical_data": points, "forecast_days": 2})
	if a.DataPointsUsed != 37 || a.Predictions[0].Date != "2025-04-10" || !strings.Contains(strings.Join(warnings, " "), "3 dates") {
		t.Errorf("%d points, %v, %v", a.DataPointsUsed, a.Predictions, warnings)
	}
	a, warnings = revenue(t, object{"historical_data": []object{
		{"date": "2025-01-01", "revenue": 1}, {"date": "2025-01-03", "revenue": 2}, {"date": "2025-01-04", "revenue": 2}, {"date": "2025-06-09", "revenue": 3},
	}, "forecast_days": 2})
	if len(warnings) == 0 || len(a.Predictions) != 2 {
		t.Errorf("irregular dates: %v, %v", a.Predictions, warnings)
	}
}

func TestRevenueOddHistories(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func(time.Time, int) float64{
		"zero": func(time.Time, int) float64 { return 0 }, "constant": func(time.Time, int) float64 { return 5 },
		"huge": func(_ time.Time, i int) float64 { return 1e300 * float64(1+i%2) }, "negative": func(_ time.Time, i int) float64 { return -float64(i) },
	} {
		for _, n := range []int{2, 3, 70} {
			a, _ := revenue(t, object{"historical_data": daily("2025-01-01", n, f), "forecast_days": 40 * n})
			if math.IsInf(a.TotalPredicted, 0) || name == "constant" && math.Abs(a.TotalPredicted-float64(5*40*n)) > 1e-6 {
				t.Errorf("%s of %d: total %v", name, n, a.TotalPredicted)
			}
			if _, err := json.Marshal(a); err != nil {
				t.Errorf("%s of %d: %v", name, n, err)
			}
		}
	}
}

func TestRevenueRefusals(t *testing.T) {
	t.Parallel()
	good := func() []object {
		return daily("2025-01-01", 20, func(_ time.Time, i int) float64 { return float64(i) })
	}
	change := func(i int, key string, v any) []object {
		points := good()
		points[i][key] = v
		return points
	}
	for name, c := range map[string]struct {
		body        object
		code, field string
	}{
		"nothing":   {object{}, "too_few_points", "historical_data"},
		"one point": {object{"historical_data": good()[:1]}, "too_few_points", "historical_data"},
		"unsorted":  {object{"historical_data": change(7, "date", "2024-12-01")}, "unsorted_timestamps", "historical_data[7].date"},
		"doubled":   {object{"historical_data": change(7, "date", "2025-01-07")}, "duplicate_timestamp", "historical_data[7].date"},
		"no date":   {object{"historical_data": change(3, "date", "03/01/2025")}, "bad_timestamp", "historical_data[3].date"},
		"null":      {object{"historical_data": change(3, "revenue", nil)}, "missing_value", "historical_data[3].revenue"},
		"too large": {object{"historical_data": change(3, "revenue", 1e308)}, "value_out_of_range", "historical_data[3].revenue"},
		"days":      {object{"historical_data": good(), "forecast_days": 3651}, "out_of_range", "forecast_days"},
		"country":   {object{"historical_data": good(), "country": "XX"}, "unknown_country", "country"},
		"level":     {object{"historical_data": good(), "level": 0}, "out_of_range", "level"},
		"year":      {object{"historical_data": []object{{"date": "8000-12-31", "revenue": 1}, {"date": "9000-12-31", "revenue": 2}}, "forecast_days": 3}, "out_of_range", "forecast_days"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := post(t.Context(), forecast.New(forecast.Deps{}), "/predict/revenue", c.body)
			if e := refused(t, err, 422, c.code); len(e.Details) == 0 || e.Details[0].Field != c.field {
				t.Errorf("details %v, want %s", e.Details, c.field)
			}
		})
	}
}

func TestBacktest(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	y := series(80, func(i int) float64 { return 100 + float64(i) + 20*float64(i%4) })
	answer, _, err := post(t.Context(), s, "/predict/backtest", object{"time_series": y, "horizon": 4, "windows": 3, "step": 2})
	if err != nil {
		t.Fatal(err)
	}
	a := answer.(*api.BacktestAnswer)
	if a.SeasonLength != 4 || len(a.Models) != 13 || a.Best == "" || a.Best == "naive" {
		t.Fatalf("%+v", a)
	}
	for _, m := range a.Models {
		if slices.Contains([]string{"croston", "sba", "tsb"}, m.Model) {
			if m.Problem != "demand is not intermittent" || len(m.Windows) != 0 {
				t.Errorf("%s on a series without zeros: %+v", m.Model, m)
			}
			continue
		}
		if m.Problem != "" || len(m.Windows) != 3 || m.MASE == nil {
			t.Errorf("%s: %+v", m.Model, m)
			continue
		}
		for k, w := range m.Windows {
			if w.Origin != 72+2*k || len(w.Actual) != 4 || len(w.Forecast) != 4 || math.Abs(w.Actual[1]-y[w.Origin+1]) > 1e-9 {
				t.Errorf("%s window %d: %+v", m.Model, k, w)
			}
		}
	}
	for code, body := range map[string]object{
		"unknown_model":   {"time_series": y, "models": []string{"oracle"}},
		"duplicate_model": {"time_series": y, "models": []string{"ets", "ets"}},
		"out_of_range":    {"time_series": y, "windows": 0},
		"too_few_points":  {"time_series": y[:4], "horizon": 3},
		"too_many_steps":  {"time_series": y, "horizon": 10000, "windows": 200},
		"missing_value":   {"time_series": []any{1, nil, 3, 4, 5}},
	} {
		_, _, err := post(context.Background(), s, "/predict/backtest", body)
		refused(t, err, 422, code)
	}
}

// Timestamps suggest the season and fill gaps, as for a forecast.
func TestBacktestOfDatedValues(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	random := rand.New(rand.NewPCG(4, 4))
	y := series(63, func(i int) float64 { return 100 + 12*float64(i%7/5) + 4*random.NormFloat64() })
	first := time.Date(2025, 3, 3, 0, 0, 0, 0, time.UTC)
	var dates []string
	var values []float64
	for i, v := range y {
		if i != 20 && i != 41 {
			dates, values = append(dates, first.AddDate(0, 0, i).Format(time.DateOnly)), append(values, v)
		}
	}
	body := object{"time_series": values, "timestamps": dates, "horizon": 7, "windows": 2, "models": []string{"seasonal_naive", "global_lstm"}}
	answer, warnings, err := post(t.Context(), s, "/predict/backtest", body)
	if err != nil {
		t.Fatal(err)
	}
	a := answer.(*api.BacktestAnswer)
	if a.SeasonLength != 7 || len(warnings) != 1 || !strings.Contains(warnings[0], "2 dates between") {
		t.Errorf("season %d, warnings %q", a.SeasonLength, warnings)
	}
	for _, m := range a.Models {
		if len(m.Windows) != 2 || m.Windows[0].Origin != 49 || math.Abs(m.Windows[1].Actual[6]-y[62]) > 1e-9 {
			t.Errorf("%s: %+v", m.Model, m)
		}
	}
	// With the gaps filled beforehand and the frequency named it is the same.
	filled := slices.Clone(y)
	filled[20], filled[41] = (y[19]+y[21])/2, (y[40]+y[42])/2
	answer, _, err = post(t.Context(), s, "/predict/backtest", object{"time_series": filled, "freq": "D", "horizon": 7, "windows": 2, "models": []string{"seasonal_naive", "global_lstm"}})
	if err != nil {
		t.Fatal(err)
	}
	for i, m := range answer.(*api.BacktestAnswer).Models {
		if math.Abs(*m.MASE-*a.Models[i].MASE) > 1e-9 {
			t.Errorf("%s: MASE %v by timestamps, %v by freq", m.Model, *a.Models[i].MASE, *m.MASE)
		}
	}
	body["gaps"] = "ignore"
	if answer, _, err = post(t.Context(), s, "/predict/backtest", body); err != nil || answer.(*api.BacktestAnswer).Models[0].Windows[0].Origin != 47 {
		t.Errorf("gaps ignored: %+v, %v", answer, err)
	}
	for code, change := range map[string]object{
		"missing_timestamp": {"gaps": "refuse"},
		"unknown_gaps":      {"gaps": "close"},
		"length_mismatch":   {"timestamps": dates[1:]},
		"freq_mismatch":     {"freq": "h", "timestamps": dates[:10], "time_series": values[:10], "gaps": "linear"},
		"unknown_freq":      {"freq": "fortnight"},
	} {
		other := maps.Clone(body)
		delete(other, "gaps")
		maps.Copy(other, change)
		_, _, err := post(t.Context(), s, "/predict/backtest", other)
		refused(t, err, 422, code)
	}
}

// What is back-tested as auto and global_lstm is what a caller would have got
// who sent the values before the cut.
func TestBacktestOfTheWholeAnswer(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	random := rand.New(rand.NewPCG(4, 4))
	y := series(72, func(i int) float64 {
		return 200 + float64(i) + 30*math.Sin(float64(i)*math.Pi/6) + 5*random.NormFloat64()
	})
	answer, _, err := post(t.Context(), s, "/predict/backtest", object{
		"time_series": y, "horizon": 6, "windows": 3, "freq": "M", "season_length": 12, "models": []string{"auto", "global_lstm", "naive"},
	})
	if err != nil {
		t.Fatal(err)
	}
	a := answer.(*api.BacktestAnswer)
	if len(a.Models) != 3 || a.Best == "naive" {
		t.Fatalf("%+v", a)
	}
	mode := map[string]string{"auto": "auto", "global_lstm": "global"}
	for _, m := range a.Models {
		if mode[m.Model] == "" {
			continue
		}
		if m.MASE == nil || m.Coverage == nil || len(m.Windows) != 3 {
			t.Errorf("%s: %+v", m.Model, m)
		}
		for _, w := range m.Windows {
			then, _ := predict(t, s, object{"time_series": y[:w.Origin], "forecast_steps": 6, "freq": "M", "season_length": 12, "mode": mode[m.Model]})
			for i, v := range then.Forecast {
				if math.Abs(v-w.Forecast[i]) > 1e-9*v {
					t.Errorf("%s from %d, step %d: %g, asked then %g", m.Model, w.Origin, i, w.Forecast[i], v)
				}
			}
		}
	}
}

func TestBacktestOfAutoOnHardSeries(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	for name, y := range map[string][]float64{
		"constant": series(20, func(int) float64 { return 5 }), "zeros": series(20, func(int) float64 { return 0 }),
		"four": {3, 1, 4, 1}, "huge": series(30, func(i int) float64 { return 1e300 * float64(1+i%3) }),
		"spike": series(30, func(i int) float64 { return 10 + 1e9*float64(i/29) }),
	} {
		answer, _, err := post(t.Context(), s, "/predict/backtest", object{"time_series": y, "windows": 4, "models": []string{"auto", "global_lstm"}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, m := range answer.(*api.BacktestAnswer).Models {
			if m.Problem != "" || len(m.Windows) == 0 {
				t.Errorf("%s, %s: %+v", name, m.Model, m)
			}
		}
	}
}
