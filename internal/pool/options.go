package pool

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/omni-run/omni/internal/pool/hold"
)

// Worker says where a worker is and how to speak to it.
type Worker struct {
	// Name is unique and made of A-Z, a-z, 0-9, '.', '_' and '-'; it is a
	// metric label and shown to operators, never to callers.
	Name string
	// URL is http://host:port or https://host:port. The name is resolved anew
	// for each connection.
	URL string
	// Group sets workers of the same services apart: calls for Lane(service,
	// Group) are theirs alone, and they get no others.
	Group string
	// Resolve, unless zero, is how often the URL's name is resolved: each of its
	// addresses is then a worker of its own. Else the name is one worker, and is
	// resolved anew for each connection.
	Resolve time.Duration
	// Weight is the share of work against other workers; default 1.
	Weight float64
	// Services lists what the worker serves. Empty: whatever its health
	// answer lists.
	Services []string
	// Token, when set, is sent as X-Omni-Worker-Token.
	Token string
	// Authorize, when set, adds credentials to each request, such as a Google
	// ID token. It is called for probes too and must be quick.
	Authorize func(ctx context.Context, header http.Header) error
	// TLS is used for https; nil means the system's roots.
	TLS *tls.Config
	// Keeper, when set, brings the worker up when calls wait for it. Until then
	// it is taken to be asleep and is not probed.
	Keeper Keeper
	// Idle is how long the worker may have nothing to do before its Keeper lets
	// it go; zero keeps it for good.
	Idle time.Duration
	// WakeTimeout is how long it may take to become ready; default 10 min.
	WakeTimeout time.Duration
	// Prove says, of a worker that Change puts, that its Keeper is new or another
	// one and has to show that it can bring the worker up.
	Prove bool
	// Former says that the worker whose place it takes is reached in just the
	// same way, so that the former Keeper can stand in while this one fails.
	Former bool
}

// Options of a pool. A zero field takes its default.
type Options struct {
	Workers []Worker

	// ProbeFast bounds the wait between two probes of a worker that is not
	// ready; default 50 ms. Each wait is drawn from its upper three fifths: 20
	// to 50 ms. Those below are drawn from their upper fifth.
	ProbeFast time.Duration
	// ProbeIdle takes the place of ProbeFast once a worker has not been ready
	// for 30 s and no call is held; default 250 ms.
	ProbeIdle time.Duration
	// ProbeSlow is the wait between probes of a ready worker; default 1 s.
	ProbeSlow time.Duration
	// ProbeTimeout limits one probe; default 1 s.
	ProbeTimeout time.Duration

	// DialTimeout limits opening a connection; default 2 s.
	DialTimeout time.Duration
	// HeaderTimeout limits the wait for the head of an answer; default none
	// beyond the call's own Timeout.
	HeaderTimeout time.Duration
	// BodyTimeout limits each wait for more of an answer's body; default 60 s.
	BodyTimeout time.Duration
	// Timeout is how long a worker may take where the call does not say;
	// default 300 s.
	Timeout time.Duration
	// MaxWait is how long a call is held where it does not say, and the most
	// it may say; default 300 s.
	MaxWait time.Duration
	// Hold caps what waits; default 10,000 calls and 256 MiB in all, 1,000
	// calls and 64 MiB of one tenant. A negative cap means none.
	Hold hold.Limits
	// Credit is how many held calls a tenant that used less than its share may
	// have handed out ahead of others'; default hold.Credit. Negative: none.
	Credit int

	// Concurrency is used for workers that state no max_concurrency; default 8.
	Concurrency int
	// RetryShare is how many requests workers may receive a second time, as a
	// share of all; default 0.2. Negative: none.
	RetryShare float64
	// Attempts limits how often one call is sent; default 3.
	Attempts int
	// SlowStart is how long a worker that became ready gets less than its share;
	// default 10 s. Negative: none.
	SlowStart time.Duration
	// Outlier says when a worker is left out by comparison with the others.
	Outlier Outlier
	// EjectAfter failures in a row take a worker out of turn; default 5.
	EjectAfter int
	// EjectFor is the first time-out, doubled each time up to 30 s; default 1 s.
	EjectFor time.Duration
	// BufferBytes is the size up to which an answer is read whole before it is
	// handed out, so that a worker that dies in mid-answer is a clean 502 and
	// a slow caller holds no worker's slot; default 1 MiB. Negative: none.
	BufferBytes int64

	// Lookup resolves names; default net.DefaultResolver's.
	Lookup func(ctx context.Context, host string) ([]string, error)
	// Dial opens connections; default net.Dialer.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Logger gets what operators should know; default none.
	Logger *slog.Logger
	// Registerer takes the pool's metrics; nil leaves them unregistered.
	Registerer prometheus.Registerer
	// Now is the clock; default time.Now.
	Now func() time.Time
}

var workerName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// Bounds on what a worker may state about itself.
const (
	maxConcurrency = 4096
	maxServices    = 64
)

// withDefaults returns a copy with every field filled.
func (o Options) withDefaults() Options {
	setDefault(&o.ProbeFast, 50*time.Millisecond)
	setDefault(&o.ProbeIdle, 250*time.Millisecond)
	setDefault(&o.ProbeSlow, time.Second)
	setDefault(&o.ProbeTimeout, time.Second)
	setDefault(&o.DialTimeout, 2*time.Second)
	setDefault(&o.BodyTimeout, time.Minute)
	setDefault(&o.Timeout, 300*time.Second)
	setDefault(&o.MaxWait, 300*time.Second)
	setDefault(&o.Hold.Count, 10_000)
	setDefault(&o.Hold.Bytes, 256<<20)
	setDefault(&o.Hold.TenantCount, 1_000)
	setDefault(&o.Hold.TenantBytes, 64<<20)
	setDefault(&o.Credit, hold.Credit)
	setDefault(&o.Concurrency, 8)
	setDefault(&o.RetryShare, 0.2)
	setDefault(&o.Attempts, 3)
	setDefault(&o.SlowStart, 10*time.Second)
	setDefault(&o.Outlier.Window, 10*time.Second)
	setDefault(&o.Outlier.MinCalls, 20)
	setDefault(&o.Outlier.ErrorShare, 0.5)
	setDefault(&o.Outlier.LatencyFactor, 5)
	setDefault(&o.Outlier.MaxShare, 0.5)
	setDefault(&o.EjectAfter, 5)
	setDefault(&o.EjectFor, time.Second)
	setDefault(&o.BufferBytes, 1<<20)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Lookup == nil {
		o.Lookup = net.DefaultResolver.LookupHost
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

func setDefault[T int | int64 | float64 | time.Duration](field *T, value T) {
	if *field == 0 {
		*field = value
	}
}

// validate checks fields against each other.
func (o *Options) validate() error {
	for name, d := range map[string]time.Duration{
		"ProbeFast": o.ProbeFast, "ProbeIdle": o.ProbeIdle, "ProbeSlow": o.ProbeSlow,
		"ProbeTimeout": o.ProbeTimeout, "DialTimeout": o.DialTimeout, "HeaderTimeout": o.HeaderTimeout,
		"BodyTimeout": o.BodyTimeout, "Timeout": o.Timeout, "MaxWait": o.MaxWait, "EjectFor": o.EjectFor,
	} {
		if d < 0 {
			return fmt.Errorf("pool: %s = %v must not be negative", name, d)
		}
	}
	if o.ProbeFast > o.ProbeSlow {
		return fmt.Errorf("pool: ProbeFast = %v must not exceed ProbeSlow = %v", o.ProbeFast, o.ProbeSlow)
	}
	if o.Concurrency < 1 || o.Concurrency > maxConcurrency {
		return fmt.Errorf("pool: Concurrency = %d must be in [1, %d]", o.Concurrency, maxConcurrency)
	}
	if o.Attempts < 1 || o.EjectAfter < 1 {
		return fmt.Errorf("pool: Attempts = %d and EjectAfter = %d must be at least 1", o.Attempts, o.EjectAfter)
	}
	if !(o.RetryShare <= 1) {
		return fmt.Errorf("pool: RetryShare = %v must not exceed 1", o.RetryShare)
	}
	if x := o.Outlier; x.Window < 0 || x.MinCalls < 1 || !(x.ErrorShare > 0) || !(x.MaxShare >= 0 && x.MaxShare <= 1) || x.LatencyFactor != x.LatencyFactor {
		return fmt.Errorf("pool: Outlier = %+v is out of range", x)
	}
	seen := map[string]bool{}
	for _, w := range o.Workers {
		if !workerName.MatchString(w.Name) || seen[w.Name] {
			return fmt.Errorf("pool: worker name %q must be unique and match %v", w.Name, workerName)
		}
		seen[w.Name] = true
		if w.Group != "" && !workerName.MatchString(w.Group) {
			return fmt.Errorf("pool: worker %s: Group = %q must match %v", w.Name, w.Group, workerName)
		}
		if w.Weight < 0 || w.Weight > 1e6 || w.Weight != w.Weight {
			return fmt.Errorf("pool: worker %s: Weight = %v must be in [0, 1e6]", w.Name, w.Weight)
		}
		if w.Idle < 0 || w.WakeTimeout < 0 || w.Resolve < 0 {
			return fmt.Errorf("pool: worker %s: Idle = %v, WakeTimeout = %v and Resolve = %v must not be negative", w.Name, w.Idle, w.WakeTimeout, w.Resolve)
		}
		if len(w.Services) > maxServices {
			return fmt.Errorf("pool: worker %s: more than %d services", w.Name, maxServices)
		}
	}
	return nil
}
