package forecast_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/service/forecast"
	"github.com/omni-run/omni/internal/state"
	"pgregory.net/rapid"
)

type object = map[string]any

// post sends body to a route of s as tenant "t".
func post(ctx context.Context, s *forecast.Service, path string, body any) (answer any, warnings []string, err error) {
	raw, ok := body.([]byte)
	if !ok {
		if raw, err = json.Marshal(body); err != nil {
			return nil, nil, err
		}
	}
	for _, r := range s.Routes() {
		if r.Path == path {
			call := &service.Call{Tenant: "t", Body: raw}
			answer, err = r.Handler(ctx, call)
			return answer, call.Warnings(), err
		}
	}
	return nil, nil, fmt.Errorf("no route %s", path)
}

func predict(t testing.TB, s *forecast.Service, body any) (*api.ForecastAnswer, []string) {
	t.Helper()
	answer, warnings, err := post(t.Context(), s, "/predict/revenue-lstm", body)
	if err != nil {
		t.Fatalf("%v", err)
	}
	return answer.(*api.ForecastAnswer), warnings
}

func refused(t *testing.T, err error, status int, code string) *api.Error {
	t.Helper()
	var e *api.Error
	if !errors.As(err, &e) || e.HTTP != status || e.Code != code {
		t.Fatalf("got %v, want %d %s", err, status, code)
	}
	return e
}

var zigzag = []float64{100, 120, 115, 130, 125, 140, 135, 150, 145, 160, 155, 170, 165, 180, 175, 190}

func series(n int, f func(i int) float64) []float64 {
	y := make([]float64, n)
	for i := range y {
		y[i] = f(i)
	}
	return y
}

func TestTheExample(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	body := object{"time_series": zigzag, "forecast_steps": 5, "sequence_length": 10, "seed": 7, "quantiles": []float64{0.1, 0.5}}
	for _, mode := range []string{"auto", "local"} {
		body["mode"] = mode
		a, _ := predict(t, s, body)
		if f := a.Forecast; len(f) != 5 || f[0] < 165 || f[0] > 205 || f[4] < 175 || f[4] > 240 {
			t.Errorf("%s: implausible for a rising zig-zag: %v", mode, f)
		}
		if a.Training.Epochs < 1 || a.Backtest.MASE == nil || a.Backtest.Windows < 1 || a.Model == "" || a.Selection.Reason == "" {
			t.Errorf("%s: incomplete: %+v", mode, a.ForecastResult)
		}
		again, _ := predict(t, s, body)
		if !slices.Equal(a.Forecast, again.Forecast) {
			t.Errorf("%s: the same seed gives %v and %v", mode, a.Forecast, again.Forecast)
		}
		if !slices.Equal(a.Quantiles["0.5"], a.Forecast) || a.Quantiles["0.1"][0] > a.Forecast[0] {
			t.Errorf("%s: quantiles %v of %v", mode, a.Quantiles, a.Forecast)
		}
	}
}

// check holds an answer to what every answer must satisfy.
func check(t interface{ Fatalf(string, ...any) }, r *api.ForecastResult, steps int) {
	if len(r.Forecast) != steps || len(r.ConfidenceIntervals) != steps {
		t.Fatalf("%d forecasts, %d intervals, want %d", len(r.Forecast), len(r.ConfidenceIntervals), steps)
	}
	if _, err := json.Marshal(r); err != nil {
		t.Fatalf("not JSON: %v", err)
	}
	for i, v := range r.Forecast {
		c := r.ConfidenceIntervals[i]
		inner := r.Intervals["lo-80"][i] >= c.Lower && r.Intervals["hi-80"][i] <= c.Upper
		if math.IsNaN(v) || math.IsInf(v, 0) || !(c.Lower <= v && v <= c.Upper) || c.Prediction != v || !inner || math.IsInf(c.Upper, 0) {
			t.Fatalf("step %d: %v in %+v (80 %%: %v to %v)", i, v, c, r.Intervals["lo-80"][i], r.Intervals["hi-80"][i])
		}
	}
	if c := r.Backtest.Coverage; c != nil && (*c < 0 || *c > 1) {
		t.Fatalf("coverage %v", *c)
	}
}

func TestOddSeries(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	rng := rand.New(rand.NewPCG(1, 1))
	for name, y := range map[string][]float64{
		"constant":    slices.Repeat([]float64{5}, 30),
		"zero":        make([]float64, 30),
		"huge":        append(slices.Repeat([]float64{1e300}, 15), slices.Repeat([]float64{1e299}, 15)...),
		"tiny":        series(30, func(i int) float64 { return 1e-300 * float64(1+i%3) }),
		"negative":    series(30, func(i int) float64 { return []float64{-3, -5, -4}[i%3] }),
		"mixed scale": series(30, func(i int) float64 { return math.Pow(10, float64(i%7)*40) }),
		"spike":       series(60, func(i int) float64 { return map[bool]float64{true: 1e9, false: 10}[i == 33] }),
		"level shift": series(60, func(i int) float64 { return map[bool]float64{true: 1000, false: 10}[i >= 40] + rng.NormFloat64() }),
		"falling":     series(30, func(i int) float64 { return math.Max(0, 100-5*float64(i)) }),
		"exponential": series(40, func(i int) float64 { return math.Exp(float64(i) / 4) }),
		"shortest":    {1, 2, 3, 4, 5, 6, 7},
	} {
		for _, mode := range []string{"auto", "local"} {
			t.Run(name+" "+mode, func(t *testing.T) {
				t.Parallel()
				a, _ := predict(t, s, object{"time_series": y, "forecast_steps": 12, "sequence_length": 5, "epochs": 10, "mode": mode})
				check(t, a.ForecastResult, 12)
				low, high := slices.Min(y), slices.Max(y)
				for i, v := range a.Forecast {
					if name == "constant" && math.Abs(v-5) > 1e-9 || name == "zero" && v != 0 || low >= 0 && v < 0 {
						t.Fatalf("step %d is %v", i, v)
					}
					if name == "level shift" && mode == "auto" && math.Abs(v-1000) > 300 || name == "spike" && mode == "auto" && v > high/10 {
						t.Fatalf("step %d is %v", i, v)
					}
				}
			})
		}
	}
}

func TestAnySeriesGivesAFiniteAnswer(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.Float64Range(-1e300, 1e300), rapid.Float64Range(-10, 10), rapid.SampledFrom([]float64{0, 1, -1, 1e-300, 1e300}))
		y := rapid.SliceOfN(value, 3, 25).Draw(t, "y")
		steps := rapid.IntRange(1, 15).Draw(t, "steps")
		answer, _, err := post(context.Background(), s, "/predict/revenue-lstm", object{
			"time_series": y, "forecast_steps": steps, "sequence_length": rapid.IntRange(1, len(y)-2).Draw(t, "sequence"), "epochs": 2,
			"mode": rapid.SampledFrom([]string{"auto", "local"}).Draw(t, "mode"),
		})
		if err != nil {
			t.Fatalf("%v", err)
		}
		check(t, answer.(*api.ForecastAnswer).ForecastResult, steps)
	})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	with := func(change object) object {
		body := object{"time_series": zigzag, "forecast_steps": 3, "sequence_length": 4}
		for k, v := range change {
			body[k] = v
		}
		return body
	}
	dates := make([]string, len(zigzag))
	for i := range dates {
		dates[i] = fmt.Sprintf("2025-01-%02d", i+1)
	}
	swapped, doubled := slices.Clone(dates), slices.Clone(dates)
	swapped[3], swapped[4] = swapped[4], swapped[3]
	doubled[4] = doubled[3]
	for _, c := range []struct {
		name        string
		body        object
		code, field string
	}{
		{"no points", object{}, "too_few_points", "time_series"},
		{"too long a sequence", with(object{"sequence_length": 15}), "too_few_points", "time_series"},
		{"sequence below 1", with(object{"sequence_length": -1}), "out_of_range", "sequence_length"},
		{"no steps", with(object{"forecast_steps": 0}), "out_of_range", "forecast_steps"},
		{"too many steps", with(object{"forecast_steps": 1000000000}), "out_of_range", "forecast_steps"},
		{"no epochs", with(object{"epochs": 0}), "out_of_range", "epochs"},
		{"no rate", with(object{"learning_rate": 0}), "out_of_range", "learning_rate"},
		{"missing", with(object{"time_series": []any{1, 2, nil, 4, 5, 6, 7}}), "missing_value", "time_series[2]"},
		{"all missing", with(object{"time_series": []any{nil, nil}, "impute": "linear"}), "missing_value", "time_series"},
		{"too large", with(object{"time_series": []float64{1, 2, 1e305, 4, 5, 6, 7}}), "value_out_of_range", "time_series[2]"},
		{"too many points", with(object{"time_series": make([]float64, 100001)}), "too_many_points", "time_series"},
		{"a level of 100", with(object{"level": []float64{80, 100}}), "out_of_range", "level[1]"},
		{"a quantile of 0", with(object{"quantiles": []float64{0}}), "out_of_range", "quantiles[0]"},
		{"mode", with(object{"mode": "psychic"}), "unknown_mode", "mode"},
		{"impute", with(object{"impute": "guess"}), "unknown_impute", "impute"},
		{"freq", with(object{"freq": "fortnight"}), "unknown_freq", "freq"},
		{"season", with(object{"season_length": 0}), "out_of_range", "season_length"},
		{"dates short", with(object{"timestamps": dates[:5]}), "length_mismatch", "timestamps"},
		{"dates swapped", with(object{"timestamps": swapped}), "unsorted_timestamps", "timestamps[4]"},
		{"dates doubled", with(object{"timestamps": doubled}), "duplicate_timestamp", "timestamps[4]"},
		{"no date", with(object{"timestamps": append([]string{"soon"}, dates[1:]...)}), "bad_timestamp", "timestamps[0]"},
		{"last without freq", with(object{"last_timestamp": "2025-01-01"}), "missing_freq", "freq"},
		{"both", with(object{"series": []object{{"id": "a", "time_series": zigzag}}}), "ambiguous_input", "series"},
		{"empty series", object{"series": []object{}}, "out_of_range", "series"},
		{"no id", object{"series": []object{{"time_series": zigzag}}}, "bad_id", "series[0].id"},
		{"same id", object{"series": []object{{"id": "a", "time_series": zigzag}, {"id": "a", "time_series": zigzag}}}, "duplicate_id", "series[1].id"},
		{"all fail", object{"series": []object{{"id": "a", "time_series": []int{1}}}}, "all_series_failed", "series[0].time_series"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, _, err := post(t.Context(), s, "/predict/revenue-lstm", c.body)
			e := refused(t, err, 422, c.code)
			if len(e.Details) == 0 || e.Details[0].Field != c.field {
				t.Errorf("details %v, want field %s", e.Details, c.field)
			}
		})
	}
	_, _, err := post(t.Context(), s, "/predict/revenue-lstm", object{"time_series": []int{1, 2}, "forecast_steps": 100, "sequence_length": 50})
	if e := refused(t, err, 422, "too_few_points"); e.Message != "time_series has 2 points; sequence_length 50 needs at least 52" {
		t.Errorf("message %q", e.Message)
	}
}

// Whoever asks for no sequence gets a forecast from three values on.
func TestShortSeries(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	for _, mode := range []string{"auto", "local", "global"} {
		for n := 3; n <= 12; n++ {
			body := object{"time_series": zigzag[:n], "forecast_steps": 4, "mode": mode}
			a, _ := predict(t, s, body)
			if len(a.Forecast) != 4 || slices.ContainsFunc(a.Forecast, func(v float64) bool { return math.IsNaN(v) || v < 50 || v > 300 }) {
				t.Errorf("%s, %d values: %v", mode, n, a.Forecast)
			}
		}
		_, _, err := post(t.Context(), s, "/predict/revenue-lstm", object{"time_series": []int{1, 2}, "mode": mode})
		if e := refused(t, err, 422, "too_few_points"); e.Message != "time_series has 2 points; a forecast needs at least 3" {
			t.Errorf("%s: %s", mode, e.Message)
		}
	}
}

func TestImputation(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	y := []any{nil, 2, nil, 4, 5, nil, nil, 8, 9, 10, nil}
	for _, how := range []string{"linear", "previous", "zero"} {
		a, _ := predict(t, s, object{"time_series": y, "forecast_steps": 2, "sequence_length": 3, "impute": how})
		check(t, a.ForecastResult, 2)
	}
}

func TestTimestampsContinue(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	for _, c := range []struct {
		name string
		body object
		want []string
	}{
		{"days inferred", object{"timestamps": []string{"2025-02-24", "2025-02-25", "2025-02-26", "2025-02-27"}}, []string{"2025-02-28", "2025-03-01"}},
		{"hours", object{"freq": "h", "last_timestamp": "2025-02-28T22:00:00Z"}, []string{"2025-02-28T23:00:00Z", "2025-03-01T00:00:00Z"}},
		{"month ends", object{"timestamps": []string{"2024-10-31", "2024-11-30", "2024-12-31", "2025-01-31"}}, []string{"2025-02-28", "2025-03-31"}},
		{"month ends by code", object{"freq": "M", "last_timestamp": "2025-01-15"}, []string{"2025-01-31", "2025-02-28"}},
		{"month starts", object{"freq": "MS", "last_timestamp": "2025-01-15"}, []string{"2025-02-01", "2025-03-01"}},
		{"business days", object{"freq": "B", "last_timestamp": "2025-02-27"}, []string{"2025-02-28", "2025-03-03"}},
		{"weeks", object{"freq": "W-SUN", "last_timestamp": "2025-02-23"}, []string{"2025-03-02", "2025-03-09"}},
		{"quarters", object{"freq": "QS", "last_timestamp": "2025-01-01"}, []string{"2025-04-01", "2025-07-01"}},
		{"years", object{"freq": "Y", "last_timestamp": "2023-12-31"}, []string{"2024-12-31", "2025-12-31"}},
		{"quarter hours", object{"freq": "15min", "last_timestamp": "2025-01-01T00:50:00+02:00"}, []string{"2025-01-01T01:05:00+02:00", "2025-01-01T01:20:00+02:00"}},
		{"no date", object{"freq": "D"}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.body["time_series"], c.body["sequence_length"], c.body["forecast_steps"] = []int{3, 4, 3, 5}, 1, 2
			a, _ := predict(t, s, c.body)
			if !slices.Equal(a.Timestamps, c.want) {
				t.Errorf("%v, want %v", a.Timestamps, c.want)
			}
		})
	}
}

func TestManySeriesFailAlone(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	list := []object{{"id": "good", "time_series": zigzag}, {"id": "short", "time_series": []int{1, 2}}, {"id": "dated", "time_series": zigzag, "freq": "D", "last_timestamp": "2025-01-01"}}
	a, warnings := predict(t, s, object{"series": list, "forecast_steps": 3, "sequence_length": 5})
	if a.Status != "partial" || len(a.Series) != 3 || len(warnings) != 1 || a.ForecastResult != nil {
		t.Fatalf("%+v, %v", a, warnings)
	}
	if b := a.Series[1]; b.Status != "error" || b.Error == nil || b.Error.Code != "too_few_points" || b.ForecastResult != nil {
		t.Errorf("the short one: %+v", b)
	}
	check(t, a.Series[0].ForecastResult, 3)
	if len(a.Series[2].Timestamps) != 3 {
		t.Errorf("the dated one: %+v", a.Series[2].ForecastResult)
	}
	alone, _ := predict(t, s, object{"time_series": zigzag, "forecast_steps": 3, "sequence_length": 5})
	if !slices.Equal(alone.Forecast, a.Series[0].Forecast) {
		t.Errorf("alone %v, among others %v", alone.Forecast, a.Series[0].Forecast)
	}
}

func TestVeryLongSeries(t *testing.T) {
	t.Parallel()
	s := forecast.New(forecast.Deps{})
	y := series(100_000, func(i int) float64 { return 100 + 10*math.Sin(2*math.Pi*float64(i)/24) })
	a, warnings := predict(t, s, object{"time_series": y, "forecast_steps": 24, "epochs": 3})
	check(t, a.ForecastResult, 24)
	if a.SeasonLength != 24 || !strings.Contains(strings.Join(warnings, " "), "newest 10000") {
		t.Errorf("season %d, warnings %v", a.SeasonLength, warnings)
	}
	for i, v := range a.Forecast {
		if want := 100 + 10*math.Sin(2*math.Pi*float64(100_000+i)/24); math.Abs(v-want) > 1 {
			t.Errorf("step %d: %v, want %v within 1", i, v, want)
		}
	}
}

func TestCancelledCallEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, path := range []string{"/predict/revenue-lstm", "/predict/backtest"} {
		if _, _, err := post(ctx, forecast.New(forecast.Deps{}), path, object{"time_series": zigzag}); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// tenantStore is a store with one promoted model.
type tenantStore struct{ model state.Model }

func promoted(artifact, meta []byte, kind string) *tenantStore {
	return &tenantStore{state.Model{Name: forecast.ModelName, Kind: kind, Version: 1, Artifact: artifact, Meta: meta}}
}

func (s *tenantStore) Models(_ context.Context, tenant string) ([]state.Model, error) {
	if tenant != "t" || s.model.Version == 0 {
		return nil, nil
	}
	return []state.Model{{Name: s.model.Name, Version: s.model.Version, Status: state.ModelPromoted}}, nil
}

func (s *tenantStore) PromotedModel(_ context.Context, tenant, name string) (state.Model, error) {
	if tenant != "t" || name != s.model.Name || s.model.Version == 0 {
		return state.Model{}, state.ErrNotFound
	}
	return s.model, nil
}

func TestGlobalModel(t *testing.T) {
	t.Parallel()
	var list []object
	for k := range 6 {
		y := series(40+k, func(i int) float64 { return float64(k+1) * (100 + 5*float64(i) + 7.5*float64(i%2)) })
		list = append(list, object{"id": fmt.Sprint(k), "time_series": y})
	}
	spec, _ := json.Marshal(object{"series": list, "epochs": 10, "seed": 3, "sequence_length": 8})
	trainer := forecast.NewTrainer(forecast.Limits{}, nil)
	artifact, meta, err := trainer.Train(t.Context(), "t", spec, nil)
	if err != nil {
		t.Fatal(err)
	}
	again, _, err := trainer.Train(t.Context(), "t", spec, nil)
	if err != nil || !slices.Equal(artifact, again) {
		t.Fatalf("the same seed trains another network (%v)", err)
	}
	store := &tenantStore{state.Model{Name: forecast.ModelName, Kind: trainer.Kind(), Version: 1, Artifact: artifact, Meta: meta}}
	s := forecast.New(forecast.Deps{Models: store})
	body := object{"time_series": zigzag, "forecast_steps": 4, "sequence_length": 8, "mode": "global"}
	a, _ := predict(t, s, body)
	check(t, a.ForecastResult, 4)
	if a.Model != "global_lstm" || a.Training.Epochs < 1 || math.Abs(a.Forecast[0]-185) > 20 {
		t.Errorf("%s: %v, %+v", a.Model, a.Forecast, a.Training)
	}
	other, _ := json.Marshal(object{"series": list, "epochs": 1, "seed": 4, "base": "none"})
	store.model.Artifact, store.model.Meta, err = trainer.Train(t.Context(), "t", other, nil)
	if err != nil {
		t.Fatal(err)
	}
	store.model.Version = 2
	if b, _ := predict(t, s, body); slices.Equal(a.Forecast, b.Forecast) {
		t.Error("a newly promoted version is not used")
	}
	store.model.Version = 0
	if b, _ := predict(t, s, body); b.Training.Parameters < 100_000 {
		t.Errorf("without a promoted version the shipped networks answer, not %+v", b.Training)
	}
}

func TestTrainerRefuses(t *testing.T) {
	t.Parallel()
	trainer := forecast.NewTrainer(forecast.Limits{}, nil)
	for name, c := range map[string]struct {
		spec   string
		status int
		code   string
	}{
		"empty":   {``, 400, "empty_body"},
		"nothing": {`{}`, 422, "out_of_range"},
		"short":   {`{"series":[{"id":"a","time_series":[1,2,3]}],"sequence_length":9}`, 422, "too_few_points"},
		"missing": {`{"series":[{"id":"a","time_series":[1,null,3]}]}`, 422, "missing_value"},
		"hidden":  {`{"series":[{"id":"a","time_series":[1,2,3]}],"hidden":1000}`, 422, "out_of_range"},
		"base":    {`{"series":[{"id":"a","time_series":[1,2,3]}],"base":"mine"}`, 422, "unknown_base"},
		"both":    {`{"series":[{"id":"a","time_series":[1,2,3]}],"base":"shipped","hidden":8}`, 422, "ambiguous_input"},
		"tiny":    {`{"series":[{"id":"a","time_series":[1,2,3]}]}`, 422, "too_few_points"},
		"unknown": {`{"serie":[]}`, 400, "unknown_field"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := trainer.Train(t.Context(), "t", json.RawMessage(c.spec), nil)
			refused(t, err, c.status, c.code)
		})
	}
}

func BenchmarkPredict(b *testing.B) {
	year := series(365, func(i int) float64 {
		return 1000 + 2*float64(i) + 100*math.Sin(2*math.Pi*float64(i)/7) + 30*math.Sin(float64(i*i))
	})
	for _, c := range []struct {
		name, mode string
		y          []float64
	}{{"16 points/auto", "auto", zigzag}, {"16 points/local", "local", zigzag}, {"365 points/auto", "auto", year}, {"365 points/local", "local", year}} {
		b.Run(c.name, func(b *testing.B) {
			s := forecast.New(forecast.Deps{})
			for b.Loop() {
				predict(b, s, object{"time_series": c.y, "forecast_steps": 5, "sequence_length": 10, "mode": c.mode})
			}
		})
	}
}

func TestTheShortestSeries(t *testing.T) {
	t.Parallel()
	a, warnings := predict(t, forecast.New(forecast.Deps{}), object{"time_series": []float64{10, 12, 11}, "sequence_length": 1, "forecast_steps": 2})
	if a.Model != "naive" || !slices.Equal(a.Forecast, []float64{11, 11}) || !strings.Contains(a.Selection.Reason, "too short") || len(warnings) > 0 {
		t.Errorf("%s %v: %q, warnings %q", a.Model, a.Forecast, a.Selection.Reason, warnings)
	}
}

func TestAStraightLineHasAnInterval(t *testing.T) {
	t.Parallel()
	a, _ := predict(t, forecast.New(forecast.Deps{}), object{"time_series": series(40, func(i int) float64 { return float64(i) }), "forecast_steps": 5})
	for i, c := range a.ConfidenceIntervals {
		if width := c.Upper - c.Lower; math.Abs(c.Prediction-float64(40+i)) > 1e-6 || width < 0.05 || width > 4 {
			t.Errorf("step %d: %+v", i, c)
		}
	}
}

func TestGiantsAmongOrdinaryValues(t *testing.T) {
	t.Parallel()
	y := series(41, func(i int) float64 { return float64(1 + i%3) })
	y[0], y[1], y[2] = 1e300, 1e299, 1e300
	a, warnings := predict(t, forecast.New(forecast.Deps{}), object{"time_series": y, "forecast_steps": 4})
	for _, v := range a.Forecast {
		if v < 0 || v > 1000 {
			t.Errorf("1, 2 and 3 after 1e300 continue as %v", a.Forecast)
		}
	}
	if len(warnings) == 0 || !strings.Contains(warnings[0], "3 values are") {
		t.Errorf("warnings %q", warnings)
	}
}

func TestDatesPastTheLastYear(t *testing.T) {
	t.Parallel()
	_, _, err := post(t.Context(), forecast.New(forecast.Deps{}), "/predict/revenue-lstm",
		object{"time_series": zigzag, "freq": "9999Y", "last_timestamp": "2025-12-31"})
	if e := refused(t, err, 422, "out_of_range"); e.Details[0].Field != "forecast_steps" {
		t.Errorf("details %v", e.Details)
	}
}
