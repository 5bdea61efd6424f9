package http1

import (
	"net"
	"net/http"
	"time"
)

// How an answer's last bytes are kept from being lost: a connection that is
// closed while the caller still sends is reset, and a reset can overtake what
// the caller has not read yet.
const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 4 << 20
)

// linger says that nothing more comes and waits a little for the caller to stop.
func (c *conn) linger() {
	if w, ok := c.nc.(interface{ CloseWrite() error }); !ok || w.CloseWrite() != nil {
		return
	}
	c.setReadBy(time.Now().Add(lingerTime))
	c.r, c.w = 0, 0
	for total := 0; total < lingerBytes; {
		n, err := c.nc.Read(c.in)
		if err != nil {
			return
		}
		total += n
	}
}

// refuse answers a fault and ends the connection.
func (c *conn) refuse(f *FaultError) {
	w := &c.res
	w.begin(&call{}, &head{minor: 1, method: http.MethodGet})
	w.call.body.done.Store(true)
	body := c.s.Refuse(f, w.header)
	w.closes = true
	w.WriteHeader(f.Status())
	_, _ = w.Write(body) // whoever sent this may not even be listening
	w.finish()
	if !c.broken {
		c.linger()
	}
}

// prefixed is a connection of which something has been read already.
type prefixed struct {
	net.Conn
	head []byte
}

// Read implements net.Conn.
func (p *prefixed) Read(b []byte) (int, error) {
	if len(p.head) == 0 {
		return p.Conn.Read(b)
	}
	n := copy(b, p.head)
	p.head = p.head[n:]
	return n, nil
}

// CloseWrite lets a refusal end so that the caller can still read it.
func (p *prefixed) CloseWrite() error {
	if w, ok := p.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}
