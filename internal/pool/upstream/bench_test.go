package upstream

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"bufio"
)

// benchServer answers 1.5 KB at once and allocates next to nothing, so that
// the figures are the clients' own.
func benchServer(b *testing.B) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	answer := []byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1500\r\n\r\n" + strings.Repeat("x", 1500))
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serveFixed(c, answer)
		}
	}()
	return "http://" + l.Addr().String()
}

// serveFixed takes requests with a body of benchBody bytes.
func serveFixed(c net.Conn, answer []byte) {
	defer c.Close()
	br := bufio.NewReader(c)
	for {
		for {
			line, err := br.ReadSlice('\n')
			if err != nil {
				return
			}
			if len(line) == 2 {
				break
			}
		}
		if _, err := br.Discard(benchBody); err != nil {
			return
		}
		if _, err := c.Write(answer); err != nil {
			return
		}
	}
}

const benchBody = 600

func benchHeader() http.Header {
	return http.Header{
		"Content-Type": {"application/json"}, "X-Tenant-Id": {"demo-tenant-1"}, "X-Tenant-Tier": {"free"},
		"X-Request-Id": {"0193abcd"}, "Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
	}
}

func BenchmarkPlain(b *testing.B) {
	c := newClient(b, benchServer(b), Options{})
	body := bytes.Repeat([]byte("x"), benchBody)
	header := benchHeader()
	buf := make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		resp, err := c.Do(b.Context(), &Request{Method: "POST", Path: "/internal/x", Header: header, Body: body})
		if err != nil {
			b.Fatal(err)
		}
		for err == nil {
			_, err = resp.Body.Read(buf)
		}
		if err != io.EOF {
			b.Fatal(err)
		}
		_ = resp.Body.Close()
	}
}

func BenchmarkTransport(b *testing.B) {
	rt := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}
	defer rt.CloseIdleConnections()
	url := benchServer(b) + "/internal/x"
	body := bytes.Repeat([]byte("x"), benchBody)
	header := benchHeader()
	buf := make([]byte, 4096)
	b.ReportAllocs()
	for b.Loop() {
		req, err := http.NewRequestWithContext(b.Context(), "POST", url, bytes.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		req.Header = header.Clone()
		resp, err := rt.RoundTrip(req)
		if err != nil {
			b.Fatal(err)
		}
		for err == nil {
			_, err = resp.Body.Read(buf)
		}
		if err != io.EOF {
			b.Fatal(err)
		}
		_ = resp.Body.Close()
	}
}
