package http1

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/omni-run/omni/internal/httpfield"
)

// inBytes is the size of the buffer that a head and a small body are read
// into. Connections that wait for a request have none.
const inBytes = 8 << 10

var inPool = sync.Pool{New: func() any { return new([inBytes]byte) }}

// conn is one connection. All but what mu guards belongs to its goroutine, or
// for the time of a request to the handler's, which is the same.
type conn struct {
	s      *Server
	nc     net.Conn
	remote string
	raw    syscall.RawConn // nil if there is no descriptor to wait on
	idle   idleRead

	pooled *[inBytes]byte // what in is made of, unless it had to grow
	in     []byte
	r, w   int // in[r:w] has been read from the connection and not been used

	requests int
	head     head
	res      response
	flight   flight
	readBy   time.Time // the reading deadline as it is set
	writeBy  time.Time
	broken   bool // nothing more can be read or written

	// ahead is what a watch has read, valid once it has landed.
	ahead    int
	aheadErr error
	landing  atomic.Bool // the watch is called back

	mu      sync.Mutex
	waiting bool // for the first byte of a request
	woken   bool // because the server stops
}

// call is what one request has to itself. Whoever keeps the request or its
// context keeps this.
type call struct {
	ctx  callContext
	body body
	url  url.URL
}

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{s: s, nc: nc, remote: nc.RemoteAddr().String()}
	c.flight.conn = c
	c.res = response{c: c, header: http.Header{}}
	c.idle.init(c)
	return c
}

// past is a deadline that is over.
var past = time.Unix(1, 0)

func (c *conn) setReadBy(t time.Time) {
	c.readBy = t
	_ = c.nc.SetReadDeadline(t) // a connection that takes none fails when it is read
}

// serve answers requests until the connection ends.
func (c *conn) serve() {
	defer c.s.remove(c)
	handedOver := false
	defer func() {
		c.dropBuffers()
		if !handedOver {
			_ = c.nc.Close()
		}
	}()
	c.setReadBy(time.Now().Add(c.s.HeadTimeout))
	for c.await() {
		text, fault, err := c.readHead()
		switch {
		case err != nil:
			c.giveUp(err)
			return
		case text == "":
		case fault == nil:
			if fault = c.head.parse(text); fault == nil {
				var more bool
				if more, fault = c.answer(&c.head); fault == nil && !more {
					return
				}
			}
		}
		if fault != nil {
			c.refuse(fault)
			return
		}
		if text == "" {
			handedOver = true
			c.s.Handover(&prefixed{Conn: c.nc, head: bytes.Clone(c.in[c.r:c.w])})
			return
		}
	}
}

// await returns true once there is something to be read.
func (c *conn) await() bool {
	if c.w > c.r {
		return true
	}
	if c.broken {
		return false
	}
	c.mu.Lock()
	if c.s.closing.Load() {
		c.mu.Unlock()
		return c.lastLook()
	}
	if c.requests > 0 {
		// The deadline is moved only when a quarter of the time has passed.
		least := time.Now().Add(c.s.IdleTimeout)
		if most := least.Add(c.s.IdleTimeout / 4); c.readBy.Before(least) || c.readBy.After(most) {
			c.setReadBy(most)
		}
	}
	c.waiting = true
	c.mu.Unlock()
	c.dropBuffers()
	err := c.readFirst()
	c.mu.Lock()
	c.waiting = false
	woken := c.woken
	c.mu.Unlock()
	if woken {
		c.readBy = past // whatever it was
		return err == nil || c.lastLook()
	}
	return err == nil
}

// wake ends the wait of a connection that has no request under way. One that
// has not had any is given a moment: its first may be on the way.
func (c *conn) wake() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.waiting || c.woken {
		return
	}
	c.woken = true
	if c.requests == 0 {
		_ = c.nc.SetReadDeadline(time.Now().Add(newcomersGrace))
	} else {
		_ = c.nc.SetReadDeadline(past)
	}
}

// lastLook takes a request that has arrived already when the server stops, so
// that it is answered rather than broken off.
func (c *conn) lastLook() bool {
	if !c.idle.now(c) {
		return false
	}
	c.setReadBy(time.Now().Add(c.s.HeadTimeout))
	return true
}

// readFirst waits for the first bytes of a request without a buffer, where the
// platform allows that.
func (c *conn) readFirst() error {
	if c.raw != nil {
		return c.idle.wait(c)
	}
	c.takeBuffer()
	n, err := c.nc.Read(c.in)
	c.r, c.w = 0, n
	if n > 0 {
		return nil
	}
	return err
}

func (c *conn) takeBuffer() {
	c.pooled = inPool.Get().(*[inBytes]byte)
	c.in, c.r, c.w = c.pooled[:], 0, 0
}

func (c *conn) dropBuffers() {
	if c.pooled != nil {
		inPool.Put(c.pooled)
	}
	c.pooled, c.in, c.r, c.w = nil, nil, 0, 0
	c.res.dropBuffer()
}

// fill reads more, behind what there is. The buffer grows to at most limit.
func (c *conn) fill(limit int) error {
	if c.r == c.w {
		c.r, c.w = 0, 0
	}
	if c.w == len(c.in) {
		switch {
		case c.r > 0:
			c.w = copy(c.in, c.in[c.r:c.w])
			c.r = 0
		case len(c.in) < limit:
			grown := make([]byte, min(limit, 4*len(c.in)))
			copy(grown, c.in)
			if c.pooled != nil {
				inPool.Put(c.pooled)
				c.pooled = nil
			}
			c.in = grown
		default:
			return errFull
		}
	}
	n, err := c.nc.Read(c.in[c.w:])
	c.w += n
	if n > 0 {
		return nil
	}
	if err == nil {
		err = io.ErrNoProgress
	}
	return err
}

// errFull says that what must fit into the buffer does not.
var errFull = errors.New("http1: the buffer is full")

// preface is how a connection begins that speaks HTTP/2 and nothing else.
const preface = "PRI * HTTP/2.0\r\n"

// readHead reads a whole head. An empty text without a fault is the preface of
// HTTP/2.
func (c *conn) readHead() (text string, fault *FaultError, err error) {
	timed, skipped := false, false
	seen, line := 0, 0 // as far as read for line ends; where the current line begins
	for {
		have := c.in[c.r:c.w]
		if c.requests == 0 && c.s.Handover != nil && bytes.HasPrefix(have, []byte(preface)) {
			return "", nil, nil
		}
		if len(have) > 0 && !httpfield.TokenByte(have[0]) && have[0] != '\r' {
			return "", syntax("this is no HTTP request"), nil
		}
		at := bytes.IndexByte(have[seen:], '\n')
		if at >= 0 {
			at += seen
			begun := line
			seen, line = at+1, at+1
			switch {
			case at == 0 || have[at-1] != '\r':
				return "", syntax("a line does not end in CR LF"), nil
			case seen > c.s.MaxHead:
				return "", &FaultError{TooLarge, "the request's head is too large"}, nil
			case at-begun > 1:
			case begun > 0:
				c.r += seen
				return string(have[:seen]), nil, nil
			case skipped || c.head.method != http.MethodPost: // of the request before
				return "", syntax("the request begins with an empty line"), nil
			default:
				// One empty line after a POST is overlooked: old clients sent it behind
				// the body (RFC 9112, section 2.2).
				skipped = true
				c.r += seen
				seen, line = 0, 0
			}
			continue
		}
		if seen = len(have); seen > c.s.MaxHead {
			return "", &FaultError{TooLarge, "the request's head is too large"}, nil
		}
		if !timed && c.requests > 0 {
			c.setReadBy(time.Now().Add(c.s.HeadTimeout))
		}
		timed = true
		if err := c.fill(c.s.MaxHead + 1); err != nil {
			return "", nil, err
		}
	}
}

// giveUp ends a connection on which a head did not arrive whole. If not even
// its first line did, that is said.
func (c *conn) giveUp(err error) {
	if isTimeout(err) && c.w > c.r && bytes.IndexByte(c.in[c.r:c.w], '\n') < 0 {
		c.refuse(syntax("the request line did not arrive in time"))
	}
}

func isTimeout(err error) bool {
	var t net.Error
	return errors.As(err, &t) && t.Timeout()
}

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
	c.s.flights.begin(c, call)
	whole := c.handle(w, r)
	if whole {
		w.finish()
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

// How an answer's last bytes are kept from being lost: a connection that is
// closed while the caller still sends is reset, and a reset can overtake what
// the caller has not read yet.
const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 4 << 20
)

// linger says that nothing more comes and waits a little for the caller to stop.
func (c *conn) linger() {
	if w, ok := c.nc.(interface{ CloseWrite() error }); !ok || w.CloseWrite() != nil {
		return
	}
	c.setReadBy(time.Now().Add(lingerTime))
	c.r, c.w = 0, 0
	for total := 0; total < lingerBytes; {
		n, err := c.nc.Read(c.in)
		if err != nil {
			return
		}
		total += n
	}
}

// refuse answers a fault and ends the connection.
func (c *conn) refuse(f *FaultError) {
	w := &c.res
	w.begin(&call{}, &head{minor: 1, method: http.MethodGet})
	w.call.body.done.Store(true)
	body := c.s.Refuse(f, w.header)
	w.closes = true
	w.WriteHeader(f.Status())
	_, _ = w.Write(body) // whoever sent this may not even be listening
	w.finish()
	if !c.broken {
		c.linger()
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

// prefixed is a connection of which something has been read already.
type prefixed struct {
	net.Conn
	head []byte
}

// Read implements net.Conn.
func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.head) == 0 {
		return p.Conn.Read(b)
	}
	n := copy(b, p.head)
	p.head = p.head[n:]
	return n, nil
}

// CloseWrite lets a refusal end so that the caller can still read it.
func (p *prefixed) CloseWrite() error {
	if w, ok := p.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}
