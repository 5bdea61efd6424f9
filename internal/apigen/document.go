package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// document builds the OpenAPI document.
func document(types typeSet, ops []operation) (object, error) {
	used := map[string]bool{"ErrorBody": true, "Detail": true, "JobAccepted": true}
	inputs := map[string][]string{} // request type → required fields
	paths := object{}
	for _, op := range ops {
		item, _ := paths[op.Path].(object)
		if item == nil {
			item = object{}
			paths[op.Path] = item
		}
		o, err := operationObject(types, op, used)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", op.Method, op.Path, err)
		}
		if op.Request != "" {
			inputs[op.Request] = op.Required
		}
		item[strings.ToLower(op.Method)] = o
	}
	schemas, err := components(types, used, inputs)
	if err != nil {
		return nil, err
	}
	return object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Omni", "version": "1",
			"description": "Predictions over HTTP: forecasts, anomalies, recommendations, churn, sentiment, vectors, schedules, agents, reasoning.",
			"license":     object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
		},
		"servers":  []any{object{"url": "/"}},
		"security": []any{object{"key": []any{}}, object{"bearer": []any{}}},
		"paths":    paths,
		"components": object{
			"schemas": schemas,
			"securitySchemes": object{
				"key":    object{"type": "apiKey", "in": "header", "name": "X-API-Key"},
				"bearer": object{"type": "http", "scheme": "bearer"},
			},
			"responses": object{"Error": object{
				"description": "The one shape of every error; error is a stable code, message says what to change.",
				"content":     jsonContent(ref("ErrorBody")),
			}},
		},
	}, nil
}

func operationObject(types typeSet, op operation, used map[string]bool) (object, error) {
	o := object{"summary": op.Summary, "tags": []any{op.Tag}, "operationId": operationID(op)}
	if d := strings.TrimSpace(op.Notes + " " + cost(op)); d != "" {
		o["description"] = d
	}
	if op.Public {
		o["security"] = []any{}
	}
	if params := parameters(op); len(params) > 0 {
		o["parameters"] = params
	}
	if op.Request != "" {
		if types[op.Request] == nil {
			return nil, fmt.Errorf("no type %s", op.Request)
		}
		used[op.Request] = true
		content := jsonContent(ref(op.Request))
		if op.Example != "" {
			var example any
			if err := json.Unmarshal([]byte(op.Example), &example); err != nil {
				return nil, fmt.Errorf("its example: %w", err)
			}
			content["application/json"].(object)["example"] = example
		}
		o["requestBody"] = object{"required": true, "content": content}
	}
	responses, err := responsesOf(types, op, used)
	o["responses"] = responses
	return o, err
}

func responsesOf(types typeSet, op operation, used map[string]bool) (object, error) {
	ok := object{"description": "Success"}
	switch {
	case op.Answer != "":
		if types[op.Answer] == nil {
			return nil, fmt.Errorf("no type %s", op.Answer)
		}
		used[op.Answer] = true
		ok["content"] = jsonContent(ref(op.Answer))
	case op.ContentType != "":
		ok["content"] = object{op.ContentType: object{"schema": object{"type": "string"}}}
	default:
		ok["content"] = jsonContent(object{"type": "object"})
	}
	responses := object{"default": object{"$ref": "#/components/responses/Error"}}
	accepted := object{"description": "Accepted as a job; see Location", "content": jsonContent(ref("JobAccepted"))}
	switch {
	case op.Async:
		responses["202"] = accepted
	case op.Status != 0:
		ok["description"] = http.StatusText(op.Status)
		responses[strconv.Itoa(op.Status)] = ok
	case op.Request != "" && !op.own:
		responses["200"], responses["202"] = ok, accepted
	default:
		responses["200"] = ok
	}
	return responses, nil
}

func cost(op operation) string {
	switch {
	case op.Public:
		return ""
	case op.Master:
		return "Takes the master key."
	}
	return fmt.Sprintf("Scope %s; costs %d unit%s.", op.Scope, op.Units, map[bool]string{true: "s"}[op.Units != 1])
}

func parameters(op operation) []any {
	var out []any
	for part := range strings.SplitSeq(op.Path, "/") {
		if strings.HasPrefix(part, "{") {
			out = append(out, object{"name": strings.Trim(part, "{}"), "in": "path", "required": true, "schema": object{"type": "string"}})
		}
	}
	for _, q := range op.Query {
		out = append(out, object{"name": q[0], "in": "query", "description": q[1], "schema": object{"type": "string"}})
	}
	if op.Request != "" && !op.own {
		for _, h := range [][2]string{
			{"Idempotency-Key", "Repeating a call with the same key within 24 h repeats its answer, not its work."},
			{"Prefer", "respond-async makes the call a job."},
			{"X-Omni-Max-Wait", "How long the call may wait for a worker, such as 30s."},
		} {
			out = append(out, object{"name": h[0], "in": "header", "description": h[1], "schema": object{"type": "string"}})
		}
	}
	return out
}

func operationID(op operation) string {
	clean := strings.NewReplacer("/", "_", "-", "_", "{", "", "}", "", ".", "_").Replace(strings.TrimPrefix(op.Path, "/"))
	if clean == "" {
		clean = "root"
	}
	return strings.ToLower(op.Method) + "_" + clean
}

// components defines every type that is used, and those that these use.
func components(types typeSet, used map[string]bool, inputs map[string][]string) (object, error) {
	schemas := object{}
	for grew := true; grew; {
		grew = false
		for name := range used {
			if schemas[name] != nil {
				continue
			}
			t := types[name]
			if t == nil {
				return nil, fmt.Errorf("no type %s", name)
			}
			s, err := types.structSchema(t.fields, inputs[name], used)
			if err != nil {
				return nil, fmt.Errorf("type %s: %w", name, err)
			}
			if t.doc != "" {
				s["description"] = t.doc
			}
			if _, isInput := inputs[name]; isInput {
				s["additionalProperties"] = false
			}
			schemas[name], grew = s, true
		}
	}
	return schemas, nil
}

func jsonContent(schema object) object {
	return object{"application/json": object{"schema": schema}}
}

func encode(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	err := enc.Encode(v)
	return out.Bytes(), err
}
