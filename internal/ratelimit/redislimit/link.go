package redislimit

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/omni-run/omni/internal/ratelimit"
)

const (
	// maxInFlight is below the 1,024 calls that the client's ring holds, for
	// putting one more would block without a time limit.
	maxInFlight = 1000
	// maxMisses is how many calls in a row may run out of time before the link
	// is given up. Any other failure ends it at once.
	maxMisses = 3
)

// errBusy says that more calls are under way than the link carries.
var errBusy = errors.New("too many calls to redis are under way")

// link is one connection to Redis, from when it answered to when it failed. It
// is never mended: the next one begins with nothing of its predecessor's.
type link struct {
	client  rueidis.Client
	script  *rueidis.Lua
	timeout time.Duration
	// clock gives the script's time instead of the server; nil but in tests.
	clock func() time.Time

	inFlight atomic.Int32
	misses   atomic.Int32
}

// take runs the script on a key. Once it is sent it runs to its end or its
// time-out even if the caller leaves: what Redis has counted is counted.
func (k *link) take(ctx context.Context, key string, p ratelimit.Policy, cost int) (ratelimit.Decision, error) {
	defer k.inFlight.Add(-1)
	if k.inFlight.Add(1) > maxInFlight {
		return ratelimit.Decision{}, errBusy
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), k.timeout)
	defer cancel()
	args := make([]string, 3, 4)
	args[0] = strconv.FormatInt(int64(p.Interval()), 10)
	args[1] = strconv.Itoa(p.Burst)
	args[2] = strconv.Itoa(cost)
	if k.clock != nil {
		args = append(args, strconv.FormatInt(k.clock().UnixMicro(), 10))
	}
	d, err := decision(p, k.script.Exec(ctx, k.client, []string{key}, args))
	if err == nil && k.misses.Load() != 0 {
		k.misses.Store(0)
	}
	return d, err
}

// isOver reports whether the failure of a call means that the link is of no
// more use.
func (k *link) isOver(err error) bool {
	switch {
	case errors.Is(err, errBusy):
		return false
	case errors.Is(err, context.DeadlineExceeded):
		return k.misses.Add(1) >= maxMisses
	}
	return true
}
