package authn

import (
	"errors"
	"log/slog"
	"sync"
	"time"
)

// relogEvery is how often a lasting failure is logged again.
const relogEvery = time.Minute

// health remembers how the store has been lately.
type health struct {
	// born is the start; good is zero until the first good read.
	born   time.Time
	mu     sync.RWMutex
	good   time.Time
	err    error
	logged time.Time
	fails  uint64
}

func (h *health) succeeded(now time.Time, log *slog.Logger) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.err != nil {
		log.Info("key store is well again", slog.Duration("after", h.ageLocked(now)))
	}
	h.good, h.err, h.logged = now, nil, time.Time{}
}

// ageLocked is the time since the last good read, or since the start.
func (h *health) ageLocked(now time.Time) time.Duration {
	if h.good.IsZero() {
		return now.Sub(h.born)
	}
	return now.Sub(h.good)
}

func (h *health) failed(now time.Time, err error, log *slog.Logger) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fails++
	repeat := h.err != nil && err.Error() == h.err.Error() && now.Sub(h.logged) < relogEvery
	h.err = err
	if errors.Is(err, ErrContent) && !h.good.IsZero() {
		// The store was reached: what it holds is refused, the last good
		// content stays in force without a time limit.
		h.good = now
	}
	if !repeat {
		h.logged = now
		if h.good.IsZero() {
			log.Error("key store has not been read yet; only the master key is valid", slog.Any("error", err))
			return
		}
		log.Error("key store cannot be read; the last good keys stay in force", slog.Any("error", err), slog.Time("last_good", h.good))
	}
}

func (h *health) last() error {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.err
}

func (h *health) tooStale(now time.Time, limit time.Duration) bool {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return h.err != nil && now.Sub(h.good) > limit
}
