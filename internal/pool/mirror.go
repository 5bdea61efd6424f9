package pool

import (
	"bytes"
	"context"
	"io"
	"slices"
)

// Outcomes of a mirrored call: the values of a metric label.
const (
	mirrorAnswered = "answered"
	mirrorFailed   = "failed"
	mirrorDropped  = "dropped" // too many at a time, or no worker free
)

// mirrorsAtOnce bounds the copies under way.
const mirrorsAtOnce = 32

// mirror sends a copy of a call to the workers of another group. Nobody waits
// for its answer, which is dropped; a copy that finds no worker free is, too.
func (p *Pool) mirror(req *Request) {
	select {
	case p.mirrorSlots <- struct{}{}:
	default:
		p.metrics.mirrored.WithLabelValues(mirrorDropped).Inc()
		return
	}
	copied := *req
	copied.Service, copied.Mirror, copied.Hedge, copied.HedgePercentile = req.Mirror, "", 0, 0
	copied.Header, copied.Fields, copied.Body = req.Header.Clone(), slices.Clone(req.Fields), bytes.Clone(req.Body)
	p.lifecycle.Lock()
	defer p.lifecycle.Unlock()
	if p.cancel == nil || p.mirrorContext.Err() != nil {
		<-p.mirrorSlots
		return // not started yet, or stopping
	}
	ctx := p.mirrorContext
	p.mirrors.Go(func() {
		defer func() { <-p.mirrorSlots }()
		p.metrics.mirrored.WithLabelValues(p.sendMirrored(ctx, &copied)).Inc()
	})
}

func (p *Pool) sendMirrored(ctx context.Context, req *Request) string {
	ctx, cancel := context.WithTimeout(ctx, p.timeout(req))
	defer cancel()
	p.mu.Lock()
	w := p.pickLocked(req.Service, nil)
	if w == nil || p.stopping {
		p.mu.Unlock()
		return mirrorDropped
	}
	p.takeLocked(w)
	p.mu.Unlock()
	resp, failure := p.attempt(ctx, w, req, p.timeout(req))
	if failure != nil {
		return mirrorFailed
	}
	_, err := io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close() // all of it was read, or cannot be
	if err != nil || resp.Status >= 500 {
		return mirrorFailed
	}
	return mirrorAnswered
}

// stopMirrors ends the copies under way.
func (p *Pool) stopMirrors() {
	if p.mirrorCancel != nil {
		p.mirrorCancel()
	}
	p.mirrors.Wait()
}
