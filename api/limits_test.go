package api_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/omni-run/omni/api"
)

func to[T any](v T) *T { return &v }

func TestChangeTellsNullFromAbsent(t *testing.T) {
	t.Parallel()
	was := api.TenantLimits{RequestsPerMinute: to(5), Burst: to(6), MonthlyUnits: to(int64(7))}
	for body, want := range map[string]string{
		`{}`:              `{"requests_per_minute":5,"burst":6,"monthly_units":7}`,
		`{"limits":{}}`:   `{"requests_per_minute":5,"burst":6,"monthly_units":7}`,
		`{"limits":null}`: `{}`,
		`{"limits":{"burst":null,"monthly_units":0,"weight":3}}`: `{"requests_per_minute":5,"monthly_units":0,"weight":3}`,
	} {
		var r api.UpdateTenantRequest
		if err := json.Unmarshal([]byte(body), &r); err != nil {
			t.Fatal(err)
		}
		got, err := json.Marshal(r.ApplyLimits(was))
		if err != nil || string(got) != want {
			t.Errorf("%s: %s, %v; want %s", body, got, err, want)
		}
		// What a client sends is what it was made from.
		if back, err := json.Marshal(r); err != nil || string(back) != body {
			t.Errorf("%s is sent as %s, %v", body, back, err)
		}
	}
	if *was.Burst != 6 {
		t.Error("what was applied to has changed")
	}
}

func TestChangeRefusesStrangers(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		`{"limits":{"burst":"7"}}`, `{"limits":{"burst":1.5}}`, `{"limits":[]}`, `{"limits":{"bursts":1}}`, `{"limits":{"burst":99999999999999999999}}`,
	} {
		dec := json.NewDecoder(bytes.NewReader([]byte(body)))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&api.UpdateTenantRequest{}); err == nil {
			t.Errorf("%s is let through", body)
		}
	}
}
