package observe

import (
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// RequestLine is what the log says about one request. As an attribute without
// a key it becomes the line's own fields, whatever the handler; the handler of
// NewLogger writes it without going through attributes, because there is one
// for each request.
type RequestLine struct {
	RequestID, Tenant, Route string
	Trace                    Trace
	// Project is the Google Cloud project, or "".
	Project string

	Method, URL, UserAgent    string
	Remote                    string
	Status                    int
	Latency                   time.Duration
	RequestSize, ResponseSize int64

	Tier, KeyID string
	Units       int

	// Worker is empty when no worker was asked; then Queue to Cold say nothing.
	Worker      string
	Queue, Work time.Duration
	Attempts    int
	Cold        bool

	// Failure is what the caller was not told, or "".
	Failure string
}

var _ slog.LogValuer = (*RequestLine)(nil)

// LogValue implements slog.LogValuer.
func (l *RequestLine) LogValue() slog.Value {
	attrs := []slog.Attr{
		slog.String("request_id", l.RequestID), slog.String("tenant", l.Tenant), slog.String("route", l.Route),
	}
	attrs = append(attrs, l.Trace.Attrs(l.Project)...)
	// The field names of httpRequest are those that Google Cloud Logging knows.
	attrs = append(attrs, slog.Group("httpRequest",
		slog.String("requestMethod", l.Method), slog.String("requestUrl", l.URL), slog.Int("status", l.Status),
		slog.String("latency", string(appendSeconds(nil, l.Latency))), slog.String("userAgent", clip(l.UserAgent, 256)),
		slog.String("remoteIp", l.Remote), slog.Int64("requestSize", l.RequestSize), slog.Int64("responseSize", l.ResponseSize)),
		slog.String("tier", l.Tier), slog.String("key_id", l.KeyID), slog.Int("units", l.Units))
	if l.Worker != "" {
		attrs = append(attrs, slog.Group("phases", slog.Float64("queue_ms", Milliseconds(l.Queue)), slog.Float64("worker_ms", Milliseconds(l.Work))),
			slog.String("worker", l.Worker), slog.Int("attempts", l.Attempts), slog.Bool("cold_start", l.Cold))
	}
	if l.Failure != "" {
		attrs = append(attrs, slog.String("error", l.Failure))
	}
	return slog.GroupValue(attrs...)
}

// appendJSON writes the same fields as LogValue, each with a comma before it.
func (l *RequestLine) appendJSON(b []byte) []byte {
	b = appendText(b, `,"request_id":`, l.RequestID)
	b = appendText(b, `,"tenant":`, l.Tenant)
	b = appendText(b, `,"route":`, l.Route)
	if l.Project == "" {
		b = appendText(b, `,"trace_id":`, l.Trace.TraceID)
		b = appendText(b, `,"span_id":`, l.Trace.SpanID)
	} else {
		b = appendText(b, `,"logging.googleapis.com/trace":`, "projects/"+l.Project+"/traces/"+l.Trace.TraceID)
		b = appendText(b, `,"logging.googleapis.com/spanId":`, l.Trace.SpanID)
		b = strconv.AppendBool(append(b, `,"logging.googleapis.com/trace_sampled":`...), l.Trace.Sampled)
	}
	b = appendText(b, `,"httpRequest":{"requestMethod":`, l.Method)
	b = appendText(b, `,"requestUrl":`, l.URL)
	b = appendNumber(b, `,"status":`, int64(l.Status))
	b = append(appendSeconds(append(b, `,"latency":"`...), l.Latency), '"')
	b = appendText(b, `,"userAgent":`, clip(l.UserAgent, 256))
	b = appendText(b, `,"remoteIp":`, l.Remote)
	b = appendNumber(b, `,"requestSize":`, l.RequestSize)
	b = appendNumber(b, `,"responseSize":`, l.ResponseSize)
	b = appendText(b, `},"tier":`, l.Tier)
	b = appendText(b, `,"key_id":`, l.KeyID)
	b = appendNumber(b, `,"units":`, int64(l.Units))
	if l.Worker != "" {
		b = AppendMilliseconds(append(b, `,"phases":{"queue_ms":`...), l.Queue)
		b = AppendMilliseconds(append(b, `,"worker_ms":`...), l.Work)
		b = appendText(b, `},"worker":`, l.Worker)
		b = appendNumber(b, `,"attempts":`, int64(l.Attempts))
		b = strconv.AppendBool(append(b, `,"cold_start":`...), l.Cold)
	}
	if l.Failure != "" {
		b = appendText(b, `,"error":`, l.Failure)
	}
	return b
}

// Milliseconds is d in milliseconds, to the microsecond.
func Milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// AppendMilliseconds writes Milliseconds(d) in decimal.
func AppendMilliseconds(b []byte, d time.Duration) []byte {
	us := d.Microseconds()
	if us < 0 {
		return strconv.AppendFloat(b, Milliseconds(d), 'f', -1, 64)
	}
	b = strconv.AppendInt(b, us/1000, 10)
	rest := us % 1000
	if rest == 0 {
		return b
	}
	b = append(b, '.', byte('0'+rest/100), byte('0'+rest/10%10), byte('0'+rest%10))
	for b[len(b)-1] == '0' {
		b = b[:len(b)-1]
	}
	return b
}

// appendSeconds writes d as Cloud Logging wants it: "0.001234s".
func appendSeconds(b []byte, d time.Duration) []byte {
	return append(strconv.AppendFloat(b, d.Seconds(), 'f', 6, 64), 's')
}

func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
