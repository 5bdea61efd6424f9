package config

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// mostNested bounds how deep a text is followed through merge keys, which may
// lead in a circle.
const mostNested = 100

// onlyWhole refuses fractions in fields of whole numbers, which the YAML library
// cuts off: half a call would be none. raw has been decoded into a value of
// type t.
func onlyWhole(raw []byte, t reflect.Type) error {
	file, err := parser.ParseBytes(raw, 0)
	if err != nil {
		return fmt.Errorf("reading the text again: %w", err)
	}
	w := wholes{anchors: map[string]ast.Node{}}
	for _, d := range file.Docs {
		if d.Body != nil {
			ast.Walk(&w, d.Body)
			w.check(d.Body, t, "", 0)
		}
	}
	return errors.Join(w.faults...)
}

// wholes walks a text and the type that it is decoded into side by side.
type wholes struct {
	anchors map[string]ast.Node
	faults  []error
}

// Visit implements ast.Visitor: it collects the anchors.
func (w *wholes) Visit(node ast.Node) ast.Visitor {
	if a, ok := node.(*ast.AnchorNode); ok {
		w.anchors[a.Name.GetToken().Value] = a.Value
	}
	return w
}

func (w *wholes) check(node ast.Node, t reflect.Type, key string, depth int) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if depth++; depth > mostNested || t == reflect.TypeFor[Duration]() {
		return
	}
	switch n := node.(type) {
	case *ast.AnchorNode:
		w.check(n.Value, t, key, depth)
	case *ast.TagNode:
		w.check(n.Value, t, key, depth)
	case *ast.AliasNode:
		if to := w.anchors[n.Value.GetToken().Value]; to != nil {
			w.check(to, t, key, depth)
		}
	case *ast.MappingNode:
		for _, v := range n.Values {
			w.field(v, t, key, depth)
		}
	case *ast.MappingValueNode:
		w.field(n, t, key, depth)
	case *ast.SequenceNode:
		for i, v := range n.Values {
			if t.Kind() == reflect.Slice {
				w.check(v, t.Elem(), key+"["+strconv.Itoa(i)+"]", depth)
			}
		}
	default:
		w.scalar(node, t, key)
	}
}

// field looks at one entry of a mapping.
func (w *wholes) field(entry *ast.MappingValueNode, t reflect.Type, key string, depth int) {
	if entry.Key.IsMergeKey() {
		w.check(entry.Value, t, key, depth)
		return
	}
	name := entry.Key.GetToken().Value
	switch t.Kind() {
	case reflect.Map:
		t = t.Elem()
	case reflect.Struct:
		field, ok := fieldOf(t, name)
		if !ok {
			return
		}
		t = field.Type
	default:
		return
	}
	w.check(entry.Value, t, strings.TrimPrefix(key+"."+name, "."), depth)
}

// fieldOf finds the field of a struct that a key names.
func fieldOf(t reflect.Type, name string) (reflect.StructField, bool) {
	for field := range t.Fields() {
		if tag, _, _ := strings.Cut(field.Tag.Get("yaml"), ","); tag == name {
			return field, true
		}
	}
	return reflect.StructField{}, false
}

func (w *wholes) scalar(node ast.Node, t reflect.Type, key string) {
	if t.Kind() < reflect.Int || t.Kind() > reflect.Uint64 {
		return
	}
	text := node.GetToken().Value
	var v float64
	switch n := node.(type) {
	case *ast.FloatNode:
		v = n.Value
	case *ast.InfinityNode:
		v = n.Value
	case *ast.StringNode: // the library takes "1e3" for a number
		f, err := strconv.ParseFloat(n.Value, 64)
		if err != nil {
			return
		}
		v = f
	default:
		return
	}
	if v != math.Trunc(v) || math.Abs(v) >= 1<<63 {
		w.faults = append(w.faults, fmt.Errorf("line %d: %s = %.40s, must be a whole number", node.GetToken().Position.Line, key, text))
	}
}
