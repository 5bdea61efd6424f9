package edge

import (
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/omni-run/omni/internal/observe"
	"github.com/omni-run/omni/internal/otlp"
)

// Traces takes finished spans; it must not wait.
type Traces interface{ Record(otlp.Span) }

// sample decides whether a trace that begins here is recorded. One that began
// elsewhere was decided on there.
func (g *Gateway) sample(x *Exchange) {
	if g.Traces != nil && x.Trace.ParentID == "" && rand.Float64() < g.cfg.Traces.Sample {
		x.Trace.Sample()
	}
}

// trace records the request's span, and below it how long it waited and how
// long a worker had it.
func (g *Gateway) trace(x *Exchange, status int, took time.Duration) {
	if g.Traces == nil || !x.Trace.Sampled || (x.Entry != nil && x.Entry.public) {
		return
	}
	root := otlp.Span{
		TraceID: x.Trace.TraceID, SpanID: x.Trace.SpanID, ParentID: x.Trace.ParentID,
		Name: methodLabel(x.R.Method) + " " + x.endpoint(), Kind: otlp.Server, Start: x.Begun, End: x.Begun.Add(took),
		Failed: status >= http.StatusInternalServerError, Message: x.ErrorCode,
		Attributes: []otlp.Attribute{
			{Key: "http.request.method", Value: methodLabel(x.R.Method)},
			{Key: "http.route", Value: x.endpoint()},
			{Key: "http.response.status_code", Value: int64(status)},
			{Key: "omni.request_id", Value: x.RequestID},
			{Key: "omni.tenant", Value: x.Principal.Tenant},
			{Key: "omni.tier", Value: x.Principal.Tier},
			{Key: "omni.cold_start", Value: x.Cold},
		},
	}
	if x.ErrorCode != "" {
		root.Attributes = append(root.Attributes, otlp.Attribute{Key: "error.type", Value: x.ErrorCode})
	}
	g.Traces.Record(root)
	if x.WorkerName == "" {
		return
	}
	// The phases end with the answer's head; what is left of the time went by
	// before them, in the gateway's own stages.
	end := x.Begun.Add(took)
	begun := end.Add(-x.Worker)
	g.Traces.Record(x.phase("queue", otlp.Internal, begun.Add(-x.Queue), begun))
	g.Traces.Record(x.phase("worker "+x.WorkerName, otlp.Client, begun, end, otlp.Attribute{Key: "omni.attempts", Value: int64(x.Attempts)}))
}

// phase is a span below the request's.
func (x *Exchange) phase(name string, kind otlp.Kind, start, end time.Time, attributes ...otlp.Attribute) otlp.Span {
	return otlp.Span{
		TraceID: x.Trace.TraceID, SpanID: observe.NewSpanID(), ParentID: x.Trace.SpanID,
		Name: name, Kind: kind, Start: start, End: end, Attributes: attributes,
	}
}
