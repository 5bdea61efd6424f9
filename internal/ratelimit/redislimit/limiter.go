// Package redislimit limits by rate across gateways: each call is decided by
// one script in Redis (or Valkey), on Redis's clock. While Redis is out of
// reach a gateway grants its share of each limit on its own, says so, and goes
// back by itself.
//
// What it guarantees: while Redis is in reach, all gateways together admit
// what one would. When Redis goes, restarts empty or comes back, a tenant may
// gain one burst, and no more; by the share, the gateways together stay within
// the rate as long as there are as many as configured.
package redislimit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/rueidis"

	"github.com/omni-run/omni/internal/ratelimit"
)

// Options of a Limiter. URL, Prefix and Log are required.
type Options struct {
	// URL such as redis://user:password@host:6379/0; rediss:// for TLS,
	// unix:///path for a socket, redis://one:6379?addr=two:6379 for a cluster,
	// and with &master_set=name for sentinels. It is never logged.
	URL string
	// Prefix of all keys.
	Prefix string
	// Timeout of one call; default 50 ms.
	Timeout time.Duration
	// Gateways is how many share the store; each grants 1/Gateways of the
	// limits while Redis is out of reach. Default 1.
	Gateways int
	// MinBurst is the least burst of a share: the cost of the dearest route.
	// Default 1.
	MinBurst int
	Log      *slog.Logger
	// Now is the clock of the local share; default time.Now.
	Now func() time.Time
}

// Limiter is a ratelimit.Limiter on Redis. Make one with New, end it with
// Close.
type Limiter struct {
	opt     Options
	client  rueidis.ClientOption
	script  *rueidis.Lua
	clock   func() time.Time
	pace    pace
	local   *ratelimit.Memory
	address string

	// live is the link that works, or nil.
	live atomic.Pointer[link]
	// lost wakes the supervisor when live has become nil.
	lost      chan error
	fallbacks atomic.Uint64
	takes     atomic.Uint64

	stop context.CancelFunc
	// parts are the supervisor and links that are being closed.
	parts sync.WaitGroup
}

var _ ratelimit.Limiter = (*Limiter)(nil)

// New makes a limiter and begins to connect; it waits for nothing. An error
// means unusable options, never that Redis is out of reach.
func New(o Options) (*Limiter, error) { return start(o, newScript(serverClock), nil, defaultPace) }

func start(o Options, script *rueidis.Lua, clock func() time.Time, p pace) (*Limiter, error) {
	client, err := clientOption(o.URL)
	if err != nil {
		return nil, err
	}
	if o.Timeout <= 0 {
		o.Timeout = 50 * time.Millisecond
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Gateways, o.MinBurst = max(1, o.Gateways), max(1, o.MinBurst)
	ctx, stop := context.WithCancel(context.Background())
	l := &Limiter{
		opt: o, client: client, script: script, clock: clock, pace: p, stop: stop,
		local: ratelimit.NewMemory(0, o.Now), address: strings.Join(client.InitAddress, ","), lost: make(chan error, 1),
	}
	l.parts.Go(func() { l.supervise(ctx) })
	return l, nil
}

// clientOption reads the URL and sets what this use needs: one connection on
// which all calls are pipelined, small buffers, and no retries, for a call
// that was sent may have been counted.
func clientOption(url string) (rueidis.ClientOption, error) {
	o, err := rueidis.ParseURL(strings.TrimSuffix(url, "/"))
	if err != nil {
		// The error would quote the URL, and with it the password.
		return rueidis.ClientOption{}, errors.New("the redis URL cannot be read; want redis://user:password@host:port/database")
	}
	o.DisableRetry, o.DisableCache, o.AlwaysPipelining = true, true, true
	o.PipelineMultiplex = -1
	o.ReadBufferEachConn, o.WriteBufferEachConn = 32<<10, 32<<10
	o.Dialer.Timeout, o.ConnWriteTimeout = time.Second, time.Second
	o.ClientName = "omni-gateway"
	// Several addresses are nodes of a cluster, or sentinels. One address is
	// taken as it is: the client finds out about clusters by clients of its
	// own, and those that fail to connect try again later and stay.
	o.ForceSingleClient = len(o.InitAddress) == 1
	if o.Sentinel.MasterSet != "" {
		o.Sentinel.TopologyRefreshInterval = 5 * time.Second
		o.Sentinel.Username, o.Sentinel.Password = o.Username, o.Password
	}
	return o, nil
}

// Take implements ratelimit.Limiter. The only error is ratelimit.ErrCost: when
// Redis does not answer in time the local share decides.
func (l *Limiter) Take(ctx context.Context, tenant string, p ratelimit.Policy, cost int) (ratelimit.Decision, error) {
	if p.Unlimited() {
		return ratelimit.Decision{Allowed: true}, nil
	}
	if cost < 1 || cost > p.Burst {
		return ratelimit.Decision{}, ratelimit.ErrCost
	}
	if k := l.live.Load(); k != nil {
		d, err := k.take(ctx, l.opt.Prefix+"t:"+tenant, p, cost)
		if err == nil {
			return d, nil
		}
		l.failed(k, err)
	}
	return l.takeLocal(ctx, tenant, p, cost)
}

// takeLocal decides by this gateway's share. Limit stays the tenant's own: it
// is what all gateways together grant.
func (l *Limiter) takeLocal(ctx context.Context, tenant string, p ratelimit.Policy, cost int) (ratelimit.Decision, error) {
	l.takes.Add(1)
	d, err := l.local.Take(ctx, tenant, share(p, l.opt.Gateways, max(l.opt.MinBurst, cost)), cost)
	d.Limit = p.Limit
	return d, err
}

// failed gives the link up if the error says so. Of many calls that fail at
// once, one does.
func (l *Limiter) failed(k *link, err error) {
	if !k.isOver(err) || !l.live.CompareAndSwap(k, nil) {
		return
	}
	l.fallbacks.Add(1)
	l.lost <- err // holds one; the supervisor takes it before the next link lives
}

// Stats describe a Limiter.
type Stats struct {
	// Shared says that Redis decides at this moment.
	Shared bool
	// Fallbacks counts how often Redis was given up.
	Fallbacks uint64
	// LocalTakes counts the calls that the local share decided.
	LocalTakes uint64
}

// Stats returns the state and the counters.
func (l *Limiter) Stats() Stats {
	return Stats{Shared: l.live.Load() != nil, Fallbacks: l.fallbacks.Load(), LocalTakes: l.takes.Load()}
}

// Scope says in words who counts at this moment.
func (l *Limiter) Scope() string {
	if l.live.Load() != nil {
		return "shared"
	}
	return "local (redis unreachable)"
}

// String says where the limits are counted, without credentials.
func (l *Limiter) String() string {
	return fmt.Sprintf("shared through redis at %s; 1/%d of each limit local to this process while that is unreachable", l.address, l.opt.Gateways)
}

// Close ends the limiter; calls after it are decided by the local share. It
// takes two seconds at the most, when Redis hangs.
func (l *Limiter) Close() error {
	l.stop()
	l.parts.Wait()
	return nil
}
