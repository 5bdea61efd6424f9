package tool

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"
	"unicode/utf8"
)

// Schema is the part of JSON Schema 2020-12 that describes tool arguments.
type Schema struct {
	// Type is object, array, string, number, integer or boolean; empty takes
	// anything.
	Type        string             `json:"type,omitempty"`
	Description string             `json:"description,omitempty"`
	Properties  map[string]*Schema `json:"properties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	Items       *Schema            `json:"items,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Minimum     *float64           `json:"minimum,omitempty"`
	Maximum     *float64           `json:"maximum,omitempty"`
	MinItems    int                `json:"minItems,omitempty"`
	MaxItems    int                `json:"maxItems,omitempty"`
	MaxLength   int                `json:"maxLength,omitempty"`
	// Closed refuses properties that are not listed.
	Closed bool `json:"-"`
	// Nullable takes JSON null as well.
	Nullable bool `json:"-"`
}

// MarshalJSON writes Closed as additionalProperties: false and Nullable as a
// type union.
func (s *Schema) MarshalJSON() ([]byte, error) {
	type plain Schema
	out := struct {
		*plain
		Type  any   `json:"type,omitempty"`
		Extra *bool `json:"additionalProperties,omitempty"`
	}{plain: (*plain)(s)}
	if s.Type != "" {
		out.Type = s.Type
		if s.Nullable {
			out.Type = []string{s.Type, "null"}
		}
	}
	if s.Closed {
		out.Extra = new(bool)
	}
	return json.Marshal(out)
}

// Names returns the property names in order.
func (s *Schema) Names() []string {
	names := make([]string, 0, len(s.Properties))
	for n := range s.Properties {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// ArgumentError says which argument does not fit its schema.
type ArgumentError struct {
	// Path is the offending place, such as "time_series[3]".
	Path    string
	Problem string
}

// Error implements error.
func (e *ArgumentError) Error() string { return e.Path + " " + e.Problem }

// Check returns an *ArgumentError for the first place where value, decoded
// JSON (map[string]any, []any, float64, string, bool, nil) or one of the Go
// lists []float64, []string, []map[string]any, does not fit.
func (s *Schema) Check(value any) error { return s.check("", value) }

func bad(path, format string, args ...any) error {
	if path == "" {
		path = "arguments"
	}
	return &ArgumentError{Path: path, Problem: fmt.Sprintf(format, args...)}
}

func (s *Schema) check(path string, value any) error {
	if value == nil && (s.Nullable || s.Type == "") {
		return nil
	}
	switch s.Type {
	case "":
		return nil
	case "object":
		return s.checkObject(path, value)
	case "array":
		return s.checkArray(path, value)
	case "string":
		return s.checkString(path, value)
	case "number", "integer":
		return s.checkNumber(path, value)
	case "boolean":
		if _, ok := value.(bool); !ok {
			return bad(path, "must be true or false")
		}
		return nil
	default:
		return bad(path, "has a schema of unknown type %q", s.Type)
	}
}

func (s *Schema) checkObject(path string, value any) error {
	object, ok := value.(map[string]any)
	if !ok {
		return bad(path, "must be an object")
	}
	for _, name := range s.Required {
		if v, ok := object[name]; !ok || v == nil {
			return bad(join(path, name), "is required")
		}
	}
	names := make([]string, 0, len(object))
	for name := range object {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		sub, known := s.Properties[name]
		if !known {
			if s.Closed {
				return bad(join(path, name), "is not an argument of this tool (it takes %s)", strings.Join(s.Names(), ", "))
			}
			continue
		}
		if err := sub.check(join(path, name), object[name]); err != nil {
			return err
		}
	}
	return nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func (s *Schema) checkArray(path string, value any) error {
	n, at := list(value)
	if n < 0 {
		return bad(path, "must be a list")
	}
	if n < s.MinItems {
		return bad(path, "has %d entries; at least %d are needed", n, s.MinItems)
	}
	if s.MaxItems > 0 && n > s.MaxItems {
		return bad(path, "has %d entries; at most %d are taken", n, s.MaxItems)
	}
	if s.Items == nil {
		return nil
	}
	for i := range n {
		if err := s.Items.check(fmt.Sprintf("%s[%d]", path, i), at(i)); err != nil {
			return err
		}
	}
	return nil
}

// list gives length and access of the list forms Check takes, or -1.
func list(value any) (int, func(int) any) {
	switch v := value.(type) {
	case []any:
		return len(v), func(i int) any { return v[i] }
	case []float64:
		return len(v), func(i int) any {
			if math.IsNaN(v[i]) {
				return nil
			}
			return v[i]
		}
	case []string:
		return len(v), func(i int) any { return v[i] }
	case []map[string]any:
		return len(v), func(i int) any { return v[i] }
	default:
		return -1, nil
	}
}

func (s *Schema) checkString(path string, value any) error {
	text, ok := value.(string)
	if !ok {
		return bad(path, "must be a string")
	}
	if s.MaxLength > 0 && utf8.RuneCountInString(text) > s.MaxLength {
		return bad(path, "is longer than %d characters", s.MaxLength)
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, text) {
		return bad(path, "must be one of %s", strings.Join(s.Enum, ", "))
	}
	return nil
}

func (s *Schema) checkNumber(path string, value any) error {
	var x float64
	switch v := value.(type) {
	case float64:
		x = v
	case int:
		x = float64(v)
	default:
		return bad(path, "must be a number")
	}
	switch {
	case math.IsNaN(x) || math.IsInf(x, 0):
		return bad(path, "must be finite")
	case s.Type == "integer" && x != math.Trunc(x):
		return bad(path, "must be a whole number")
	case s.Minimum != nil && x < *s.Minimum:
		return bad(path, "is below %g", *s.Minimum)
	case s.Maximum != nil && x > *s.Maximum:
		return bad(path, "is above %g", *s.Maximum)
	}
	return nil
}
