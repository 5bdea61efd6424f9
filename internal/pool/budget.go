package pool

import "sync"

// retryReserve lets a few retries happen when there is little traffic.
const retryReserve = 10

// budget bounds how many requests workers receive a second time to a share of
// all calls, so that retries cannot turn a slow worker into an outage.
type budget struct {
	mu     sync.Mutex
	share  float64
	tokens float64
}

func newBudget(share float64) *budget {
	b := &budget{share: share}
	if share > 0 {
		b.tokens = retryReserve
	}
	return b
}

// earn counts one call.
func (b *budget) earn() {
	if b.share <= 0 {
		return
	}
	b.mu.Lock()
	b.tokens = min(b.tokens+b.share, 10*retryReserve)
	b.mu.Unlock()
}

// spend takes one retry out of the budget, if there is one.
func (b *budget) spend() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}
