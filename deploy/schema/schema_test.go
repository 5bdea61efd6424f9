package schema

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	set, err := Load([]byte(`{"root":"A","schemas":{
		"A":{"type":"object","required":["name"],"properties":{
			"name":{"type":"string","enum":["x","y"]},"n":{"type":"integer"},"on":{"type":"boolean"},"size":{"type":"string","format":"int64"},
			"list":{"type":"array","items":{"$ref":"B"}},"free":{"type":"object"},"labels":{"type":"object","additionalProperties":{"type":"string"}},
			"port":{"x-kubernetes-int-or-string":true}}},
		"B":{"type":"object","properties":{"deep":{"type":"number"}}}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for document, fault := range map[string]string{
		`{"name":"x","n":1,"on":true,"size":"5","list":[{"deep":1.5}],"free":{"any":[1]},"labels":{"a":"b"},"port":"http"}`: "",
		`{"name":"x","size":5,"port":80}`:       "",
		`{"n":1}`:                               "lacks name",
		`{"name":"z"}`:                          "is not one of",
		`{"name":"x","nmae":"y"}`:               `no field "nmae"`,
		`{"name":"x","list":[{"depp":1}]}`:      `A.list[0]: has no field "depp"`,
		`{"name":"x","list":{"deep":1}}`:        "is no list",
		`{"name":"x","n":1.5}`:                  "whole number",
		`{"name":"x","n":"1"}`:                  "whole number",
		`{"name":"x","on":"true"}`:              "true or false",
		`{"name":"x","labels":{"a":1}}`:         "must be a string",
		`{"name":"x","list":[{"deep":"1"}]}`:    "must be a number",
		`{"name":"x","list":null}`:              "is null",
		`[]`:                                    "is no object",
		`{"name":"x","labels":{"a":{"b":"c"}}}`: "must be a string",
	} {
		var v any
		if err := json.Unmarshal([]byte(document), &v); err != nil {
			t.Fatal(err)
		}
		err := set.Check(v)
		if (err == nil) != (fault == "") || (err != nil && !strings.Contains(err.Error(), fault)) {
			t.Errorf("%s: %v, want %q", document, err, fault)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{``, `[]`, `{"root":"A","schemas":{}}`} {
		if _, err := Load([]byte(raw)); err == nil {
			t.Errorf("%q is taken for a schema", raw)
		}
	}
	for _, name := range []string{CloudRunService, CloudBuild, ScaledObject, PodMonitoring} {
		if _, err := Published(name); err != nil {
			t.Error(err)
		}
	}
	if _, err := Published("nothing"); err == nil {
		t.Error("a schema that is not there is found")
	}
}
