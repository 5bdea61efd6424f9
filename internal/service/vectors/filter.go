package vectors

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"

	"github.com/omni-run/omni/api"
)

// Limits of a filter.
const (
	maxConditions   = 32
	maxFilterValues = 1000
)

// fields are an item's metadata as filters see them: each name's values,
// strings, float64 numbers and booleans; a list contributes each element.
type fields map[string][]any

// parseFields reads a metadata object; what is neither a plain value nor a
// list of plain values is kept for the caller but cannot be filtered on.
func parseFields(metadata json.RawMessage) (fields, error) {
	if len(metadata) == 0 {
		return nil, nil
	}
	var object map[string]any
	if err := json.Unmarshal(metadata, &object); err != nil {
		return nil, err
	}
	out := fields{}
	for name, v := range object {
		switch v := v.(type) {
		case string, float64, bool:
			out[name] = []any{v}
		case []any:
			values := slices.DeleteFunc(slices.Clone(v), func(x any) bool { return !plain(x) })
			out[name] = values
		}
	}
	return out, nil
}

func plain(v any) bool {
	switch v.(type) {
	case string, float64, bool:
		return true
	}
	return false
}

// condition is one demand on one field.
type condition struct {
	field  string
	op     string
	values []any // one, but for $in and $nin
}

type filter []condition

// parseFilter reads the filter of a query: {"field": value} or
// {"field": {"$op": value, …}}. Conditions come in the order of the fields'
// names.
func parseFilter(raw map[string]json.RawMessage) (filter, error) {
	var out filter
	for _, field := range slices.Sorted(maps.Keys(raw)) {
		at := "filter." + clip(field)
		var value any
		if err := json.Unmarshal(raw[field], &value); err != nil {
			return nil, invalidFilter(at, "is not valid JSON")
		}
		object, ok := value.(map[string]any)
		if !ok {
			if !plain(value) {
				return nil, invalidFilter(at, "must be a string, a number, true, false, or an object of operators such as {\"$in\": [...]}")
			}
			out = append(out, condition{field, "$eq", []any{value}})
			continue
		}
		if len(object) == 0 {
			return nil, invalidFilter(at, "names no operator")
		}
		for _, op := range slices.Sorted(maps.Keys(object)) {
			c, problem := parseCondition(field, op, object[op])
			if problem != "" {
				return nil, invalidFilter(at+"."+clip(op), problem)
			}
			out = append(out, c)
		}
	}
	if len(out) > maxConditions {
		return nil, invalidFilter("filter", "has more than 32 conditions")
	}
	return out, nil
}

func parseCondition(field, op string, value any) (condition, string) {
	c := condition{field: field, op: op, values: []any{value}}
	switch op {
	case "$eq", "$ne":
		if !plain(value) {
			return c, "takes a string, a number, true or false"
		}
	case "$gt", "$gte", "$lt", "$lte":
		switch value.(type) {
		case float64, string:
		default:
			return c, "takes a number or a string"
		}
	case "$exists":
		if _, ok := value.(bool); !ok {
			return c, "takes true or false"
		}
	case "$in", "$nin":
		list, ok := value.([]any)
		if !ok || len(list) == 0 || len(list) > maxFilterValues || slices.ContainsFunc(list, func(v any) bool { return !plain(v) }) {
			return c, "takes a list of 1 to 1000 strings, numbers or booleans"
		}
		c.values = list
	default:
		return c, "is not an operator; known are $eq $ne $in $nin $gt $gte $lt $lte $exists"
	}
	return c, ""
}

func invalidFilter(at, problem string) error {
	return api.Unprocessable("invalid_filter", "%s %s", at, problem).At(at, "%s", problem)
}

// match reports whether metadata meets every condition.
func (f filter) match(m fields) bool {
	for _, c := range f {
		if !c.match(m) {
			return false
		}
	}
	return true
}

func (c condition) match(m fields) bool {
	have, ok := m[c.field]
	switch c.op {
	case "$exists":
		return ok == c.values[0].(bool)
	case "$ne", "$nin":
		return !anyEqual(have, c.values)
	case "$eq", "$in":
		return anyEqual(have, c.values)
	}
	return slices.ContainsFunc(have, func(v any) bool {
		order, comparable := compare(v, c.values[0])
		if !comparable {
			return false
		}
		switch c.op {
		case "$gt":
			return order > 0
		case "$gte":
			return order >= 0
		case "$lt":
			return order < 0
		default:
			return order <= 0
		}
	})
}

func anyEqual(have, want []any) bool {
	return slices.ContainsFunc(have, func(v any) bool { return slices.Contains(want, v) })
}

// compare orders two numbers, or two strings byte by byte (so RFC 3339 dates
// of one zone order by time); other pairs have no order.
func compare(a, b any) (order int, comparable bool) {
	switch a := a.(type) {
	case float64:
		if b, ok := b.(float64); ok {
			return cmp.Compare(a, b), true
		}
	case string:
		if b, ok := b.(string); ok {
			return cmp.Compare(a, b), true
		}
	}
	return 0, false
}

// isObject reports whether raw JSON is an object.
func isObject(raw json.RawMessage) bool {
	trimmed := bytes.TrimSpace(raw)
	return len(trimmed) > 0 && trimmed[0] == '{'
}

// clip shortens a caller's name for a message.
func clip(s string) string {
	const limit = 64
	if len(s) <= limit {
		return s
	}
	return string([]rune(s[:limit])) + "…"
}
