package upstream

import (
	"bufio"
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// bufferBytes is the size of a connection's read buffer.
const bufferBytes = 4 << 10

// maxKeptScratch is the largest head buffer kept with an idle connection.
const maxKeptScratch = 16 << 10

// conn is a connection to the worker and the buffers that belong to it.
type conn struct {
	net.Conn
	br      *bufio.Reader
	head    []byte // scratch for outgoing and incoming heads
	written int    // bytes of the current request that went out
	pulse   pulse
	// aborting is the method abort, bound once.
	aborting func()
	// watch or stop ends the watch on the call's context, if there is one.
	watch   watched
	stop    func() bool
	opened  time.Time
	reused  bool          // it has had a call before
	idleAt  time.Time     // when it was put back
	keepFor time.Duration // how long it may then stay idle

	mu       sync.Mutex
	aborted  bool
	deadline time.Time // of the whole call
	set      time.Time // as the connection has it: a little later
	perRead  time.Duration
}

func newConn(nc net.Conn, now time.Time) *conn {
	c := &conn{Conn: nc, opened: now}
	c.pulse.init(nc)
	c.aborting = c.abort
	c.br = bufio.NewReaderSize(reader{c}, bufferBytes)
	return c
}

// reader is what the buffer reads from: the connection with a limit on each
// wait.
type reader struct{ c *conn }

func (r reader) Read(p []byte) (int, error) {
	if r.c.perRead > 0 {
		r.c.limit(r.c.perRead)
	}
	return r.c.Conn.Read(p)
}

// begin sets the limits of one call.
func (c *conn) begin(deadline time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.written, c.perRead = 0, 0
	c.aborted = false
	c.deadline = deadline
	if !deadline.IsZero() && !c.set.Before(deadline) && c.set.Sub(deadline) <= slack {
		return // what an earlier call has set still serves
	}
	if c.set = deadline; !deadline.IsZero() {
		c.set = deadline.Add(slack)
	}
	_ = c.SetDeadline(c.set)
}

// slack is how much later than its deadline a call may be cut off, so that a
// connection in constant use need not have its deadline moved for each call.
const slack = 20 * time.Millisecond

// limit lets the next reads wait for at most d, and never past the call's
// deadline. Zero takes the limit away.
func (c *conn) limit(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.aborted {
		return
	}
	until := c.deadline
	if d > 0 {
		if t := time.Now().Add(d); until.IsZero() || t.Before(until) {
			until = t
		}
	}
	c.set = time.Time{} // reading and writing end at different times
	_ = c.SetReadDeadline(until)
}

// abort wakes whoever reads or writes; it is called when the caller has gone.
func (c *conn) abort() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.aborted, c.set = true, time.Time{}
	_ = c.SetDeadline(time.Unix(1, 0))
}

// errStale says that the worker has closed a connection that was idle, or said
// something on it that nobody asked for.
var errStale = errors.New("the idle connection is of no use any more")

// send writes head and body, in one system call when it can. With wait it may
// wait for the answer to begin as well.
func (c *conn) send(head, body []byte, wait bool) error {
	const copied = 16 << 10 // up to this size a copy is cheaper than a vector
	small := len(body) == 0 || len(head)+len(body) <= copied
	if small {
		head = append(head, body...)
		c.head = head
		if wait && c.pulse.canAsk() {
			n, err := c.pulse.ask(head, !c.reused)
			if c.written = n; err != nil || n == len(head) {
				return err
			}
			more, err := c.Write(head[n:])
			c.written += more
			return err
		}
	}
	if c.reused && !c.pulse.alive() {
		return errStale
	}
	if small {
		n, err := c.Write(head)
		c.written = n
		return err
	}
	vector := net.Buffers{head, body}
	n, err := vector.WriteTo(c.Conn)
	c.written = int(n)
	return err
}

// idleSet keeps the idle connections of a client, the latest used on top.
type idleSet struct {
	mu     sync.Mutex
	conns  []*conn
	closed bool
}

// take returns an idle connection, which may be dead, or nil.
func (s *idleSet) take(now time.Time, options *Options) *conn {
	for {
		s.mu.Lock()
		last := len(s.conns) - 1
		if last < 0 {
			s.mu.Unlock()
			return nil
		}
		c := s.conns[last]
		s.conns[last] = nil
		s.conns = s.conns[:last]
		s.mu.Unlock()
		if !c.stale(now, options) && c.br.Buffered() == 0 {
			return c
		}
		_ = c.Close()
	}
}

// put keeps c, or closes it when there are enough.
func (s *idleSet) put(c *conn, max int) {
	if cap(c.head) > maxKeptScratch {
		c.head = nil
	}
	s.mu.Lock()
	if !s.closed && len(s.conns) < max {
		s.conns = append(s.conns, c)
		c = nil
	}
	s.mu.Unlock()
	if c != nil {
		_ = c.Close()
	}
}

// tidy closes what has been idle for too long.
func (s *idleSet) tidy(now time.Time, options *Options) {
	s.mu.Lock()
	var old []*conn
	kept := s.conns[:0]
	for _, c := range s.conns {
		if c.stale(now, options) {
			old = append(old, c)
		} else {
			kept = append(kept, c)
		}
	}
	clear(s.conns[len(kept):])
	s.conns = kept
	s.mu.Unlock()
	for _, c := range old {
		_ = c.Close()
	}
}

func (s *idleSet) close() {
	s.mu.Lock()
	conns := s.conns
	s.conns, s.closed = nil, true
	s.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
	}
}

func (c *conn) stale(now time.Time, options *Options) bool {
	return now.Sub(c.idleAt) >= c.keepFor || now.Sub(c.opened) >= options.MaxAge
}

// dial opens a connection; the name is resolved anew each time.
func dial(ctx context.Context, address string, options *Options, deadline time.Time) (*conn, error) {
	limit := time.Now().Add(options.DialTimeout)
	if !deadline.IsZero() && deadline.Before(limit) {
		limit = deadline
	}
	ctx, cancel := context.WithDeadline(ctx, limit)
	defer cancel()
	nc, err := options.Dial(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return newConn(nc, time.Now()), nil
}
