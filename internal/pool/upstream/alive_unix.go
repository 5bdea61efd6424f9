//go:build unix

package upstream

import (
	"net"
	"syscall"
)

// pulse tells whether an idle connection still stands. It is made once for a
// connection, and asked by one goroutine at a time.
type pulse struct {
	raw   syscall.RawConn // nil if there is nothing to look at
	look  func(fd uintptr)
	quiet *bool // what look found
}

func newPulse(nc net.Conn) pulse {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return pulse{}
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return pulse{}
	}
	quiet := new(bool)
	look := func(fd uintptr) {
		var b [1]byte
		_, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		*quiet = err == syscall.EAGAIN || err == syscall.EWOULDBLOCK || err == syscall.EINTR
	}
	return pulse{raw: raw, look: look, quiet: quiet}
}

// alive looks without waiting and without taking anything out: a worker that
// closed the connection, or sent something nobody asked for, has left that to
// be read.
func (p *pulse) alive() bool {
	if p.raw == nil {
		return true
	}
	*p.quiet = false
	return p.raw.Control(p.look) == nil && *p.quiet
}
