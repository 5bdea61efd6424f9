package pool

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/omni-run/omni/api"
)

// Keeper brings a worker up that is not running, and lets it go again.
type Keeper interface {
	// Keep brings the worker up and keeps it so until ctx ends; then it puts the
	// worker to rest if that is its duty and returns. An error before that says
	// why the worker cannot be had; what may pass by itself it tries again. The
	// cause of ctx is ErrIdle when the worker has nothing to do, and something
	// else when the gateway stops. needed is told now and then while calls wait
	// and the worker does not answer. Keep is never called twice at a time.
	Keep(ctx context.Context, needed <-chan struct{}) error
}

// ErrIdle is why a worker is let go that nobody has called for a while.
var ErrIdle = errors.New("the worker is idle")

// errTooSlow is why a worker is given up that takes too long to become ready.
var errTooSlow = errors.New("the worker did not become ready in time")

// Phases of a worker that has a keeper.
const (
	phaseAsleep = iota // nobody keeps it, and it is not probed
	phaseWaking        // its keeper is at work; it has not been ready since
	phaseAwake
)

// Bounds on the pause after a wake that failed.
const (
	minWakePause = time.Second
	maxWakePause = time.Minute
)

// rest is the sleeping and waking of one worker. All but the first group of
// fields is guarded by the pool's lock.
type rest struct {
	name        string
	keeper      Keeper
	idle, limit time.Duration
	wanted      chan struct{} // a call waits, and the worker sleeps
	needed      chan struct{} // a call waits, and the worker does not answer

	targets []*worker
	phase   int
	began   time.Time // of the phase
	used    time.Time // when a call last ran
	// took is how long wakes took, smoothed; zero until one went well.
	took time.Duration
	// failure is why the last wake failed; until retryAt calls are refused with
	// it instead of being held for nothing.
	failure  error
	failures int // in a row
	retryAt  time.Time
	reported int // calls in flight as the worker itself counts them

	// proof is nil unless the keeper came by a change and has yet to show that it
	// brings the worker up.
	proof *proof

	// after, unless nil, is closed when the one whose place this took is at
	// rest: two processes may want the same port.
	after  <-chan struct{}
	cancel context.CancelCauseFunc // nil before it begins
	done   chan struct{}           // closed when nobody keeps the worker any more
	// leaving is closed when a worker that is to go runs no call; nil else.
	leaving chan struct{}
}

func newRest(w *worker) *rest {
	return &rest{
		name: w.Name, keeper: w.Keeper, idle: w.Idle, limit: w.WakeTimeout, targets: []*worker{w},
		wanted: make(chan struct{}, 1), needed: make(chan struct{}, 1), done: make(chan struct{}),
	}
}

// errReplaced is why a worker is let go in whose place another comes.
var errReplaced = errors.New("another worker takes its place")

// beginRest tends a worker until ctx ends or the worker is let go.
func (p *Pool) beginRest(ctx context.Context, r *rest) {
	ctx, r.cancel = context.WithCancelCause(ctx)
	p.keepers.Go(func() {
		defer p.rested(r)
		if r.after != nil {
			// Even if this one is let go meanwhile: whoever waits for it waits for
			// those before it.
			if <-r.after; ctx.Err() != nil {
				return
			}
		}
		p.tend(ctx, r)
	})
}

// rested notes that nobody keeps the worker any more.
func (p *Pool) rested(r *rest) {
	p.mu.Lock()
	if p.going[r.name] == r {
		delete(p.going, r.name)
	}
	p.mu.Unlock()
	close(r.done)
}

// endRestLocked lets a worker go for cause once it runs no call.
func (p *Pool) endRestLocked(r *rest, cause error) {
	p.going[r.name] = r
	if !r.busy() {
		r.cancel(cause)
		return
	}
	r.leaving = make(chan struct{})
	empty, over := r.leaving, p.base.Done()
	p.keepers.Go(func() {
		select {
		case <-empty:
		case <-over:
		}
		r.cancel(cause)
	})
}

// leftLocked notes that a call has ended on a worker that may be on its way out.
func (r *rest) leftLocked() {
	if r.leaving != nil && !r.busy() {
		close(r.leaving)
		r.leaving = nil
	}
}

// busy reports whether calls run there.
func (r *rest) busy() bool {
	for _, w := range r.targets {
		if w.inFlight > 0 {
			return true
		}
	}
	return false
}

// tend keeps one worker awake whenever calls want it, until ctx ends.
func (p *Pool) tend(ctx context.Context, r *rest) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wanted:
		case <-p.again(r):
			p.mu.Lock()
			due := r.proof != nil || p.heldForLocked(r)
			r.failure = nil
			p.mu.Unlock()
			if !due {
				continue
			}
		}
		err := p.keepAwake(ctx, r, p.turn(r))
		if err != nil && ctx.Err() == nil {
			if served, former := p.disproved(r, err); former != nil {
				err = p.keepAwake(ctx, r, former)
			} else if served {
				err = nil
			}
		}
		if ctx.Err() != nil {
			if err != nil {
				p.opts.Logger.Warn("worker was not put to rest in order", "worker", r.name, "error", err)
			}
			return
		}
		p.asleep(r, err)
	}
}

// again is due when a wake that failed may be tried once more.
func (p *Pool) again(r *rest) <-chan time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch now := p.opts.Now(); {
	case r.failure != nil:
		return time.After(r.retryAt.Sub(now))
	case r.proof != nil && r.proof.failure != nil:
		return time.After(r.proof.retryAt.Sub(now))
	}
	return nil
}

// keepAwake runs the keeper until the worker is idle. It returns why the
// worker cannot be had, or nil.
func (p *Pool) keepAwake(ctx context.Context, r *rest, keeper Keeper) error {
	p.waking(r)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ended := make(chan error, 1)
	go func() { ended <- keeper.Keep(ctx, r.needed) }()
	tick := time.NewTicker(min(max(r.idle/4, 5*time.Millisecond), time.Second))
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			if err == nil && ctx.Err() == nil {
				err = errors.New("its keeper gave it up")
			}
			return err
		case <-ctx.Done():
			return <-ended
		case <-tick.C:
		}
		switch due := p.review(r); {
		case errors.Is(due, ErrIdle):
			cancel(ErrIdle)
			p.opts.Logger.Info("worker is idle and put to rest", "worker", r.name, "idle", r.idle.String())
			return <-ended
		case errors.Is(due, errTooSlow):
			cancel(errTooSlow)
			return errors.Join(fmt.Errorf("%w (%v)", errTooSlow, r.limit), <-ended)
		}
	}
}

// waking notes that the keeper begins.
func (p *Pool) waking(r *rest) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r.phase, r.began = phaseWaking, p.opts.Now()
	r.failure = nil
	select {
	case <-r.wanted: // said once more before the phase changed
	default:
	}
	p.metrics.wakes.WithLabelValues(r.name).Inc()
	p.opts.Logger.Info("worker is woken", "worker", r.name)
	for _, w := range r.targets {
		w.since = r.began
		w.probeSoon()
	}
}

// review looks whether the worker may rest, or is given up; else, whether its
// keeper should know that calls wait.
func (p *Pool) review(r *rest) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.opts.Now()
	waits := p.heldForLocked(r)
	switch {
	case r.phase == phaseWaking && now.Sub(r.began) > r.limit:
		p.restLocked(r)
		return errTooSlow
	case !waits && p.idleLocked(r, now):
		p.restLocked(r)
		return ErrIdle
	case waits && !r.up():
		r.need()
	}
	return nil
}

// idleLocked reports whether a worker has nothing to do. One that is on its
// way up, or still loads something, is not idle: it would never get there.
func (p *Pool) idleLocked(r *rest, now time.Time) bool {
	if r.idle <= 0 || r.phase != phaseAwake || r.reported > 0 || now.Sub(r.used) < r.idle || now.Sub(r.began) < r.idle {
		return false
	}
	for _, w := range r.targets {
		if w.inFlight > 0 || w.up && w.has(api.StateLoading) {
			return false
		}
	}
	return true
}

// heldForLocked reports whether a call is held that the worker may serve.
func (p *Pool) heldForLocked(r *rest) bool {
	for lane := range p.queue.Lanes {
		if r.serves(lane) {
			return true
		}
	}
	return false
}

// restLocked stops the probing of a worker that goes to sleep.
func (p *Pool) restLocked(r *rest) {
	now := p.opts.Now()
	r.phase, r.began, r.reported = phaseAsleep, now, 0
	for _, w := range r.targets {
		w.up, w.lastErr = false, ""
		if w.since.IsZero() {
			w.since = now
		}
	}
}

// asleep notes how keeping the worker ended, and answers the calls that hoped
// for it in vain.
func (p *Pool) asleep(r *rest, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.restLocked(r)
	if err == nil {
		r.failures = 0
		if p.heldForLocked(r) { // it came while the worker was put to rest
			r.want()
		}
		return
	}
	pause := wakePause(r.failures)
	r.failures++
	r.failure, r.retryAt = err, p.opts.Now().Add(pause)
	for _, w := range r.targets {
		w.lastErr = classWake
	}
	p.metrics.wakeFailures.WithLabelValues(r.name).Inc()
	p.opts.Logger.Error("worker cannot be woken", "worker", r.name, "error", err, "again_in", pause.String())
	p.dispatchLocked()
	for lane := range p.queue.Lanes { // others may do for what still waits
		p.wakeLocked(lane)
	}
}

// wakePause is how long a wake is not tried that failed so many times before.
func wakePause(failures int) time.Duration {
	return min(minWakePause<<min(failures, 10), maxWakePause)
}

// wakeLocked sees to it that a call for service finds a worker: those that
// sleep are woken, the keepers of the others are told that they do not answer.
func (p *Pool) wakeLocked(service string) {
	for _, w := range p.workers {
		r := w.rest
		if r == nil || w.drained || !w.serves(service) {
			continue
		}
		switch {
		case r.phase != phaseAsleep:
			if !r.up() {
				r.need()
			}
		case !r.failedLocked(p.opts.Now()):
			r.want()
		}
	}
}

// readyLocked notes that a worker has loaded all it will.
func (p *Pool) readyLocked(r *rest, now time.Time) {
	if r.phase != phaseWaking {
		return
	}
	p.provenLocked(r)
	took := now.Sub(r.began)
	r.phase, r.began, r.used, r.failures = phaseAwake, now, now, 0
	p.opts.Logger.Info("worker is awake", "worker", r.name, "after", took.Round(time.Millisecond).String())
	p.metrics.wakeSeconds.WithLabelValues(r.name).Observe(took.Seconds())
	if r.took > 0 {
		took = (7*r.took + 3*took) / 10
	}
	r.took = max(took, time.Millisecond)
}

// failedLocked reports whether waking the worker was tried in vain a moment
// ago.
func (r *rest) failedLocked(now time.Time) bool {
	return r.failure != nil && r.phase == phaseAsleep && now.Before(r.retryAt)
}

func (r *rest) up() bool {
	for _, w := range r.targets {
		if w.up {
			return true
		}
	}
	return false
}

func (r *rest) serves(service string) bool {
	for _, w := range r.targets {
		if w.serves(service) {
			return true
		}
	}
	return false
}

// estimate is how long until the worker should be ready, if wakes have been
// seen before.
func (r *rest) estimate(now time.Time) (time.Duration, bool) {
	switch {
	case r.took == 0:
		return 0, false
	case r.phase == phaseWaking:
		return r.took - now.Sub(r.began), true
	case r.phase == phaseAsleep:
		return r.took, true
	}
	return 0, false
}

func (r *rest) want() { signal(r.wanted) }
func (r *rest) need() { signal(r.needed) }

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
