package worker

import (
	"math"
	"sync"
)

// progressBoard holds how far the running calls are, so that a job's caller
// can be told.
type progressBoard struct {
	mu      sync.Mutex
	running map[progressKey]float64
}

type progressKey struct{ tenant, requestID string }

// open starts a line on the board and returns the function that moves it.
func (b *progressBoard) open(tenant, requestID string) func(float64) {
	key := progressKey{tenant, requestID}
	b.set(key, 0, true)
	return func(fraction float64) { b.set(key, fraction, false) }
}

func (b *progressBoard) set(key progressKey, fraction float64, create bool) {
	if math.IsNaN(fraction) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.running == nil {
		b.running = map[progressKey]float64{}
	}
	if _, ok := b.running[key]; ok || create {
		b.running[key] = min(max(fraction, 0), 1)
	}
}

func (b *progressBoard) close(tenant, requestID string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.running, progressKey{tenant, requestID})
}

func (b *progressBoard) get(tenant, requestID string) (float64, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fraction, ok := b.running[progressKey{tenant, requestID}]
	return fraction, ok
}
