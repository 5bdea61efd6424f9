package catalog_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"testing"

	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/tool"
	"github.com/omni-run/omni/internal/tool/catalog"
)

// keeper remembers the body it was given.
type keeper struct{ body map[string]any }

func (k *keeper) Invoke(_ context.Context, _ *service.Call, _, _ string, body any) (json.RawMessage, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	return json.RawMessage(`{"status":"success","request_id":"r","tenant_id":"t","x":1}`), json.Unmarshal(raw, &k.body)
}

func run(t *testing.T, name, arguments string) (map[string]any, *keeper, error) {
	t.Helper()
	var a map[string]any
	if err := json.Unmarshal([]byte(arguments), &a); err != nil {
		t.Fatal(err)
	}
	k := &keeper{}
	out, err := tool.NewRegistry(0, 0, catalog.Tools()...).Run(t.Context(), tool.Bind(k, &service.Call{}), name, a)
	return out, k, err
}

// TestLocalTools compares with the statistics module of Python 3: mean, median,
// stdev, quantiles (inclusive), linear_regression, correlation.
func TestLocalTools(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tool, arguments string
		want            map[string]float64
	}{
		"describe": {catalog.Describe, `{"values":[2,4,null,4,4,5,5,7,9]}`, map[string]float64{
			"count": 8, "missing": 1, "mean": 5, "median": 4.5, "std": 2.138089935299395, "min": 2, "max": 9, "min_index": 0, "max_index": 8,
			"sum": 40, "q25": 4, "q75": 5.5, "slope": 0.8095238095238095, "growth_percent": 350,
		}},
		"huge":    {catalog.Describe, `{"values":[1e308,1e308]}`, map[string]float64{"mean": 1e308, "max": 1e308, "std": 0}},
		"compare": {catalog.Compare, `{"first":[1,2,3,4],"second":[2,4,6,9]}`, map[string]float64{"mean_difference": 2.75, "percent_change": 110, "correlation": 0.9943767126843688}},
		"calc":    {catalog.Calculate, `{"expression":"mean(x) * rate","variables":{"x":[1,2,3],"rate":1.5}}`, map[string]float64{"value": 3}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, _, err := run(t, c.tool, c.arguments)
			if err != nil {
				t.Fatal(err)
			}
			for field, want := range c.want {
				if v, ok := got[field].(float64); !ok || math.Abs(v-want) > 1e-12*(1+math.Abs(want)) {
					t.Errorf("%s = %v, want %v", field, got[field], want)
				}
			}
			if _, err := json.Marshal(got); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestRemoveAnomaliesDrawsTheLine(t *testing.T) {
	t.Parallel()
	got, _, err := run(t, catalog.RemoveAnomalies, `{"series":[99,1,2,50,4,null,6,77],"anomalies":[{"index":0},{"index":3},{"index":7}]}`)
	if err != nil || !reflect.DeepEqual(got["series"], []any{1.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 6.0}) {
		t.Fatalf("%v %v", got, err)
	}
	for _, arguments := range []string{
		`{"series":[1,2,3],"anomalies":[{"index":3}]}`, `{"series":[1,2,3],"anomalies":[{"index":"0"}]}`, `{"series":[1,2,3],"anomalies":[{"index":0},{"index":1}]}`,
	} {
		var wrong *tool.ArgumentError
		if _, _, err := run(t, catalog.RemoveAnomalies, arguments); !errors.As(err, &wrong) {
			t.Errorf("%s: %v", arguments, err)
		}
	}
}

func TestExtractAndRank(t *testing.T) {
	t.Parallel()
	got, _, err := run(t, catalog.ExtractSeries, `{"rows":[{"a":1},{"a":null},{"a":3}],"column":"a"}`)
	if err != nil || !reflect.DeepEqual(got["series"], []any{1.0, nil, 3.0}) {
		t.Fatalf("%v %v", got, err)
	}
	for _, arguments := range []string{`{"rows":[{"a":"x"}],"column":"a"}`, `{"rows":[{"a":1}],"column":"b"}`} {
		if _, _, err := run(t, catalog.ExtractSeries, arguments); err == nil {
			t.Errorf("%s was taken", arguments)
		}
	}
	got, _, err = run(t, catalog.RankTexts, `{"query":"reset password","texts":["billing","resetting passwords"]}`)
	if err != nil || got["ranking"].([]any)[0].(map[string]any)["index"] != 1.0 {
		t.Fatalf("%v %v", got, err)
	}
}

func TestRoutesGetTheBodiesTheyTake(t *testing.T) {
	t.Parallel()
	got, k, err := run(t, catalog.Forecast, `{"time_series":[1,null,3,4,5,6],"forecast_steps":2}`)
	if err != nil || k.body["impute"] != "linear" || k.body["sequence_length"] != 2.0 || !reflect.DeepEqual(got, map[string]any{"x": 1.0}) {
		t.Fatalf("%v %v %v", got, k.body, err)
	}
	_, k, err = run(t, catalog.Schedule, `{"tasks":[{"id":"a","name":"x","duration":1}],"workers":[{"id":"w","colour":"red"}],"objective":"cost"}`)
	want := map[string]any{"tasks": []any{map[string]any{"id": "a", "duration": 1.0}}, "workers": []any{map[string]any{"id": "w"}}, "objective": "cost"}
	if err != nil || !reflect.DeepEqual(k.body["context"], want) {
		t.Fatalf("%v %v", k.body, err)
	}
}

func TestEveryToolIsDescribed(t *testing.T) {
	t.Parallel()
	for _, x := range catalog.Tools() {
		if x.Description == "" || len(x.Gives) == 0 || x.Cost <= 0 || x.Parameters.Type != "object" {
			t.Errorf("%s is not fully described", x.Name)
		}
	}
}
