package http1

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

var fuzzSeeds = []string{
	"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET /a?b HTTP/1.0\r\n\r\nGET /c HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
	"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabcGET /q HTTP/1.1\r\nHost: y\r\n\r\n",
	"POST /p HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nT: v\r\n\r\nGET /q HTTP/1.1\r\nHost: y\r\n\r\n",
	"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /q HTTP/1.1\r\nHost: y\r\n\r\n",
	"POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 03\r\n\r\nabc\r\nGET /q HTTP/1.1\r\nHost: y\r\n\r\n",
	"GET / HTTP/1.1\nHost: x\n\n", "GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", "\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
	"CONNECT a:1 HTTP/1.1\r\nHost: x\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", "GET http://u:p@h/x HTTP/1.1\r\nHost: x\r\n\r\n",
	"GET //a/b HTTP/1.1\r\nHost: x\r\n\r\n", "GET /%2e%zz HTTP/1.1\r\nHost: x\r\n\r\n", "HEAD / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nz",
	"GET / HTTP/1.1\r\nhost: x\r\nconnection: a, close\r\nx-api-key: k\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n",
}

// seenRequest is all of a request that a handler could decide by.
func seenRequest(r *http.Request) string {
	body, err := io.ReadAll(r.Body)
	return fmt.Sprintf("%s %s host=%q url=%q length=%d coding=%v header=%v body=%q err=%v",
		r.Method, r.RequestURI, r.Host, r.URL, r.ContentLength, r.TransferEncoding, r.Header, body, err != nil)
}

// FuzzStream holds the server to net/http's: of any stream of bytes, it hands
// its handler the same requests, and as many of them or fewer. It never finds
// one that net/http does not.
func FuzzStream(f *testing.F) {
	for _, s := range fuzzSeeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		if bytes.Contains(stream, []byte("PRI * HTTP/2.0")) {
			return // handed over to net/http in earnest
		}
		ours := requestsOf(t, stream, func(h http.Handler, ln net.Listener) func() error {
			s := newServer(h)
			go func() { _ = s.Serve(ln) }()
			return func() error {
				defer s.Close()
				return s.Shutdown(context.Background())
			}
		})
		theirs := requestsOf(t, stream, func(h http.Handler, ln net.Listener) func() error {
			s := &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0), MaxHeaderBytes: 16 << 10, DisableGeneralOptionsHandler: true}
			go func() { _ = s.Serve(ln) }()
			return s.Close
		})
		for i, r := range ours {
			broken := strings.HasSuffix(r, "err=true")
			switch {
			case i >= len(theirs):
				t.Fatalf("a request that net/http does not find:\n%s\nin %q", r, stream)
			case r != theirs[i] && !broken:
				t.Fatalf("ours   %s\ntheirs %s\nin %q", r, theirs[i], stream)
			case broken && i < len(ours)-1:
				t.Fatalf("the connection goes on after a broken body: %q", stream)
			}
		}
	})
}

// requestsOf feeds the stream to a server and returns what its handler saw.
func requestsOf(t *testing.T, stream []byte, run func(http.Handler, net.Listener) func() error) []string {
	t.Helper()
	var seen list
	ln := &oneConn{conn: &scripted{in: bytes.NewReader(stream), closed: make(chan struct{})}, done: make(chan struct{})}
	stop := run(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.add(seenRequest(r))
		w.WriteHeader(http.StatusNoContent)
	}), ln)
	select {
	case <-ln.conn.closed:
	case <-time.After(patience):
		t.Fatalf("the server does not end at %q", stream)
	}
	_ = stop()
	return seen.get()
}

// scripted is a connection on which a stream comes in and then the end.
type scripted struct {
	net.Conn
	in     io.Reader
	once   bool
	closed chan struct{}
}

func (c *scripted) Read(p []byte) (int, error)       { return c.in.Read(p) }
func (c *scripted) Write(p []byte) (int, error)      { return len(p), nil }
func (c *scripted) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *scripted) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *scripted) SetDeadline(time.Time) error      { return nil }
func (c *scripted) SetReadDeadline(time.Time) error  { return nil }
func (c *scripted) SetWriteDeadline(time.Time) error { return nil }
func (c *scripted) Close() error {
	if !c.once {
		c.once = true
		close(c.closed)
	}
	return nil
}

// oneConn is a listener with one connection to give.
type oneConn struct {
	conn  *scripted
	given bool
	done  chan struct{}
	ended bool
}

func (l *oneConn) Accept() (net.Conn, error) {
	if !l.given {
		l.given = true
		return l.conn, nil
	}
	<-l.done
	return nil, net.ErrClosed
}
func (l *oneConn) Addr() net.Addr { return &net.TCPAddr{} }
func (l *oneConn) Close() error {
	if !l.ended {
		l.ended = true
		close(l.done)
	}
	return nil
}

// FuzzChunked holds the decoder of chunked bodies to net/http's: what ours
// takes, theirs takes for the same.
func FuzzChunked(f *testing.F) {
	for _, s := range []string{"0\r\n\r\n", "3\r\nabc\r\n0\r\n\r\n", "1;x=\"y\"\r\na\r\n0\r\nA: b\r\n\r\n", "1\r\nab\r\n0\r\n\r\n", "FF\r\n", "0\n\n", "1 \r\na\r\n0\r\n\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, coded []byte) {
		c := &conn{s: newServer(nil), nc: &scripted{in: bytes.NewReader(coded), closed: make(chan struct{})}}
		c.takeBuffer()
		got, err := io.ReadAll(&body{c: c, chunked: true})
		if err != nil {
			return
		}
		r, err := http.ReadRequest(bufio.NewReader(io.MultiReader(strings.NewReader("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"), bytes.NewReader(coded))))
		if err != nil {
			t.Fatal(err)
		}
		want, err := io.ReadAll(r.Body)
		if err != nil || !bytes.Equal(got, want) {
			t.Fatalf("ours %q, theirs %q, %v of %q", got, want, err, coded)
		}
	})
}
