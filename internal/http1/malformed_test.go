package http1

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// What two parsers could take for different requests is refused, in words, and
// the connection ends: nothing behind it is read as a request.
func TestMalformedIsRefused(t *testing.T) {
	t.Parallel()
	var seen list
	address := serve(t, newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen.add(r.RequestURI)
		if _, err := io.ReadAll(r.Body); err != nil {
			w.WriteHeader(http.StatusBadRequest)
		}
	})))
	const post = "POST /x HTTP/1.1\r\nHost: x\r\n"
	const smuggled = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, c := range []struct {
		name, text, kind string
		status           int
		handled          bool // the fault is in the body, so the handler was asked
	}{
		{"CL.TE", post + "Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled, "framing", 400, false},
		{"TE.CL", post + "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n" + smuggled, "framing", 400, false},
		{"TE.TE", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n" + smuggled, "coding", 501, false},
		{"two codings in one", post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + smuggled, "coding", 501, false},
		{"an unknown coding", post + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + smuggled, "coding", 501, false},
		{"a coding in HTTP/1.0", "POST /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled, "framing", 400, false},
		{"a hidden coding", post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + smuggled, "syntax", 400, false},
		{"a coding after a vertical tab", post + "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n" + smuggled, "syntax", 400, false},
		{"two lengths", post + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!" + smuggled, "framing", 400, false},
		{"the same length twice", post + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello" + smuggled, "framing", 400, false},
		{"a list of lengths", post + "Content-Length: 5, 5\r\n\r\nhello" + smuggled, "framing", 400, false},
		{"a length with a sign", post + "Content-Length: +5\r\n\r\nhello" + smuggled, "framing", 400, false},
		{"a negative length", post + "Content-Length: -5\r\n\r\nhello", "framing", 400, false},
		{"a length in hex", post + "Content-Length: 0x5\r\n\r\nhello", "framing", 400, false},
		{"an empty length", post + "Content-Length:\r\n\r\n" + smuggled, "framing", 400, false},
		{"a length beyond numbers", post + "Content-Length: 99999999999999999999\r\n\r\n", "framing", 400, false},
		{"a folded header", post + "X-A: b\r\n c\r\n\r\n" + smuggled, "syntax", 400, false},
		{"a blank before the colon", "GET /x HTTP/1.1\r\nHost : x\r\n\r\n" + smuggled, "syntax", 400, false},
		{"a header without a name", post + ": b\r\n\r\n", "syntax", 400, false},
		{"a header without a colon", post + "X-A\r\n\r\n", "syntax", 400, false},
		{"bare line feeds", "GET /x HTTP/1.1\nHost: x\n\n" + smuggled, "syntax", 400, false},
		{"one bare line feed", post + "X-A: b\nX-B: c\r\n\r\n", "syntax", 400, false},
		{"a bare carriage return", post + "X-A: b\rX-B: c\r\n\r\n", "syntax", 400, false},
		{"a NUL in a value", post + "X-A: b\x00c\r\n\r\n", "syntax", 400, false},
		{"a NUL in a name", post + "X-\x00A: b\r\n\r\n", "syntax", 400, false},
		{"a NUL in the target", "GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n", "syntax", 400, false},
		{"no Host", "GET /x HTTP/1.1\r\n\r\n" + smuggled, "syntax", 400, false},
		{"two Hosts", "GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "syntax", 400, false},
		{"a Host with a path", "GET /x HTTP/1.1\r\nHost: a/b\r\n\r\n", "syntax", 400, false},
		{"an empty line first", "\r\nGET /x HTTP/1.1\r\nHost: x\r\n\r\n", "syntax", 400, false},
		{"two blanks", "GET  /x HTTP/1.1\r\nHost: x\r\n\r\n", "syntax", 400, false},
		{"no version", "GET /x\r\nHost: x\r\n\r\n", "syntax", 400, false},
		{"four words", "GET /x y HTTP/1.1\r\nHost: x\r\n\r\n", "syntax", 400, false},
		{"no method", " /x HTTP/1.1\r\nHost: x\r\n\r\n", "syntax", 400, false},
		{"a method in brackets", "G(T /x HTTP/1.1\r\nHost: x\r\n\r\n", "syntax", 400, false},
		{"HTTP/9.9", "GET /x HTTP/9.9\r\nHost: x\r\n\r\n", "version", 505, false},
		{"HTTP/1.2", "GET /x HTTP/1.2\r\nHost: x\r\n\r\n", "version", 505, false},
		{"http/1.1", "GET /x http/1.1\r\nHost: x\r\n\r\n", "syntax", 400, false},
		{"HTTP/2's preface to one who does not speak it", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "version", 505, false},
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "syntax", 400, false},
		{"a target that is none", "GET x%zz HTTP/1.1\r\nHost: x\r\n\r\n", "syntax", 400, false},
		{"an expectation nobody can meet", post + "Expect: 200-ok\r\n\r\n", "expectation", 417, false},
		{"a long target", "GET /" + strings.Repeat("a", 20<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n", "large", 431, false},
		{"a long header", post + "X-A: " + strings.Repeat("a", 20<<10) + "\r\n\r\n", "large", 431, false},
		{"a head without end", post + strings.Repeat("X-A: b\r\n", 3000), "large", 431, false},
		{"many headers", post + strings.Repeat("A:\r\n", maxFields+1) + "\r\n", "large", 431, false},
		{"a chunk size that is none", post + "Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n", "", 400, true},
		{"a chunk size with a sign", post + "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n", "", 400, true},
		{"a chunk size with 0x", post + "Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n", "", 400, true},
		{"a chunk size beyond numbers", post + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffff1\r\n", "", 400, true},
		{"a chunk longer than its size", post + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n" + smuggled, "", 400, true},
		{"a chunk behind a bare line feed", post + "Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n" + smuggled, "", 400, true},
		{"a chunk extension that is too long", post + "Transfer-Encoding: chunked\r\n\r\n1;" + strings.Repeat("a", 300) + "\r\na\r\n0\r\n\r\n", "", 400, true},
		{"a chunk extension with a bare carriage return", post + "Transfer-Encoding: chunked\r\n\r\n1;a\rb\r\na\r\n0\r\n\r\n", "", 400, true},
		{"trailers that are too long", post + "Transfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("X-A: b\r\n", 2000) + "\r\n", "", 400, true},
		{"a trailer that is none", post + "Transfer-Encoding: chunked\r\n\r\n0\r\nx y: z\r\n\r\n", "", 400, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := dial(t, address)
			go func() { _, _ = io.WriteString(w.Conn, c.text) }() // it may hang up before all is sent
			res := w.read("GET")
			if res.StatusCode != c.status || res.Header.Get("X-Kind") != c.kind || !res.Close {
				t.Errorf("%d %q, close %v; want %d %q and the end", res.StatusCode, res.Header.Get("X-Kind"), res.Close, c.status, c.kind)
			}
			w.ends()
		})
	}
	t.Cleanup(func() {
		if s := seen.String(); strings.Contains(s, "smuggled") || strings.Trim(s, "/x|") != "" {
			t.Errorf("handlers were asked for %s", s)
		}
	})
}

// What is odd but sound is served.
func TestOddButSound(t *testing.T) {
	t.Parallel()
	address := serve(t, newServer(echo))
	for _, c := range []struct{ name, text, want string }{
		{"lower-case names", "POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi", "POST /x a hi"},
		{"no blank behind the colon", "POST /x HTTP/1.1\r\nHost:a\r\nContent-Length:2\r\n\r\nhi", "POST /x a hi"},
		{"much white space", "POST /x HTTP/1.1\r\nHost: \t a \t\r\nContent-Length:   2  \r\n\r\nhi", "POST /x a hi"},
		{"chunks", "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\n\r\n1\r\nh\r\n001;ext=\"q\"\r\ni\r\n0\r\nX-T: v\r\n\r\n", "POST /x a hi"},
		{"HTTP/1.0 without a Host", "GET /x HTTP/1.0\r\n\r\n", "GET /x  "},
		{"an escaped path and a query", "GET /a%20b?c=d%2F HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a%20b?c=d%2F a "},
		{"an absolute target", "GET http://b/x HTTP/1.1\r\nHost: a\r\n\r\n", "GET http://b/x b "},
		{"a star", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS * a "},
		{"an upgrade, overlooked", "GET /x HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n", "GET /x a "},
		{"a body in a GET", "GET /x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi", "GET /x a hi"},
		{"bytes above ASCII", "GET /\xc3\xa9 HTTP/1.1\r\nHost: a\r\nX-A: \xff\r\n\r\n", "GET /\xc3\xa9 a "},
	} {
		for _, step := range []int{1, 7, 1 << 20} {
			w := dial(t, address)
			for rest := c.text; rest != ""; rest = rest[min(step, len(rest)):] {
				w.send(rest[:min(step, len(rest))])
			}
			if got := w.read("GET"); got.StatusCode != 200 || got.text != c.want {
				t.Errorf("%s in steps of %d: %d %q, want %q", c.name, step, got.StatusCode, got.text, c.want)
			}
		}
	}
}
