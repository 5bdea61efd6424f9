//go:build unix

package upstream

import (
	"net"
	"syscall"
)

// pulse looks at a connection without waiting, and sends on it what it was
// found fit for. It is made once for a connection, and used by one goroutine
// at a time.
type pulse struct {
	raw   syscall.RawConn // nil if there is nothing to look at
	look  func(fd uintptr)
	step  func(fd uintptr) bool
	quiet bool // what look found

	// Of the request that ask sends.
	out   []byte
	fresh bool // a new connection need not be looked at
	n     int
	sent  bool // all of out
	err   error
}

func (p *pulse) init(nc net.Conn) {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return
	}
	p.raw, p.look, p.step = raw, p.lookAt, p.stepOn
}

func (p *pulse) lookAt(fd uintptr) {
	var b [1]byte
	_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
	p.quiet = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK || err == syscall.EINTR
}

// alive looks without waiting and without taking anything out: a worker that
// closed the connection, or sent something nobody asked for, has left that to
// be read.
func (p *pulse) alive() bool {
	if p.raw == nil {
		return true
	}
	p.quiet = false
	return p.raw.Control(p.look) == nil && p.quiet
}

// canAsk reports whether ask is there to be used.
func (p *pulse) canAsk() bool { return p.raw != nil }

// ask sends out, unless alive would say no, and waits until there is something
// to be read. That all happens within one wait for the connection, begun
// before the look: an answer that comes at once is not missed, and no read is
// needed to learn that it has not come yet. It returns how many bytes went out.
// With all of them out there is no error: reading tells how the wait ended.
func (p *pulse) ask(out []byte, fresh bool) (n int, err error) {
	p.out, p.fresh, p.n, p.sent, p.err = out, fresh, 0, false, nil
	err = p.raw.Read(p.step)
	p.out = nil
	switch {
	case p.sent:
		return p.n, nil
	case p.err != nil:
		return p.n, p.err
	}
	return p.n, err
}

// stepOn is called once at the beginning of the wait and once at its end. It
// returns true when there is nothing more to wait for.
func (p *pulse) stepOn(fd uintptr) bool {
	if p.sent {
		return true
	}
	if !p.fresh {
		if p.lookAt(fd); !p.quiet {
			p.err = errStale
			return true
		}
	}
	n, err := syscall.Write(int(fd), p.out)
	switch p.n = max(n, 0); {
	case err == syscall.EAGAIN || err == syscall.EINTR: // the usual way of writing waits
	case err != nil:
		p.err = err
	}
	p.sent = p.n == len(p.out)
	return !p.sent
}
