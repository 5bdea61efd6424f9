package worker

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/omni-run/omni/internal/observe"
)

// cacheReporter is a service that keeps tenants' values in memory.
type cacheReporter interface {
	CacheStats() (hits, misses uint64, values int, bytes int64)
}

type metrics struct {
	requests  *prometheus.CounterVec
	seconds   *prometheus.HistogramVec
	models    *prometheus.CounterVec
	inferring *prometheus.HistogramVec
}

// newMetrics registers the worker's series. Labels hold route patterns, model
// types and status codes: nothing a caller can choose.
func newMetrics(reg *prometheus.Registry, s *Shell) *metrics {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "worker_requests_total", Help: "Calls answered by this worker, by route pattern and status code.",
		}, []string{"route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "worker_request_duration_seconds", Help: "Time from a call's arrival at the worker to its answer.", Buckets: observe.LatencyBuckets(),
		}, []string{"route"}),
		models: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "model_requests_total", Help: "Calls that ran a model, by model type.",
		}, []string{"model_type"}),
		inferring: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "model_inference_duration_seconds", Help: "Time a model took to answer, by model type.", Buckets: observe.LatencyBuckets(),
		}, []string{"model_type"}),
	}
	reg.MustRegister(m.requests, m.seconds, m.models, m.inferring, &shellCollector{shell: s})
	for _, methods := range s.routes {
		for _, r := range methods {
			if r.Model != "" { // present from the start, at zero
				m.models.WithLabelValues(r.Model)
				m.inferring.WithLabelValues(r.Model)
			}
		}
	}
	return m
}

func (m *metrics) finished(r *boundRoute, status int, took time.Duration) {
	m.requests.WithLabelValues(r.Path, strconv.Itoa(status)).Inc()
	m.seconds.WithLabelValues(r.Path).Observe(took.Seconds())
}

func (m *metrics) inference(r *boundRoute, took time.Duration) {
	if r.Model == "" {
		return
	}
	m.models.WithLabelValues(r.Model).Inc()
	m.inferring.WithLabelValues(r.Model).Observe(took.Seconds())
}

// shellCollector reads the shell's state when it is scraped.
type shellCollector struct{ shell *Shell }

var (
	descInFlight = prometheus.NewDesc("worker_in_flight", "Calls running now.", nil, nil)
	descWaiting  = prometheus.NewDesc("worker_waiting", "Calls waiting for a slot now.", nil, nil)
	descReady    = prometheus.NewDesc("worker_service_ready", "1 when the service is ready, else 0.", []string{"service"}, nil)
	descLoad     = prometheus.NewDesc("worker_service_load_seconds", "How long the service took to load, or has taken so far.", []string{"service"}, nil)
	descHits     = prometheus.NewDesc("cache_hits_total", "Look-ups that a cache answered.", []string{"cache"}, nil)
	descMisses   = prometheus.NewDesc("cache_misses_total", "Look-ups that a cache could not answer.", []string{"cache"}, nil)
	descBytes    = prometheus.NewDesc("worker_resident_bytes", "Bytes of tenants' values held in memory.", []string{"cache"}, nil)
)

// Describe implements prometheus.Collector.
func (c *shellCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{descInFlight, descWaiting, descReady, descLoad, descHits, descMisses, descBytes} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *shellCollector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(descInFlight, float64(c.shell.inFlight.Load()))
	gauge(descWaiting, float64(c.shell.waiting.Load()))
	now := c.shell.opt.Now()
	for name, h := range c.shell.services {
		state, seconds := h.snapshot(now)
		ready := 0.0
		if state == "ready" {
			ready = 1
		}
		gauge(descReady, ready, name)
		gauge(descLoad, seconds, name)
		if r, ok := h.Service.(cacheReporter); ok {
			hits, misses, _, bytes := r.CacheStats()
			ch <- prometheus.MustNewConstMetric(descHits, prometheus.CounterValue, float64(hits), name)
			ch <- prometheus.MustNewConstMetric(descMisses, prometheus.CounterValue, float64(misses), name)
			gauge(descBytes, float64(bytes), name)
		}
	}
}
