package tool_test

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/service"
	"github.com/omni-run/omni/internal/tool"
)

func number(minimum float64) *tool.Schema {
	return &tool.Schema{Type: "number", Minimum: &minimum}
}

var schema = &tool.Schema{
	Type: "object", Closed: true, Required: []string{"values"},
	Properties: map[string]*tool.Schema{
		"values": {Type: "array", MinItems: 2, MaxItems: 4, Items: number(0)},
		"steps":  {Type: "integer"},
		"mode":   {Type: "string", Enum: []string{"a", "b"}, MaxLength: 3},
		"deep":   {Type: "object", Required: []string{"on"}, Properties: map[string]*tool.Schema{"on": {Type: "boolean"}}},
		"gaps":   {Type: "array", Items: &tool.Schema{Type: "number", Nullable: true}},
	},
}

func TestSchemaNamesTheOffendingPlace(t *testing.T) {
	t.Parallel()
	cases := map[string]struct{ arguments, path string }{
		"fits":          {`{"values":[1,2],"steps":3,"mode":"a","deep":{"on":true},"gaps":[1,null]}`, ""},
		"missing":       {`{}`, "values"},
		"null":          {`{"values":null}`, "values"},
		"wrong kind":    {`{"values":"1,2"}`, "values"},
		"too short":     {`{"values":[1]}`, "values"},
		"too long":      {`{"values":[1,2,3,4,5]}`, "values"},
		"element":       {`{"values":[1,"x"]}`, "values[1]"},
		"below":         {`{"values":[1,-1]}`, "values[1]"},
		"not whole":     {`{"values":[1,2],"steps":1.5}`, "steps"},
		"enum":          {`{"values":[1,2],"mode":"c"}`, "mode"},
		"long string":   {`{"values":[1,2],"mode":"aaaa"}`, "mode"},
		"unknown":       {`{"values":[1,2],"colour":1}`, "colour"},
		"nested absent": {`{"values":[1,2],"deep":{}}`, "deep.on"},
		"nested wrong":  {`{"values":[1,2],"deep":{"on":"yes"}}`, "deep.on"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var arguments any
			if err := json.Unmarshal([]byte(c.arguments), &arguments); err != nil {
				t.Fatal(err)
			}
			err := schema.Check(arguments)
			if c.path == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			var wrong *tool.ArgumentError
			if !errors.As(err, &wrong) || wrong.Path != c.path {
				t.Fatalf("got %v, want path %s", err, c.path)
			}
		})
	}
}

func TestSchemaTakesGoListsAndRefusesNaN(t *testing.T) {
	t.Parallel()
	if err := schema.Check(map[string]any{"values": []float64{1, 2}}); err != nil {
		t.Fatal(err)
	}
	if err := schema.Check(map[string]any{"values": []float64{1, math.NaN()}}); err == nil {
		t.Fatal("NaN fits a number that may not be null")
	}
	if err := schema.Check(map[string]any{"values": []any{1.0, math.Inf(1)}}); err == nil {
		t.Fatal("an infinity fits")
	}
}

func TestSchemaWritesJSONSchema(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(schema)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"additionalProperties":false`, `"type":["number","null"]`, `"required":["values"]`, `"enum":["a","b"]`} {
		if !strings.Contains(string(raw), want) {
			t.Errorf("%s lacks %s", raw, want)
		}
	}
}

type answering string

func (a answering) Invoke(context.Context, *service.Call, string, string, any) (json.RawMessage, error) {
	return json.RawMessage(a), nil
}

func registry(call func(ctx context.Context, invoke tool.Invoke, arguments map[string]any) (map[string]any, error)) *tool.Registry {
	return tool.NewRegistry(20*time.Millisecond, 10, tool.Tool{Name: "t", Parameters: schema, Call: call})
}

func TestRunChecksBeforeItCalls(t *testing.T) {
	t.Parallel()
	called := false
	r := registry(func(context.Context, tool.Invoke, map[string]any) (map[string]any, error) {
		called = true
		return map[string]any{"ok": true}, nil
	})
	if _, err := r.Run(t.Context(), nil, "t", map[string]any{}); err == nil || called {
		t.Fatalf("ran with missing arguments (%v)", err)
	}
	if _, err := r.Run(t.Context(), nil, "u", map[string]any{}); !errors.Is(err, tool.ErrUnknown) {
		t.Fatalf("got %v", err)
	}
	if _, err := r.Run(t.Context(), nil, "t", map[string]any{"values": []float64{1, 2}}); err != nil || !called {
		t.Fatalf("did not run: %v", err)
	}
}

func TestRunBoundsTimeAndSize(t *testing.T) {
	t.Parallel()
	arguments := map[string]any{"values": []float64{1, 2}}
	slow := registry(func(ctx context.Context, _ tool.Invoke, _ map[string]any) (map[string]any, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	if _, err := slow.Run(t.Context(), nil, "t", arguments); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
	large := registry(func(ctx context.Context, invoke tool.Invoke, _ map[string]any) (map[string]any, error) {
		_, err := invoke(ctx, "POST", "/x", nil)
		return nil, err
	})
	invoke := tool.Bind(answering(`{"x":"123456789"}`), &service.Call{})
	if _, err := large.Run(t.Context(), invoke, "t", arguments); !errors.Is(err, tool.ErrTooLarge) {
		t.Fatalf("got %v", err)
	}
	if _, err := tool.Bind(nil, nil)(t.Context(), "POST", "/x", nil); err == nil {
		t.Fatal("no invoker, no error")
	}
}

func TestRunTurnsAPanicIntoAnError(t *testing.T) {
	t.Parallel()
	r := registry(func(context.Context, tool.Invoke, map[string]any) (map[string]any, error) { panic("broken") })
	if _, err := r.Run(t.Context(), nil, "t", map[string]any{"values": []float64{1, 2}}); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Fatalf("got %v", err)
	}
}

func TestRegistryRefusesTheSameNameTwice(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Fatal("took two tools of one name")
		}
	}()
	call := func(context.Context, tool.Invoke, map[string]any) (map[string]any, error) { return nil, nil }
	tool.NewRegistry(0, 0, tool.Tool{Name: "t", Parameters: schema, Call: call}, tool.Tool{Name: "t", Parameters: schema, Call: call})
}
