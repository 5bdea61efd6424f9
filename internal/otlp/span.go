// Package otlp sends traces to an OpenTelemetry collector: OTLP 1.x over HTTP
// in its JSON form. It is written by hand because the SDK would add ten
// megabytes to a gateway that makes three spans a request.
package otlp

import (
	"encoding/json"
	"strconv"
	"time"
)

// Kind is what a span is in the conversation (opentelemetry.proto.trace.v1).
type Kind int

// The kinds that Omni uses.
const (
	Internal Kind = 1
	Server   Kind = 2
	Client   Kind = 3
)

// Span is one finished piece of work.
type Span struct {
	// TraceID is 32 and SpanID 16 lower-case hex digits; ParentID is empty for
	// a root.
	TraceID, SpanID, ParentID string
	Name                      string
	Kind                      Kind
	Start, End                time.Time
	Attributes                []Attribute
	// Failed marks an error; Message says which, without secrets.
	Failed  bool
	Message string
}

// Attribute is a named value: a string, a bool or an int64.
type Attribute struct {
	Key   string
	Value any
}

// Resource says whose spans they are.
type Resource struct {
	// Service is service.name, Version service.version, Instance
	// service.instance.id; an empty one is left out.
	Service, Version, Instance string
}

type object = map[string]any

// encode writes an ExportTraceServiceRequest as OTLP's JSON mapping wants it:
// ids in hex, 64-bit integers as strings.
func encode(r Resource, spans []Span) ([]byte, error) {
	var resource []Attribute
	for _, a := range []Attribute{{"service.name", r.Service}, {"service.version", r.Version}, {"service.instance.id", r.Instance}} {
		if a.Value != "" {
			resource = append(resource, a)
		}
	}
	list := make([]object, len(spans))
	for i := range spans {
		list[i] = spans[i].object()
	}
	return json.Marshal(object{"resourceSpans": []object{{
		"resource":   object{"attributes": attributes(resource)},
		"scopeSpans": []object{{"scope": object{"name": "github.com/omni-run/omni", "version": r.Version}, "spans": list}},
	}}})
}

func (s *Span) object() object {
	o := object{
		"traceId": s.TraceID, "spanId": s.SpanID, "name": s.Name, "kind": int(s.Kind),
		"startTimeUnixNano": strconv.FormatInt(s.Start.UnixNano(), 10),
		"endTimeUnixNano":   strconv.FormatInt(s.End.UnixNano(), 10),
		"attributes":        attributes(s.Attributes),
	}
	if s.ParentID != "" {
		o["parentSpanId"] = s.ParentID
	}
	if s.Failed {
		o["status"] = object{"code": 2, "message": s.Message}
	}
	return o
}

func attributes(list []Attribute) []object {
	out := make([]object, 0, len(list))
	for _, a := range list {
		var v object
		switch x := a.Value.(type) {
		case string:
			v = object{"stringValue": x}
		case bool:
			v = object{"boolValue": x}
		case int64:
			v = object{"intValue": strconv.FormatInt(x, 10)}
		default:
			continue // a programmer's mistake must not cost the span
		}
		out = append(out, object{"key": a.Key, "value": v})
	}
	return out
}
