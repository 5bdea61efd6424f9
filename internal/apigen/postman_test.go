package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// The published schema of collections, version 2.1, as far as the collection
// goes: strict decoding refuses every name that stands not here, and valid
// checks what is required and what values are allowed.
type (
	v21Collection struct {
		Info *struct {
			Name        string `json:"name"`
			Description string `json:"description"`
			Schema      string `json:"schema"`
		} `json:"info"`
		Item     []v21Item     `json:"item"`
		Auth     *v21Auth      `json:"auth"`
		Variable []v21Variable `json:"variable"`
	}
	// v21Item is a folder, which has items, or a request.
	v21Item struct {
		Name     string      `json:"name"`
		Item     []v21Item   `json:"item"`
		Request  *v21Request `json:"request"`
		Response []any       `json:"response"`
	}
	v21Request struct {
		Method      string     `json:"method"`
		Description string     `json:"description"`
		Auth        *v21Auth   `json:"auth"`
		Header      []v21Param `json:"header"`
		URL         *struct {
			Raw      string        `json:"raw"`
			Host     []string      `json:"host"`
			Path     []string      `json:"path"`
			Query    []v21Param    `json:"query"`
			Variable []v21Variable `json:"variable"`
		} `json:"url"`
		Body *struct {
			Mode    string `json:"mode"`
			Raw     string `json:"raw"`
			Options struct {
				Raw struct {
					Language string `json:"language"`
				} `json:"raw"`
			} `json:"options"`
		} `json:"body"`
	}
	v21Param struct {
		Key         *string `json:"key"`
		Value       *string `json:"value"`
		Description string  `json:"description"`
		Disabled    bool    `json:"disabled"`
	}
	v21Variable struct {
		Key         string  `json:"key"`
		Value       *string `json:"value"`
		Type        string  `json:"type"`
		Description string  `json:"description"`
	}
	v21Auth struct {
		Type   string        `json:"type"`
		APIKey []v21Variable `json:"apikey"`
	}
)

// checkCollection: it can be imported, and holds the OpenAPI document's
// operations, each once, with their bodies and credentials.
func checkCollection(t *testing.T, raw, spec []byte) {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.DisallowUnknownFields()
	var c v21Collection
	if err := dec.Decode(&c); err != nil {
		t.Fatalf("no collection of version 2.1: %v", err)
	}
	if c.Info == nil || c.Info.Name == "" || c.Info.Schema != postmanSchema || len(c.Item) == 0 {
		t.Fatalf("info %+v with %d folders", c.Info, len(c.Item))
	}
	checkAuth(t, "the collection", c.Auth)
	known := map[string]bool{}
	for _, v := range c.Variable {
		checkVariable(t, "the collection", v)
		known["{{"+v.Key+"}}"] = true
	}
	for _, use := range []string{"{{baseUrl}}", "{{apiKey}}", "{{masterKey}}"} {
		if !known[use] || !strings.Contains(string(raw), `"`+use+`"`) {
			t.Errorf("%s is not declared or not used", use)
		}
	}
	want := specOperations(t, spec)
	for _, f := range c.Item {
		if f.Name == "" || f.Request != nil || len(f.Item) == 0 {
			t.Errorf("folder %q", f.Name)
		}
		for _, item := range f.Item {
			key := checkRequest(t, f.Name, item)
			op, ok := want[key]
			if !ok {
				t.Errorf("%s is not in the OpenAPI document, or here twice", key)
				continue
			}
			delete(want, key)
			op.compare(t, key, f.Name, item)
		}
	}
	for key := range want {
		t.Errorf("%s is not in the collection", key)
	}
}

// checkRequest returns the method and path in the form of OpenAPI.
func checkRequest(t *testing.T, where string, item v21Item) string {
	t.Helper()
	r := item.Request
	if item.Name == "" || r == nil || item.Item != nil || item.Response == nil || r.URL == nil || r.Header == nil {
		t.Fatalf("%s: %+v is no request", where, item)
	}
	if !slices.Contains([]string{"GET", "POST", "PUT", "PATCH", "DELETE"}, r.Method) {
		t.Errorf("%s: method %q", item.Name, r.Method)
	}
	if want := strings.Join(r.URL.Host, ".") + "/" + strings.Join(r.URL.Path, "/"); r.URL.Raw != want {
		t.Errorf("%s: raw %q is not the parts' %q", item.Name, r.URL.Raw, want)
	}
	for _, p := range append(slices.Clone(r.Header), r.URL.Query...) {
		if p.Key == nil || p.Value == nil || *p.Key == "" {
			t.Errorf("%s: %+v", item.Name, p)
		}
	}
	if r.Auth != nil {
		checkAuth(t, item.Name, r.Auth)
	}
	var path strings.Builder
	for _, part := range r.URL.Path {
		name, isVariable := strings.CutPrefix(part, ":")
		if isVariable {
			if !slices.ContainsFunc(r.URL.Variable, func(v v21Variable) bool { return v.Key == name }) {
				t.Errorf("%s: nothing says what %s is", item.Name, part)
			}
			part = "{" + name + "}"
		}
		path.WriteString("/" + part)
	}
	for _, v := range r.URL.Variable {
		checkVariable(t, item.Name, v)
	}
	if b := r.Body; b != nil && (b.Mode != "raw" || !json.Valid([]byte(b.Raw)) || b.Options.Raw.Language != "json") {
		t.Errorf("%s: body %+v", item.Name, b)
	}
	return r.Method + " " + path.String()
}

func checkAuth(t *testing.T, where string, a *v21Auth) {
	t.Helper()
	switch {
	case a == nil:
		t.Fatalf("%s has no auth", where)
	case a.Type == "noauth" && a.APIKey == nil:
	case a.Type == "apikey" && len(a.APIKey) == 3:
		for _, v := range a.APIKey {
			checkVariable(t, where, v)
		}
	default:
		t.Errorf("%s: auth %+v", where, a)
	}
}

func checkVariable(t *testing.T, where string, v v21Variable) {
	t.Helper()
	if v.Key == "" || v.Value == nil || !slices.Contains([]string{"", "string", "boolean", "any", "number"}, v.Type) {
		t.Errorf("%s: variable %+v", where, v)
	}
}

// specOp is what the OpenAPI document says of an operation, read apart from
// what the generator reads.
type specOp map[string]any

func specOperations(t *testing.T, spec []byte) map[string]specOp {
	t.Helper()
	var doc struct {
		Paths map[string]map[string]specOp `json:"paths"`
	}
	if err := json.Unmarshal(spec, &doc); err != nil {
		t.Fatal(err)
	}
	out := map[string]specOp{}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			out[strings.ToUpper(method)+" "+path] = op
		}
	}
	return out
}

func (op specOp) compare(t *testing.T, key, folder string, item v21Item) {
	t.Helper()
	if tag := op["tags"].([]any)[0]; tag != folder || op["summary"] != item.Name {
		t.Errorf("%s is %q in folder %s", key, item.Name, folder)
	}
	auth := "{{apiKey}}"
	if a := item.Request.Auth; a != nil && a.Type == "noauth" {
		auth = ""
	} else if a != nil {
		auth = *a.APIKey[1].Value
	}
	want := "{{apiKey}}"
	if _, open := op["security"]; open {
		want = ""
	} else if folder == "admin" {
		want = "{{masterKey}}"
	}
	if auth != want {
		t.Errorf("%s is sent with %q; want %q", key, auth, want)
	}
	body, has := op["requestBody"].(map[string]any)
	if has != (item.Request.Body != nil) {
		t.Fatalf("%s: body in the document: %t", key, has)
	}
	if !has {
		return
	}
	content := body["content"].(map[string]any)["application/json"].(map[string]any)
	var sent any
	if err := json.Unmarshal([]byte(item.Request.Body.Raw), &sent); err != nil || !reflect.DeepEqual(sent, content["example"]) {
		t.Errorf("%s sends %s (%v); the document has %s", key, item.Request.Body.Raw, err, fmt.Sprint(content["example"]))
	}
}
