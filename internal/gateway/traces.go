package gateway

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/omni-run/omni/internal/otlp"
)

// openTraces starts the export of traces, if it is configured.
func (g *Gateway) openTraces() (*otlp.Exporter, error) {
	c := g.opt.Config.Traces
	if c.Endpoint == "" {
		return nil, nil //nolint:nilnil // no traces is the ordinary case
	}
	e, err := otlp.New(otlp.Options{
		Endpoint: c.Endpoint, Headers: c.Headers, Resource: otlp.Resource{Service: "omni-gateway", Version: g.opt.Version}, Log: g.opt.Log,
	})
	if err != nil {
		return nil, fmt.Errorf("traces: %w", err)
	}
	g.registry.MustRegister(
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "omni_gateway_trace_spans_sent_total", Help: "Spans the collector of traces took."}, func() float64 {
			sent, _ := e.Stats()
			return float64(sent)
		}),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "omni_gateway_trace_spans_dropped_total", Help: "Spans dropped because the collector did not take them in time."}, func() float64 {
			_, dropped := e.Stats()
			return float64(dropped)
		}),
	)
	return e, nil
}
