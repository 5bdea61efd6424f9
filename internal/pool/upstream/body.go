package upstream

import (
	"context"
	"errors"
	"io"
)

// errClosed is returned by reads after Close.
var errClosed = errors.New("read after close")

// body reads an answer and gives its connection back at the end.
type body struct {
	client *plain
	conn   *conn // nil once finished
	ctx    context.Context
	keep   bool
	kind   int
	left   int64
	chunks chunked
	err    error
}

// Read implements io.Reader. An answer that ends too soon is an error, never
// io.EOF, unless its end is the end of the connection.
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if len(p) == 0 {
		return 0, nil
	}
	n, err := readBody(b.conn.br, b.kind, &b.chunks, &b.left, p)
	if err == nil {
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		b.err = io.EOF
		b.finish(true)
	} else {
		b.err = &Error{Stage: StageBody, Sent: true, Err: cause(b.ctx, err)}
		b.finish(false)
	}
	return n, b.err
}

// Close gives up the rest of the answer. The connection is closed unless the
// answer was read to its end.
func (b *body) Close() error {
	b.finish(false)
	if b.err == nil {
		b.err = errClosed
	}
	return nil
}

// finish lets go of the connection; only the first call counts.
func (b *body) finish(whole bool) {
	c := b.conn
	if c == nil {
		return
	}
	b.conn = nil
	quiet := c.stopWatch()
	if whole && quiet && b.keep && c.br.Buffered() == 0 {
		b.client.release(c)
		return
	}
	_ = c.Close()
}
