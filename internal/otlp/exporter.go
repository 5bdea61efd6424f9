package otlp

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options of an Exporter.
type Options struct {
	// Endpoint is the collector's URL; /v1/traces is added if it has no path.
	Endpoint string
	// Headers go with each export, such as an API key. They are never logged.
	Headers  map[string]string
	Resource Resource
	Client   *http.Client
	Log      *slog.Logger
	// Queue is how many spans wait at most (default 4,096), Batch how many are
	// sent together (512), Every how long a span waits for others (2 s),
	// Timeout how long one export may take (10 s), Attempts how often one is
	// tried (4).
	Queue, Batch   int
	Every, Timeout time.Duration
	Attempts       int
	// Pause is the wait before the second attempt (500 ms); it doubles.
	Pause time.Duration
}

// Exporter collects spans and sends them in the background. What the collector
// does not take in time is dropped and counted: traces must never hold up
// calls or fill memory.
type Exporter struct {
	opt     Options
	spans   chan Span
	stop    chan struct{}
	once    sync.Once
	done    chan struct{}
	ctx     context.Context // of exports, ended by Close
	cancel  context.CancelFunc
	sent    atomic.Uint64
	dropped atomic.Uint64
	warned  time.Time // of the sending goroutine alone
}

// ParseHeaders reads what OTEL_EXPORTER_OTLP_HEADERS holds: name=value pairs
// with commas between, values percent-encoded.
func ParseHeaders(text string) map[string]string {
	out := map[string]string{}
	for pair := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(strings.TrimSpace(pair), "=")
		if !ok || name == "" {
			continue
		}
		if plain, err := url.PathUnescape(value); err == nil {
			value = plain
		}
		out[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return out
}

// New checks the options and starts the exporter. Close ends it.
func New(o Options) (*Exporter, error) {
	if !strings.HasPrefix(o.Endpoint, "http://") && !strings.HasPrefix(o.Endpoint, "https://") {
		return nil, errors.New("the endpoint for traces is no http:// or https:// URL")
	}
	if _, rest, _ := strings.Cut(o.Endpoint, "://"); !strings.Contains(strings.TrimRight(rest, "/"), "/") {
		o.Endpoint = strings.TrimRight(o.Endpoint, "/") + "/v1/traces"
	}
	orDefault(&o.Queue, 4096)
	orDefault(&o.Batch, 512)
	orDefault(&o.Every, 2*time.Second)
	orDefault(&o.Timeout, 10*time.Second)
	orDefault(&o.Attempts, 4)
	orDefault(&o.Pause, 500*time.Millisecond)
	if o.Client == nil {
		o.Client = &http.Client{Transport: http.DefaultTransport.(*http.Transport).Clone()}
	}
	e := &Exporter{opt: o, spans: make(chan Span, o.Queue), stop: make(chan struct{}), done: make(chan struct{})}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	go e.run()
	return e, nil
}

func orDefault[T comparable](v *T, value T) {
	var zero T
	if *v == zero {
		*v = value
	}
}

// Record hands a span over. It never waits: a span that finds the queue full
// is dropped.
func (e *Exporter) Record(s Span) {
	select {
	case <-e.stop:
		e.dropped.Add(1)
		return
	default:
	}
	select {
	case e.spans <- s:
	default:
		e.dropped.Add(1)
	}
}

// Stats returns how many spans the collector took and how many were dropped.
func (e *Exporter) Stats() (sent, dropped uint64) { return e.sent.Load(), e.dropped.Load() }

// Close sends what waits, until the context ends, and stops the exporter.
func (e *Exporter) Close(ctx context.Context) error {
	e.once.Do(func() { close(e.stop) })
	defer e.opt.Client.CloseIdleConnections()
	select {
	case <-e.done:
		return nil
	case <-ctx.Done():
		e.cancel() // an export that hangs
		<-e.done
		return fmt.Errorf("sending the last traces: %w", context.Cause(ctx))
	}
}

func (e *Exporter) run() {
	defer close(e.done)
	defer e.cancel()
	var batch []Span
	due := time.NewTimer(e.opt.Every)
	defer due.Stop()
	for {
		select {
		case s := <-e.spans:
			if len(batch) == 0 {
				due.Reset(e.opt.Every)
			}
			if batch = append(batch, s); len(batch) < e.opt.Batch {
				continue
			}
		case <-due.C:
		case <-e.stop:
			e.drain(batch)
			return
		}
		e.export(batch)
		batch = batch[:0]
	}
}

// drain sends the batch and all that is queued.
func (e *Exporter) drain(batch []Span) {
	for {
		select {
		case s := <-e.spans:
			if batch = append(batch, s); len(batch) == e.opt.Batch {
				e.export(batch)
				batch = batch[:0]
			}
		default:
			e.export(batch)
			return
		}
	}
}

// export sends one batch, again where the protocol allows it.
func (e *Exporter) export(batch []Span) {
	if len(batch) == 0 {
		return
	}
	body, err := encode(e.opt.Resource, batch)
	pause := e.opt.Pause
	for attempt := 1; err == nil; attempt++ {
		var again bool
		var wait time.Duration
		var rejected int
		rejected, again, wait, err = e.post(body)
		if err == nil {
			e.sent.Add(uint64(len(batch) - min(rejected, len(batch))))
			e.dropped.Add(uint64(min(rejected, len(batch))))
			return
		}
		if !again || attempt == e.opt.Attempts || !e.sleep(max(pause, wait)) {
			break
		}
		err, pause = nil, 2*pause
	}
	e.dropped.Add(uint64(len(batch)))
	if now := time.Now(); now.Sub(e.warned) > time.Minute {
		e.warned = now
		e.opt.Log.Warn("traces were dropped", "spans", len(batch), "err", err)
	}
}

// sleep waits, unless the exporter is told to stop; then one more attempt is
// made at once while Close still waits.
func (e *Exporter) sleep(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-e.stop:
		return e.ctx.Err() == nil
	}
}

// tryAgain are the statuses after which OTLP allows another attempt.
var tryAgain = []int{http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout}

// post makes one attempt. again says that the protocol allows another, wait
// for how long the collector asks to be left alone.
func (e *Exporter) post(body []byte) (rejected int, again bool, wait time.Duration, err error) {
	ctx, cancel := context.WithTimeout(e.ctx, e.opt.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, e.opt.Endpoint, bytes.NewReader(body))
	if err != nil {
		return 0, false, 0, fmt.Errorf("making an export: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	for k, v := range e.opt.Headers {
		req.Header.Set(k, v)
	}
	res, err := e.opt.Client.Do(req)
	if err != nil {
		return 0, true, 0, fmt.Errorf("exporting traces: %w", err)
	}
	defer func() { _ = res.Body.Close() }()                         // read below as far as it matters
	answer, readErr := io.ReadAll(io.LimitReader(res.Body, 64<<10)) // an answer that ends early has been taken
	switch {
	case res.StatusCode/100 == 2:
		var partial struct {
			PartialSuccess struct {
				RejectedSpans json.Number `json:"rejectedSpans"`
			} `json:"partialSuccess"`
		}
		if readErr != nil || json.Unmarshal(answer, &partial) != nil {
			return 0, false, 0, nil
		}
		n, _ := strconv.Atoi(partial.PartialSuccess.RejectedSpans.String()) // absent: 0
		return n, false, 0, nil
	case slices.Contains(tryAgain, res.StatusCode):
		seconds, _ := strconv.Atoi(res.Header.Get("Retry-After")) // absent: 0
		return 0, true, min(time.Duration(seconds)*time.Second, 30*time.Second), fmt.Errorf("the collector answers %d", res.StatusCode)
	}
	return 0, false, 0, fmt.Errorf("the collector answers %d", res.StatusCode)
}
