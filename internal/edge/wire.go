package edge

import (
	"bytes"
	"context"
	"net"
	"sync/atomic"
)

// net/http drops the Content-Length of a request that also bears a
// Transfer-Encoding, so that no handler can see that both were there. Such a
// request is how requests are smuggled past a layer in front that reads the
// other one, and it is refused here (RFC 9112, section 6.1). strictListener
// finds it by reading along.
type strictListener struct{ net.Listener }

// Accept implements net.Listener.
func (l strictListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &strictConn{Conn: c}, nil
}

// strictConn watches the lines of all that arrives. It need not know where
// bodies begin: no valid JSON holds a line that begins with a header's name,
// because its strings hold no line breaks.
type strictConn struct {
	net.Conn
	line        []byte // the beginning of the line being read
	hasLength   bool
	hasCoding   bool
	twoFramings atomic.Bool
}

// longestName bounds what is kept of a line.
const longestName = len("transfer-encoding:")

// CloseWrite lets net/http end a refusal so that the caller can still read it.
func (c *strictConn) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}

// Read implements net.Conn.
func (c *strictConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	for rest := p[:n]; len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n')
		part := rest
		if end >= 0 {
			part = rest[:end]
		}
		if room := longestName - len(c.line); room > 0 {
			c.line = append(c.line, part[:min(room, len(part))]...)
		}
		if end < 0 {
			break
		}
		c.endLine()
		rest = rest[end+1:]
	}
	return n, err
}

func (c *strictConn) endLine() {
	line := bytes.TrimSuffix(c.line, []byte("\r"))
	switch {
	case len(line) == 0:
		c.hasLength, c.hasCoding = false, false
	case hasName(line, "content-length:"):
		c.hasLength = true
	case hasName(line, "transfer-encoding:"):
		c.hasCoding = true
	}
	if c.hasLength && c.hasCoding {
		c.twoFramings.Store(true)
	}
	c.line = c.line[:0]
}

func hasName(line []byte, name string) bool {
	return len(line) >= len(name) && bytes.EqualFold(line[:len(name)], []byte(name))
}

type connKey struct{}

// withConn lets handlers find the connection's finding.
func withConn(ctx context.Context, c net.Conn) context.Context {
	if s, ok := c.(*strictConn); ok {
		return context.WithValue(ctx, connKey{}, s)
	}
	return ctx
}

// framedTwice reports whether this connection has sent a request with both
// framings.
func framedTwice(ctx context.Context) bool {
	s, ok := ctx.Value(connKey{}).(*strictConn)
	return ok && s.twoFramings.Load()
}
