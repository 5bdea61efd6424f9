package http1

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/omni-run/omni/internal/httpfield"
)

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
