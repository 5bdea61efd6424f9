package worker

import (
	"net/http"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/observe"
	"github.com/omni-run/omni/internal/otlp"
	"github.com/omni-run/omni/internal/service"
)

// Traces takes finished spans; it must not wait.
type Traces interface{ Record(otlp.Span) }

// trace records a call's span, below the gateway's.
func (s *Shell) trace(r *http.Request, bound *boundRoute, call *service.Call, status int, begun, end time.Time) {
	if s.opt.Traces == nil {
		return
	}
	t := observe.Continue(r.Header.Get(api.HeaderTraceparent))
	if !t.Sampled {
		return
	}
	s.opt.Traces.Record(otlp.Span{
		TraceID: t.TraceID, SpanID: t.SpanID, ParentID: t.ParentID, Name: r.Method + " " + bound.Path, Kind: otlp.Server,
		Start: begun, End: end, Failed: status >= http.StatusInternalServerError,
		Attributes: []otlp.Attribute{
			{Key: "http.route", Value: bound.Path},
			{Key: "http.response.status_code", Value: int64(status)},
			{Key: "omni.model", Value: bound.Model},
			{Key: "omni.request_id", Value: call.RequestID},
			{Key: "omni.tenant", Value: call.Tenant},
		},
	})
}
