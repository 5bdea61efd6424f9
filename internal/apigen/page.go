package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strings"
)

//go:embed page.html
var pageTemplate string

// pageData is what the page's template shows.
type pageData struct {
	Groups []pageGroup
	Errors []errorCode
}

type pageGroup struct {
	Tag        string
	Operations []pageOperation
}

type pageOperation struct {
	operation
	ID      string
	Cost    string
	Curl    string
	Inputs  []pageField
	Outputs []pageField
}

type pageField struct {
	Name, Type, Doc string
	Required        bool
	Indent          int
}

// render makes the page. It is complete in itself: no script, no font, no
// image is fetched.
func render(types typeSet, ops []operation, codes []errorCode) ([]byte, error) {
	data := pageData{Errors: codes}
	index := map[string]int{}
	for _, op := range ops {
		i, ok := index[op.Tag]
		if !ok {
			i = len(data.Groups)
			index[op.Tag] = i
			data.Groups = append(data.Groups, pageGroup{Tag: op.Tag})
		}
		p := pageOperation{operation: op, ID: operationID(op), Cost: cost(op), Curl: curl(op)}
		var err error
		if p.Inputs, err = types.rows(op.Request, op.Required, 0); err != nil {
			return nil, err
		}
		if p.Outputs, err = types.rows(op.Answer, nil, 0); err != nil {
			return nil, err
		}
		data.Groups[i].Operations = append(data.Groups[i].Operations, p)
	}
	t, err := template.New("page").Parse(pageTemplate)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, data)
	return out.Bytes(), err
}

// rows lists the fields of a type, those of nested types indented below.
func (set typeSet) rows(name string, required []string, indent int) ([]pageField, error) {
	t := set[name]
	if t == nil || indent > 3 {
		return nil, nil
	}
	var out []pageField
	for _, f := range t.fields {
		s, err := set.schema(f.expr, map[string]bool{})
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", name, f.name, err)
		}
		label, inner := typeLabel(s)
		row := pageField{Name: f.name, Type: label, Doc: f.doc, Indent: indent}
		for _, r := range required {
			row.Required = row.Required || r == f.name
		}
		out = append(out, row)
		if inner != "" && inner != name {
			nested, err := set.rows(inner, nil, indent+1)
			if err != nil {
				return nil, err
			}
			out = append(out, nested...)
		}
	}
	return out, nil
}

// typeLabel names a schema in a few words, and the named type inside it.
func typeLabel(s object) (label, inner string) {
	if r, ok := s["$ref"].(string); ok {
		return "object", strings.TrimPrefix(r, "#/components/schemas/")
	}
	if alternatives, ok := s["oneOf"].([]any); ok {
		var labels []string
		for _, a := range alternatives {
			l, in := typeLabel(a.(object))
			labels = append(labels, l)
			if in != "" {
				inner = in
			}
		}
		return strings.Join(labels, " or "), inner
	}
	switch kind := s["type"]; kind {
	case "array":
		l, in := typeLabel(s["items"].(object))
		return "list of " + l, in
	case "object":
		if values, ok := s["additionalProperties"].(object); ok {
			l, in := typeLabel(values)
			return "object of " + l, in
		}
		return "object", ""
	case nil:
		return "any", ""
	default:
		if list, ok := kind.([]string); ok {
			return strings.Join(list, " or "), ""
		}
		return fmt.Sprint(kind), ""
	}
}

// curl is a call that works as printed against `make up`.
func curl(op operation) string {
	line := "curl -s"
	if op.Method != http.MethodGet {
		line += " -X " + op.Method
	}
	switch {
	case op.Master:
		line += ` -H "X-API-Key: $MASTER_API_KEY"`
	case !op.Public:
		line += " -H 'X-API-Key: demo-pro-key-67890'"
	}
	line += " http://127.0.0.1:8080" + op.Path
	if op.Example != "" {
		var pretty bytes.Buffer
		if json.Compact(&pretty, []byte(op.Example)) == nil {
			line += " \\\n  -H 'Content-Type: application/json' -d '" + strings.ReplaceAll(pretty.String(), "'", `'\''`) + "'"
		}
	}
	return line
}
