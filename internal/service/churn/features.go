package churn

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/churn"
)

// Limits on one row of features.
const (
	maxFeatures = 200
	maxName     = 128
	maxText     = 256
)

// readRow turns JSON features into a row. field names them in errors, such as
// "context" or "rows[3].features".
func readRow(features map[string]json.RawMessage, field string) (churn.Row, *api.Error) {
	if len(features) > maxFeatures {
		return nil, api.Unprocessable("too_many_features", "%s has %d features; the limit is %d", field, len(features), maxFeatures).At(field, "has %d features", len(features))
	}
	row := make(churn.Row, len(features))
	for name, raw := range features {
		at := field + "." + name
		if name == "" || len(name) > maxName {
			return nil, api.Unprocessable("bad_feature_name", "%s: a feature's name has 1 to %d bytes", field, maxName).At(field, "a name has %d bytes", len(name))
		}
		v, ok := readValue(raw)
		if !ok {
			return nil, api.Unprocessable("bad_feature_value", "%s must be a finite number, true, false, null, or a text of at most %d bytes", at, maxText).At(at, "is something else")
		}
		row[name] = v
	}
	return row, nil
}

func readValue(raw json.RawMessage) (churn.Value, bool) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return churn.Value{}, false
	}
	switch raw[0] {
	case 'n':
		return churn.Value{}, true
	case 't':
		return churn.Value{Kind: churn.Number, Number: 1}, true
	case 'f':
		return churn.Value{Kind: churn.Number}, true
	case '"':
		var text string
		if json.Unmarshal(raw, &text) != nil || len(text) > maxText {
			return churn.Value{}, false
		}
		return churn.Value{Kind: churn.Text, Text: text}, true
	case '{', '[':
		return churn.Value{}, false
	}
	var number float64
	if json.Unmarshal(raw, &number) != nil || math.IsInf(number, 0) {
		return churn.Value{}, false
	}
	return churn.Value{Kind: churn.Number, Number: number}, true
}

// flatten lifts the members of a nested object "features" into the context.
func flatten(context map[string]json.RawMessage) (map[string]json.RawMessage, *api.Error) {
	nested, ok := context["features"]
	if !ok || len(nested) == 0 || nested[0] != '{' {
		return context, nil
	}
	out := make(map[string]json.RawMessage, len(context))
	for name, v := range context {
		if name != "features" {
			out[name] = v
		}
	}
	var inner map[string]json.RawMessage
	if json.Unmarshal(nested, &inner) != nil {
		return nil, api.Unprocessable("bad_feature_value", "context.features is not an object of features").At("context.features", "is not an object")
	}
	for name, v := range inner {
		if _, twice := out[name]; twice {
			return nil, api.Unprocessable("duplicate_feature", "context.features.%s also stands in context itself", name).At("context.features."+name, "is given twice")
		}
		out[name] = v
	}
	return out, nil
}

// readLabel reads the one label of a row.
func readLabel(r api.ChurnRow, i int) (bool, *api.Error) {
	field, found := "", json.RawMessage(nil)
	for _, f := range []struct {
		name string
		raw  json.RawMessage
	}{{"churned", r.Churned}, {"churn", r.Churn}, {"label", r.Label}, {"target", r.Target}} {
		if f.raw == nil {
			continue
		}
		if found != nil {
			return false, api.Unprocessable("two_labels", "rows[%d] has both %s and %s; send one", i, field, f.name).At(fmt.Sprintf("rows[%d].%s", i, f.name), "is a second label")
		}
		field, found = f.name, f.raw
	}
	if found == nil {
		return false, api.Unprocessable("missing_label", "rows[%d] has no label; set churned to true or false", i).At(fmt.Sprintf("rows[%d].churned", i), "is missing")
	}
	switch string(bytes.ToLower(bytes.TrimSpace(found))) {
	case "true", "1", `"yes"`, `"true"`, `"1"`:
		return true, nil
	case "false", "0", `"no"`, `"false"`, `"0"`:
		return false, nil
	}
	at := fmt.Sprintf("rows[%d].%s", i, field)
	return false, api.Unprocessable("bad_label", `%s must be true or false, 1 or 0, "yes" or "no"`, at).At(at, "is something else")
}
