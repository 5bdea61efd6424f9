package state

import (
	"container/list"
	"context"
	"log/slog"
	"sync"
)

// Resident holds what was built in memory from a tenant's rows (an index, a
// decoded model), one value a tenant, within a budget of bytes. The least
// recently used value leaves first, and the log says why. A value is built
// once even when many calls ask for it together.
type Resident[V any] struct {
	name  string
	limit int64
	load  func(ctx context.Context, tenant string) (value V, bytes int64, err error)
	log   *slog.Logger

	mu      sync.Mutex
	entries map[string]*residentEntry[V]
	recent  *list.List // of tenant names, most recent first
	used    int64
	hits    uint64
	misses  uint64
}

type residentEntry[V any] struct {
	ready chan struct{} // closed when value, bytes and err are set
	value V
	bytes int64
	err   error
	at    *list.Element
	// counted, under the cache's lock: built, and its bytes are in used.
	counted bool
}

// NewResident makes an empty cache. name appears in log lines; load builds a
// tenant's value and says how many bytes it occupies.
func NewResident[V any](name string, limit int64, log *slog.Logger,
	load func(ctx context.Context, tenant string) (V, int64, error),
) *Resident[V] {
	return &Resident[V]{name: name, limit: limit, load: load, log: log, entries: map[string]*residentEntry[V]{}, recent: list.New()}
}

// Get returns the tenant's value, building it when it is not there. A failed
// build is not remembered.
func (r *Resident[V]) Get(ctx context.Context, tenant string) (V, error) {
	r.mu.Lock()
	e, ok := r.entries[tenant]
	if ok {
		r.hits++
		r.recent.MoveToFront(e.at)
		r.mu.Unlock()
		select {
		case <-e.ready:
			return e.value, e.err
		case <-ctx.Done():
			var zero V
			return zero, context.Cause(ctx)
		}
	}
	r.misses++
	e = &residentEntry[V]{ready: make(chan struct{}), at: r.recent.PushFront(tenant)}
	r.entries[tenant] = e
	r.mu.Unlock()

	// The build serves every waiter, so one caller's departure must not end it.
	value, bytes, err := r.load(context.WithoutCancel(ctx), tenant)
	r.mu.Lock()
	e.value, e.bytes, e.err = value, bytes, err
	if r.entries[tenant] == e {
		if err != nil {
			r.dropLocked(tenant, e)
		} else {
			e.counted = true
			r.used += bytes
			r.shrinkLocked(tenant)
		}
	}
	r.mu.Unlock()
	close(e.ready)
	return value, err
}

// Forget drops the tenant's value, so that the next Get builds it anew.
func (r *Resident[V]) Forget(tenant string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e, ok := r.entries[tenant]; ok {
		r.dropLocked(tenant, e)
	}
}

// Resize records that the tenant's value, changed in place, now occupies bytes.
func (r *Resident[V]) Resize(tenant string, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.entries[tenant]
	if !ok || !e.counted {
		return
	}
	r.used += bytes - e.bytes
	e.bytes = bytes
	r.shrinkLocked(tenant)
}

// Stats returns hits, misses, values held and the bytes they occupy.
func (r *Resident[V]) Stats() (hits, misses uint64, values int, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.hits, r.misses, len(r.entries), r.used
}

// shrinkLocked evicts the least recently used values until the budget holds;
// the value in use stays even if it alone exceeds it.
func (r *Resident[V]) shrinkLocked(keep string) {
	for el := r.recent.Back(); el != nil && r.used > r.limit; {
		tenant, prev := el.Value.(string), el.Prev()
		if e := r.entries[tenant]; e.counted && tenant != keep {
			r.dropLocked(tenant, e)
			r.log.Info("evicted a tenant's value from memory", "cache", r.name, "tenant", tenant, "bytes", e.bytes,
				"reason", "memory budget", "budget_bytes", r.limit, "used_bytes", r.used)
		}
		el = prev
	}
}

func (r *Resident[V]) dropLocked(tenant string, e *residentEntry[V]) {
	if e.counted {
		r.used -= e.bytes
	}
	delete(r.entries, tenant)
	r.recent.Remove(e.at)
}
