package authn

import (
	"context"
	"crypto/subtle"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Authenticator tells who stands behind a presented key. It is safe for
// concurrent use; Close stops its background poll.
type Authenticator struct {
	opts   Options
	master Hash
	demos  [len(demos)]Hash

	current atomic.Pointer[index]
	counts  counters
	health  health

	// checking serialises questions to the store.
	checking sync.Mutex
	// checked is when the store was last asked, in nanoseconds since born.
	checked atomic.Int64
	born    time.Time

	cancel context.CancelFunc
	done   chan struct{}
}

// New reads the store once, and from then on in the background until Close. It
// fails if the store cannot be read at the start: without one good snapshot
// there is nothing to fall back on (see Options.StartWithout).
func New(ctx context.Context, opts Options) (*Authenticator, error) {
	opts = opts.withDefaults()
	if err := opts.validate(); err != nil {
		return nil, err
	}
	a := &Authenticator{opts: opts, born: opts.Now(), done: make(chan struct{})}
	a.health.born = a.born
	a.current.Store(&index{})
	if opts.MasterKey != "" {
		a.master = HashKey(opts.MasterKey)
	}
	for i, d := range demos {
		a.demos[i] = HashKey(d.key)
	}
	if opts.Development {
		opts.Log.Warn("development mode: the published demo keys are valid")
	}
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	a.cancel = cancel
	if opts.Store == nil {
		close(a.done)
		return a, nil
	}
	if err := a.Refresh(ctx); err != nil && (!opts.StartWithout || !errors.Is(err, ErrAway)) {
		cancel()
		return nil, err
	}
	go a.poll(background)
	return a, nil
}

// Close stops the background poll and waits for it. The store stays open.
func (a *Authenticator) Close() error {
	a.cancel()
	<-a.done
	return nil
}

// Authenticate returns who presented the key. The error, if any, is an
// *api.Error ready for the caller, wrapping the true reason: ErrMalformed,
// ErrUnknown, ErrRevoked, ErrExpired, ErrDisabled (all the same 403) or
// ErrUnavailable (503).
//
// A known key costs one SHA-256 and one map look-up, no I/O and no allocation.
func (a *Authenticator) Authenticate(ctx context.Context, presented string) (Principal, error) {
	p, reason := a.decide(ctx, presented)
	if reason == nil {
		return p, nil
	}
	a.counts.refused(reason)
	if errors.Is(reason, ErrUnavailable) {
		return Principal{}, unavailable(a.health.last())
	}
	return Principal{}, refuse(reason)
}

func (a *Authenticator) decide(ctx context.Context, presented string) (Principal, error) {
	if presented == "" || len(presented) > maxPresented {
		return Principal{}, ErrMalformed
	}
	hash := HashKey(presented)
	if p, ok := a.builtIn(&hash); ok {
		return p, nil
	}
	k, ok := parseKey(presented)
	if !ok {
		return Principal{}, ErrMalformed
	}
	if a.opts.Store == nil {
		return Principal{}, ErrUnknown
	}
	now := a.opts.Now()
	fresh := !a.overdue(now) || a.ensureFresh(ctx)
	if a.health.tooStale(now, a.opts.MaxStale) {
		return Principal{}, ErrUnavailable
	}
	e, known := a.current.Load().keys[k.id]
	a.counts.lookup(known && fresh)
	if !known {
		// The same comparison as for a known id: the time an answer takes
		// does not tell which ids exist.
		e = &absent
	}
	same := subtle.ConstantTimeCompare(hash[:], e.hash[:]) == 1
	if !known || !same || e.tier != k.tier {
		return Principal{}, ErrUnknown
	}
	if reason := e.verdict(now); reason != nil {
		return Principal{}, reason
	}
	return e.principal, nil
}

// absent stands in for the row of an unknown id.
var absent entry

// builtIn recognises the master key and, in development, the demo keys. Hashes
// of fixed length are compared, so that neither the length of the master key
// nor a common beginning shows in the time it takes.
func (a *Authenticator) builtIn(hash *Hash) (Principal, bool) {
	if a.opts.MasterKey != "" && subtle.ConstantTimeCompare(hash[:], a.master[:]) == 1 {
		return Principal{Tenant: MasterTenant, Tier: MasterTier, KeyID: MasterTenant, Scopes: everyScope, Master: true}, true
	}
	if a.opts.Development {
		for i := range a.demos {
			if subtle.ConstantTimeCompare(hash[:], a.demos[i][:]) == 1 {
				return demos[i].principal, true
			}
		}
	}
	return Principal{}, false
}

// Refresh asks the store for changes now and returns when they are in force
// here. Issuer calls it after each change.
func (a *Authenticator) Refresh(ctx context.Context) error {
	if a.opts.Store == nil {
		return nil
	}
	a.checking.Lock()
	defer a.checking.Unlock()
	return a.refreshLocked(ctx)
}

func (a *Authenticator) refreshLocked(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, a.opts.Patience)
	defer cancel()
	was := a.current.Load()
	snap, err := a.opts.Store.Poll(ctx, was.version)
	now := a.opts.Now()
	a.checked.Store(int64(now.Sub(a.born)))
	if err != nil {
		if ctx.Err() == nil || errors.Is(ctx.Err(), context.DeadlineExceeded) {
			a.health.failed(now, err, a.opts.Log)
		}
		return err
	}
	a.health.succeeded(now, a.opts.Log)
	if snap != nil {
		ix := newIndex(snap)
		a.current.Store(ix)
		a.counts.reloads.Add(1)
		if ix.version == was.version {
			return nil // read anew, to be sure
		}
		a.opts.Log.Info("keys loaded", slog.Int("tenants", ix.tenants), slog.Int("keys", len(ix.keys)))
	}
	return nil
}

// ensureFresh asks the store itself when the background poll has not done so
// lately: a platform that withholds the processor between requests (Cloud Run)
// stalls background work, and a revoked key must not profit from it. It
// reports whether the snapshot was fresh already.
func (a *Authenticator) ensureFresh(ctx context.Context) bool {
	if !a.checking.TryLock() {
		if a.health.last() != nil {
			// The store is known to be in trouble and somebody is asking it
			// already: the last good content answers, nobody queues behind.
			return false
		}
		a.checking.Lock()
	}
	defer a.checking.Unlock()
	if a.overdue(a.opts.Now()) {
		// A failure is kept in a.health, where decide looks next. The caller's
		// own cancellation must not be taken for an outage of the store.
		if err := a.refreshLocked(context.WithoutCancel(ctx)); err != nil {
			a.opts.Log.Debug("key store not reached on a request's way", slog.Any("error", err))
		}
	}
	return false
}

// overdue reports whether two polls have been missed. A clock that steps back
// also counts as overdue.
func (a *Authenticator) overdue(now time.Time) bool {
	age := now.Sub(a.born) - time.Duration(a.checked.Load())
	return age > 2*a.opts.Poll || age < -2*a.opts.Poll
}

func (a *Authenticator) poll(ctx context.Context) {
	defer close(a.done)
	tick := time.NewTicker(a.opts.Poll)
	defer tick.Stop()
	var changes <-chan struct{} // nil, which never delivers, unless the store watches
	if w, ok := a.opts.Store.(Watcher); ok {
		changes = w.Changes()
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-changes:
		case <-tick.C:
		}
		_ = a.Refresh(ctx) // health has logged a failure, with less repetition than this loop
	}
}
