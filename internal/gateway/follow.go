package gateway

import (
	"context"
	"crypto/sha256"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/omni-run/omni/internal/config"
)

// lookEvery is how often the configuration's files are looked at. What has
// changed is taken when it is the same a look later: a file that is being
// written may well be valid half way.
const lookEvery = time.Second

// follower reads the configuration again on SIGHUP, and when its files have
// changed.
type follower struct {
	source *config.Source
	hangup chan os.Signal
	seen   [sha256.Size]byte
}

// newFollower takes SIGHUP from now on, which would end the process, and
// remembers what the files hold: c.
func newFollower(source *config.Source, c config.Config) *follower {
	f := &follower{source: source, hangup: make(chan os.Signal, 1)}
	if source != nil {
		signal.Notify(f.hangup, syscall.SIGHUP)
		f.seen = source.Fingerprint(c)
	}
	return f
}

func (f *follower) close() { signal.Stop(f.hangup) }

// run follows until ctx ends. How each attempt ended is logged, counted and
// shown by l.
func (f *follower) run(ctx context.Context, l *liveConfig) {
	if f.source == nil {
		return
	}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	pending := f.seen
	for {
		cause := "file"
		select {
		case <-ctx.Done():
			return
		case <-f.hangup:
			cause = "signal"
			f.seen = f.source.Fingerprint(*l.running())
		case <-tick.C:
			now := f.source.Fingerprint(*l.running())
			if now == f.seen || now != pending {
				pending = now
				continue
			}
			f.seen = now
		}
		pending = f.seen
		_, _ = l.reload(ctx, cause) // logged, counted, and kept where operators look
	}
}
