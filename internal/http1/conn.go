package http1

import (
	"bytes"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
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
	peer   netip.AddrPort  // remote, read
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
	c.peer, _ = netip.ParseAddrPort(c.remote) // none on a connection that is not of an IP network
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
