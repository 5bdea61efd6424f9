package api

import (
	"encoding/json"
	"math"
	"reflect"
	"strconv"
)

// Values is a list of numbers in which JSON null means a missing value, held
// as NaN. Plain []float64 would silently read null as 0.
type Values []float64

// UnmarshalJSON reads a list of numbers and nulls. What does not fit is a
// *json.UnmarshalTypeError whose Field is the index, such as "[3]".
func (v *Values) UnmarshalJSON(data []byte) error {
	var raw []json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	if raw == nil {
		*v = nil
		return nil
	}
	out := make(Values, len(raw))
	for i, text := range raw {
		if string(text) == "null" {
			out[i] = math.NaN()
			continue
		}
		x, err := strconv.ParseFloat(string(text), 64)
		if err != nil || text[0] == '"' {
			return &json.UnmarshalTypeError{Value: kindOf(text), Type: reflect.TypeFor[float64](), Field: "[" + strconv.Itoa(i) + "]"}
		}
		out[i] = x
	}
	*v = out
	return nil
}

// kindOf names a JSON value as encoding/json does in its errors.
func kindOf(text json.RawMessage) string {
	switch text[0] {
	case '"':
		return "string"
	case '{':
		return "object"
	case '[':
		return "array"
	case 't', 'f':
		return "bool"
	default:
		return "number " + string(text[:min(len(text), 40)])
	}
}

// MarshalJSON writes NaN and infinities as null.
func (v Values) MarshalJSON() ([]byte, error) {
	if v == nil {
		return []byte("null"), nil
	}
	out := make([]byte, 0, len(v)*8+2)
	out = append(out, '[')
	for i, x := range v {
		if i > 0 {
			out = append(out, ',')
		}
		if math.IsNaN(x) || math.IsInf(x, 0) {
			out = append(out, "null"...)
		} else {
			out = strconv.AppendFloat(out, x, 'g', -1, 64)
		}
	}
	return append(out, ']'), nil
}
