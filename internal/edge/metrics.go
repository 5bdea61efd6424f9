package edge

import (
	"net/http"
	"strconv"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/omni-run/omni/internal/config"
	"github.com/omni-run/omni/internal/observe"
)

type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	active   atomic.Int64
	errors   *prometheus.CounterVec
	refusals *prometheus.CounterVec
	hits     *prometheus.CounterVec
	misses   *prometheus.CounterVec
}

// series are those that one kind of answer counts in.
type series struct {
	requests prometheus.Counter
	seconds  prometheus.Observer
}

func (m *metrics) series(endpoint, method, code string) *series {
	return &series{m.requests.WithLabelValues(endpoint, method, code), m.seconds.WithLabelValues(endpoint, method)}
}

// seriesOf finds the series of an answer. Those of an entry's 200s, which are
// nearly all, are kept with it.
func (m *metrics) seriesOf(x *Exchange, status int) *series {
	method := methodLabel(x.R.Method)
	if x.Entry == nil || status != http.StatusOK || method != x.Entry.method {
		return m.series(x.endpoint(), method, strconv.Itoa(status))
	}
	if s := x.Entry.usual.Load(); s != nil {
		return s
	}
	s := m.series(x.endpoint(), method, "200")
	x.Entry.usual.Store(s)
	return s
}

// newMetrics registers the gateway's own series. Every label value is one of
// ours: route patterns, known methods, status codes, error codes, tier names.
func newMetrics(reg prometheus.Registerer, tiers map[string]config.Tier) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "api_requests_total", Help: "Requests answered, by route pattern, method and status code.",
		}, []string{"endpoint", "method", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "api_request_duration_seconds", Help: "Time from a request's arrival to the end of its answer.", Buckets: observe.LatencyBuckets(),
		}, []string{"endpoint", "method"}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "api_errors_total", Help: "Requests answered with an error, by route pattern, error code and status code.",
		}, []string{"endpoint", "error_type", "status_code"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "api_rate_limit_refusals_total", Help: "Requests refused by a limit, by tier and by which limit.",
		}, []string{"tier", "limit"}),
		hits: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cache_hits_total", Help: "Look-ups that a cache answered.",
		}, []string{"cache"}),
		misses: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "cache_misses_total", Help: "Look-ups that a cache could not answer.",
		}, []string{"cache"}),
	}
	active := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "api_active_requests", Help: "Requests being handled now, those that wait for a worker included.",
	}, func() float64 { return float64(m.active.Load()) })
	reg.MustRegister(m.requests, m.seconds, active, m.errors, m.refusals, m.hits, m.misses)
	m.hits.WithLabelValues("idempotency")
	m.misses.WithLabelValues("idempotency")
	// Present from the start, at zero, so that a first refusal is an increase.
	m.refusals.WithLabelValues("none", "address")
	m.knowTiers(tiers)
	return m
}

func (m *metrics) knowTiers(tiers map[string]config.Tier) {
	for tier := range tiers {
		for _, limit := range []string{"rate", "month", "concurrent"} {
			m.refusals.WithLabelValues(tier, limit)
		}
	}
}
