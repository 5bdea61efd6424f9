package pool

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"
)

// member is a configured worker with all that stands for it: one worker, or
// one for each address of its name. It is guarded by the pool's lock.
type member struct {
	config  Worker
	only    *worker // nil where the name is resolved
	source  *source
	dropped bool
}

// workers are the targets of the member at this moment.
func (m *member) workers() []*worker {
	if m.source == nil {
		return []*worker{m.only}
	}
	return slices.Collect(maps.Values(m.source.targets))
}

// rest is the sleeping and waking of the member; nil if it always runs.
func (m *member) rest() *rest {
	for _, w := range m.workers() {
		if w.rest != nil {
			return w.rest // of all addresses of the name together
		}
	}
	return nil
}

// newMember makes a configured worker that is not probed yet.
func newMember(config Worker, opts *Options) (*member, error) {
	w, err := newWorker(config, opts)
	if err != nil {
		return nil, err
	}
	m := &member{config: config, only: w}
	if config.Resolve > 0 {
		w.source = newSource(config, w)
		m.source, m.only = w.source, nil
	}
	return m, nil
}

var errNotRunning = errors.New("pool: it does not run, so it cannot be changed")

// Change gives a running pool other figures and workers. Of o it takes
// MaxWait, Hold, Credit, RetryShare, SlowStart, Outlier, the time-outs of
// connections (for the workers that are put) and Workers: each of these is put, in the
// place of the one of its name if there is one, whose calls finish. Those in
// remove are to go: they get no call that another worker could take, and none
// at all once drop is called; what they run then, they finish. A worker with a
// Keeper is let go when its last call has ended, and one that takes its place
// is not woken before; calls wait for it meanwhile. One whose Keeper is to prove
// itself is then woken at once, and again with growing pauses until it has been
// ready; where a former Keeper can stand in, that one serves calls until then.
// An error means that nothing was changed.
func (p *Pool) Change(o Options, remove []string) (drop func(), err error) {
	p.lifecycle.Lock()
	defer p.lifecycle.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopping || p.cancel == nil {
		return nil, errNotRunning
	}
	next := p.opts
	next.adopt(o.withDefaults())
	if err := next.validate(); err != nil {
		return nil, err
	}
	put := make([]*member, 0, len(o.Workers))
	for _, config := range o.Workers {
		m, err := newMember(config, &next)
		if err != nil {
			return nil, err
		}
		put = append(put, m)
	}
	if err := p.changeableLocked(put, remove); err != nil {
		return nil, err
	}
	p.opts.adopt(next)
	p.longestWait.Store(int64(next.MaxWait))
	p.queue.SetLimits(next.Hold)
	p.queue.SetCredit(float64(next.Credit))
	p.budget.setShare(next.RetryShare)
	for _, m := range put {
		p.putLocked(m)
	}
	leaving := make([]*member, 0, len(remove))
	for _, name := range remove {
		m := p.members[name]
		leaving = append(leaving, m)
		for _, w := range m.workers() {
			w.leaving = true
		}
		if m.source != nil {
			m.source.leaving = true
		}
	}
	p.dispatchLocked()
	return func() { p.drop(leaving) }, nil
}

// adopt takes the figures of next that a running pool takes, and touches no
// other field: those are read without the lock.
func (o *Options) adopt(next Options) {
	o.MaxWait, o.Hold, o.Credit = next.MaxWait, next.Hold, next.Credit
	o.RetryShare, o.SlowStart, o.Outlier = next.RetryShare, next.SlowStart, next.Outlier
	o.DialTimeout, o.HeaderTimeout, o.BodyTimeout = next.DialTimeout, next.HeaderTimeout, next.BodyTimeout
	o.Workers = next.Workers
}

// changeableLocked refuses what a running pool cannot do.
func (p *Pool) changeableLocked(put []*member, remove []string) error {
	for _, m := range put {
		if slices.Contains(remove, m.config.Name) {
			return fmt.Errorf("pool: worker %s is both put and removed", m.config.Name)
		}
	}
	for _, name := range remove {
		if p.members[name] == nil {
			return fmt.Errorf("pool: %w: %q", ErrUnknownWorker, name)
		}
	}
	return nil
}

// putLocked lets a member begin, in the place of the one of its name.
func (p *Pool) putLocked(m *member) {
	var gone []*worker
	old := p.members[m.config.Name]
	if old != nil {
		gone = old.workers()
		p.inheritLocked(m, old)
	}
	p.proveLocked(m, old)
	p.members[m.config.Name] = m
	fresh := m.workers()
	for _, w := range fresh {
		p.metrics.begin(w)
	}
	p.replaceLocked(fresh, gone)
	if old != nil {
		p.endLocked(old, gone, errReplaced)
	}
	if before, next := p.going[m.config.Name], m.rest(); before != nil && next != nil {
		next.after = before.done
	}
	p.beginMember(p.base, m)
	if m.rest() != nil {
		for lane := range p.queue.Lanes { // what waits may wait for this one
			p.wakeLocked(lane)
		}
	}
	p.opts.Logger.Info("a worker is new, or takes the place of one", slog.String("worker", m.config.Name))
}

// inheritLocked spares a worker that is reached in another way now, but is the
// same, to be got to know anew: its calls need not wait for a probe.
func (p *Pool) inheritLocked(m, old *member) {
	if m.rest() != nil || old.rest() != nil {
		return // it begins anew
	}
	a, b := &m.config, &old.config
	if a.URL != b.URL || a.Group != b.Group || !slices.Equal(a.Services, b.Services) || (m.source == nil) != (old.source == nil) {
		return
	}
	if m.source == nil {
		m.only.inherit(old.only)
		return
	}
	m.source.drained = old.source.drained
	targets := map[string]*worker{}
	for address, known := range old.source.targets {
		if address == "" {
			continue // it was not resolved yet
		}
		w, err := p.target(m.source, address)
		if err != nil {
			p.opts.Logger.Error("a worker's address cannot be used", "worker", m.config.Name, "error", err)
			continue
		}
		w.inherit(known)
		targets[address] = w
	}
	if len(targets) > 0 {
		m.source.targets = targets
	}
}

// inherit takes over what is known about a worker.
func (w *worker) inherit(old *worker) {
	w.up, w.answered, w.draining, w.drained, w.full, w.suspect = old.up, old.answered, old.draining, old.drained, old.full, old.suspect
	w.services, w.version, w.limit = maps.Clone(old.services), old.version, old.limit
	w.breaker, w.readyAt, w.lastErr, w.since = old.breaker, old.readyAt, old.lastErr, old.since
	w.eta, w.etaAt = old.eta, old.etaAt
}

// drop ends members that were to go, unless others have taken their places.
func (p *Pool) drop(leaving []*member) {
	p.lifecycle.Lock()
	defer p.lifecycle.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range leaving {
		if m.dropped || p.stopped {
			continue
		}
		gone := m.workers()
		delete(p.members, m.config.Name)
		p.replaceLocked(nil, gone)
		p.endLocked(m, gone, ErrIdle)
		p.metrics.forget(gone)
		p.opts.Logger.Info("a worker is removed", slog.String("worker", m.config.Name))
	}
}

// endLocked ends the probing of a member whose workers are gone. Calls that run
// there keep their connections; a keeper ends with the last of them, and is
// told cause.
func (p *Pool) endLocked(m *member, gone []*worker, cause error) {
	m.dropped = true
	if r := m.rest(); r != nil {
		p.endRestLocked(r, cause)
	}
	if m.source != nil {
		m.source.ended = true
		m.source.cancel()
	} else {
		m.only.stop()
	}
	for _, w := range gone {
		w.client.Close()
	}
}

// beginMember begins to probe a member, and to resolve its name.
func (p *Pool) beginMember(ctx context.Context, m *member) {
	if r := m.rest(); r != nil {
		p.beginRest(ctx, r)
	}
	if m.source == nil {
		p.startWatch(ctx, m.only)
		return
	}
	ctx, m.source.cancel = context.WithCancel(ctx)
	for _, w := range m.source.targets {
		p.startWatch(ctx, w)
	}
	p.probers.Go(func() { p.follow(ctx, m.source) })
}

// longest is the most that a call may be held.
func (p *Pool) longest() time.Duration { return time.Duration(p.longestWait.Load()) }
