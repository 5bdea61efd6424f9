package pool

import (
	"errors"
	"fmt"
	"maps"
	"time"
)

// ErrUnknownWorker is returned for a worker name that is not configured.
var ErrUnknownWorker = errors.New("unknown worker")

// Snapshot is the state of the pool at one moment.
type Snapshot struct {
	// Ready and Total count workers; ready ones have loaded all they will.
	Ready     int            `json:"ready"`
	Total     int            `json:"total"`
	Held      int            `json:"held"`
	HeldBytes int64          `json:"held_bytes"`
	Workers   []WorkerStatus `json:"workers"`
}

// WorkerStatus is the state of one worker.
type WorkerStatus struct {
	Name string `json:"name"`
	// State is ready, loading, unreachable, draining, drained, ejected, failed,
	// asleep or waking.
	State    string            `json:"state"`
	Services map[string]string `json:"services"`
	InFlight int               `json:"in_flight"`
	// MaxConcurrency is what the worker states, or the pool's default.
	MaxConcurrency int    `json:"max_concurrency"`
	Version        string `json:"version,omitempty"`
	// LastError is the class of what last went wrong.
	LastError string `json:"last_error,omitempty"`
	// EstimatedStartSeconds is how long until a worker that is asleep or waking
	// should be ready once it is called, by how long it took before.
	EstimatedStartSeconds float64 `json:"estimated_start_seconds,omitempty"`
	// Unproven is there while a wake that came with a change of the configuration
	// has not brought the worker up yet.
	Unproven *Unproven `json:"unproven,omitempty"`
}

// Snapshot returns the state of the pool.
func (p *Pool) Snapshot() Snapshot {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.opts.Now()
	s := Snapshot{
		Total: len(p.workers), Held: p.queue.Len(), HeldBytes: p.queue.Bytes(),
		Workers: make([]WorkerStatus, 0, len(p.workers)),
	}
	for _, w := range p.workers {
		state := w.state()
		if state == stateReady {
			s.Ready++
		}
		services := map[string]string{}
		maps.Copy(services, w.services)
		if w.asleep() {
			for name := range services {
				services[name] = stateAsleep
			}
		}
		start, _ := w.restEstimate(now)
		s.Workers = append(s.Workers, WorkerStatus{
			EstimatedStartSeconds: max(start, 0).Seconds(), Unproven: w.rest.unproven(),

			Name: w.Name, State: state, Services: services, InFlight: w.inFlight,
			MaxConcurrency: w.limit, Version: w.version, LastError: w.lastErr,
		})
	}
	return s
}

// Counts returns how many workers are ready, and how many there are.
func (p *Pool) Counts() (ready, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.workers {
		if w.state() == stateReady {
			ready++
		}
	}
	return ready, len(p.workers)
}

// Resting returns how many workers are asleep or waking, and how long the
// first of them is expected to take until it is ready; zero if that is not
// known.
func (p *Pool) Resting() (workers int, start time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.opts.Now()
	for _, w := range p.workers {
		if s := w.state(); s != stateAsleep && s != stateWaking {
			continue
		}
		workers++
		if d, ok := w.restEstimate(now); ok && (start == 0 || d < start) {
			start = max(d, time.Second)
		}
	}
	return workers, start
}

// Drain gives the named worker no new work until Undrain; what it runs, it
// finishes. The configured name stands for all its addresses.
func (p *Pool) Drain(name string) error { return p.setDrained(name, true) }

// Undrain ends Drain.
func (p *Pool) Undrain(name string) error { return p.setDrained(name, false) }

func (p *Pool) setDrained(name string, drained bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	known := false
	for _, w := range p.workers {
		if w.Name != name && w.label != name {
			continue
		}
		known = true
		if w.source != nil && w.label == name {
			w.source.drained = drained // addresses to come, too
		}
		before := w.state()
		w.drained = drained
		p.changedLocked(w, before, p.opts.Now(), nil)
	}
	if !known {
		return fmt.Errorf("pool: %w: %q", ErrUnknownWorker, name)
	}
	return nil
}
