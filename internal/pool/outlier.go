package pool

import (
	"slices"
	"time"
)

// Outlier says when a worker that does much worse than its peers is left out.
// A zero field takes its default.
type Outlier struct {
	// Window is how long calls are gathered before workers are compared;
	// default 10 s.
	Window time.Duration
	// MinCalls in a window are needed to judge a worker; default 20.
	MinCalls int
	// ErrorShare of its calls that failed, and twice that of its peers, makes a
	// worker an outlier; default 0.5. Above 1: never.
	ErrorShare float64
	// LatencyFactor times the mean time of its peers for the same service makes
	// a worker an outlier, if that is more than 50 ms; default 5. Negative: never.
	LatencyFactor float64
	// MaxShare of the workers may be left out at a time for this, never all;
	// default 0.5.
	MaxShare float64
}

// slowEnough is the mean time below which nobody is slow.
const slowEnough = 50 * time.Millisecond

// tally is what became of a worker's calls in this window.
type tally struct {
	calls, errors int
	times         map[string]*meanTime // by service
}

type meanTime struct {
	n   int
	sum time.Duration
}

func (m *meanTime) value() time.Duration { return m.sum / time.Duration(max(m.n, 1)) }

// note counts one call that the worker ran.
func (t *tally) note(service string, took time.Duration, failed bool) {
	t.calls++
	if failed {
		t.errors++
		return // a failure is often quick, and says nothing about speed
	}
	m := t.times[service]
	if m == nil {
		if t.times == nil {
			t.times = map[string]*meanTime{}
		}
		if len(t.times) >= maxServices {
			return
		}
		m = &meanTime{}
		t.times[service] = m
	}
	m.n++
	m.sum += took
}

func (t *tally) reset() {
	t.calls, t.errors = 0, 0
	for _, m := range t.times {
		*m = meanTime{}
	}
}

func (t *tally) errorShare() float64 { return float64(t.errors) / float64(max(t.calls, 1)) }

// compareLocked ends the window when its time is over: those workers are left
// out for a while that do much worse than their peers.
func (p *Pool) compareLocked(now time.Time) {
	if now.Sub(p.window) < p.opts.Outlier.Window {
		return
	}
	p.window = now
	for _, w := range p.workers {
		if reason := p.outlierLocked(w); reason != "" && p.mayEjectLocked() {
			w.breaker.eject(now)
			w.breaker.held = true
			w.lastErr = reason
			p.metrics.outliers.WithLabelValues(w.label, reason).Inc()
			p.opts.Logger.Warn("worker is left out: it does much worse than its peers", "worker", w.Name, "reason", reason,
				"error_share", w.tally.errorShare(), "until", w.breaker.until)
		}
	}
	for _, w := range p.workers {
		w.tally.reset()
	}
}

// outlierLocked says why w is an outlier, or "".
func (p *Pool) outlierLocked(w *worker) string {
	o := &p.opts.Outlier
	if !w.up || w.breaker.open || w.tally.calls < o.MinCalls {
		return ""
	}
	var shares []float64
	for _, peer := range p.workers {
		if peer != w && peer.tally.calls >= o.MinCalls {
			shares = append(shares, peer.tally.errorShare())
		}
	}
	if share := w.tally.errorShare(); len(shares) > 0 && share >= o.ErrorShare && share >= 2*median(shares) {
		return reasonErrors
	}
	if o.LatencyFactor < 0 {
		return ""
	}
	for service, own := range w.tally.times {
		var peers []float64
		for _, peer := range p.workers {
			if m := peer.tally.times[service]; peer != w && m != nil && m.n >= o.MinCalls {
				peers = append(peers, float64(m.value()))
			}
		}
		if own.n >= o.MinCalls && len(peers) > 0 && own.value() > slowEnough && float64(own.value()) > o.LatencyFactor*median(peers) {
			return reasonLatency
		}
	}
	return ""
}

// Why a worker is left out: the values of a metric label.
const (
	reasonErrors  = "errors"
	reasonLatency = "latency"
)

// mayEjectLocked reports whether one more worker may be left out.
func (p *Pool) mayEjectLocked() bool {
	up, out := 0, 0
	for _, w := range p.workers {
		if w.up && !w.drained && !w.draining {
			up++
			if w.breaker.open {
				out++
			}
		}
	}
	return out+1 < up && float64(out+1) <= p.opts.Outlier.MaxShare*float64(up)
}

// median changes the order of values, of which there is at least one.
func median(values []float64) float64 {
	slices.Sort(values)
	half := len(values) / 2
	if len(values)%2 == 1 {
		return values[half]
	}
	return (values[half-1] + values[half]) / 2
}

// warmth is the share of its work that a worker gets: it grows from a tenth to
// all of it during SlowStart after the worker became ready, so that caches and
// connections can follow.
func (p *Pool) warmth(w *worker, now time.Time) float64 {
	if w.readyAt.IsZero() || p.opts.SlowStart <= 0 {
		return 1
	}
	return min(max(float64(now.Sub(w.readyAt))/float64(p.opts.SlowStart), 0.1), 1)
}
