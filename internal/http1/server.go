// Package http1 is a server for HTTP/1.1 over plain connections. It runs an
// http.Handler as net/http's server does, for a fraction of its cost: one
// goroutine a connection, one read and one write for the usual request, no
// buffer for a connection that waits, and no second goroutine for a call until
// it has lasted long enough that its caller may have gone.
//
// It reads strictly (RFC 9112): what two parsers could take for different
// requests is refused and the connection closed. Bare line feeds, folded
// lines, blanks before a colon, control characters, more than one
// Content-Length or Host, a Content-Length beside a Transfer-Encoding, any
// coding but chunked: net/http lets some of these pass, this server none.
// Fuzz tests hold it to what net/http makes of the same bytes.
//
// It speaks nothing else: a connection that begins with HTTP/2's preface is
// handed over, Upgrade is ignored, Hijack is not offered, and trailers are
// read and dropped.
package http1

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Server serves HTTP/1.1. All fields but Handover are required and must not be
// changed once Serve was called.
type Server struct {
	Handler http.Handler
	// Base is the context that requests' contexts stem from. When it ends,
	// every request's does, with its cause.
	Base context.Context
	// HeadTimeout is for a request's head to arrive, from its first byte, or
	// for the first one from the connection's beginning.
	HeadTimeout time.Duration
	// BodyTimeout is for a request's body to arrive, and for the caller to take
	// in each piece of an answer.
	BodyTimeout time.Duration
	// IdleTimeout is how long a connection waits for its next request at least;
	// it may be a quarter more.
	IdleTimeout time.Duration
	// MaxHead bounds request line and fields together, in bytes.
	MaxHead int
	// Refuse answers what is no request, by filling in the header and returning
	// the body.
	Refuse func(f *FaultError, h http.Header) (body []byte)
	// Handover takes a connection that begins with HTTP/2's preface. Unless it
	// is given, that is a fault like any other.
	Handover func(net.Conn)
	Log      *slog.Logger

	closing  atomic.Bool // set under mu
	mu       sync.Mutex
	listener net.Listener
	conns    map[*conn]struct{}
	ended    chan struct{} // closed when closing and no connection is left

	flights flights
	date    atomic.Pointer[dateLine]
}

// Serve answers on the listener until Shutdown or Close, and then returns
// http.ErrServerClosed.
func (s *Server) Serve(ln net.Listener) error {
	s.mu.Lock()
	if s.closing.Load() {
		s.mu.Unlock()
		return errors.Join(http.ErrServerClosed, ln.Close())
	}
	s.listener, s.conns, s.ended = ln, map[*conn]struct{}{}, make(chan struct{})
	s.mu.Unlock()
	// Not given up when Serve returns: requests in flight outlast it.
	context.AfterFunc(s.Base, s.flights.cancelAll)
	pause := time.Duration(0)
	for {
		nc, err := ln.Accept()
		if err != nil {
			if s.closing.Load() {
				return http.ErrServerClosed
			}
			if !temporary(err) {
				return err
			}
			// Out of file descriptors, as a rule: some will be free again.
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.Log.Warn("cannot accept connections for the moment", "error", err)
			time.Sleep(pause)
			continue
		}
		pause = 0
		if c := newConn(s, nc); s.add(c) {
			go c.serve()
		} else {
			_ = nc.Close()
		}
	}
}

// temporary reports whether accepting may work again: for want of descriptors
// or memory, or because the caller left in between.
func temporary(err error) bool {
	var t interface{ Temporary() bool }
	return errors.As(err, &t) && t.Temporary()
}

func (s *Server) add(c *conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return false
	}
	s.conns[c] = struct{}{}
	return true
}

func (s *Server) remove(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if s.closing.Load() && len(s.conns) == 0 {
		s.endLocked()
	}
}

func (s *Server) endLocked() {
	select {
	case <-s.ended:
	default:
		close(s.ended)
	}
}

// newcomersGrace is how long a connection that has not sent anything yet may
// still do so when the server stops.
const newcomersGrace = time.Second

// Shutdown stops to accept, closes connections that wait, lets requests in
// flight finish, and returns when no connection is left or ctx ends.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	err := s.closeLocked()
	for c := range s.conns {
		c.wake()
	}
	ended := s.ended
	s.mu.Unlock()
	if ended == nil {
		return err // it never served
	}
	select {
	case <-ended:
		return err
	case <-ctx.Done():
		return errors.Join(ctx.Err(), err)
	}
}

// Close breaks every connection off.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.closeLocked()
	for c := range s.conns {
		_ = c.nc.Close()
	}
	return err
}

func (s *Server) closeLocked() (err error) {
	if !s.closing.Swap(true) && s.listener != nil {
		err = s.listener.Close()
	}
	if s.ended != nil && len(s.conns) == 0 {
		s.endLocked()
	}
	return err
}
