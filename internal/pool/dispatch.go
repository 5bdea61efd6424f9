package pool

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/pool/hold"
)

// entryOverhead is what a held call costs beside its body: header, goroutine,
// connection. It counts towards the byte caps.
const entryOverhead = 24 << 10

// waiter is a held call. It gets exactly one grant unless it leaves first.
type waiter struct{ granted chan grant }

// grant is a worker's slot, or the reason why there will be none.
type grant struct {
	worker *worker
	err    error
}

// errFallBack tells that a call must go to its Fallback.
var errFallBack = errors.New("no worker can take the call at once")

// acquire returns a worker with a slot taken for the caller, who must release
// it. It waits until the time given. cold tells whether it waited for a worker
// to become ready.
func (p *Pool) acquire(ctx context.Context, req *Request, until time.Time, avoid *worker, again bool) (w *worker, cold bool, err error) {
	p.mu.Lock()
	if err := p.hopelessLocked(req.Service); err != nil && (req.Fallback == "" || p.stopping) {
		p.mu.Unlock()
		return nil, false, err
	}
	w = p.pickLocked(req.Service, avoid)
	if req.Fallback != "" && (w == nil || w == avoid || w.breaker.open) {
		p.mu.Unlock()
		return nil, false, errFallBack
	}
	if w != nil {
		p.takeLocked(w)
		p.mu.Unlock()
		return w, false, nil
	}
	if cold = !p.anyReadyLocked(req.Service); cold {
		p.wakeLocked(req.Service)
	}
	wait := until.Sub(p.opts.Now())
	if wait <= 0 {
		err := p.expiredLocked(req.Service, req.MaxWait)
		p.mu.Unlock()
		return nil, cold, err
	}
	entry := &hold.Entry[*waiter]{
		Lane: req.Service, Tenant: req.Tenant, Weight: req.Weight, Again: again,
		Bytes: int64(len(req.Body)) + entryOverhead,
		Value: &waiter{granted: make(chan grant, 1)},
	}
	if err := p.queue.Push(entry); err != nil {
		p.mu.Unlock()
		p.metrics.full(err)
		return nil, cold, errQueueFull(err)
	}
	if cold {
		p.hurryLocked()
	}
	p.mu.Unlock()
	w, err = p.await(ctx, entry, wait)
	return w, cold, err
}

// await blocks until the entry is granted a worker or leaves the queue.
func (p *Pool) await(ctx context.Context, entry *hold.Entry[*waiter], wait time.Duration) (*worker, error) {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	var gone error
	select {
	case g := <-entry.Value.granted:
		return g.worker, g.err
	case <-timer.C:
	case <-ctx.Done():
		gone = contextError(ctx)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.queue.Remove(entry) {
		if gone == nil {
			gone = p.expiredLocked(entry.Lane, wait)
		}
		return nil, gone
	}
	// The grant came at the same moment. A call whose time is up can still
	// run; one whose caller has gone must give the slot back.
	g := <-entry.Value.granted
	if gone != nil && g.worker != nil {
		p.giveBackLocked(g.worker)
		return nil, gone
	}
	return g.worker, g.err
}

// contextError tells a caller who left from one whose time is up.
func contextError(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return errDeadline("while waiting for a worker").Because(ctx.Err())
	}
	return ctx.Err()
}

// pickLocked returns the least loaded worker that may take a call for service
// now, another than avoid if there is one, or nil.
func (p *Pool) pickLocked(service string, avoid *worker) *worker {
	var best *worker
	var least float64
	n := len(p.workers)
	now := p.pickTime()
	for i := range n {
		w := p.workers[(p.rotate+i)%n]
		if !w.free() || !p.eligibleLocked(w, service) {
			continue
		}
		load := w.load(p.warmth(w, now))
		if best == nil || best == avoid || (w != avoid && load < least) {
			best, least = w, load
		}
	}
	if n > 0 {
		p.rotate = (p.rotate + 1) % n
	}
	return best
}

// pickTime is now, where it matters: one worker is not compared with others.
func (p *Pool) pickTime() time.Time {
	if len(p.workers) < 2 || p.opts.SlowStart <= 0 {
		return time.Time{}
	}
	return p.opts.Now()
}

// eligibleLocked reports whether w may take calls for service, slots aside. A
// worker that is left out after failures, or is to be removed, still may when
// there is no other: a poor answer beats none.
func (p *Pool) eligibleLocked(w *worker, service string) bool {
	if !w.ready(service) {
		return false
	}
	if !w.breaker.open && !w.leaving {
		return true
	}
	for _, other := range p.workers {
		if other != w && !other.breaker.open && !other.leaving && other.ready(service) {
			return false
		}
	}
	return true
}

func (p *Pool) anyReadyLocked(service string) bool {
	for _, w := range p.workers {
		if w.ready(service) {
			return true
		}
	}
	return false
}

// hopelessLocked returns the error for a call that waiting cannot help.
func (p *Pool) hopelessLocked(service string) error {
	if p.stopping {
		return errStopping()
	}
	var now time.Time // not asked for unless needed, which is for each call
	var asleep *rest  // one that cannot be woken
	served, failed := false, true
	for _, w := range p.workers {
		if !w.serves(service) {
			continue
		}
		served = true
		if w.rest != nil {
			if now.IsZero() {
				now = p.opts.Now()
			}
			if w.rest.failedLocked(now) {
				asleep = w.rest
				continue
			}
		}
		failed = failed && w.up && w.services[service] == api.StateFailed
	}
	switch {
	case !served:
		return errNoWorker(service)
	case failed && asleep != nil:
		return errCannotWake(service, asleep.retryAt.Sub(now)).Because(asleep.failure)
	case failed:
		return errServiceFailed(service)
	}
	return nil
}

// expiredLocked returns the error for a call that has waited long enough.
func (p *Pool) expiredLocked(service string, waited time.Duration) error {
	if p.anyReadyLocked(service) {
		return errAllBusy(service, max(waited, 0))
	}
	for _, w := range p.workers {
		if (w.answered || w.rest != nil) && w.serves(service) {
			return errStillLoading(service, max(waited, 0), p.estimateLocked(service))
		}
	}
	return errNeverAnswered(service, max(waited, 0))
}

// touch notes that a call ran just now.
func (w *worker) touch(p *Pool) {
	if w.rest != nil {
		w.rest.used = p.opts.Now()
	}
}

func (p *Pool) takeLocked(w *worker) {
	w.inFlight++
	p.inFlight++
	w.touch(p)
}

// giveBackLocked frees a slot of w and hands it on.
func (p *Pool) giveBackLocked(w *worker) {
	if w.inFlight <= 0 {
		panic("pool: slot released that was not acquired")
	}
	w.inFlight--
	p.inFlight--
	w.touch(p)
	if w.rest != nil {
		w.rest.leftLocked()
	}
	if p.stopping && p.inFlight == 0 {
		close(p.drained)
	}
	for p.feedLocked(w) {
	}
}

// feedLocked gives w the held call whose turn it is, if w can take one.
func (p *Pool) feedLocked(w *worker) bool {
	if p.queue.Len() == 0 || !w.free() {
		return false
	}
	entry := p.queue.Pop(func(service string) bool { return p.eligibleLocked(w, service) })
	if entry == nil {
		return false
	}
	p.takeLocked(w)
	entry.Value.granted <- grant{worker: w}
	return true
}

// dispatchLocked hands out held calls after anything about a worker changed.
// When it returns, no held call could run on any free slot: that is why a new
// call that finds one overtakes nobody.
func (p *Pool) dispatchLocked() {
	for p.refuseNextLocked(func(service string) bool { return p.hopelessLocked(service) != nil }, nil) {
	}
	for p.queue.Len() > 0 && p.feedLeastLoadedLocked() {
	}
}

// feedLeastLoadedLocked gives one held call to the least loaded worker that
// can take any.
func (p *Pool) feedLeastLoadedLocked() bool {
	free := make([]*worker, 0, len(p.workers))
	for _, w := range p.workers {
		if w.up && w.free() {
			free = append(free, w)
		}
	}
	now := p.pickTime()
	slices.SortStableFunc(free, func(a, b *worker) int {
		return cmp.Compare(a.load(p.warmth(a, now)), b.load(p.warmth(b, now)))
	})
	return slices.ContainsFunc(free, p.feedLocked)
}

// refuseNextLocked takes the next held call of the given lanes out with an
// error; nil stands for the reason why its lane is hopeless.
func (p *Pool) refuseNextLocked(lanes func(service string) bool, err error) bool {
	entry := p.queue.Pop(lanes)
	if entry == nil {
		return false
	}
	if err == nil {
		err = p.hopelessLocked(entry.Lane)
	}
	entry.Value.granted <- grant{err: err}
	return true
}

// hurryLocked wakes the probers that sleep long between probes of a worker
// that is not ready.
func (p *Pool) hurryLocked() {
	for _, w := range p.workers {
		if w.lazy && !w.settled() {
			w.lazy = false
			w.probeSoon()
		}
	}
}
