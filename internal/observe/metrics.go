package observe

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// NewRegistry returns a registry that already reports the process and the Go
// runtime, and build_info.
func NewRegistry(component, version string) *prometheus.Registry {
	reg := prometheus.NewRegistry()
	reg.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "omni_build_info", Help: "Always 1; the labels say which build runs.",
		ConstLabels: prometheus.Labels{"component": component, "version": version},
	})
	info.Set(1)
	reg.MustRegister(info)
	return reg
}

// latencyBuckets, in seconds, span a cached answer to a long training.
var latencyBuckets = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300}

// LatencyBuckets returns the histogram bounds, in seconds, that every duration
// metric of Omni uses, so that they can be compared and merged.
func LatencyBuckets() []float64 { return append([]float64(nil), latencyBuckets...) }
