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
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.share > 0 {
		b.tokens = min(b.tokens+b.share, 10*retryReserve)
	}
}

// setShare changes the share; what has been earned stays, unless there are to
// be no retries at all.
func (b *budget) setShare(share float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case share <= 0:
		b.tokens = 0
	case b.share <= 0:
		b.tokens = retryReserve
	}
	b.share = share
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
