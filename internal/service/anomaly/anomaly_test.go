package anomaly_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/service/anomaly"
)

// post calls a route as the worker's shell would and returns what was answered.
func post[T any](t *testing.T, path, body string) (*T, []string, *api.Error) {
	t.Helper()
	for _, r := range anomaly.New(anomaly.Deps{}).Routes() {
		if r.Path != path {
			continue
		}
		call := &service.Call{Tenant: "a", Body: []byte(body)}
		res, err := r.Handler(t.Context(), call)
		var e *api.Error
		if errors.As(err, &e) {
			return nil, nil, e
		}
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(res)
		if err != nil {
			t.Fatal(err)
		}
		out := new(T)
		if err := json.Unmarshal(raw, out); err != nil {
			t.Fatal(err)
		}
		return out, call.Warnings(), nil
	}
	t.Fatalf("no route %s", path)
	return nil, nil, nil
}

const planted = `{"data":[{"x":10,"y":20},{"x":12,"y":22},{"x":11,"y":21},{"x":13,"y":23},{"x":100,"y":200},{"x":14,"y":24},
	{"x":15,"y":25},{"x":13,"y":22},{"x":200,"y":300},{"x":12,"y":23},{"x":11,"y":20}],"contamination":0.18%s}`

func TestForestFindsThePlantedRows(t *testing.T) {
	t.Parallel()
	for seed := range 20 {
		j, _, e := post[api.IsolationForestAnswer](t, "/anomaly/isolation-forest", fmt.Sprintf(planted, fmt.Sprintf(`,"seed":%d`, seed)))
		if e != nil {
			t.Fatal(e)
		}
		if j.NSamples != 11 || j.NAnomalies != 2 || j.Predictions[4] != -1 || j.Predictions[8] != -1 || j.AnomalyRate != 2.0/11 {
			t.Fatalf("seed %d: %+v", seed, j)
		}
		if a := j.Anomalies[0]; a.Index != 8 || a.Data["y"] != 300 || a.DecisionScore >= 0 || a.AnomalyScore != j.AnomalyScores[8] || len(a.Drivers) != 2 || a.Drivers[0].Contribution <= 0 {
			t.Fatalf("first anomaly %+v", a)
		}
		if !slices.Equal(j.FeatureNames, []string{"x", "y"}) {
			t.Fatalf("features %v", j.FeatureNames)
		}
	}
}

func TestForestTakesListsAndChosenFeatures(t *testing.T) {
	t.Parallel()
	j, _, e := post[api.IsolationForestAnswer](t, "/anomaly/isolation-forest", `{"data":[[1,2],[1.1,2],[1.2,2.1],[50,2]],"feature_names":["a","b"],"contamination":0.25}`)
	if e != nil || j.Predictions[3] != -1 || j.Anomalies[0].Data["a"] != 50 {
		t.Fatalf("%+v %v", j, e)
	}
	j, _, e = post[api.IsolationForestAnswer](t, "/anomaly/isolation-forest", `{"data":[{"a":1,"b":9,"c":"text"},{"a":2,"b":9},{"a":3,"b":9}],"feature_names":["b","a"]}`)
	if e != nil || !slices.Equal(j.FeatureNames, []string{"b", "a"}) {
		t.Fatalf("%+v %v", j, e)
	}
}

func TestConstantRowsAreNoAnomalies(t *testing.T) {
	t.Parallel()
	j, warnings, e := post[api.IsolationForestAnswer](t, "/anomaly/isolation-forest", `{"data":[{"a":1},{"a":1},{"a":1},{"a":1}]}`)
	if e != nil || j.NAnomalies != 0 || len(warnings) != 1 || j.Anomalies == nil {
		t.Fatalf("%+v %v %v", j, warnings, e)
	}
}

func TestForestRefusals(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"data":[]}`:                         "empty_data data",
		`{}`:                                  "empty_data data",
		`{"data":[{"a":1}]}`:                  "too_few_rows data",
		fmt.Sprintf(planted, `,"trees":0`):    "bad_trees trees",
		fmt.Sprintf(planted, `,"trees":1000`): "",
		`{"data":[{"a":1},{"a":2}],"contamination":0.9}`:              "bad_contamination contamination",
		`{"data":[{"a":1},{"a":2}],"contamination":0}`:                "bad_contamination contamination",
		`{"data":[{"a":1},{"b":2}]}`:                                  "missing_feature data[0].b",
		`{"data":[{"a":1},{"a":null}]}`:                               "missing_value data[1].a",
		`{"data":[{"a":1},{"a":"NaN"}]}`:                              "not_a_number data[1].a",
		`{"data":[{"a":1},{"a":1e999}]}`:                              "not_a_number data[1].a",
		`{"data":[{"a":1},5]}`:                                        "bad_row data[1]",
		`{"data":[null,{"a":1}]}`:                                     "bad_row data[0]",
		`{"data":[{},{}]}`:                                            "no_features data[0]",
		`{"data":[[1],[1,2]]}`:                                        "ragged_rows data[1]",
		`{"data":[[1],{"a":2}]}`:                                      "mixed_rows data[1]",
		`{"data":[[],[]]}`:                                            "bad_row_length data[0]",
		`{"data":[{"a":1},{"a":2}],"feature_names":["a","a"]}`:        "duplicate_feature feature_names[1]",
		`{"data":[{"a":1},{"a":2}],"feature_names":[""]}`:             "bad_feature_name feature_names[0]",
		`{"data":[` + strings.Repeat(`[1],`, 100_001) + `[1]]}`:       "too_many_rows data",
		`{"data":[{"a":1},{"a":2}],"unknown":1}`:                      "unknown_field unknown",
		`{"data":[` + strings.Repeat(`{"a":1},`, 3) + `{"a":[1]}]}`:   "not_a_number data[3].a",
		`{"data":[{"a":1},{"a":2},{"a":1e300},{"a":-1e300}]}`:         "",
		`{"data":[{"a":1},{"a":2},{"a":3}],"contamination":0.5}`:      "",
		`{"data":[[1e-300],[1e300],[0],[-1.7e308],[1.7e308],[1e-5]]}`: "",
	} {
		_, _, e := post[api.IsolationForestAnswer](t, "/anomaly/isolation-forest", body)
		checkError(t, body, e, want)
	}
}

func checkError(t *testing.T, body string, e *api.Error, want string) {
	t.Helper()
	got := ""
	if e != nil {
		got = e.Code
		if len(e.Details) > 0 {
			got += " " + e.Details[0].Field
		}
		if e.HTTP != 422 && e.Code != "unknown_field" {
			t.Errorf("%.80s: status %d", body, e.HTTP)
		}
	}
	if got != want {
		t.Errorf("%.80s: %q, want %q", body, got, want)
	}
}

// sawtooth is the body of a clean periodic series of n points with some values
// replaced.
func sawtooth(n int, metric string, replace map[int]string, more string) string {
	var b strings.Builder
	b.WriteString(`{"metrics":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		v := fmt.Sprint(120 + i%10*3)
		if r, ok := replace[i]; ok {
			v = r
		}
		fmt.Fprintf(&b, `{"metric":%q,"value":%s,"timestamp":"2025-11-01T%02d:%02d:00Z"}`, metric, v, i/60, i%60)
	}
	return b.String() + "]" + more + "}"
}

func TestDetectFindsTheSpike(t *testing.T) {
	t.Parallel()
	j, _, e := post[api.DetectAnswer](t, "/anomaly/detect", sawtooth(120, "ms", map[int]string{63: "780"}, ""))
	if e != nil || j.Count != 1 || j.Anomalies[0].Index != 63 || j.Anomalies[0].Value != 780 || *j.Period != 10 {
		t.Fatalf("%+v %v", j, e)
	}
	a := j.Anomalies[0]
	if a.Severity != "critical" || a.Metric != "ms" || a.Timestamp != "2025-11-01T01:03:00Z" || math.Abs(a.Expected-129) > 1 || !j.IsAnomaly[63] {
		t.Fatalf("%+v", a)
	}
	j, _, e = post[api.DetectAnswer](t, "/anomaly/detect", sawtooth(120, "ms", nil, ""))
	if e != nil || j.Count != 0 || j.Anomalies == nil || len(j.Expected) != 120 {
		t.Fatalf("%+v %v", j, e)
	}
}

func TestDetectKeepsMetricsApart(t *testing.T) {
	t.Parallel()
	var points []string
	for i := range 60 {
		cpu, mem := 50+i%5, 9000+100*(i%4)
		if i == 30 {
			mem = 50
		}
		points = append(points, fmt.Sprintf(`{"metric":"cpu","value":%d,"timestamp":"2025-01-01T00:%02d:00Z"},{"metric":"mem","value":%d,"timestamp":"2025-01-01T00:%02d:00Z"}`, cpu, i, mem, i))
	}
	points = append(points, `{"metric":"new","value":1}`)
	j, warnings, e := post[api.DetectAnswer](t, "/anomaly/detect", `{"metrics":[`+strings.Join(points, ",")+`]}`)
	if e != nil || j.Count != 1 || j.Anomalies[0].Index != 61 || j.Anomalies[0].Metric != "mem" || j.Period != nil || len(j.Series) != 3 {
		t.Fatalf("%+v %v", j, e)
	}
	if !slices.Equal(j.NotScored, []int{120}) || len(warnings) != 1 {
		t.Fatalf("not scored %v, warnings %v", j.NotScored, warnings)
	}
}

func TestDetectSkipsNulls(t *testing.T) {
	t.Parallel()
	j, _, e := post[api.DetectAnswer](t, "/anomaly/detect", sawtooth(120, "ms", map[int]string{63: "780", 70: "null"}, ""))
	if e != nil || j.Count != 1 || !slices.Equal(j.NotScored, []int{70}) || !math.IsNaN(j.Expected[70]) {
		t.Fatalf("%+v %v", j, e)
	}
}

func TestDetectModes(t *testing.T) {
	t.Parallel()
	j, _, e := post[api.DetectAnswer](t, "/anomaly/detect", sawtooth(120, "ms", map[int]string{63: "780", 119: "20"}, `,"mode":"last"`))
	if e != nil || j.Count != 1 || j.Anomalies[0].Index != 119 || len(j.NotScored) != 0 || j.IsAnomaly[63] {
		t.Fatalf("last: %+v %v", j, e)
	}
	levels := make([]string, 200)
	for i := range levels {
		levels[i] = fmt.Sprint(10 + i/120*40 + i*7%5)
	}
	body := `{"series":[` + strings.Join(levels, ",") + `],"mode":%q}`
	j, _, e = post[api.DetectAnswer](t, "/anomaly/detect", fmt.Sprintf(body, "changepoint"))
	if e != nil || j.Count != 1 || j.Anomalies[0].Index != 120 || len(j.ChangePoints) != 1 || j.ChangePoints[0].Confidence < 0.99 {
		t.Fatalf("changepoint: %+v %v", j, e)
	}
	j, _, e = post[api.DetectAnswer](t, "/anomaly/detect", fmt.Sprintf(body, "entire"))
	if e != nil || j.Count != 0 || len(j.ChangePoints) != 1 {
		t.Fatalf("entire: %v %v %v", j.Anomalies, j.ChangePoints, e)
	}
}

func TestDetectRefusals(t *testing.T) {
	t.Parallel()
	p := func(value, stamp string) string {
		return fmt.Sprintf(`{"metric":"m","value":%s,"timestamp":%q}`, value, stamp)
	}
	seven := `[1,2,3,1,2,3,1]`
	for body, want := range map[string]string{
		`{}`:                                     "no_points metrics",
		`{"metrics":[]}`:                         "no_points metrics",
		`{"series":[1,2]}`:                       "too_few_points series",
		`{"series":[1,2,3,4,5,6]}`:               "",
		`{"series":[1,null,null,4,5,6,7]}`:       "too_few_points series",
		`{"series":[1,2,3,4,5,6],"mode":"last"}`: "too_few_points series",
		`{"series":` + seven + `,"metrics":[{"metric":"a","value":1}]}`:                   "no_points metrics",
		`{"series":` + seven + `,"sensitivity":100}`:                                      "bad_sensitivity sensitivity",
		`{"series":` + seven + `,"sensitivity":-1}`:                                       "bad_sensitivity sensitivity",
		`{"series":` + seven + `,"period":-1}`:                                            "bad_period period",
		`{"series":` + seven + `,"period":5}`:                                             "period_too_long period",
		`{"series":` + seven + `,"mode":"half"}`:                                          "bad_mode mode",
		`{"series":` + seven + `,"timestamps":["2025-01-01"]}`:                            "timestamps_length timestamps",
		`{"series":["a",2]}`:                                                              "wrong_type series[0]",
		`{"metrics":[` + p("1", "2025-01-01") + `,` + p("1", "2025-01-01") + `]}`:         "duplicate_timestamp metrics[1].timestamp",
		`{"metrics":[` + p("1", "2025-01-02") + `,` + p("1", "2025-01-01") + `]}`:         "unsorted_timestamps metrics[1].timestamp",
		`{"metrics":[` + p("1", "2025-01-02") + `,{"metric":"m","value":1}]}`:             "missing_timestamp metrics[1].timestamp",
		`{"metrics":[` + p("1", "yesterday") + `]}`:                                       "bad_timestamp metrics[0].timestamp",
		`{"metrics":[{"metric":"` + strings.Repeat("m", 300) + `","value":1}]}`:           "bad_metric_name metrics[0].metric",
		`{"metrics":[{"metric":"m","value":1}],"timestamps":["2025-01-01"]}`:              "timestamps_without_series timestamps",
		`{"series":[` + strings.Repeat("1,", 100_000) + `1]}`:                             "too_many_points series",
		`{"series":[1e300,-1e300,1e-300,0,1e300,5,1.7e308,-1.7e308,3,3,3,3,3,3,3,3,3,3]}`: "",
	} {
		_, _, e := post[api.DetectAnswer](t, "/anomaly/detect", body)
		checkError(t, body, e, want)
	}
}

func FuzzHandlers(f *testing.F) {
	f.Add(fmt.Sprintf(planted, ""))
	f.Add(sawtooth(30, "m", map[int]string{3: "1e300"}, `,"mode":"last"`))
	f.Add(`{"series":[1,2,null,4,5,6,7,8],"period":3}`)
	routes := anomaly.New(anomaly.Deps{}).Routes()
	f.Fuzz(func(t *testing.T, body string) {
		for _, r := range routes {
			res, err := r.Handler(t.Context(), &service.Call{Body: []byte(body)})
			var known *api.Error
			if err != nil && !errors.As(err, &known) {
				t.Fatalf("%s: %v", r.Path, err)
			}
			if err == nil {
				if _, err := json.Marshal(res); err != nil {
					t.Fatalf("%s: the answer is not JSON: %v", r.Path, err)
				}
			}
		}
	})
}
