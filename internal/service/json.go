package service

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"github.com/omni-run/omni/api"
)

// JSON adapts a typed function to a Handler: it decodes the body strictly into
// a Req (which embeds api.Request) and refuses what does not fit.
func JSON[Req, Res any](f func(ctx context.Context, call *Call, req *Req) (*Res, error)) Handler {
	return func(ctx context.Context, call *Call) (any, error) {
		req := new(Req)
		if err := Decode(call.Body, req); err != nil {
			return nil, err
		}
		if c, ok := any(req).(interface{ ClaimedTenant() string }); ok {
			if claimed := c.ClaimedTenant(); claimed != "" && claimed != call.Tenant {
				call.Warn("tenant_id %.64q in the body was ignored: the tenant is the key's", claimed)
			}
		}
		res, err := f(ctx, call, req)
		if err != nil {
			return nil, err
		}
		return res, nil
	}
}

// Query adapts a function that reads no body.
func Query[Res any](f func(ctx context.Context, call *Call) (*Res, error)) Handler {
	return func(ctx context.Context, call *Call) (any, error) {
		res, err := f(ctx, call)
		if err != nil {
			return nil, err
		}
		return res, nil
	}
}

// Decode reads one JSON value into dst, strictly: an empty body, a syntax
// error, an unknown field or trailing data is 400; a value of the wrong type
// is 422 and names the field and the index.
func Decode(body []byte, dst any) error {
	if len(bytes.TrimSpace(body)) == 0 {
		return api.BadRequest("empty_body", "the body is empty; send a JSON object")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(dst); err != nil {
		return decodeError(bytes.TrimSpace(body), err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return api.BadRequest("malformed_json", "the body holds more than one JSON value")
	}
	return nil
}

func decodeError(body []byte, err error) error {
	var known *api.Error
	if errors.As(err, &known) {
		return known
	}
	var wrong *json.UnmarshalTypeError
	if errors.As(err, &wrong) {
		field := locate(body, wrong.Field, wrong.Value)
		if field == "" {
			field = "body"
		}
		return api.Unprocessable("wrong_type", "%s: a JSON %s does not fit here; it takes %s", field, wrong.Value, kindName(wrong)).
			At(field, "got %s", wrong.Value)
	}
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		return api.BadRequest("malformed_json", "the body is not valid JSON (byte %d): %s", syntax.Offset, syntax.Error())
	}
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return api.BadRequest("malformed_json", "the body ends in the middle of a JSON value")
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		field := strings.Trim(name, `"`)
		return api.BadRequest("unknown_field", "unknown field %s; see /openapi.json for the fields of this route", name).
			At(field, "unknown field")
	}
	return api.BadRequest("malformed_json", "the body cannot be read as JSON").Because(err)
}

func kindName(e *json.UnmarshalTypeError) string {
	switch k := e.Type.Kind().String(); {
	case strings.HasPrefix(k, "int"), strings.HasPrefix(k, "uint"):
		return "a whole number in range"
	case strings.HasPrefix(k, "float"):
		return "a number in range"
	case k == "string":
		return "a string"
	case k == "bool":
		return "true or false"
	case k == "slice", k == "array":
		return "a list"
	case k == "map", k == "struct":
		return "an object"
	default:
		return "another type"
	}
}
