package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
)

// typeDecl is a type of package api as its source declares it.
type typeDecl struct {
	name   string
	doc    string
	expr   ast.Expr
	fields []field
}

// field is one JSON field of a struct, those of embedded structs included.
type field struct {
	name     string
	doc      string
	expr     ast.Expr
	optional bool // omitempty, or a pointer
}

type typeSet map[string]*typeDecl

// parseTypes reads every type of the package in dir.
func parseTypes(dir string) (typeSet, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return nil, err
	}
	set, fset := typeSet{}, token.NewFileSet()
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		src, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		file, err := parser.ParseFile(fset, name, src, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, d := range file.Decls {
			gen, ok := d.(*ast.GenDecl)
			if !ok || gen.Tok != token.TYPE {
				continue
			}
			for _, s := range gen.Specs {
				ts := s.(*ast.TypeSpec)
				doc := ts.Doc.Text()
				if doc == "" {
					doc = gen.Doc.Text()
				}
				set[ts.Name.Name] = &typeDecl{name: ts.Name.Name, doc: sentence(doc), expr: ts.Type}
			}
		}
	}
	for _, t := range set {
		if s, ok := t.expr.(*ast.StructType); ok && special[t.name] == nil {
			if t.fields, err = set.fieldsOf(s); err != nil {
				return nil, fmt.Errorf("type %s: %w", t.name, err)
			}
		}
	}
	return set, nil
}

// fieldsOf flattens embedded structs, as encoding/json does.
func (set typeSet) fieldsOf(s *ast.StructType) ([]field, error) {
	var out []field
	for _, f := range s.Fields.List {
		tag := ""
		if f.Tag != nil {
			raw, err := strconv.Unquote(f.Tag.Value)
			if err != nil {
				return nil, err
			}
			tag = reflect.StructTag(raw).Get("json")
		}
		if len(f.Names) == 0 && tag == "" {
			id, ok := strip(f.Type).(*ast.Ident)
			if !ok || set[id.Name] == nil {
				return nil, fmt.Errorf("cannot follow an embedded field")
			}
			inner, ok := set[id.Name].expr.(*ast.StructType)
			if !ok {
				return nil, fmt.Errorf("%s is embedded but no struct", id.Name)
			}
			fields, err := set.fieldsOf(inner)
			if err != nil {
				return nil, err
			}
			out = append(out, fields...)
			continue
		}
		name, options, _ := strings.Cut(tag, ",")
		if tag == "-" || len(f.Names) != 1 || !f.Names[0].IsExported() || name == "" {
			continue
		}
		doc := f.Doc.Text()
		if doc == "" {
			doc = f.Comment.Text()
		}
		_, pointer := f.Type.(*ast.StarExpr)
		out = append(out, field{name: name, doc: describe(doc, f.Names[0].Name, name), expr: f.Type, optional: pointer || strings.Contains(options, "omitempty") || strings.Contains(options, "omitzero")})
	}
	return out, nil
}

func strip(e ast.Expr) ast.Expr {
	if s, ok := e.(*ast.StarExpr); ok {
		return s.X
	}
	return e
}

// describe turns a Go comment into a caller's: the Go name becomes the JSON
// name.
func describe(doc, goName, jsonName string) string {
	doc = sentence(doc)
	if rest, ok := strings.CutPrefix(doc, goName+" "); ok {
		doc = jsonName + " " + rest
	}
	return doc
}

func sentence(doc string) string { return strings.Join(strings.Fields(doc), " ") }
