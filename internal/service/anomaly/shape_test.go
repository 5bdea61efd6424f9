package anomaly_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service/anomaly"
)

// heartbeat repeats a shape of 40 points; the beat at strange is turned over.
func heartbeat(n, strange int) api.Values {
	out := make(api.Values, n)
	for i := range out {
		phase, sign := 2*math.Pi*float64(i)/40, 1.0
		if i/40 == strange {
			sign = -1
		}
		out[i] = 50 + 10*math.Sin(phase) + sign*6*math.Sin(2*phase) + float64(i*7919%11)/20
	}
	return out
}

func TestShapeFindsTheStrangeBeat(t *testing.T) {
	t.Parallel()
	for _, window := range []string{"", `,"window":40`, `,"period":40`} {
		body, err := json.Marshal(heartbeat(1200, 17))
		if err != nil {
			t.Fatal(err)
		}
		a, _, e := post[api.DetectAnswer](t, "/anomaly/detect", fmt.Sprintf(`{"series":%s,"mode":"shape"%s}`, body, window))
		if e != nil {
			t.Fatal(e)
		}
		if a.Count != 1 || a.Series[0].Window != 40 || a.Mode != "shape" {
			t.Fatalf("%s: %d anomalies, %+v", window, a.Count, a.Series)
		}
		found := a.Anomalies[0]
		if *found.Start < 17*40-30 || *found.Start > 17*40+30 || found.Length != 40 || found.Like == nil || found.Index < *found.Start || found.Index >= *found.Start+40 {
			t.Errorf("%+v", found)
		}
		marked := 0
		for i, m := range a.IsAnomaly {
			if m != (i >= *found.Start && i < *found.Start+40) || m == math.IsNaN(a.Expected[i]) {
				t.Fatalf("point %d: marked %t, expected %g", i, m, a.Expected[i])
			}
			if m {
				marked++
			}
		}
		if marked != 40 {
			t.Errorf("%d points marked", marked)
		}
	}
	// The values of the strange beat are ordinary: the other modes are silent.
	body, _ := json.Marshal(heartbeat(1200, -1))
	if a, _, e := post[api.DetectAnswer](t, "/anomaly/detect", fmt.Sprintf(`{"series":%s,"mode":"shape"}`, body)); e != nil || a.Count != 0 {
		t.Errorf("among regular beats: %+v %v", a, e)
	}
}

func TestShapeRefusals(t *testing.T) {
	t.Parallel()
	for code, body := range map[string]string{
		"bad_window":      `{"series":[1,2,3,4,5,6,7,8],"mode":"shape","window":3}`,
		"too_few_points":  `{"series":[1,2,3,4,5,6,7,8],"mode":"shape","window":6}`,
		"too_many_points": string(mustJSON(t, api.DetectRequest{Series: make(api.Values, 20_001), Mode: "shape"})),
		"bad_mode":        `{"series":[1,2,3,4,5,6,7,8],"mode":"shapes"}`,
	} {
		if _, _, e := post[api.DetectAnswer](t, "/anomaly/detect", body); e == nil || e.Code != code || e.HTTP != 422 {
			t.Errorf("%s: %v", code, e)
		}
	}
	if _, _, e := post[api.DetectAnswer](t, "/anomaly/detect", `{"series":[1,2,3,4,5,6,7,8],"window":5}`); e == nil || e.Code != "bad_window" {
		t.Errorf("a window without mode shape: %v", e)
	}
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// Constant, spiky, huge, tiny and holey series are answered with numbers.
func TestShapeOfHardSeries(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func(i int) float64{
		"constant": func(int) float64 { return 7 }, "zero": func(int) float64 { return 0 },
		"spike": func(i int) float64 { return map[bool]float64{true: 1e6}[i == 50] },
		"huge":  func(i int) float64 { return 1e300 * math.Sin(float64(i)) }, "tiny": func(i int) float64 { return 1e-300 * float64(i%5) },
		"holes": func(i int) float64 {
			if i%10 == 3 {
				return math.NaN()
			}
			return float64(i % 7)
		},
	} {
		series := make(api.Values, 120)
		for i := range series {
			series[i] = f(i)
		}
		a, _, e := post[api.DetectAnswer](t, "/anomaly/detect", fmt.Sprintf(`{"series":%s,"mode":"shape","window":8}`, mustJSON(t, series)))
		if e != nil {
			t.Errorf("%s: %v", name, e)
			continue
		}
		for _, x := range a.Anomalies {
			if math.IsNaN(x.Score) || math.IsInf(x.Expected, 0) {
				t.Errorf("%s: %+v", name, x)
			}
		}
	}
}

func FuzzDecodeStream(f *testing.F) {
	f.Add([]byte("OMNISTR1"))
	f.Add([]byte("OMNISTR1\x01\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		again, err := anomaly.DecodeStream(data)
		if err == nil && !bytes.Equal(again, data) {
			t.Error("what was read is not what was written")
		}
	})
}
