package main

import (
	"fmt"
	"go/ast"
)

// object is a JSON object whose keys encode in alphabetical order.
type object map[string]any

// special are types that read or write JSON in their own way.
var special = map[string]object{
	"Values":       {"type": "array", "items": object{"type": []string{"number", "null"}}, "description": "Numbers; null is a missing value."},
	"SwarmWorkers": {"oneOf": []any{object{"type": "integer", "minimum": 1}, object{"type": "array", "items": ref("SwarmWorker")}}, "description": "The workers, or just how many there are."},
	"StringList":   {"oneOf": []any{object{"type": "string"}, object{"type": "array", "items": object{"type": "string"}}}},
	"Preferences": {"oneOf": []any{
		object{"type": "array", "items": object{"type": "string"}},
		object{"type": "object", "additionalProperties": true},
	}, "description": "Words, or weights and values by name."},
	"EventTime": {"oneOf": []any{object{"type": "string", "format": "date-time"}, object{"type": "number"}}, "description": "RFC 3339, or seconds since 1970."},
}

func ref(name string) object { return object{"$ref": "#/components/schemas/" + name} }

// schema describes a type expression. It notes in used which named types the
// document must define.
func (set typeSet) schema(e ast.Expr, used map[string]bool) (object, error) {
	switch e := e.(type) {
	case *ast.StarExpr:
		return set.schema(e.X, used)
	case *ast.ArrayType:
		if id, ok := e.Elt.(*ast.Ident); ok && id.Name == "byte" {
			return object{"type": "string", "contentEncoding": "base64"}, nil
		}
		items, err := set.schema(e.Elt, used)
		return object{"type": "array", "items": items}, err
	case *ast.MapType:
		values, err := set.schema(e.Value, used)
		return object{"type": "object", "additionalProperties": values}, err
	case *ast.InterfaceType:
		return object{}, nil
	case *ast.StructType:
		fields, err := set.fieldsOf(e)
		if err != nil {
			return nil, err
		}
		return set.structSchema(fields, nil, used)
	case *ast.SelectorExpr:
		switch pkg, _ := e.X.(*ast.Ident); pkg.Name + "." + e.Sel.Name {
		case "time.Time":
			return object{"type": "string", "format": "date-time"}, nil
		case "json.RawMessage":
			return object{}, nil
		case "time.Duration":
			return object{"type": "integer"}, nil
		}
		return nil, fmt.Errorf("no schema for %s", e.Sel.Name)
	case *ast.IndexExpr:
		if id, ok := e.X.(*ast.Ident); !ok || id.Name != "Change" {
			return nil, fmt.Errorf("no schema for a generic type")
		}
		s, err := set.schema(e.Index, used)
		return orNull(s), err
	case *ast.Ident:
		return set.named(e.Name, used)
	}
	return nil, fmt.Errorf("no schema for %T", e)
}

// orNull lets null in beside s.
func orNull(s object) object {
	if kind, ok := s["type"].(string); ok {
		s["type"] = []string{kind, "null"}
		return s
	}
	return object{"anyOf": []any{s, object{"type": "null"}}}
}

func (set typeSet) named(name string, used map[string]bool) (object, error) {
	switch name {
	case "string":
		return object{"type": "string"}, nil
	case "bool":
		return object{"type": "boolean"}, nil
	case "int", "int8", "int16", "int32", "int64", "uint", "uint8", "uint16", "uint32", "uint64":
		return object{"type": "integer"}, nil
	case "float32", "float64":
		return object{"type": "number"}, nil
	case "any":
		return object{}, nil
	}
	if s, ok := special[name]; ok {
		if name == "SwarmWorkers" {
			used["SwarmWorker"] = true
		}
		return s, nil
	}
	t, ok := set[name]
	if !ok {
		return nil, fmt.Errorf("no type %s in package api", name)
	}
	if t.fields == nil {
		if _, isStruct := t.expr.(*ast.StructType); !isStruct {
			return set.schema(t.expr, used)
		}
	}
	used[name] = true
	return ref(name), nil
}

// structSchema lists a struct's fields. Without required names, those are
// required that are always there.
func (set typeSet) structSchema(fields []field, required []string, used map[string]bool) (object, error) {
	properties := object{}
	always := []string{}
	for _, f := range fields {
		s, err := set.schema(f.expr, used)
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", f.name, err)
		}
		if f.doc != "" {
			described := object{"description": f.doc}
			for k, v := range s {
				if k != "description" {
					described[k] = v
				}
			}
			s = described
		}
		properties[f.name] = s
		if !f.optional {
			always = append(always, f.name)
		}
	}
	if required != nil {
		always = required
	}
	out := object{"type": "object", "properties": properties}
	if len(always) > 0 {
		out["required"] = always
	}
	return out, nil
}
