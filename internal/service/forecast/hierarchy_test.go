package forecast_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service/forecast"
)

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
