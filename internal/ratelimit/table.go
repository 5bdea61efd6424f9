package ratelimit

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"
)

// shardCount spreads the locks; a power of two.
const shardCount = 64

// table keeps one tat per key in bounded memory. A key whose tat has passed is
// as good as absent, so each call drops up to two such keys from the long-idle
// end: the work per call is constant and nothing ever sweeps. When a shard is
// full all the same, its longest-idle key is dropped and forgotten, which can
// only be to that key's advantage.
type table[K comparable] struct {
	seed   maphash.Seed
	cap    int
	shards [shardCount]shard[K]
	// dropped counts keys forgotten before their time.
	dropped atomic.Uint64
}

type shard[K comparable] struct {
	mu    sync.Mutex
	nodes map[K]*node[K]
	// ring's next is the key used last, its prev the longest-idle one.
	ring node[K]
	// Keep the locks of two shards off one cache line.
	_ [64]byte
}

type node[K comparable] struct {
	key        K
	tat        time.Duration
	prev, next *node[K]
}

// newTable makes a table of about capacity keys.
func newTable[K comparable](capacity int) *table[K] {
	t := &table[K]{seed: maphash.MakeSeed(), cap: max(1, (capacity+shardCount-1)/shardCount)}
	for i := range t.shards {
		s := &t.shards[i]
		s.nodes = make(map[K]*node[K])
		s.ring.prev, s.ring.next = &s.ring, &s.ring
	}
	return t
}

func (t *table[K]) take(key K, now time.Duration, p Policy, cost int) Decision {
	s := &t.shards[maphash.Comparable(t.seed, key)%shardCount]
	s.mu.Lock()
	defer s.mu.Unlock()
	n := s.nodes[key]
	if n != nil && n == s.ring.next && n == s.ring.prev {
		// The only key: nothing to sweep, nothing to move.
		var d Decision
		n.tat, d = gcra(now, n.tat, p, cost)
		return d
	}
	if n != nil {
		n.unlink()
		n.linkAfter(&s.ring)
	}
	s.dropIdleLocked(now, n)
	if n == nil {
		if len(s.nodes) >= t.cap {
			s.dropLocked(s.ring.prev)
			t.dropped.Add(1)
		}
		n = &node[K]{key: key, tat: now}
		s.nodes[key] = n
		n.linkAfter(&s.ring)
	}
	var d Decision
	n.tat, d = gcra(now, n.tat, p, cost)
	return d
}

// dropIdleLocked drops up to two of the longest-idle keys if their tat has
// passed: more than one call can add, so the table shrinks again. keep, which
// is about to be used, stays: what it uses now must not be forgotten.
func (s *shard[K]) dropIdleLocked(now time.Duration, keep *node[K]) {
	for range 2 {
		last := s.ring.prev
		if last == &s.ring || last == keep || last.tat > now {
			return
		}
		s.dropLocked(last)
	}
}

func (s *shard[K]) dropLocked(n *node[K]) {
	n.unlink()
	delete(s.nodes, n.key)
}

func (n *node[K]) unlink() {
	n.prev.next, n.next.prev = n.next, n.prev
}

func (n *node[K]) linkAfter(at *node[K]) {
	n.prev, n.next = at, at.next
	at.next.prev = n
	at.next = n
}

func (t *table[K]) len() (n int) {
	for i := range t.shards {
		s := &t.shards[i]
		s.mu.Lock()
		n += len(s.nodes)
		s.mu.Unlock()
	}
	return n
}
