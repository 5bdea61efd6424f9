package pool

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/pool/upstream"
)

const (
	maxHealthBytes = 64 << 10
	// missesAllowed probes of a ready worker may time out in a row before it
	// counts as gone: a busy worker is not a dead one.
	missesAllowed = 1
	// fastFor is how long an unready worker is probed at the fast rate when
	// nobody waits for it.
	fastFor = 30 * time.Second
)

// probeError is a probe that went wrong, with its class.
type probeError struct {
	class string
	err   error
}

func (e *probeError) Error() string { return e.class + ": " + e.err.Error() }

// watch probes one worker until ctx ends.
func (p *Pool) watch(ctx context.Context, w *worker) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-w.kick:
		}
		if p.sleeps(w) {
			w.client.Tidy()
			continue // until it is woken, which kicks
		}
		suspicions := p.suspicionsOf(w)
		health, failure := p.probe(ctx, w)
		if ctx.Err() != nil {
			return
		}
		timer.Reset(p.observe(w, health, failure, suspicions))
		w.client.Tidy()
	}
}

// probe asks the worker how it is.
func (p *Pool) probe(ctx context.Context, w *worker) (*api.WorkerHealth, *probeError) {
	status, content, failure := p.get(ctx, w, "/health", p.opts.ProbeTimeout, maxHealthBytes)
	if failure != nil {
		return nil, failure
	}
	health, err := parseHealth(content)
	switch {
	case status != http.StatusOK && status != http.StatusServiceUnavailable:
		return nil, &probeError{classStatus, errors.New(http.StatusText(status))}
	case err != nil:
		return nil, &probeError{classGarbage, err}
	case status == http.StatusServiceUnavailable && health.Status != api.WorkerDraining:
		return nil, &probeError{classStatus, errors.New("503 without draining")}
	}
	return health, nil
}

// get fetches a small internal page of a worker.
func (p *Pool) get(ctx context.Context, w *worker, path string, timeout time.Duration, limit int64) (int, []byte, *probeError) {
	header := http.Header{"Accept": {"application/json, text/plain"}}
	if w.Token != "" {
		header.Set(api.HeaderWorkerToken, w.Token)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	if w.Authorize != nil {
		if err := w.Authorize(ctx, header); err != nil {
			return 0, nil, &probeError{classAuth, err}
		}
	}
	resp, err := w.client.Do(ctx, &upstream.Request{
		Method: http.MethodGet, Path: api.InternalPrefix + path, Header: header, Idempotent: true,
	})
	if err != nil {
		return 0, nil, &probeError{classify(err), err}
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(io.LimitReader(resp.Body, limit+1))
	if err != nil {
		return 0, nil, &probeError{classify(err), err}
	}
	if int64(len(content)) > limit {
		return 0, nil, &probeError{classGarbage, errors.New("answer is too long")}
	}
	return resp.Status, content, nil
}

// classify names what a failed exchange with a worker looks like.
func classify(err error) string {
	var failure *upstream.Error
	switch {
	case errors.Is(err, upstream.ErrMalformed):
		return classGarbage
	case errors.As(err, &failure) && failure.Stage == upstream.StageDial:
		return classDial
	case errors.As(err, &failure) && failure.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return classTimeout
	}
	return classBroken
}

// parseHealth reads a health answer and checks what the pool relies on.
func parseHealth(content []byte) (*api.WorkerHealth, error) {
	var h api.WorkerHealth
	if err := json.Unmarshal(content, &h); err != nil {
		return nil, errors.New("health is not the contract's JSON")
	}
	switch h.Status {
	case api.WorkerInitializing, api.WorkerOK, api.WorkerDraining:
	default:
		return nil, errors.New("health states no known status")
	}
	if len(h.Services) > maxServices {
		return nil, errors.New("health lists too many services")
	}
	for name, s := range h.Services {
		if !workerName.MatchString(name) {
			return nil, errors.New("health lists a service with an unusable name")
		}
		switch s.State {
		case api.StateLoading, api.StateReady, api.StateFailed:
		default:
			return nil, errors.New("health lists a service in an unknown state")
		}
	}
	if !workerVersion(h.Version) {
		h.Version = ""
	}
	return &h, nil
}

func workerVersion(v string) bool { return v == "" || workerName.MatchString(v) }

func (p *Pool) sleeps(w *worker) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return w.asleep()
}

func (p *Pool) suspicionsOf(w *worker) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return w.suspicions
}

// observe takes in the result of a probe, which began when there had been so
// many suspicions, and returns the wait until the next.
func (p *Pool) observe(w *worker, health *api.WorkerHealth, failure *probeError, suspicions int) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	before, now := w.state(), p.opts.Now()
	if w.asleep() {
		return p.opts.ProbeSlow // it was put to rest while it was asked
	}
	if failure != nil {
		w.lastErr = failure.class
		p.metrics.failed(w.label, failure.class)
		w.misses++
		if failure.class != classTimeout || !w.up || w.misses > missesAllowed {
			w.up = false
		}
	} else {
		p.adoptLocked(w, health, now)
		w.suspect = w.suspect && suspicions != w.suspicions
	}
	p.changedLocked(w, before, now, failure)
	w.lazy = false
	if w.settled() && w.misses == 0 {
		return jitter(p.opts.ProbeSlow, 0.2)
	}
	if p.queue.Len() == 0 && now.Sub(w.since) > fastFor {
		w.lazy = true
		return jitter(p.opts.ProbeIdle, 0.2)
	}
	return jitter(p.opts.ProbeFast, 0.6)
}

// jitter draws a wait from the upper share of d, so that gateways do not probe
// in step.
func jitter(d time.Duration, share float64) time.Duration {
	return d - time.Duration(rand.Float64()*share*float64(d))
}

// adoptLocked believes what a healthy probe said.
func (p *Pool) adoptLocked(w *worker, h *api.WorkerHealth, now time.Time) {
	w.up, w.answered, w.misses = true, true, 0
	w.draining = h.Status == api.WorkerDraining
	w.version = h.Version
	w.limit = p.opts.Concurrency
	if h.MaxConcurrency > 0 {
		w.limit = min(h.MaxConcurrency, maxConcurrency)
	}
	w.full = w.full && h.InFlight >= w.limit
	if w.rest != nil {
		w.rest.reported = h.InFlight
	}
	w.eta = 0
	if h.ETASeconds != nil && *h.ETASeconds > 0 && *h.ETASeconds < 86400 {
		w.eta, w.etaAt = time.Duration(*h.ETASeconds*float64(time.Second)), now
	}
	old := w.services
	w.services = make(map[string]string, len(h.Services))
	for name, s := range h.Services {
		name = Lane(name, w.Group)
		w.services[name] = s.State
		if _, known := old[name]; !known {
			p.metrics.learned(name)
		}
		if s.State == api.StateReady && old[name] != api.StateReady {
			p.learnStartLocked(name, s.Seconds)
		}
	}
	// A worker that lists nothing is taken at its word as a whole, if the
	// operator said what it serves.
	if len(h.Services) == 0 {
		state := api.StateLoading
		if h.ServicesReady {
			state = api.StateReady
		}
		for name := range w.static {
			w.services[name] = state
		}
	}
	if w.breaker.probed(now) {
		p.opts.Logger.Info("worker is tried again", slog.String("worker", w.Name))
	}
}

// changedLocked reports what is new about w and hands out work accordingly.
func (p *Pool) changedLocked(w *worker, before string, now time.Time, cause *probeError) {
	after := w.state()
	if after == stateReady {
		w.since = time.Time{}
	} else if w.since.IsZero() {
		w.since = now
	}
	if after == stateReady && before != stateReady && before != stateDrained {
		w.readyAt = now
	}
	if w.rest != nil && w.up && !w.draining && len(w.services) > 0 && !w.has(api.StateLoading) {
		p.readyLocked(w.rest, now)
	}
	if before != after {
		attrs := []any{slog.String("worker", w.Name), slog.String("from", before), slog.String("to", after)}
		if cause != nil {
			attrs = append(attrs, slog.String("cause", cause.Error()))
		}
		p.opts.Logger.Info("worker changed state", attrs...)
	}
	p.dispatchLocked()
}

// suspectLocked is told by a call that w does not take work, so that the next
// calls wait until a probe says otherwise.
func (p *Pool) suspectLocked(w *worker, service, class string) {
	before := w.state()
	switch class {
	case classDial:
		w.up = false
	case classBroken, classGarbage:
		// A process that dies breaks its calls one by one, and takes new ones in
		// meanwhile; only an answer to a question put from now on shows that it
		// lives.
		w.suspect = true
		w.suspicions++
	case classRefused:
		if w.services[service] == api.StateReady {
			w.services[service] = api.StateLoading
		}
	}
	w.lastErr = class
	if class == classBusy {
		w.full = true
		time.AfterFunc(p.opts.ProbeFast/2, w.probeSoon)
		return
	}
	p.changedLocked(w, before, p.opts.Now(), nil)
	w.probeSoon()
}

// probeSoon ends the prober's sleep.
func (w *worker) probeSoon() {
	select {
	case w.kick <- struct{}{}:
	default:
	}
}
