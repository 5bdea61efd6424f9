package anomaly_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/service/anomaly"
	"github.com/omni-run/omni/internal/state"
)

func openStore(t *testing.T) *state.Store {
	t.Helper()
	store, err := state.Open(t.Context(), filepath.Join(t.TempDir(), "tenants.db"), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return store
}

func do[T any](t *testing.T, s *anomaly.Service, tenant, path string, body any) (*T, error) {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range s.Routes() {
		if r.Path == path {
			res, err := r.Handler(t.Context(), &service.Call{Tenant: tenant, Body: raw})
			if err != nil {
				return nil, err
			}
			return res.(*T), nil
		}
	}
	t.Fatalf("no route %s", path)
	return nil, nil
}

var begin = time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)

// daily is a day of five-minute points, sine-shaped, with a spike at place.
func points(name string, from, to, spike int) *api.StreamRequest {
	req := &api.StreamRequest{}
	for i := from; i < to; i++ {
		v := 100 + 20*math.Sin(2*math.Pi*float64(i)/288) + float64(i*7919%13)/10
		if i == spike {
			v += 150
		}
		req.Metrics = append(req.Metrics, api.MetricPoint{Metric: name, Value: &v, Timestamp: begin.Add(time.Duration(i) * 5 * time.Minute).Format(time.RFC3339)})
	}
	return req
}

// A stream cut into calls of any size, over restarts, gives the verdicts of one
// call, and finds the spike.
func TestStreamGoesOn(t *testing.T) {
	t.Parallel()
	store := openStore(t)
	const n, spike = 900, 850
	whole, err := do[api.StreamAnswer](t, anomaly.New(anomaly.Deps{Store: store}), "whole", "/anomaly/stream", points("m", 0, n, spike))
	if err != nil {
		t.Fatal(err)
	}
	if !whole.Results[spike].IsAnomaly || whole.Results[spike].Reason == "" || whole.Count > 12 {
		t.Fatalf("%d anomalies, the spike: %+v", whole.Count, whole.Results[spike])
	}
	for from := 0; from < n; {
		step := from%37 + 1
		s := anomaly.New(anomaly.Deps{Store: store}) // a worker that was restarted
		part, err := do[api.StreamAnswer](t, s, "parts", "/anomaly/stream", points("m", from, min(from+step, n), spike))
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range part.Results {
			want := whole.Results[from+i]
			if r.Score != want.Score || r.IsAnomaly != want.IsAnomaly || r.Reason != want.Reason || r.Timestamp != want.Timestamp {
				t.Fatalf("point %d: %+v, in one call %+v", from+i, r, want)
			}
		}
		if st := part.Streams[0]; st.Points != min(from+step, n) || st.WarmingUp != (st.Points < 32) {
			t.Fatalf("%+v", st)
		}
		from += step
	}
}

// A call that is sent again hears the same and counts nothing twice.
func TestStreamCallsCanBeRepeated(t *testing.T) {
	t.Parallel()
	s := anomaly.New(anomaly.Deps{Store: openStore(t)})
	first, err := do[api.StreamAnswer](t, s, "a", "/anomaly/stream", points("m", 0, 500, 450))
	if err != nil {
		t.Fatal(err)
	}
	again, err := do[api.StreamAnswer](t, s, "a", "/anomaly/stream", points("m", 300, 520, 450))
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range again.Results {
		if r.Repeated != (i < 200) {
			t.Fatalf("point %d repeated: %t", 300+i, r.Repeated)
		}
		if i < 200 && (r.Score != first.Results[300+i].Score || r.IsAnomaly != first.Results[300+i].IsAnomaly) {
			t.Fatalf("point %d: %+v, before %+v", 300+i, r, first.Results[300+i])
		}
	}
	if st := again.Streams[0]; st.Points != 520 {
		t.Errorf("%+v", st)
	}
}

func TestStreamsOfTenantsAreApart(t *testing.T) {
	t.Parallel()
	s := anomaly.New(anomaly.Deps{Store: openStore(t)})
	for _, tenant := range []string{"a", "b"} {
		if _, err := do[api.StreamAnswer](t, s, tenant, "/anomaly/stream", points("shared name", 0, map[string]int{"a": 10, "b": 5}[tenant], -1)); err != nil {
			t.Fatal(err)
		}
	}
	list := func(tenant string) []api.StreamState {
		a, err := do[api.StreamsAnswer](t, s, tenant, "/anomaly/streams", nil)
		if err != nil {
			t.Fatal(err)
		}
		return a.Streams
	}
	if got := list("a"); len(got) != 1 || got[0].Points != 10 || got[0].LastTimestamp == "" {
		t.Errorf("%+v", got)
	}
	if a, err := do[api.StreamForgetAnswer](t, s, "b", "/anomaly/streams/forget", &api.StreamForgetRequest{Metrics: []string{"shared name", "no such", "shared name"}}); err != nil || a.Forgotten != 1 {
		t.Errorf("%+v %v", a, err)
	}
	if len(list("b")) != 0 || len(list("a")) != 1 || len(list("c")) != 0 {
		t.Error("a tenant forgets another's stream")
	}
}

func TestStreamRefusals(t *testing.T) {
	t.Parallel()
	s := anomaly.New(anomaly.Deps{Store: openStore(t), Limits: anomaly.Limits{Streams: 2}})
	if _, err := do[api.StreamAnswer](t, s, "a", "/anomaly/stream", points("one", 10, 20, -1)); err != nil {
		t.Fatal(err)
	}
	zero, high := 0.0, 1.5
	for code, req := range map[string]*api.StreamRequest{
		"no_points":           {},
		"missing_timestamp":   {Metrics: []api.MetricPoint{{Metric: "x", Value: &zero}}},
		"bad_timestamp":       {Metrics: []api.MetricPoint{{Metric: "x", Value: &zero, Timestamp: "0001-01-01"}}},
		"unsorted_timestamps": {Metrics: []api.MetricPoint{{Metric: "x", Timestamp: "2026-01-02"}, {Metric: "x", Timestamp: "2026-01-01"}}},
		"too_late":            points("one", 5, 6, -1),
		"too_many_points":     points("x", 0, 1001, -1),
		"bad_threshold":       {Metrics: points("x", 0, 1, -1).Metrics, Threshold: &high},
		"too_many_streams":    {Metrics: append(points("two", 0, 1, -1).Metrics, points("three", 0, 1, -1).Metrics...)},
		"bad_metric_name":     {Metrics: []api.MetricPoint{{Metric: strings.Repeat("x", 300), Timestamp: "2026-01-02"}}},
		"duplicate_timestamp": {Metrics: append(points("x", 0, 1, -1).Metrics, points("x", 0, 1, -1).Metrics...)},
	} {
		_, err := do[api.StreamAnswer](t, s, "a", "/anomaly/stream", req)
		var e *api.Error
		if !errors.As(err, &e) || e.Code != code || e.HTTP != 422 || len(e.Details) == 0 {
			t.Errorf("%s: %v", code, err)
		}
	}
	if _, err := do[api.StreamAnswer](t, anomaly.New(anomaly.Deps{}), "a", "/anomaly/stream", points("x", 0, 1, -1)); err == nil {
		t.Error("a worker without a store follows streams")
	}
}

// Calls of one stream at the same time lose no point.
func TestStreamUnderContention(t *testing.T) {
	t.Parallel()
	s := anomaly.New(anomaly.Deps{Store: openStore(t)})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range 20 {
				if _, err := do[api.StreamAnswer](t, s, "a", "/anomaly/stream", points(fmt.Sprint("m", w%2), i, i+1, -1)); err != nil {
					var e *api.Error
					if !errors.As(err, &e) || e.Code != "too_late" {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	a, err := do[api.StreamsAnswer](t, s, "a", "/anomaly/streams", nil)
	if err != nil || len(a.Streams) != 2 || a.Streams[0].Points < 1 || a.Streams[0].Points > 20 || a.Streams[0].LastTimestamp != points("", 19, 20, -1).Metrics[0].Timestamp {
		t.Errorf("%+v %v", a, err)
	}
}

// damaged is a store whose records are not what was put.
type damaged struct{ *state.Store }

func (d damaged) Get(ctx context.Context, tenant, collection, id string) ([]byte, error) {
	data, err := d.Store.Get(ctx, tenant, collection, id)
	return bytes.Replace(data, []byte("OMNISTR1"), []byte("OMNISTR9"), 1), err
}

func TestADamagedStreamIsAnError(t *testing.T) {
	t.Parallel()
	s := anomaly.New(anomaly.Deps{Store: damaged{openStore(t)}})
	if _, err := do[api.StreamAnswer](t, s, "a", "/anomaly/stream", points("m", 0, 3, -1)); err != nil {
		t.Fatal(err)
	}
	if _, err := do[api.StreamAnswer](t, s, "a", "/anomaly/stream", points("m", 3, 4, -1)); err == nil {
		t.Error("a damaged stream is taken up")
	}
}
