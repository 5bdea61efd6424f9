package forecast_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/globalforecast"
	"github.com/omni-run/omni/internal/service/forecast"
)

// shop is monthly revenue with a year's season, growth and noise.
func shop(rng *rand.Rand, n int) []float64 {
	level := 100 + 900*rng.Float64()
	return series(n, func(i int) float64 {
		return level * math.Exp(0.01*float64(i)+0.3*math.Sin(2*math.Pi*float64(i)/12)+0.03*rng.NormFloat64())
	})
}

func TestGlobalModeAnswersWithTheShippedNetworks(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	y := shop(rand.New(rand.NewPCG(1, 1)), 84)
	body := object{"time_series": y[:72], "forecast_steps": 12, "mode": "global", "freq": "MS", "level": []int{80, 95}}
	a, warnings := predict(t, s, body)
	check(t, a.ForecastResult, 12)
	if a.Model != "global_lstm" || a.Training.Parameters < 100_000 || len(warnings) > 0 {
		t.Errorf("%s, %+v, warnings %q", a.Model, a.Training, warnings)
	}
	inside, off := 0, 0.0
	for i, v := range y[72:] {
		off += math.Abs(v-a.Forecast[i]) / v / 12
		if v >= a.Intervals["lo-95"][i] && v <= a.Intervals["hi-95"][i] {
			inside++
		}
		if a.Intervals["lo-80"][i] < a.Intervals["lo-95"][i] || a.Intervals["hi-80"][i] > a.Intervals["hi-95"][i] {
			t.Errorf("step %d: the 80 %% interval is not within the 95 %% one", i)
		}
	}
	// The noise alone is off by 2.4 % on average.
	if off > 0.08 || inside < 9 {
		t.Errorf("off by %.3f on average, %d of 12 within 95 %%", off, inside)
	}
	if again, _ := predict(t, s, body); !slices.Equal(a.Forecast, again.Forecast) {
		t.Error("the same call answers differently")
	}
}

// TestGlobalAloneAsAmongMany: a series' forecast does not depend on its company.
func TestGlobalAloneAsAmongMany(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	rng := rand.New(rand.NewPCG(2, 2))
	var list []object
	for i := range 24 {
		list = append(list, object{"id": fmt.Sprint(i), "time_series": shop(rng, 30+i)})
	}
	many, _ := predict(t, s, object{"series": list, "forecast_steps": 6, "mode": "global"})
	for i, one := range list[:4] {
		alone, _ := predict(t, s, object{"time_series": one["time_series"], "forecast_steps": 6, "mode": "global"})
		if got := many.Series[i].Forecast; !slices.Equal(got, alone.Forecast) {
			t.Errorf("series %d: %v among many, %v alone", i, got, alone.Forecast)
		}
	}
}

func TestTheSharedNetworksTakePartInAuto(t *testing.T) {
	t.Parallel()
	a, _ := predict(t, forecast.New(forecast.Deps{}), object{"time_series": shop(rand.New(rand.NewPCG(3, 3)), 72), "forecast_steps": 12, "freq": "MS"})
	if !slices.ContainsFunc(a.Selection.Candidates, func(c api.ForecastCandidate) bool { return c.Model == "global_lstm" && c.MASE != nil }) {
		t.Errorf("candidates %+v", a.Selection.Candidates)
	}
}

// TestAdapting: the adapted networks are judged, and answer once promoted.
func TestAdapting(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(4, 4))
	var list []object
	for i := range 3 {
		// Every eighth value is a peak: no season the networks know.
		list = append(list, object{"id": fmt.Sprint(i), "freq": "W", "time_series": series(120, func(k int) float64 {
			v := 100 + 5*rng.NormFloat64()
			if k%8 == 3 {
				v *= 2
			}
			return v
		})})
	}
	spec, err := json.Marshal(object{"series": list, "epochs": 1, "seed": 5})
	if err != nil {
		t.Fatal(err)
	}
	trainer := forecast.NewTrainer(forecast.Limits{}, nil)
	artefact, raw, err := trainer.Train(t.Context(), "t", spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	var meta api.ForecastModelMeta
	if err := json.Unmarshal(raw, &meta); err != nil {
		t.Fatal(err)
	}
	if meta.Better == nil || meta.Base != "shipped" || len(meta.Adapted) != 1 || *meta.Better && meta.Adapted[0].MASE >= meta.Adapted[0].Incumbent {
		t.Errorf("%s", raw)
	}
	if !globalforecast.Recognises(artefact) {
		t.Fatal("the artefact is not a model of the shipped kind")
	}
	store := promoted(artefact, raw, trainer.Kind())
	body := object{"time_series": list[0]["time_series"], "freq": "W", "forecast_steps": 8, "mode": "global"}
	own, _ := predict(t, forecast.New(forecast.Deps{Models: store}), body)
	shipped, _ := predict(t, forecast.New(forecast.Deps{}), body)
	check(t, own.ForecastResult, 8)
	if slices.Equal(own.Forecast, shipped.Forecast) {
		t.Error("the promoted networks do not answer")
	}
	body["freq"], body["time_series"] = "YS", shop(rng, 20)
	own, _ = predict(t, forecast.New(forecast.Deps{Models: store}), body)
	shipped, _ = predict(t, forecast.New(forecast.Deps{}), body)
	if !slices.Equal(own.Forecast, shipped.Forecast) {
		t.Error("a frequency that was not adapted is not answered by the shipped networks")
	}
}

// BenchmarkGlobal forecasts 18 months of 1,000 series of 72 in one call, and of
// one.
func BenchmarkGlobal(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	var list []object
	for i := range 1000 {
		list = append(list, object{"id": fmt.Sprint(i), "time_series": shop(rng, 72), "freq": "MS"})
	}
	for name, body := range map[string]object{
		"1000 series": {"series": list, "forecast_steps": 18, "mode": "global"},
		"one":         {"time_series": list[0]["time_series"], "freq": "MS", "forecast_steps": 18, "mode": "global"},
	} {
		b.Run(name, func(b *testing.B) {
			s := forecast.New(forecast.Deps{})
			for b.Loop() {
				predict(b, s, body)
			}
		})
	}
}
