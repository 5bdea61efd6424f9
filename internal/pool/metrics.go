package pool

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/pool/hold"
)

// otherService stands for services beyond the first maxServices in labels.
const otherService = "other"

// metrics are the pool's own series. Every label value comes from a list in
// this package or from the configuration, but for service names, of which
// there are at most maxServices.
type metrics struct {
	pool *Pool

	wait      *prometheus.HistogramVec
	colds     *prometheus.CounterVec
	retries   *prometheus.CounterVec
	refusals  *prometheus.CounterVec
	overflows *prometheus.CounterVec
	noBudget  prometheus.Counter
	failures  *prometheus.CounterVec
	scrapes   *prometheus.CounterVec

	mirrored, hedges    *prometheus.CounterVec
	unresolved          *prometheus.CounterVec
	outliers            *prometheus.CounterVec
	wakes, wakeFailures *prometheus.CounterVec
	wakeSeconds         *prometheus.HistogramVec

	depth, bytes, inFlight, limit, state, unproven *prometheus.Desc

	services boundedNames
	waits    sync.Map // label to prometheus.Observer
}

func newMetrics(p *Pool) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	m := &metrics{
		pool: p,
		wait: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "omni_gateway_queue_wait_seconds",
			Help:    "Time calls waited for a worker, from zero for those that did not.",
			Buckets: []float64{.001, .005, .025, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300},
		}, []string{"service"}),
		colds:     counter("omni_gateway_cold_starts_total", "Calls answered after waiting for a worker to become ready.", "service"),
		retries:   counter("omni_gateway_retries_total", "Calls sent again, by what went wrong before.", "reason"),
		refusals:  counter("omni_gateway_refusals_total", "Calls not answered by a worker, by error code.", "code"),
		overflows: counter("omni_gateway_queue_overflows_total", "Calls refused because a cap of the queue was reached.", "cap"),
		noBudget: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "omni_gateway_retry_budget_exhausted_total", Help: "Retries not made because the budget was spent.",
		}),
		failures:     counter("omni_gateway_worker_failures_total", "Failed probes and calls, by worker and class.", "worker", "class"),
		scrapes:      counter("omni_gateway_worker_scrape_failures_total", "Workers left out of the merged metrics.", "worker"),
		mirrored:     counter("omni_gateway_mirrored_total", "Copies of calls sent to mirrors, by outcome.", "outcome"),
		hedges:       counter("omni_gateway_hedges_total", "Second attempts sent because the first took long, and those whose answer was used.", "event"),
		unresolved:   counter("omni_gateway_worker_resolve_failures_total", "Times a worker's name could not be resolved; its last addresses stay.", "worker"),
		outliers:     counter("omni_gateway_worker_outliers_total", "Times a worker was left out for doing much worse than its peers.", "worker", "reason"),
		wakes:        counter("omni_gateway_worker_wakes_total", "Wakes begun of a worker that was asleep.", "worker"),
		wakeFailures: counter("omni_gateway_worker_wake_failures_total", "Wakes that failed: the worker could not be started, or was not ready in time.", "worker"),
		wakeSeconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "omni_gateway_worker_wake_seconds", Help: "Time from the begin of a wake until the worker was ready.",
			Buckets: []float64{.25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600},
		}, []string{"worker"}),

		depth:    prometheus.NewDesc("omni_gateway_queue_depth", "Calls held for a worker.", []string{"service"}, nil),
		bytes:    prometheus.NewDesc("omni_gateway_queue_bytes", "Bytes held with waiting calls.", nil, nil),
		inFlight: prometheus.NewDesc("omni_gateway_worker_in_flight", "Calls a worker is running.", []string{"worker"}, nil),
		limit:    prometheus.NewDesc("omni_gateway_worker_max_concurrency", "Calls a worker takes at once.", []string{"worker"}, nil),
		state:    prometheus.NewDesc("omni_gateway_worker_state", "1 for the state a worker is in.", []string{"worker", "state"}, nil),
		unproven: prometheus.NewDesc("omni_gateway_worker_wake_unproven", "1 while a wake that came with a change of the configuration has not brought its worker up.", []string{"worker"}, nil),
	}
	for _, r := range []string{classDial, classRefused, classBusy, classAuth, classBroken, classGarbage, classStatus} {
		m.retries.WithLabelValues(r)
	}
	for _, w := range p.workers {
		m.begin(w)
	}
	for _, o := range []string{mirrorAnswered, mirrorFailed, mirrorDropped} {
		m.mirrored.WithLabelValues(o)
	}
	for _, e := range []string{"sent", "won"} {
		m.hedges.WithLabelValues(e)
	}
	for _, code := range []string{"no_worker", "queue_full", "still_loading", "deadline_exceeded", "worker_failed", "client_gone"} {
		m.refusals.WithLabelValues(code)
	}
	for _, name := range overflowNames {
		m.overflows.WithLabelValues(name)
	}
	return m
}

// begin makes a worker's series appear at zero.
func (m *metrics) begin(w *worker) {
	m.scrapes.WithLabelValues(w.label)
	if w.source != nil {
		m.unresolved.WithLabelValues(w.label)
	}
	if w.rest != nil {
		m.wakes.WithLabelValues(w.label)
		m.wakeFailures.WithLabelValues(w.label)
	}
	for _, c := range classes {
		m.failures.WithLabelValues(w.label, c)
	}
}

// forget drops the series of workers that were removed, so that labels do not
// grow with each change of the configuration.
func (m *metrics) forget(gone []*worker) {
	for _, w := range gone {
		for _, name := range []string{w.Name, w.label} {
			worker := prometheus.Labels{"worker": name}
			for _, series := range []*prometheus.CounterVec{m.scrapes, m.unresolved, m.failures, m.outliers} {
				series.DeletePartialMatch(worker)
			}
		}
	}
}

var overflowNames = map[error]string{
	hold.ErrQueueCount: "calls", hold.ErrQueueBytes: "bytes",
	hold.ErrTenantCount: "tenant_calls", hold.ErrTenantBytes: "tenant_bytes",
}

func (m *metrics) register(r prometheus.Registerer) error {
	for _, c := range []prometheus.Collector{
		m, m.wait, m.colds, m.retries, m.refusals, m.overflows, m.noBudget, m.failures, m.scrapes,
		m.mirrored, m.hedges, m.unresolved, m.outliers, m.wakes, m.wakeFailures, m.wakeSeconds,
	} {
		if err := r.Register(c); err != nil {
			return err
		}
	}
	return nil
}

var _ prometheus.Collector = (*metrics)(nil)

// Describe implements prometheus.Collector for what is read off the pool.
func (m *metrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.depth, m.bytes, m.inFlight, m.limit, m.state, m.unproven} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	snapshot, depth := m.pool.Snapshot(), map[string]float64{}
	m.pool.mu.Lock()
	for _, name := range m.services.list() {
		depth[name] = 0
	}
	for lane := range m.pool.queue.Lanes {
		depth[m.services.label(lane)] += float64(m.pool.queue.LaneLen(lane))
	}
	m.pool.mu.Unlock()
	for service, n := range depth {
		gauge(m.depth, n, service)
	}
	gauge(m.bytes, float64(snapshot.HeldBytes))
	for _, w := range snapshot.Workers {
		gauge(m.inFlight, float64(w.InFlight), w.Name)
		gauge(m.limit, float64(w.MaxConcurrency), w.Name)
		unproven := 0.0
		if w.Unproven != nil {
			unproven = 1
		}
		gauge(m.unproven, unproven, w.Name)
		for _, s := range states {
			value := 0.0
			if s == w.State {
				value = 1
			}
			gauge(m.state, value, w.Name, s)
		}
	}
}

// waitOf finds the series of a service; as the number of labels is bounded, so
// is what is kept here.
func (m *metrics) waitOf(service string) prometheus.Observer {
	label := m.services.label(service)
	if o, ok := m.waits.Load(label); ok {
		return o.(prometheus.Observer)
	}
	o, _ := m.waits.LoadOrStore(label, m.wait.WithLabelValues(label))
	return o.(prometheus.Observer)
}

func (m *metrics) waited(service string, d time.Duration) {
	m.waitOf(service).Observe(max(d, 0).Seconds())
}

// learned makes a service's series appear at zero, so that the first cold
// start is an increase that an alert can see.
func (m *metrics) learned(service string) { m.colds.WithLabelValues(m.services.label(service)) }

func (m *metrics) cold(service string)         { m.colds.WithLabelValues(m.services.label(service)).Inc() }
func (m *metrics) retried(class string)        { m.retries.WithLabelValues(class).Inc() }
func (m *metrics) exhausted()                  { m.noBudget.Inc() }
func (m *metrics) failed(worker, class string) { m.failures.WithLabelValues(worker, class).Inc() }
func (m *metrics) unscraped(worker string)     { m.scrapes.WithLabelValues(worker).Inc() }
func (m *metrics) full(err error)              { m.overflows.WithLabelValues(overflowNames[err]).Inc() }

// refused counts a call that got no worker's answer.
func (m *metrics) refused(err error) {
	code := "client_gone"
	var e *api.Error
	if errors.As(err, &e) {
		code = e.Code
	} else if !errors.Is(err, context.Canceled) {
		code = "other"
	}
	m.refusals.WithLabelValues(code).Inc()
}
