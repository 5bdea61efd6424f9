//go:build unix

package http1

import (
	"errors"
	"io"
	"syscall"
)

// idleRead waits for the first bytes of a request. It holds a buffer only for
// the moment of a read that finds some, so that idle connections cost none.
type idleRead struct {
	try   func(fd uintptr) bool
	after error
}

func (i *idleRead) init(c *conn) {
	sc, ok := c.nc.(syscall.Conn)
	if !ok {
		return
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return
	}
	c.raw = raw
	i.try = func(fd uintptr) bool { return i.read(c, int(fd)) }
}

// read reads once, without waiting. It reports false if there is nothing yet.
func (i *idleRead) read(c *conn, fd int) bool {
	c.takeBuffer()
	for {
		n, err := syscall.Read(fd, c.in)
		switch {
		case n > 0:
			c.w, i.after = n, nil
			return true
		case errors.Is(err, syscall.EINTR):
			continue
		}
		c.dropBuffers()
		if errors.Is(err, syscall.EAGAIN) {
			return false
		}
		if i.after = err; err == nil {
			i.after = io.EOF
		}
		return true
	}
}

// wait returns when something has been read or never will be.
func (i *idleRead) wait(c *conn) error {
	if err := c.raw.Read(i.try); err != nil {
		return err
	}
	return i.after
}

// now reports whether something is there to be read at this moment, and reads
// it.
func (i *idleRead) now(c *conn) bool {
	if c.raw == nil {
		return false
	}
	found := false
	err := c.raw.Control(func(fd uintptr) { found = i.read(c, int(fd)) && i.after == nil })
	return err == nil && found
}
