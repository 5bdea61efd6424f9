package forecast_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service/forecast"
)

func trained(t *testing.T, spec object) api.ForecastModelMeta {
	t.Helper()
	raw, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	_, described, err := forecast.NewTrainer(forecast.Limits{}, nil).Train(t.Context(), "t", raw, nil)
	if err != nil {
		t.Fatal(err)
	}
	var meta api.ForecastModelMeta
	if err := json.Unmarshal(described, &meta); err != nil {
		t.Fatal(err)
	}
	return meta
}

func days(n, missing int) []string {
	var out []string
	for i := range n {
		if i != missing {
			out = append(out, time.Date(2024, 1, 1+i, 0, 0, 0, 0, time.UTC).Format(time.DateOnly))
		}
	}
	return out
}

func TestTrainingReadsTimestamps(t *testing.T) {
	t.Parallel()
	y := series(119, func(i int) float64 { return 50 + float64(i%7) + float64(i%3) })
	for _, base := range []string{"shipped", "none"} {
		meta := trained(t, object{"base": base, "epochs": 1, "series": []object{{"id": "a", "time_series": y, "timestamps": days(120, 40), "exogenous": object{"p": []int{1}}}}})
		if base == "shipped" && (len(meta.Adapted) != 1 || meta.Adapted[0].Frequency != "daily") {
			t.Errorf("days were taken for %+v", meta.Adapted)
		}
		said := strings.Join(meta.Warnings, "\n")
		if meta.Points != 120 || !strings.Contains(said, "1 date between") || !strings.Contains(said, "series[0].exogenous was left out") {
			t.Errorf("%s: %+v", base, meta)
		}
		for name, one := range map[string]object{
			"series[0].timestamps[0]":  {"id": "a", "time_series": y[:3], "timestamps": []string{"x", "y", "z"}},
			"series[0].timestamps":     {"id": "a", "time_series": y[:3], "timestamps": []string{"2024-01-01"}},
			"series[0].timestamps[2]":  {"id": "a", "time_series": y[:3], "timestamps": []string{"2024-01-01", "2024-01-02", "2024-01-02"}},
			"series[0].freq":           {"id": "a", "time_series": y[:3], "freq": "X"},
			"series[0].time_series[1]": {"id": "a", "time_series": []any{1, nil, 2}},
		} {
			raw, _ := json.Marshal(object{"base": base, "series": []object{one}})
			_, _, err := forecast.NewTrainer(forecast.Limits{}, nil).Train(t.Context(), "t", raw, nil)
			var e *api.Error
			if !errors.As(err, &e) || e.HTTP != 422 || len(e.Details) == 0 || e.Details[0].Field != name {
				t.Errorf("%s, %s: %v", base, name, err)
			}
		}
	}
}

// A network trained from nothing is only to be promoted where it beats what the
// tenant uses.
func TestTrainingFromNothingIsJudged(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(6, 6))
	list := func(f func(k, i int) float64) (out []object) {
		for k := range 8 {
			out = append(out, object{"id": fmt.Sprint(k), "time_series": series(60, func(i int) float64 { return f(k, i) })})
		}
		return out
	}
	for name, f := range map[string]func(k, i int) float64{
		"noise":  func(int, int) float64 { return 100 + 10*random.NormFloat64() },
		"growth": func(k, i int) float64 { return math.Exp(float64(i)/float64(10+k)) * (1 + random.NormFloat64()/20) },
		"chirp":  func(k, i int) float64 { return 100 + 20*math.Sin(float64(i*i%31)*float64(k+3)) },
	} {
		meta := trained(t, object{"base": "none", "epochs": 20, "sequence_length": 8, "series": list(f)})
		if len(meta.Adapted) != 1 || meta.Better == nil {
			t.Errorf("%s: %+v", name, meta)
			continue
		}
		got := meta.Adapted[0]
		if got.Series != 8 || *meta.Better != (got.MASE < 0.998*got.Incumbent) {
			t.Errorf("%s: better %v, but %+v", name, *meta.Better, got)
		}
		t.Logf("%s: %+v", name, got)
	}
	short := trained(t, object{"base": "none", "epochs": 1, "sequence_length": 1, "series": []object{{"id": "a", "time_series": []int{1, 2, 3}}}})
	if short.Better == nil || *short.Better || !strings.Contains(strings.Join(short.Warnings, " "), "no series is long enough to be judged") {
		t.Errorf("a series that cannot be judged on: %+v", short)
	}
	flat := trained(t, object{"base": "none", "epochs": 1, "series": list(func(int, int) float64 { return 5 })})
	if *flat.Better {
		t.Errorf("constants: %+v", flat)
	}
}
