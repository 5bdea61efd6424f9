package http1

import (
	"errors"
	"io"
	"sync/atomic"
	"time"
)

// body reads a request's body. It is for the handler's goroutine, and for the
// time until the handler returns.
type body struct {
	c    *conn
	left int64 // of the body, or of the current chunk
	err  error // what every further read returns
	// done: it has been read to its end, so that nothing else touches the
	// connection's input before the answer is out.
	done atomic.Bool

	chunked    bool
	open       bool // from a chunk's size line to its closing CR LF
	expects100 bool // and has not been told yet
	timed      bool
}

// Read implements io.Reader. An error other than io.EOF means that the body is
// malformed, broke off, or came too slowly (os.ErrDeadlineExceeded).
func (b *body) Read(p []byte) (int, error) {
	if b.done.Load() {
		return 0, io.EOF
	}
	if b.err != nil {
		return 0, b.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := b.read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
		b.c.res.closes = true
	}
	return n, err
}

func (b *body) read(p []byte) (int, error) {
	if b.chunked && b.left == 0 {
		if err := b.nextChunk(); err != nil {
			return 0, err
		}
	}
	c := b.c
	if int64(len(p)) > b.left {
		p = p[:b.left]
	}
	n := 0
	if c.r == c.w {
		if err := b.prepare(); err != nil {
			return 0, err
		}
		var err error
		if len(p) >= inBytes {
			n, err = c.nc.Read(p) // past the buffer
		} else {
			err = c.fill(len(c.in))
		}
		if n == 0 && err != nil {
			return 0, b.fail(err)
		}
	}
	if n == 0 {
		n = copy(p, c.in[c.r:c.w])
		c.r += n
	}
	b.left -= int64(n)
	if b.left == 0 && !b.chunked {
		b.done.Store(true)
		return n, io.EOF
	}
	return n, nil
}

// prepare gives the body its time and, where the caller waits for that, says
// that it may come.
func (b *body) prepare() error {
	c := b.c
	if !b.timed {
		b.timed = true
		c.setReadBy(time.Now().Add(c.s.BodyTimeout))
	}
	if !b.expects100 {
		return nil
	}
	b.expects100 = false
	if c.res.status != 0 {
		return nil
	}
	return c.write([]byte("HTTP/1.1 100 Continue\r\n\r\n"))
}

// fail is what a failed read means for the body.
func (b *body) fail(err error) error {
	b.c.broken = b.c.broken || !isTimeout(err)
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Close implements io.Closer. What is left is discarded after the answer.
func (b *body) Close() error { return nil }

// mostDiscarded is how much of a body nobody wanted is read so that the
// connection can be used again.
const mostDiscarded = 256 << 10

// hopeless reports, when an answer begins, whether the connection cannot be
// used after it: the rest of the body is long, or may never come.
func (b *body) hopeless() bool {
	return !b.done.Load() && (b.err != nil || b.expects100 || b.chunked || b.left > mostDiscarded)
}

// discard reads what the handler left, and reports whether the next request
// begins there.
func (b *body) discard() bool {
	if b.done.Load() {
		return true
	}
	if b.hopeless() {
		return false
	}
	var scrap [4 << 10]byte
	for !b.done.Load() {
		if _, err := b.Read(scrap[:]); err != nil && !errors.Is(err, io.EOF) {
			return false
		}
	}
	return true
}
