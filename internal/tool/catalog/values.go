package catalog

import (
	"fmt"
	"math"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/ml/stl"
)

// Floats reads a list of numbers; null is NaN.
func Floats(v any) ([]float64, error) {
	switch list := v.(type) {
	case []float64:
		return list, nil
	case api.Values:
		return list, nil
	case []any:
		out := make([]float64, len(list))
		for i, item := range list {
			switch x := item.(type) {
			case float64:
				out[i] = x
			case nil:
				out[i] = math.NaN()
			default:
				return nil, fmt.Errorf("entry %d is not a number", i)
			}
		}
		return out, nil
	}
	return nil, fmt.Errorf("is not a list of numbers")
}

// Nullable turns numbers into decoded JSON in which NaN is null.
func Nullable(x []float64) []any {
	out := make([]any, len(x))
	for i, v := range x {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			out[i] = v
		}
	}
	return out
}

// Strings reads a list of strings.
func Strings(v any) ([]string, error) {
	switch list := v.(type) {
	case []string:
		return list, nil
	case []any:
		out := make([]string, len(list))
		for i, item := range list {
			s, ok := item.(string)
			if !ok {
				return nil, fmt.Errorf("entry %d is not a text", i)
			}
			out[i] = s
		}
		return out, nil
	}
	return nil, fmt.Errorf("is not a list of texts")
}

// Objects returns the objects of a list; other entries are left out.
func Objects(v any) []map[string]any {
	var out []map[string]any
	switch list := v.(type) {
	case []map[string]any:
		return list
	case []any:
		for _, item := range list {
			if o, ok := item.(map[string]any); ok {
				out = append(out, o)
			}
		}
	}
	return out
}

// Known returns the values that are not missing.
func Known(x []float64) []float64 {
	out := make([]float64, 0, len(x))
	for _, v := range x {
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			out = append(out, v)
		}
	}
	return out
}

// HasGaps reports whether a value is missing.
func HasGaps(x []float64) bool {
	for _, v := range x {
		if math.IsNaN(v) {
			return true
		}
	}
	return false
}

// Fill replaces missing values by the line between their neighbours, at the
// ends by the nearest value. A list without any value stays as it is.
func Fill(x []float64) { copy(x, stl.Fill(x)) }
