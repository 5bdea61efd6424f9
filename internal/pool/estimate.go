package pool

import "time"

// Retry-After is kept in this range; defaultEstimate stands for not knowing.
const (
	defaultEstimate = 5 * time.Second
	minEstimate     = time.Second
	maxEstimate     = 300 * time.Second
)

// learnStartLocked notes how long a service took to load.
func (p *Pool) learnStartLocked(service string, seconds float64) {
	if !(seconds > 0 && seconds < 86400) {
		return
	}
	took := time.Duration(seconds * float64(time.Second))
	if old, ok := p.starts[service]; ok {
		took = (7*old + 3*took) / 10
	} else if len(p.starts) >= 4*maxServices {
		return
	}
	p.starts[service] = took
}

func (w *worker) restEstimate(now time.Time) (time.Duration, bool) {
	if w.rest == nil {
		return 0, false
	}
	return w.rest.estimate(now)
}

// estimateLocked guesses how long until some worker is ready for service: by
// the workers' own word, else by how long it took before.
func (p *Pool) estimateLocked(service string) time.Duration {
	best, known := time.Duration(0), false
	consider := func(d time.Duration) {
		if !known || d < best {
			best, known = d, true
		}
	}
	now := p.opts.Now()
	for _, w := range p.workers {
		if w.drained || !w.serves(service) {
			continue
		}
		if d, ok := w.expected(now); ok {
			consider(d)
		} else if d, ok := w.restEstimate(now); ok {
			consider(d)
		} else if took, ok := p.starts[service]; ok && !w.since.IsZero() {
			consider(took - now.Sub(w.since))
		}
	}
	if !known {
		return defaultEstimate
	}
	return min(max((best+time.Second-1).Truncate(time.Second), minEstimate), maxEstimate)
}
