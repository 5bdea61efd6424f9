package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// postmanSchema is the form of the collection, version 2.1.
const postmanSchema = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"

// The parts of a collection that are written. Postman's own names.
type (
	collection struct {
		Info     collectionInfo  `json:"info"`
		Item     []folder        `json:"item"`
		Auth     *collectionAuth `json:"auth"`
		Variable []variable      `json:"variable"`
	}
	collectionInfo struct {
		Name        string `json:"name"`
		Description string `json:"description"`
		Schema      string `json:"schema"`
	}
	folder struct {
		Name string            `json:"name"`
		Item []collectionEntry `json:"item"`
	}
	collectionEntry struct {
		Name     string            `json:"name"`
		Request  collectionRequest `json:"request"`
		Response []any             `json:"response"`
	}
	collectionRequest struct {
		Method      string          `json:"method"`
		Description string          `json:"description,omitempty"`
		Auth        *collectionAuth `json:"auth,omitempty"`
		Header      []parameter     `json:"header"`
		URL         collectionURL   `json:"url"`
		Body        *collectionBody `json:"body,omitempty"`
	}
	collectionURL struct {
		Raw      string      `json:"raw"`
		Host     []string    `json:"host"`
		Path     []string    `json:"path"`
		Query    []parameter `json:"query,omitempty"`
		Variable []variable  `json:"variable,omitempty"`
	}
	parameter struct {
		Key         string `json:"key"`
		Value       string `json:"value"`
		Description string `json:"description,omitempty"`
		// Disabled ones are there to be ticked.
		Disabled bool `json:"disabled,omitempty"`
	}
	collectionBody struct {
		Mode    string      `json:"mode"`
		Raw     string      `json:"raw"`
		Options bodyOptions `json:"options"`
	}
	bodyOptions struct {
		Raw struct {
			Language string `json:"language"`
		} `json:"raw"`
	}
	collectionAuth struct {
		Type   string     `json:"type"`
		APIKey []variable `json:"apikey,omitempty"`
	}
	variable struct {
		Key         string `json:"key"`
		Value       string `json:"value"`
		Type        string `json:"type,omitempty"`
		Description string `json:"description,omitempty"`
	}
)

// postman makes a collection of the operations that Postman and programs like
// it import: a folder for each tag, in the order of the page.
func postman(spec []byte, ops []operation) ([]byte, error) {
	var doc struct {
		Info  struct{ Title, Description string }
		Paths map[string]map[string]specOperation
	}
	if err := json.Unmarshal(spec, &doc); err != nil {
		return nil, fmt.Errorf("reading the OpenAPI document: %w", err)
	}
	c := collection{
		Info: collectionInfo{Name: doc.Info.Title, Description: doc.Info.Description, Schema: postmanSchema},
		Auth: headerAuth("{{apiKey}}"),
		Variable: []variable{
			{Key: "baseUrl", Value: "http://127.0.0.1:8080", Type: "string"},
			{Key: "apiKey", Value: "demo-pro-key-67890", Type: "string"},
			{Key: "masterKey", Type: "string"},
		},
	}
	index := map[string]int{}
	for _, op := range ops {
		described, ok := doc.Paths[op.Path][strings.ToLower(op.Method)]
		if !ok {
			return nil, fmt.Errorf("%s %s is not in the OpenAPI document", op.Method, op.Path)
		}
		i, ok := index[op.Tag]
		if !ok {
			i = len(c.Item)
			index[op.Tag] = i
			c.Item = append(c.Item, folder{Name: op.Tag})
		}
		r, err := described.request(op)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", op.Method, op.Path, err)
		}
		c.Item[i].Item = append(c.Item[i].Item, collectionEntry{Name: described.Summary, Request: r, Response: []any{}})
	}
	return encode(c)
}

// specOperation is what the OpenAPI document says of one operation.
type specOperation struct {
	Summary     string
	Description string
	// Security is empty, but there, for what needs no key.
	Security   *[]any
	Parameters []struct{ Name, In, Description string }
	Body       *struct {
		Content map[string]struct{ Example json.RawMessage }
	} `json:"requestBody"`
}

func (o specOperation) request(op operation) (collectionRequest, error) {
	r := collectionRequest{Method: op.Method, Description: o.Description, Header: []parameter{}}
	switch {
	case o.Security != nil && len(*o.Security) == 0:
		r.Auth = &collectionAuth{Type: "noauth"}
	case op.Master:
		r.Auth = headerAuth("{{masterKey}}")
	}
	r.URL = collectionURL{Raw: "{{baseUrl}}", Host: []string{"{{baseUrl}}"}}
	for part := range strings.SplitSeq(strings.TrimPrefix(op.Path, "/"), "/") {
		if strings.HasPrefix(part, "{") {
			part = ":" + strings.Trim(part, "{}")
		}
		r.URL.Path = append(r.URL.Path, part)
		r.URL.Raw += "/" + part
	}
	for _, p := range o.Parameters {
		switch p.In {
		case "path":
			r.URL.Variable = append(r.URL.Variable, variable{Key: p.Name, Description: p.Description})
		case "query":
			r.URL.Query = append(r.URL.Query, parameter{Key: p.Name, Description: p.Description, Disabled: true})
		case "header":
			r.Header = append(r.Header, parameter{Key: p.Name, Description: p.Description, Disabled: true})
		default:
			return r, fmt.Errorf("a parameter in %q has no place in a collection", p.In)
		}
	}
	if o.Body == nil {
		return r, nil
	}
	r.Header = append([]parameter{{Key: "Content-Type", Value: "application/json"}}, r.Header...)
	given := o.Body.Content["application/json"].Example
	if len(given) == 0 {
		return r, errors.New("it takes a body and has no example of one")
	}
	example, err := encode(given)
	if err != nil {
		return r, fmt.Errorf("its example: %w", err)
	}
	r.Body = &collectionBody{Mode: "raw", Raw: strings.TrimSpace(string(example))}
	r.Body.Options.Raw.Language = "json"
	return r, nil
}

func headerAuth(value string) *collectionAuth {
	return &collectionAuth{Type: "apikey", APIKey: []variable{
		{Key: "key", Value: "X-API-Key", Type: "string"}, {Key: "value", Value: value, Type: "string"}, {Key: "in", Value: "header", Type: "string"},
	}}
}
