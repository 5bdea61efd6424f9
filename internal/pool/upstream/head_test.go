package upstream

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

// read parses one whole answer as the client would.
func read(raw []byte, method string) (head, []byte, error) {
	c := &conn{br: bufio.NewReaderSize(bytes.NewReader(raw), bufferBytes)}
	h, kind, length, _, err := c.readAnswer(method, 64<<10)
	if err != nil {
		return h, nil, err
	}
	chunks := chunked{br: c.br}
	content, err := io.ReadAll(readerFunc(func(p []byte) (int, error) {
		return readBody(c.br, kind, &chunks, &length, p)
	}))
	return h, content, err
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// corpus holds answers; those in refused break HTTP or could be read in two
// ways, those in accepted are fine.
var (
	accepted = map[string]string{
		"length":              "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"no reason":           "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
		"empty reason":        "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n",
		"lower case":          "HTTP/1.1 201 Created\r\ncontent-length: 2\r\nx-a: 1\r\nX-A: 2\r\n\r\nhi",
		"blanks round value":  "HTTP/1.1 200 OK\r\nX-B:\t v \r\nContent-Length:   1 \r\n\r\nx",
		"until close":         "HTTP/1.1 200 OK\r\n\r\nall of it",
		"http 1.0":            "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx",
		"chunked":             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
		"chunked, extensions": "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\nA;q=1\r\n0123456789\r\n0\r\nX-Trailer: 1\r\n\r\n",
		"no content":          "HTTP/1.1 204 No Content\r\n\r\n",
		"not modified":        "HTTP/1.1 304 Not Modified\r\nContent-Length: 10\r\n\r\n",
	}
	refused = map[string]string{
		"empty":                "",
		"not http":             "SSH-2.0-OpenSSH_9.2\r\n\r\n",
		"http 2":               "HTTP/2.0 200 OK\r\n\r\n",
		"http 1.2":             "HTTP/1.2 200 OK\r\n\r\n",
		"two digits":           "HTTP/1.1 20 OK\r\n\r\n",
		"signed code":          "HTTP/1.1 +20 OK\r\n\r\n",
		"code 600":             "HTTP/1.1 600 What\r\n\r\n",
		"code 099":             "HTTP/1.1 099 What\r\n\r\n",
		"bare line feed":       "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
		"half a head":          "HTTP/1.1 200 OK\r\nContent-Le",
		"half a body":          "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
		"both framings":        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"two lengths":          "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
		"same length twice":    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
		"length list":          "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
		"negative length":      "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
		"signed length":        "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\nx",
		"huge length":          "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"hex length":           "HTTP/1.1 200 OK\r\nContent-Length: 0x5\r\n\r\nhello",
		"gzip, chunked":        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
		"identity":             "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\n",
		"chunked in 1.0":       "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"blank before colon":   "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
		"folded line":          "HTTP/1.1 200 OK\r\nX-A: 1\r\n 2\r\nContent-Length: 0\r\n\r\n",
		"no colon":             "HTTP/1.1 200 OK\r\nContent-Length\r\n\r\n",
		"empty name":           "HTTP/1.1 200 OK\r\n: 1\r\n\r\n",
		"nul in value":         "HTTP/1.1 200 OK\r\nX-A: a\x00b\r\n\r\n",
		"cr in value":          "HTTP/1.1 200 OK\r\nX-A: a\rb\r\n\r\n",
		"switch":               "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
		"endless 1xx":          strings.Repeat("HTTP/1.1 103 Early Hints\r\n\r\n", 50),
		"huge head":            "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-A: "+strings.Repeat("a", 1000)+"\r\n", 100) + "\r\n",
		"too many fields":      "HTTP/1.1 200 OK\r\n" + strings.Repeat("X-A: a\r\n", 300) + "\r\n",
		"chunk size missing":   "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\nhello\r\n0\r\n\r\n",
		"chunk size negative":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\nhello\r\n0\r\n\r\n",
		"chunk size overflow":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
		"chunk too long":       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhello\r\n0\r\n\r\n",
		"chunk cut":            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
		"no last chunk":        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
		"chunk bare line feed": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n",
		"chunk blank in size":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\nhello\r\n0\r\n\r\n",
		"endless trailers":     "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + strings.Repeat("X-A: a\r\n", 2000) + "\r\n",
	}
)

func TestAnswers(t *testing.T) {
	t.Parallel()
	for name, raw := range accepted {
		if _, _, err := read([]byte(raw), "POST"); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		agrees(t, []byte(raw), "POST")
	}
	for name, raw := range refused {
		_, _, err := read([]byte(raw), "POST")
		if err == nil {
			t.Errorf("%s: accepted", name)
		} else if !errors.Is(err, ErrMalformed) && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
			t.Errorf("%s: %v is neither malformed nor cut short", name, err)
		}
	}
	if _, content, err := read([]byte(accepted["length"]), "HEAD"); err != nil || len(content) > 0 {
		t.Errorf("HEAD: body %q, %v", content, err)
	}
	_, content, err := read([]byte("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"+accepted["chunked"]), "POST")
	if err != nil || string(content) != "hello world" {
		t.Errorf("after 1xx: %q, %v", content, err)
	}
}

// agrees checks that whatever this parser accepts, net/http accepts and reads
// the same out of it.
func agrees(t *testing.T, raw []byte, method string) {
	t.Helper()
	h, content, err := read(raw, method)
	if err != nil {
		return
	}
	br := bufio.NewReader(bytes.NewReader(raw))
	var theirs *http.Response
	for {
		theirs, err = http.ReadResponse(br, &http.Request{Method: method})
		if err != nil {
			t.Fatalf("net/http refuses %q: %v", raw, err)
		}
		if theirs.StatusCode >= 200 {
			break
		}
	}
	body, err := io.ReadAll(theirs.Body)
	if err != nil {
		t.Fatalf("net/http refuses the body of %q: %v", raw, err)
	}
	if theirs.StatusCode != h.status || !bytes.Equal(body, content) {
		t.Fatalf("%q reads as %d %q, net/http says %d %q", raw, h.status, content, theirs.StatusCode, body)
	}
	// net/http moves framing fields out of the header and answers an old
	// Pragma with a Cache-Control of its own.
	for _, header := range []http.Header{h.header, theirs.Header} {
		for _, name := range []string{"Transfer-Encoding", "Trailer", "Cache-Control", "Content-Length"} {
			header.Del(name)
		}
	}
	if !reflect.DeepEqual(h.header, theirs.Header) {
		t.Fatalf("%q: header %v, net/http says %v", raw, h.header, theirs.Header)
	}
}

func FuzzAnswer(f *testing.F) {
	for _, raw := range accepted {
		f.Add([]byte(raw), false)
	}
	for _, raw := range refused {
		f.Add([]byte(raw), true)
	}
	f.Fuzz(func(t *testing.T, raw []byte, isHead bool) {
		method := "POST"
		if isHead {
			method = "HEAD"
		}
		agrees(t, raw, method)
	})
}
