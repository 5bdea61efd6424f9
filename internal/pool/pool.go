// Package pool runs calls on workers: it knows which worker is ready for which
// service, holds calls fairly until one is, never gives a worker more than it
// says it can take, and sends a call twice only when that cannot run it twice.
package pool

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/omni-run/omni/internal/pool/hold"
	"github.com/omni-run/omni/internal/pool/upstream"
)

// Pool is a set of workers. Safe for concurrent use.
type Pool struct {
	opts        Options
	budget      *budget
	metrics     *metrics
	names       map[string]*worker
	longestWait atomic.Int64 // Options.MaxWait, in nanoseconds
	// lastDeadline is that of the latest call, in words.
	lastDeadline atomic.Pointer[deadlineText]

	mu      sync.Mutex
	workers []*worker
	members map[string]*member // by configured name
	queue   *hold.Queue[*waiter]
	// starts is how long each service took to become ready, smoothed.
	starts map[string]time.Duration
	// latencies is how long each service's calls take.
	latencies map[string]*digest
	// going are the woken workers on their way out, by name: one that takes the
	// name anew begins after them.
	going    map[string]*rest
	window   time.Time // when calls began to be gathered to compare workers
	rotate   int       // where the search for the least loaded worker begins
	inFlight int
	stopping bool
	drained  chan struct{} // closed when stopping and nothing is in flight

	lifecycle sync.Mutex
	cancel    context.CancelFunc // nil unless started
	base      context.Context    //nolint:containedctx // of the probing, which Change adds to
	probers   sync.WaitGroup
	keepers   sync.WaitGroup

	// Copies of calls end with the pool.
	mirrors       sync.WaitGroup
	mirrorSlots   chan struct{}
	mirrorContext context.Context //nolint:containedctx // of what outlives the calls that began it
	mirrorCancel  context.CancelFunc

	stopped bool
}

// New makes a pool; it knows no worker's state until Start.
func New(options Options) (*Pool, error) {
	opts := options.withDefaults()
	if err := opts.validate(); err != nil {
		return nil, err
	}
	p := &Pool{
		opts:      opts,
		budget:    newBudget(opts.RetryShare),
		names:     map[string]*worker{},
		latencies: map[string]*digest{},
		going:     map[string]*rest{},
		members:   map[string]*member{},
		queue:     hold.New[*waiter](opts.Hold),
		starts:    map[string]time.Duration{},
		drained:   make(chan struct{}), mirrorSlots: make(chan struct{}, mirrorsAtOnce),
	}
	p.longestWait.Store(int64(opts.MaxWait))
	p.queue.SetCredit(float64(opts.Credit))
	for _, config := range opts.Workers {
		m, err := newMember(config, &opts)
		if err != nil {
			return nil, err
		}
		p.members[config.Name] = m
		for _, w := range m.workers() {
			p.workers = append(p.workers, w)
			p.names[w.Name] = w
		}
	}
	p.window = opts.Now()
	p.metrics = newMetrics(p)
	if opts.Registerer != nil {
		if err := p.metrics.register(opts.Registerer); err != nil {
			return nil, fmt.Errorf("pool: registering metrics: %w", err)
		}
	}
	return p, nil
}

func newWorker(config Worker, opts *Options) (*worker, error) {
	base, err := url.Parse(config.URL)
	if err != nil {
		return nil, fmt.Errorf("pool: worker %s: address is not a URL", config.Name)
	}
	client, err := upstream.New(base, upstream.Options{
		Dial: opts.Dial, DialTimeout: opts.DialTimeout, HeaderTimeout: opts.HeaderTimeout,
		BodyTimeout: opts.BodyTimeout, TLS: config.TLS,
	})
	if err != nil {
		return nil, fmt.Errorf("pool: worker %s: %w", config.Name, err)
	}
	setDefault(&config.Weight, 1)
	setDefault(&config.WakeTimeout, 10*time.Minute)
	w := &worker{
		Worker: config, client: client, kick: make(chan struct{}, 1),
		limit: opts.Concurrency, since: opts.Now(),
		breaker: breaker{after: opts.EjectAfter, base: opts.EjectFor},
	}
	if config.Keeper != nil {
		w.rest = newRest(w)
	}
	w.label = config.Name
	if len(config.Services) > 0 {
		w.static = map[string]bool{}
		for _, s := range config.Services {
			w.static[Lane(s, w.Group)] = true
		}
	}
	return w, nil
}

// Start begins to probe the workers, in the background, until Stop is called
// or ctx ends. Only the first call counts.
func (p *Pool) Start(ctx context.Context) error {
	p.lifecycle.Lock()
	defer p.lifecycle.Unlock()
	p.mu.Lock()
	stopping := p.stopping
	p.mu.Unlock()
	if stopping {
		return errors.New("pool: start after stop")
	}
	if p.cancel != nil {
		return nil
	}
	ctx, p.cancel = context.WithCancel(ctx)
	p.base = ctx
	p.mirrorContext, p.mirrorCancel = context.WithCancel(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.members {
		p.beginMember(ctx, m)
	}
	return nil
}

// Stop refuses new and held calls, waits for those in flight until ctx ends,
// and ends the probing. It is idempotent.
func (p *Pool) Stop(ctx context.Context) error {
	p.mu.Lock()
	if !p.stopping {
		p.stopping = true
		for p.refuseNextLocked(func(string) bool { return true }, errStopping()) {
		}
		if p.inFlight == 0 {
			close(p.drained)
		}
	}
	p.mu.Unlock()
	p.lifecycle.Lock()
	p.stopMirrors() // nobody waits for them, and they hold slots
	p.lifecycle.Unlock()
	var err error
	select {
	case <-p.drained:
	case <-ctx.Done():
		err = fmt.Errorf("pool: calls still in flight: %w", ctx.Err())
	}
	p.lifecycle.Lock()
	defer p.lifecycle.Unlock()
	if p.cancel != nil {
		p.cancel()
	}
	p.probers.Wait()
	// Where calls still run, the first Stop does not wait for the workers to
	// end: their callers must hear of it in time.
	if err == nil || p.stopped {
		p.keepers.Wait()
	}
	p.stopped = true
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.workers {
		w.client.Close()
	}
	return err
}

// startWatch begins to probe one worker.
func (p *Pool) startWatch(ctx context.Context, w *worker) {
	ctx, w.cancel = context.WithCancel(ctx)
	p.probers.Go(func() { p.watch(ctx, w) })
}
