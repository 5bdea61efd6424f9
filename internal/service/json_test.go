package service_test

import (
	"encoding/json"
	"errors"
	"math"
	"testing"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/service"
)

type request struct {
	api.Request
	Series api.Values `json:"series"`
	Names  []string   `json:"names"`
	Inner  struct {
		List []struct {
			X int `json:"x"`
		} `json:"list"`
	} `json:"inner"`
	Rows []struct {
		Y api.Values `json:"y"`
	} `json:"rows"`
	Levels []float64      `json:"levels"`
	Map    map[string]int `json:"map"`

	Columns map[string]api.Values `json:"columns"`
}

func TestDecodeNamesTheField(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		body   string
		status int
		code   string
		field  string
	}{
		{`{"series":[1,null,2.5e3,-0]}`, 0, "", ""},
		{`{"tenant_id":"x"}`, 0, "", ""},
		{`{"series":null}`, 0, "", ""},
		{`{"series":"abc"}`, 422, "wrong_type", "series"},
		{`{"series":[1,2,"3"]}`, 422, "wrong_type", "series[2]"},
		{`{"series":[1,1e999]}`, 422, "wrong_type", "series[1]"},
		{`{"series":[[1]]}`, 422, "wrong_type", "series[0]"},
		{`{"series":[true]}`, 422, "wrong_type", "series[0]"},
		{`{"inner":{"list":[{"x":1.5}]}}`, 422, "wrong_type", "inner.list[0].x"},
		{`{"inner":{"list":[{"x":1},{"X":2},{"x":1.5}]}}`, 422, "wrong_type", "inner.list[2].x"},
		{`{"inner":{"list":[{"x":1},[]]}}`, 422, "wrong_type", "inner.list[1]"},
		{` {"rows":[{"y":[1]},{"y":[1,null,"3"]}]}`, 422, "wrong_type", "rows[1].y[2]"},
		{`{"levels":[80,"x"]}`, 422, "wrong_type", "levels[1]"},
		{`{"levels":[80,[1]]}`, 422, "wrong_type", "levels[1]"},
		{`{"map":{"b":1,"a.c":"x"}}`, 422, "wrong_type", "map.a.c"},
		{`{"columns":{"b":[1,2],"a":[1,"x"]}}`, 422, "wrong_type", "columns.a[1]"},
		{`{"columns":{"b":[1,2],"a":[1e999]}}`, 422, "wrong_type", "columns.a[0]"},
		{`{"columns":{"b":[1,2],"a":5}}`, 422, "wrong_type", "columns.a"},
		{`{"tenant_id":5}`, 422, "wrong_type", "tenant_id"},
		{`{"inner":{"list":[{"y":1}]}}`, 400, "unknown_field", "y"},
		{`{"nope":1}`, 400, "unknown_field", "nope"},
		{`[1]`, 422, "wrong_type", "body"},
		{`{"series":[1,]}`, 400, "malformed_json", ""},
		{`{"series":[1]`, 400, "malformed_json", ""},
		{`{}{}`, 400, "malformed_json", ""},
		{``, 400, "empty_body", ""},
	} {
		var r request
		err := service.Decode([]byte(c.body), &r)
		var e *api.Error
		if !errors.As(err, &e) {
			e = &api.Error{}
		}
		field := ""
		if len(e.Details) > 0 {
			field = e.Details[0].Field
		}
		if (err == nil) != (c.status == 0) || e.HTTP != c.status || e.Code != c.code || field != c.field {
			t.Errorf("%s: %v (field %q), want %d %s %q", c.body, err, field, c.status, c.code, c.field)
		}
	}
}

func FuzzValues(f *testing.F) {
	for _, s := range []string{`[1,null,-2.5e-300]`, `[]`, `null`, `["1"]`, `[1e999]`, `[0x10]`, `[1_0]`, `[Inf]`, `[ 1 , 2 ]`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var got api.Values
		err := json.Unmarshal(data, &got)
		var want []*float64
		wantErr := json.Unmarshal(data, &want)
		if (err == nil) != (wantErr == nil) {
			t.Fatalf("%q: %v, but encoding/json says %v", data, err, wantErr)
		}
		if err != nil {
			return
		}
		if len(got) != len(want) {
			t.Fatalf("%q: %d values, want %d", data, len(got), len(want))
		}
		for i := range got {
			if (want[i] == nil) != math.IsNaN(got[i]) || (want[i] != nil && *want[i] != got[i]) {
				t.Fatalf("%q: value %d is %v", data, i, got[i])
			}
		}
	})
}
