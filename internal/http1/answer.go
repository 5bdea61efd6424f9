package http1

import (
	"net/http"
	"runtime"
	"runtime/debug"
	"time"
)

// crowd is how many requests under way make one let the others go first before
// its answer is sent. What they have to compute is then computed first, and the
// answers leave one right behind the other: whoever reads them is awake for the
// next one, where it would have to be woken for each. That is a fifth of the
// whole cost of a request when the gateway has one processor, and no wait worth
// the name, because those others would have had their turn anyway.
const crowd = 4

// answer runs the handler and writes its answer. It returns false when the
// connection is to be closed.
func (c *conn) answer(h *head) (more bool, fault *FaultError) {
	call := &call{ctx: callContext{base: c.s.Base}}
	r, fault := c.request(h, call)
	if fault != nil {
		return false, fault
	}
	w := &c.res
	w.begin(call, h)
	c.requests++
	crowded := c.s.flights.begin(c, call) >= crowd
	whole := c.handle(w, r)
	if whole {
		if crowded {
			runtime.Gosched()
		}
		w.finish()
		if crowded {
			runtime.Gosched() // and then the next request is there, and need not be waited for
		}
	}
	if c.s.flights.end(c) {
		c.endWatch()
	}
	call.ctx.cancel()
	switch {
	case !whole || w.cut || c.broken:
		return false, nil
	case w.closes:
		if !call.body.done.Load() || c.w > c.r {
			c.linger()
		}
		return false, nil
	}
	return call.body.discard(), nil
}

// handle runs the handler. It returns false if that panicked, which breaks the
// connection off.
func (c *conn) handle(w *response, r *http.Request) (whole bool) {
	defer func() {
		if whole {
			return
		}
		if p := recover(); p != nil && p != http.ErrAbortHandler { //nolint:errorlint // a panic's value, compared as net/http does
			c.s.Log.Error("panic in a handler", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	c.s.Handler.ServeHTTP(w, r)
	return true
}

// blank is what requests are made of.
var blank http.Request

// request is the head as handlers know it.
func (c *conn) request(h *head, call *call) (*http.Request, *FaultError) {
	r := blank.WithContext(&call.ctx)
	u := &call.url
	if f := h.url(u); f != nil {
		return nil, f
	}
	r.URL, r.Method, r.RequestURI, r.Host = u, h.method, h.target, h.host
	if u.Host != "" {
		r.Host = u.Host // the target's authority outweighs the field (RFC 9112, section 3.2.2)
	}
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, h.minor
	if h.minor == 0 {
		r.Proto = "HTTP/1.0"
	}
	r.Header, r.ContentLength, r.Close, r.RemoteAddr = h.header, h.length, !h.keep, c.remote
	b := &call.body
	b.c, b.left, b.chunked, b.expects100 = c, h.length, h.chunked, h.expects100
	if h.chunked {
		r.TransferEncoding, b.left = []string{"chunked"}, 0
	}
	r.Body = b
	if h.length == 0 {
		b.done.Store(true)
		r.Body = http.NoBody
	}
	return r, nil
}

// watch reads on, so that a caller who leaves is noticed. It is begun only when
// the request's body has been read: the buffer is its own until it lands.
func (c *conn) watch(call *call, landed chan struct{}) {
	defer close(landed)
	c.ahead, c.aheadErr = 0, nil
	if c.w == len(c.in) {
		return // so many requests ahead that this caller surely waits
	}
	c.ahead, c.aheadErr = c.nc.Read(c.in[c.w:])
	if c.aheadErr != nil && !c.landing.Load() {
		call.ctx.cancel()
	}
}

func (c *conn) endWatch() {
	c.landing.Store(true)
	c.setReadBy(past)
	<-c.flight.landed
	c.landing.Store(false)
	c.w += c.ahead
	if c.aheadErr != nil && !isTimeout(c.aheadErr) {
		c.broken = true
	}
}

// writeStep is how much is written under one deadline.
const writeStep = 64 << 10

// write sends p. Each piece has its time to be taken in.
func (c *conn) write(p []byte) error {
	for len(p) > 0 {
		if least := time.Now().Add(c.s.BodyTimeout); c.writeBy.Before(least) {
			c.writeBy = least.Add(c.s.BodyTimeout)
			_ = c.nc.SetWriteDeadline(c.writeBy)
		}
		n, err := c.nc.Write(p[:min(len(p), writeStep)])
		if err != nil {
			c.broken = true
			return err
		}
		p = p[n:]
	}
	return nil
}
