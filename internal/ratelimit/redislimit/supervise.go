package redislimit

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/omni-run/omni/internal/ratelimit"
)

// pace is how often the supervisor looks after Redis.
type pace struct {
	// probe is the time between two looks at a link that works, so that an
	// idle gateway notices too.
	probe time.Duration
	// retry is the first pause between two attempts to connect; it doubles up
	// to retryMax.
	retry, retryMax time.Duration
	// settled is how long a link must have worked for the next attempt to
	// come at once: a Redis that comes and goes is not returned to in haste.
	settled time.Duration
}

var defaultPace = pace{probe: time.Second, retry: 50 * time.Millisecond, retryMax: 5 * time.Second, settled: 10 * time.Second}

// next is the pause after one of wait.
func (p pace) next(wait time.Duration) time.Duration {
	return min(p.retryMax, max(p.retry, 2*wait))
}

// supervise connects, watches the link until it fails, and connects again. It
// alone writes the log: one line a change.
func (l *Limiter) supervise(ctx context.Context) {
	var wait time.Duration
	down := time.Now()
	for said := false; ; {
		k, err := l.connect(ctx)
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			if !said {
				said = true
				l.sayLocal(err)
			}
			wait = l.pace.next(wait)
			if !sleep(ctx, wait) {
				return
			}
			continue
		}
		up := time.Now()
		l.live.Store(k)
		l.opt.Log.Info("rate limits are shared", "redis", l.address, "local_seconds", up.Sub(down).Seconds())
		err = l.watch(ctx, k)
		l.live.CompareAndSwap(k, nil)
		l.parts.Go(k.client.Close)
		if err == nil {
			return
		}
		down, said = time.Now(), true
		l.sayLocal(err)
		if down.Sub(up) >= l.pace.settled {
			wait = 0
			continue
		}
		wait = l.pace.next(wait)
		if !sleep(ctx, wait) {
			return
		}
	}
}

func (l *Limiter) sayLocal(err error) {
	l.opt.Log.Warn("rate limits are local: redis is unreachable", "redis", l.address, "error", l.scrub(err),
		"share", fmt.Sprintf("1/%d", l.opt.Gateways))
}

// scrub takes the password out of an error: old servers repeat a command that
// they do not know, AUTH and all.
func (l *Limiter) scrub(err error) string {
	text := err.Error()
	if l.client.Password != "" {
		text = strings.ReplaceAll(text, l.client.Password, "(password)")
	}
	return text
}

// connect makes a link and tries it with the script itself: a replica, a full
// server or one still loading its data says no.
func (l *Limiter) connect(ctx context.Context) (*link, error) {
	client, err := rueidis.NewClient(l.client)
	if err != nil {
		if client != nil {
			l.parts.Go(client.Close)
		}
		return nil, fmt.Errorf("connecting: %w", err)
	}
	k := &link{client: client, script: l.script, timeout: l.opt.Timeout, clock: l.clock}
	if err := l.probe(ctx, k); err != nil {
		l.parts.Go(client.Close)
		return nil, fmt.Errorf("trying the script: %w", err)
	}
	return k, nil
}

func (l *Limiter) probe(ctx context.Context, k *link) error {
	_, err := k.take(ctx, l.opt.Prefix+"probe", ratelimit.Policy{Limit: 60_000, Burst: 60_000}, 1)
	return err
}

// watch returns what ended the link, or nil when ctx has ended.
func (l *Limiter) watch(ctx context.Context, k *link) error {
	tick := time.NewTicker(l.pace.probe)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-l.lost:
			return err
		case <-tick.C:
			if err := l.probe(ctx, k); err != nil {
				l.failed(k, err)
			}
		}
	}
}

// sleep waits for d, give or take a quarter, so that gateways do not come back
// in step. It reports false when ctx has ended.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d*3/4 + rand.N(d/2+1))
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
