package pool

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/pool/upstream"
)

// Do runs one call on a worker and returns its answer, whatever its status.
// It waits in the queue while no worker can take the call. Errors are
// *api.Error, or the context's own when the caller has gone; then the worker's
// connection is closed, so that it can stop too.
func (p *Pool) Do(ctx context.Context, req *Request) (*Response, error) {
	resp, err := p.do(ctx, req)
	if err != nil {
		p.metrics.refused(err)
	}
	return resp, err
}

func (p *Pool) do(ctx context.Context, req *Request) (*Response, error) {
	if !safePath(req.Path) {
		return nil, errBadRequest(errors.New("path is not below " + api.InternalPrefix))
	}
	p.budget.earn()
	if req.Mirror != "" {
		p.mirror(req) //nolint:contextcheck // the copy outlives the call
	}
	arrived := p.opts.Now()
	until := arrived.Add(p.maxWait(req))
	var (
		queued, spent time.Duration
		cold          bool
		avoid         *worker
	)
	for attempt, counted := 1, 0; ; attempt++ {
		w, waited, err := p.acquire(ctx, req, until, avoid, attempt > 1)
		if errors.Is(err, errFallBack) {
			other := *req
			other.Service, other.Fallback = req.Fallback, ""
			req = &other
			w, waited, err = p.acquire(ctx, req, until, avoid, attempt > 1)
		}
		began := p.opts.Now()
		wait := began.Sub(arrived)
		queued += wait
		cold = cold || waited
		p.metrics.waited(req.Service, wait)
		if err != nil {
			return nil, err
		}
		var resp *Response
		var failure *attemptFailure
		if after := p.hedgeAfter(req); after > 0 {
			resp, w, failure = p.hedged(ctx, w, req, after, p.timeout(req)-spent)
		} else {
			resp, failure = p.attempt(ctx, w, req, p.timeout(req)-spent)
		}
		arrived = p.opts.Now() // at the queue once more, if it comes to that
		spent += arrived.Sub(began)
		if failure == nil {
			resp.Queue, resp.Worker = queued, arrived.Sub(began)
			resp.Cold, resp.Attempts = cold, attempt
			if cold {
				p.metrics.cold(req.Service)
			}
			return resp, nil
		}
		// A worker that is full by its own count, or could not be reached, gets
		// its next call when a probe or an answer says that it takes one:
		// waiting, not trying again.
		if failure.class != classBusy && !failure.unsent {
			counted++
		}
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil, ctx.Err() // whatever the worker said, nobody listens
		}
		if ctx.Err() != nil || !failure.again || counted >= p.opts.Attempts {
			return nil, failure.err
		}
		if spent >= p.timeout(req) {
			return nil, errDeadline("workers' time, all attempts together").Because(failure.err)
		}
		// The budget is for work done twice. A call that no worker has begun
		// adds none, and its worker gets no more until a probe says so.
		if failure.ran && !p.budget.spend() {
			p.metrics.exhausted()
			return nil, failure.err
		}
		p.metrics.retried(failure.class)
		avoid = w
	}
}

func (p *Pool) maxWait(req *Request) time.Duration {
	switch {
	case req.MaxWait < 0:
		return 0
	case req.MaxWait == 0:
		return p.longest()
	}
	return min(req.MaxWait, p.longest())
}

func (p *Pool) timeout(req *Request) time.Duration {
	if req.Timeout <= 0 {
		return p.opts.Timeout
	}
	return req.Timeout
}

// attemptFailure is why one attempt gave no answer.
type attemptFailure struct {
	err   error
	class string
	// again is true when sending the call once more cannot run it twice, or
	// may.
	again bool
	// ran is true when a worker may have begun to run the call.
	ran bool
	// unsent is true when no byte of the call went out, and the worker will
	// get none before a probe has reached it.
	unsent bool
}

// attempt sends the call to w, on which it holds a slot, and gives the slot
// back: at once on failure or when the answer is complete, else when the
// answer's body is done. The worker has until timeout, body included.
func (p *Pool) attempt(ctx context.Context, w *worker, req *Request, timeout time.Duration) (*Response, *attemptFailure) {
	now := time.Now()
	deadline := now.Add(timeout)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	a := &attempt{lease: lease{pool: p, worker: w, service: req.Service, began: p.opts.Now(), deadline: deadline}}
	slot := &a.lease
	header := forwardable(req)
	if w.Authorize != nil {
		header = forwardHeader(req) // its own, to be added to
		if err := w.Authorize(ctx, header); err != nil {
			slot.release(classAuth)
			return nil, &attemptFailure{err: errUnreachable(req.Service).Because(err), class: classAuth, again: true}
		}
	}
	a.request = upstream.Request{
		Method: req.Method, Path: req.Path, RawQuery: req.RawQuery, Header: header, Fields: req.Fields, Body: req.Body,
		Extra:    p.extraFields(a.extra[:0], req, w.Token, deadline.Sub(now)),
		Deadline: deadline, // a second attempt is decided here, within the budget
	}
	answer, err := w.client.Do(ctx, &a.request)
	if err != nil {
		return nil, p.failed(ctx, slot, req, err)
	}
	slot.status = answer.Status
	cleanAnswer(answer.Header)
	a.response = Response{Status: answer.Status, Header: answer.Header, WorkerName: w.Name}
	resp := &a.response
	content, held, whole, err := p.buffer(answer)
	if err != nil {
		held.free()
		_ = answer.Body.Close()
		return nil, p.failed(ctx, slot, req, err)
	}
	if failure := p.judge(slot, req, answer, content, whole); failure != nil {
		held.free()
		_ = answer.Body.Close()
		return nil, failure
	}
	if whole {
		_ = answer.Body.Close()
		a.content.Reset(content)
		a.content.buffer = held
		resp.Body = &a.content
		slot.release("")
		return resp, nil
	}
	slot.took = p.opts.Now().Sub(slot.began) // how long the caller reads is not the worker's doing
	resp.Body = &streamed{prefix: content, body: answer.Body, slot: slot}
	return resp, nil
}

// attempt is one call on one worker, from its slot to its answer's body, in one
// piece of memory.
type attempt struct {
	lease    lease
	request  upstream.Request
	extra    [3]upstream.Field
	response Response
	content  wholeBody
}

// wholeBody is a body that has been read. Its memory is used again after Close.
type wholeBody struct {
	bytes.Reader
	buffer *answerBuffer
}

// Close implements io.Closer.
func (b *wholeBody) Close() error {
	b.Reset(nil)
	b.buffer.free()
	b.buffer = nil
	return nil
}

// failed says what a broken exchange means for the call and for the worker.
func (p *Pool) failed(ctx context.Context, slot *lease, req *Request, err error) *attemptFailure {
	if ctx.Err() != nil {
		slot.release(classNone)
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return &attemptFailure{err: errDeadline("while the worker ran it").Because(err)}
		}
		return &attemptFailure{err: ctx.Err()}
	}
	var failure *upstream.Error
	if errors.As(err, &failure) && failure.Stage == upstream.StageRequest {
		slot.release(classNone)
		return &attemptFailure{err: errBadRequest(err)}
	}
	class := classify(err)
	notSent := failure != nil && !failure.Sent
	if notSent && !time.Now().Before(slot.deadline) {
		slot.release(classNone) // it was the call that had no time left
		return &attemptFailure{err: errDeadline("while it was sent to a worker").Because(err)}
	}
	if notSent {
		p.mu.Lock()
		p.suspectLocked(slot.worker, req.Service, classDial)
		p.mu.Unlock()
		slot.release(class)
		return &attemptFailure{err: errUnreachable(req.Service).Because(err), class: class, again: true, unsent: true}
	}
	slot.release(class)
	if class == classTimeout {
		return &attemptFailure{err: errDeadline("while the worker ran it").Because(err), class: class}
	}
	return &attemptFailure{err: errWorkerFailed().Because(err), class: class, again: req.Idempotent, ran: true}
}

// classNone tells nothing about the worker: the caller left, or asked for
// something that cannot be sent.
const classNone = "none"

// lease is one slot of a worker.
type lease struct {
	pool   *Pool
	worker *worker
	// deadline of the call that holds it, which began then.
	deadline, began time.Time
	service         string
	took            time.Duration // until the head of a streamed answer
	status          int           // of the answer; zero before it
	done            bool
}

// release gives the slot back and tells the breaker how it went: class is
// empty for well, or why not. Releasing twice is a programmer's mistake.
func (l *lease) release(class string) {
	if l.done {
		panic("pool: slot released twice")
	}
	l.done = true
	p, w := l.pool, l.worker
	now := p.opts.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	if ran := class != classNone && class != classRefused && class != classBusy && class != classAuth; ran {
		if l.took == 0 {
			l.took = now.Sub(l.began)
		}
		w.tally.note(l.service, l.took, class != "" || l.status == http.StatusInternalServerError)
		p.compareLocked(now)
		if class == "" && l.status < http.StatusBadRequest {
			p.latencyLocked(l.service, l.took)
		}
	}
	switch class {
	case "":
		w.breaker.succeed()
		w.full = false
	case classNone:
	case classRefused, classBusy:
		w.lastErr = class
	default:
		w.lastErr = class
		p.metrics.failed(w.label, class)
		if class == classBroken || class == classGarbage {
			p.suspectLocked(w, "", class)
		}
		if w.breaker.fail(now) {
			p.opts.Logger.Warn("worker is left out after failures in a row", "worker", w.Name, "class", class)
		}
	}
	p.giveBackLocked(w)
}
