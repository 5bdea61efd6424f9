package pool

import (
	"errors"
	"fmt"
	"maps"
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
	// State is ready, loading, unreachable, draining, drained, ejected or
	// failed.
	State    string            `json:"state"`
	Services map[string]string `json:"services"`
	InFlight int               `json:"in_flight"`
	// MaxConcurrency is what the worker states, or the pool's default.
	MaxConcurrency int    `json:"max_concurrency"`
	Version        string `json:"version,omitempty"`
	// LastError is the class of what last went wrong.
	LastError string `json:"last_error,omitempty"`
}

// Snapshot returns the state of the pool.
func (p *Pool) Snapshot() Snapshot {
	p.mu.Lock()
	defer p.mu.Unlock()
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
		s.Workers = append(s.Workers, WorkerStatus{
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

// Drain gives the named worker no new work until Undrain; what it runs, it
// finishes.
func (p *Pool) Drain(name string) error { return p.setDrained(name, true) }

// Undrain ends Drain.
func (p *Pool) Undrain(name string) error { return p.setDrained(name, false) }

func (p *Pool) setDrained(name string, drained bool) error {
	w := p.names[name]
	if w == nil {
		return fmt.Errorf("pool: %w: %q", ErrUnknownWorker, name)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	before := w.state()
	w.drained = drained
	p.changedLocked(w, before, p.opts.Now(), nil)
	return nil
}
