package e2e

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// sentSpan is a span as a collector gets it, with the service it is of.
type sentSpan struct {
	Service                             string
	TraceID, SpanID, ParentSpanID, Name string
	Start                               string `json:"startTimeUnixNano"`
	End                                 string `json:"endTimeUnixNano"`
}

// collector keeps the spans it is sent.
type collector struct {
	mu    sync.Mutex
	spans []sentSpan
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body struct {
		ResourceSpans []struct {
			Resource struct {
				Attributes []struct{ Value struct{ StringValue string } }
			}
			ScopeSpans []struct{ Spans []sentSpan }
		}
	}
	if json.NewDecoder(r.Body).Decode(&body) != nil || r.Header.Get("Api-Key") != "a secret" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, rs := range body.ResourceSpans {
		for _, ss := range rs.ScopeSpans {
			for _, s := range ss.Spans {
				s.Service = rs.Resource.Attributes[0].Value.StringValue
				c.spans = append(c.spans, s)
			}
		}
	}
	_, _ = w.Write([]byte("{}"))
}

func (c *collector) named(service, name string) (sentSpan, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.spans {
		if s.Service == service && strings.HasPrefix(s.Name, name) {
			return s, true
		}
	}
	return sentSpan{}, false
}

// A sampled call leaves one trace: the caller's span above the gateway's, the
// gateway's above its phases and the worker's.
func TestTracesReachACollector(t *testing.T) {
	t.Parallel()
	c := &collector{}
	s := httptest.NewServer(c)
	t.Cleanup(s.Close)
	env := []string{"OTEL_EXPORTER_OTLP_ENDPOINT=" + s.URL, "OTEL_EXPORTER_OTLP_HEADERS=api-key=a%20secret"}
	w := launch(t, binaries.worker, []string{"-listen", "127.0.0.1:0", "-data", filepath.Join(t.TempDir(), "w")}, env)
	address := w.logged("worker listens")["address"].(string)
	g := startGateway(t, gatewaySetup{worker: "http://" + address, env: env})
	g.workersReady()
	const trace, caller = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	g.want(200, "POST", "/anomaly/detect", proKey, detect, "Traceparent", "00-"+trace+"-"+caller+"-01")
	g.want(200, "POST", "/sentiment/analyze", proKey, `{"text":"fine"}`, "Traceparent", "00-11111111111111111111111111111111-"+caller+"-00")
	var root, phase, below sentSpan
	eventually(t, "the spans at the collector", func() bool {
		var a, b, d bool
		root, a = c.named("omni-gateway", "POST /anomaly/detect")
		phase, b = c.named("omni-gateway", "worker ")
		below, d = c.named("omni-worker", "POST /anomaly/detect")
		return a && b && d
	})
	if root.TraceID != trace || root.ParentSpanID != caller || phase.ParentSpanID != root.SpanID || below.ParentSpanID != root.SpanID || below.TraceID != trace || below.SpanID == root.SpanID {
		t.Errorf("%+v\n%+v\n%+v", root, phase, below)
	}
	if root.Start > below.Start || root.End < below.End {
		t.Errorf("the worker's span %+v lies outside the gateway's %+v", below, root)
	}
	if s, ok := c.named("omni-gateway", "POST /sentiment"); ok {
		t.Errorf("a call that the caller does not sample is traced: %+v", s)
	}
}
