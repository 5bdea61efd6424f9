package service

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// locate finds the value that encoding/json could not use: its errors name the
// fields on the way, but not the index in a list, and the embedded struct a
// field comes from. field is such a name ("series.id"), kind how the error
// calls the value ("string", "number 1.5"). It returns the name a caller knows
// ("series[3].id"), or field when nothing fits.
func locate(body json.RawMessage, field, kind string) string {
	var names []string
	if field != "" {
		names = strings.Split(strings.ReplaceAll(field, "[", ".["), ".")
		names = slices.DeleteFunc(names, func(name string) bool { return name == "" })
	}
	if path, ok := search(body, names, kind); ok {
		return strings.TrimPrefix(path, ".")
	}
	return strings.ReplaceAll(field, ".[", "[")
}

// search looks for a value of the kind at the end of names, the deepest first.
func search(raw json.RawMessage, names []string, kind string) (path string, ok bool) {
	switch kindOf(raw) {
	case "array":
		return searchList(raw, names, kind)
	case "object":
		return searchObject(raw, names, kind)
	}
	name, text, exact := strings.Cut(kind, " ")
	return "", len(names) == 0 && kindOf(raw) == name && (!exact || string(raw) == text)
}

func searchList(raw json.RawMessage, names []string, kind string) (path string, ok bool) {
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return "", false
	}
	for i, one := range list {
		index, rest := "["+strconv.Itoa(i)+"]", names
		if len(names) > 0 && names[0][0] == '[' {
			if names[0] != index {
				continue
			}
			rest = names[1:]
		}
		if path, ok := search(one, rest, kind); ok {
			return index + path, true
		}
	}
	return "", len(names) == 0 && kind == "array"
}

func searchObject(raw json.RawMessage, names []string, kind string) (path string, ok bool) {
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil {
		return "", false
	}
	keys := slices.Sorted(maps.Keys(object))
	for _, key := range keys {
		switch {
		case len(names) == 0, names[0][0] == '[': // a map: its keys are not in the error
			path, ok = search(object[key], names, kind)
		case strings.EqualFold(key, names[0]):
			path, ok = search(object[key], names[1:], kind)
		}
		if ok {
			return "." + key + path, true
		}
	}
	if len(names) > 1 { // the name of an embedded struct
		return search(raw, names[1:], kind)
	}
	return "", len(names) == 0 && kind == "object"
}

// kindOf names a JSON value as encoding/json does in its errors.
func kindOf(raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	switch raw[0] {
	case '"':
		return "string"
	case '{':
		return "object"
	case '[':
		return "array"
	case 't', 'f':
		return "bool"
	case 'n':
		return "null"
	default:
		return "number"
	}
}
