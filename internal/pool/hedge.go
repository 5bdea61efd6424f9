package pool

import (
	"context"
	"io"
	"time"
)

// tried is how one of two attempts ended.
type tried struct {
	worker  *worker
	resp    *Response
	failure *attemptFailure
	cancel  context.CancelFunc
}

// hedged is attempt with a second one, on another worker, when the first has
// not answered after the time given. The first good answer counts, the other attempt
// is called off. It returns the worker that answered, or failed last.
func (p *Pool) hedged(ctx context.Context, w *worker, req *Request, after, timeout time.Duration) (*Response, *worker, *attemptFailure) {
	begun := p.opts.Now()
	ended := make(chan tried, 2)
	calls := make([]tried, 0, 2)
	launch := func(w *worker, left time.Duration) {
		ctx, cancel := context.WithCancel(ctx)
		calls = append(calls, tried{worker: w, cancel: cancel})
		go func() {
			resp, failure := p.attempt(ctx, w, req, left)
			ended <- tried{w, resp, failure, cancel}
		}()
	}
	launch(w, timeout)
	timer := time.NewTimer(after)
	defer timer.Stop()
	for pending := 1; ; {
		select {
		case <-timer.C:
			if second := p.pickHedge(req, w); second != nil {
				launch(second, timeout-p.opts.Now().Sub(begun))
				pending++
			}
		case t := <-ended:
			pending--
			if t.failure != nil {
				t.cancel()
				if pending > 0 {
					continue // the other may do better
				}
				return nil, t.worker, t.failure
			}
			callOff(calls, t.worker, ended, pending)
			t.resp.Body = &cancelled{t.resp.Body, t.cancel}
			if t.worker != w {
				p.metrics.hedges.WithLabelValues("won").Inc()
			}
			return t.resp, t.worker, nil
		}
	}
}

// callOff ends the attempt that lost.
func callOff(calls []tried, winner *worker, ended <-chan tried, pending int) {
	for _, c := range calls {
		if c.worker != winner {
			c.cancel()
		}
	}
	for range pending {
		go func() { // it ends with the attempt, for whose slot Stop waits
			if t := <-ended; t.resp != nil {
				_ = t.resp.Body.Close() // a good answer that came too late
			}
		}()
	}
}

// pickHedge takes a slot of another worker, if one is free now and the retry
// budget allows it.
func (p *Pool) pickHedge(req *Request, first *worker) *worker {
	p.mu.Lock()
	defer p.mu.Unlock()
	second := p.pickLocked(req.Service, first)
	if second == nil || second == first || p.stopping {
		return nil
	}
	if !p.budget.spend() {
		p.metrics.exhausted()
		return nil
	}
	p.takeLocked(second)
	p.metrics.hedges.WithLabelValues("sent").Inc()
	return second
}

// cancelled ends the context of an answer when it is closed.
type cancelled struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (c *cancelled) Close() error {
	err := c.ReadCloser.Close()
	c.cancel()
	return err
}
