// Package respcache keeps the answers of workers that the same question would
// get again, each for the tenant it was made for, and lets one call run where
// several ask the same at the same time.
package respcache

import (
	"container/list"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"
)

// Key names a question: who asks, what, and in which form.
type Key [sha256.Size]byte

// NewKey makes the key of a question from its parts; the order counts, and no
// two different lists of parts make the same key.
func NewKey(parts ...[]byte) Key {
	h := sha256.New()
	var size [8]byte
	for _, p := range parts {
		binary.LittleEndian.PutUint64(size[:], uint64(len(p)))
		h.Write(size[:]) // a hash takes everything
		h.Write(p)
	}
	return Key(h.Sum(nil))
}

// Options bound a Cache.
type Options struct {
	// MaxBytes is what all answers may take together; TenantBytes what those of
	// one tenant may, so that one cannot drive out all others.
	MaxBytes, TenantBytes int64
	Now                   func() time.Time
}

// Cache holds answers, those used last first, within its bounds. It is safe
// for concurrent use.
type Cache struct {
	opt Options

	mu      sync.Mutex
	entries map[Key]*entry
	all     *list.List // of *entry, used last in front
	tenants map[string]*tenant
	bytes   int64
	evicted uint64

	flights flights
}

type tenant struct {
	order *list.List // of *entry, used last in front
	bytes int64
}

type entry struct {
	key     Key
	tenant  string
	answer  *Answer
	expires time.Time
	size    int64

	inAll, inTenant *list.Element
}

// entryOverhead is about what an entry costs besides its answer: the two list
// elements, the map's slot, the struct.
const entryOverhead = 512

// New returns an empty cache.
func New(o Options) *Cache {
	return &Cache{
		opt: o, entries: map[Key]*entry{}, all: list.New(), tenants: map[string]*tenant{},
		flights: flights{running: map[Key]*Flight{}},
	}
}

// Get returns the answer kept under the key and how long it will be good
// still, or nil.
func (c *Cache) Get(k Key) (a *Answer, left time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.entries[k]
	if e == nil {
		return nil, 0
	}
	if left = e.expires.Sub(c.opt.Now()); left <= 0 {
		c.dropLocked(e)
		return nil, 0
	}
	c.all.MoveToFront(e.inAll)
	c.tenants[e.tenant].order.MoveToFront(e.inTenant)
	return e.answer, left
}

// Put keeps an answer for a tenant. One that exceeds a tenant's share is not
// kept.
func (c *Cache) Put(k Key, tenantID string, a *Answer, ttl time.Duration) {
	e := &entry{key: k, tenant: tenantID, answer: a, expires: c.opt.Now().Add(ttl), size: a.Size() + entryOverhead}
	if ttl <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if e.size > min(c.opt.TenantBytes, c.opt.MaxBytes) {
		return
	}
	if old := c.entries[k]; old != nil {
		c.dropLocked(old)
	}
	t := c.tenants[tenantID]
	if t == nil {
		t = &tenant{order: list.New()}
		c.tenants[tenantID] = t
	}
	e.inAll, e.inTenant = c.all.PushFront(e), t.order.PushFront(e)
	c.entries[k] = e
	t.bytes += e.size
	c.bytes += e.size
	for t.bytes > c.opt.TenantBytes {
		c.evictLocked(t.order.Back())
	}
	for c.bytes > c.opt.MaxBytes {
		c.evictLocked(c.all.Back())
	}
}

// Drop forgets what is kept under the key, if it is this answer.
func (c *Cache) Drop(k Key, a *Answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.entries[k]; e != nil && e.answer == a {
		c.dropLocked(e)
	}
}

func (c *Cache) evictLocked(at *list.Element) {
	c.evicted++
	c.dropLocked(at.Value.(*entry)) //nolint:forcetypeassert // the lists hold nothing else
}

func (c *Cache) dropLocked(e *entry) {
	delete(c.entries, e.key)
	c.all.Remove(e.inAll)
	t := c.tenants[e.tenant]
	t.order.Remove(e.inTenant)
	t.bytes -= e.size
	c.bytes -= e.size
	if t.order.Len() == 0 {
		delete(c.tenants, e.tenant)
	}
}

// Resize gives the cache other bounds, and drops what does not fit into them
// any more. Bounds of zero empty it.
func (c *Cache) Resize(maxBytes, tenantBytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opt.MaxBytes, c.opt.TenantBytes = maxBytes, tenantBytes
	for _, t := range c.tenants {
		for t.order.Len() > 0 && t.bytes > tenantBytes {
			c.evictLocked(t.order.Back())
		}
	}
	for c.bytes > maxBytes {
		c.evictLocked(c.all.Back())
	}
}

// Stats is what the metrics page shows of a cache.
type Stats struct {
	Entries int
	Bytes   int64
	Evicted uint64
}

// Stats returns how full the cache is.
func (c *Cache) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Stats{Entries: len(c.entries), Bytes: c.bytes, Evicted: c.evicted}
}
