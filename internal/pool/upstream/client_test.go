package upstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newClient(t testing.TB, address string, options Options) Client {
	t.Helper()
	base, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	c, err := New(base, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// raw runs handle for each connection to a fresh listener and counts them.
func raw(t *testing.T, handle func(n int, c net.Conn, br *bufio.Reader)) (address string, count *atomic.Int32) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	count = new(atomic.Int32)
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			n := int(count.Add(1))
			wg.Go(func() {
				defer c.Close()
				handle(n, c, bufio.NewReader(c))
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
	})
	return "http://" + l.Addr().String(), count
}

// drain reads one whole request.
func drain(br *bufio.Reader) bool {
	r, err := http.ReadRequest(br)
	if err != nil {
		return false
	}
	_, err = io.Copy(io.Discard, r.Body)
	return err == nil
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// atOnce has so many calls under way at a time, each on a connection of its own.
func atOnce(t *testing.T, c Client, calls int) {
	t.Helper()
	var open []*Response
	for range calls {
		resp, err := c.Do(t.Context(), post("x"))
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, resp)
	}
	for _, resp := range open {
		text(t, resp)
	}
}

func post(body string) *Request {
	return &Request{Method: "POST", Path: "/internal/x", Header: http.Header{}, Body: []byte(body)}
}

func text(t *testing.T, r *Response) string {
	t.Helper()
	b, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Body.Close()
	return string(b)
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Saw", fmt.Sprint(r.Method, " ", r.URL.RequestURI(), " ", r.ContentLength, " ", r.Header.Get("X-A"), r.Header.Values("X-B"), r.Header.Get("Te")))
		w.Header().Set("Connection", "X-Drop")
		w.Header().Set("X-Drop", "1")
		w.WriteHeader(http.StatusAccepted)
		if r.URL.Query().Has("chunks") {
			for part := range slices.Chunk(b, 1000) {
				_, _ = w.Write(part)
				_ = http.NewResponseController(w).Flush()
			}
			return
		}
		_, _ = w.Write(b)
	})
	plainServer, tlsServer := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	t.Cleanup(plainServer.Close)
	t.Cleanup(tlsServer.Close)
	roots := &tls.Config{RootCAs: tlsServer.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	for name, c := range map[string]Client{
		"plain": newClient(t, plainServer.URL, Options{}),
		"tls":   newClient(t, tlsServer.URL, Options{TLS: roots}),
	} {
		for _, size := range []int{0, 1, 4096, 16 << 10, 1 << 20} {
			for _, query := range []string{"", "chunks=1"} {
				body := strings.Repeat("x", size)
				req := post(body)
				req.Path, req.RawQuery = "/internal/a%2Fb", query
				req.Header = http.Header{"X-A": {"1"}, "X-B": {"2", "3"}, "Te": {"trailers"}, "Content-Length": {"7"}}
				resp, err := c.Do(t.Context(), req)
				if err != nil {
					t.Fatalf("%s %d %q: %v", name, size, query, err)
				}
				if got := text(t, resp); got != body || resp.Status != http.StatusAccepted {
					t.Fatalf("%s %d %q: status %d, %d bytes", name, size, query, resp.Status, len(got))
				}
				uri := "/internal/a%2Fb"
				if query != "" {
					uri += "?" + query
				}
				if want := fmt.Sprint("POST ", uri, " ", size, " 1[2 3]"); resp.Header.Get("X-Saw") != want {
					t.Fatalf("%s: worker saw %q, want %q", name, resp.Header.Get("X-Saw"), want)
				}
				if resp.Header.Get("X-Drop") != "" || resp.Header.Get("Connection") != "" {
					t.Fatalf("%s: hop-by-hop fields came through: %v", name, resp.Header)
				}
			}
		}
	}
}

func TestConnectionsAreReused(t *testing.T) {
	t.Parallel()
	address, count := raw(t, func(_ int, c net.Conn, br *bufio.Reader) {
		for drain(br) {
			_, _ = io.WriteString(c, ok)
		}
	})
	c := newClient(t, address, Options{MaxIdle: 2})
	for range 20 {
		resp, err := c.Do(t.Context(), post("x"))
		if err != nil {
			t.Fatal(err)
		}
		text(t, resp)
	}
	if n := count.Load(); n != 1 {
		t.Fatalf("%d connections for calls one after another, want 1", n)
	}
	atOnce(t, c, 5)
	if kept := len(c.(*plain).idle.conns); kept != 2 {
		t.Fatalf("%d idle connections kept, want 2", kept)
	}
}

func TestIdleConnectionsExpire(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]Options{
		"idle": {IdleTimeout: time.Nanosecond}, "age": {MaxAge: time.Nanosecond},
	} {
		address, count := raw(t, func(_ int, c net.Conn, br *bufio.Reader) {
			for drain(br) {
				_, _ = io.WriteString(c, ok)
			}
		})
		c := newClient(t, address, options)
		for range 3 {
			resp, err := c.Do(t.Context(), post("x"))
			if err != nil {
				t.Fatal(err)
			}
			text(t, resp)
		}
		if count.Load() != 3 {
			t.Fatalf("%s: %d connections, want 3", name, count.Load())
		}
		c.Tidy()
		if kept := len(c.(*plain).idle.conns); kept != 0 {
			t.Fatalf("%s: %d connections left after Tidy", name, kept)
		}
	}
}

func TestNotReusable(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]string{
		"connection close": "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
		"http 1.0":         "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
		"more than asked":  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n",
	} {
		address, count := raw(t, func(_ int, c net.Conn, br *bufio.Reader) {
			for drain(br) {
				_, _ = io.WriteString(c, answer)
			}
		})
		c := newClient(t, address, Options{})
		for range 2 {
			resp, err := c.Do(t.Context(), post("x"))
			if err != nil || text(t, resp) != "ok" {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if count.Load() != 2 {
			t.Errorf("%s: %d connections, want 2", name, count.Load())
		}
	}
}

// A connection that the worker closed while idle is noticed before use, so a
// POST goes out on a fresh one, once.
func TestClosedIdleConnectionIsNoticed(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{})
	var served atomic.Int32
	address, _ := raw(t, func(n int, c net.Conn, br *bufio.Reader) {
		if drain(br) {
			served.Add(1)
			_, _ = io.WriteString(c, ok)
		}
		if n == 1 {
			_ = c.Close()
			close(closed)
		}
	})
	c := newClient(t, address, Options{})
	for range 2 {
		resp, err := c.Do(t.Context(), post("x"))
		if err != nil {
			t.Fatal(err)
		}
		text(t, resp)
		<-closed
	}
	if served.Load() != 2 {
		t.Fatalf("%d requests served, want 2", served.Load())
	}
}

// Of a restarted worker every kept connection is dead. A call that must not be
// sent twice passes over all of them, however it is sent.
func TestDeadConnectionsArePassedOver(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]Options{"sent and waited": {}, "sent": {HeaderTimeout: time.Minute}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const calls = 5
			restart := make(chan struct{})
			var gone sync.WaitGroup
			gone.Add(calls)
			address, count := raw(t, func(n int, c net.Conn, br *bufio.Reader) {
				if drain(br) {
					_, _ = io.WriteString(c, ok)
				}
				if n <= calls {
					<-restart
					_ = c.Close()
					gone.Done()
				}
			})
			c := newClient(t, address, options)
			atOnce(t, c, calls)
			close(restart)
			gone.Wait()
			resp, err := c.Do(t.Context(), post("x"))
			if err != nil {
				t.Fatal(err)
			}
			text(t, resp)
			if n := count.Load(); n != calls+1 {
				t.Errorf("%d connections, want one more than the %d dead ones", n, calls)
			}
			if kept := len(c.(*plain).idle.conns); kept != 1 {
				t.Errorf("%d idle connections are kept, want the last one", kept)
			}
		})
	}
}

// What a worker says on an idle connection is not taken for an answer.
func TestUnaskedWordsAreNoAnswer(t *testing.T) {
	t.Parallel()
	said := make(chan struct{})
	address, _ := raw(t, func(n int, c net.Conn, br *bufio.Reader) {
		for drain(br) {
			_, _ = io.WriteString(c, ok)
			if n == 1 {
				_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad")
				close(said)
			}
		}
	})
	c := newClient(t, address, Options{})
	for range 2 {
		resp, err := c.Do(t.Context(), post("x"))
		if err != nil {
			t.Fatal(err)
		}
		if got := text(t, resp); got == "bad" {
			t.Fatal("words nobody asked for were taken for an answer")
		}
		<-said
	}
}

// A worker that takes the request and then drops the connection may have run
// it: a POST fails, an idempotent request is sent once more.
func TestDroppedAfterRequest(t *testing.T) {
	t.Parallel()
	for _, idempotent := range []bool{false, true} {
		var seen atomic.Int32
		address, _ := raw(t, func(n int, c net.Conn, br *bufio.Reader) {
			for i := 0; drain(br); i++ {
				seen.Add(1)
				if n == 1 && i == 1 {
					return
				}
				_, _ = io.WriteString(c, ok)
			}
		})
		c := newClient(t, address, Options{})
		resp, err := c.Do(t.Context(), post("x"))
		if err != nil {
			t.Fatal(err)
		}
		text(t, resp)
		req := post("x")
		req.Idempotent = idempotent
		resp, err = c.Do(t.Context(), req)
		if idempotent {
			if err != nil || text(t, resp) != "ok" || seen.Load() != 3 {
				t.Fatalf("idempotent: %v after %d requests", err, seen.Load())
			}
			continue
		}
		var failure *Error
		if !errors.As(err, &failure) || !failure.Sent || failure.Stage != StageHead || seen.Load() != 2 {
			t.Fatalf("POST: %v after %d requests", err, seen.Load())
		}
	}
}

func TestDialFailureWasNotSent(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	for _, scheme := range []string{"http://", "https://"} {
		c := newClient(t, scheme+l.Addr().String(), Options{})
		_, err = c.Do(t.Context(), post("x"))
		var failure *Error
		if !errors.As(err, &failure) || failure.Sent || failure.Stage != StageDial {
			t.Fatalf("%s: got %v", scheme, err)
		}
	}
}

// A worker that refuses a large body and closes is still heard.
func TestEarlyAnswerToLargeBody(t *testing.T) {
	t.Parallel()
	address, _ := raw(t, func(_ int, c net.Conn, br *bufio.Reader) {
		_, _ = br.ReadString('\n')
		_, _ = io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig")
		_ = c.(*net.TCPConn).CloseWrite()
		_, _ = io.Copy(io.Discard, br)
	})
	c := newClient(t, address, Options{})
	resp, err := c.Do(t.Context(), post(strings.Repeat("x", 8<<20)))
	if err != nil || resp.Status != 413 || text(t, resp) != "big" {
		t.Fatalf("%v %v", resp, err)
	}
}

// slowWorker answers a head and half a body, or nothing, and reports when the
// client has hung up.
func slowWorker(t *testing.T, answer string) (address string, started, gone chan struct{}) {
	started, gone = make(chan struct{}), make(chan struct{})
	address, _ = raw(t, func(n int, c net.Conn, br *bufio.Reader) {
		if !drain(br) {
			return
		}
		_, _ = io.WriteString(c, answer)
		if n == 1 {
			close(started)
		}
		_, _ = br.ReadByte() // returns when the client closes
		if n == 1 {
			close(gone)
		}
	})
	return address, started, gone
}

func TestCancellationHangsUp(t *testing.T) {
	t.Parallel()
	address, started, gone := slowWorker(t, "")
	c := newClient(t, address, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-started
		cancel()
	}()
	if _, err := c.Do(ctx, post("x")); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	<-gone
	if _, err := c.Do(ctx, post("x")); !errors.Is(err, context.Canceled) {
		t.Fatalf("call with a dead context: %v", err)
	}
}

func TestCancellationInBody(t *testing.T) {
	t.Parallel()
	address, _, gone := slowWorker(t, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
	c := newClient(t, address, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	resp, err := c.Do(ctx, post("x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 4)); err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := resp.Body.Read(make([]byte, 1)); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	<-gone
	_ = resp.Body.Close()
}

func TestTimeouts(t *testing.T) {
	t.Parallel()
	const half = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"
	for name, c := range map[string]struct {
		options  Options
		deadline time.Duration
		answer   string
		stage    string
	}{
		"head":             {Options{HeaderTimeout: 20 * time.Millisecond}, 0, "", StageHead},
		"deadline in head": {Options{}, 500 * time.Millisecond, "", StageHead},
		"body":             {Options{BodyTimeout: 20 * time.Millisecond}, 0, half, StageBody},
		"deadline in body": {Options{}, time.Second, half, StageBody},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, _, gone := slowWorker(t, c.answer)
			client := newClient(t, address, c.options)
			req := post("x")
			if c.deadline > 0 {
				req.Deadline = time.Now().Add(c.deadline)
			}
			resp, err := client.Do(t.Context(), req)
			if err == nil {
				_, err = io.ReadAll(resp.Body)
			}
			var failure *Error
			if !errors.As(err, &failure) || failure.Stage != c.stage || !failure.Timeout() || !failure.Sent {
				t.Fatalf("got %v", err)
			}
			<-gone
		})
	}
}

func TestCloseBeforeEndHangsUp(t *testing.T) {
	t.Parallel()
	address, _, gone := slowWorker(t, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
	c := newClient(t, address, Options{})
	resp, err := c.Do(t.Context(), post("x"))
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	_ = resp.Body.Close()
	<-gone
	if _, err := resp.Body.Read(make([]byte, 1)); err == nil {
		t.Fatal("read after close works")
	}
}

func TestRequestsThatBreakFraming(t *testing.T) {
	t.Parallel()
	c := newClient(t, "http://127.0.0.1:1", Options{})
	for name, change := range map[string]func(*Request){
		"path":      func(r *Request) { r.Path = "/x HTTP/1.1\r\nX: " },
		"no slash":  func(r *Request) { r.Path = "x" },
		"query":     func(r *Request) { r.RawQuery = "a=b c" },
		"fragment":  func(r *Request) { r.RawQuery = "a#b" },
		"method":    func(r *Request) { r.Method = "GET /" },
		"no method": func(r *Request) { r.Method = "" },
		"name":      func(r *Request) { r.Header["X:Y"] = []string{"1"} },
		"value":     func(r *Request) { r.Header["X"] = []string{"1\r\nY: 2"} },
	} {
		req := post("x")
		change(req)
		_, err := c.Do(t.Context(), req)
		var failure *Error
		if !errors.As(err, &failure) || failure.Stage != StageRequest || failure.Sent {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"ftp://a", "http://", "http://u:p@a", "http://a/path", "http://a?q", "a:80"} {
		base, err := url.Parse(bad)
		if err != nil {
			continue
		}
		if _, err := New(base, Options{}); err == nil || strings.Contains(err.Error(), ":p@") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

// Many callers at once, some of whom leave: no answer reaches another's call.
func TestConcurrentCalls(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		_, _ = w.Write(b)
	}))
	t.Cleanup(server.Close)
	c := newClient(t, server.URL, Options{MaxIdle: 8})
	var wg sync.WaitGroup
	for worker := range 16 {
		wg.Go(func() {
			for i := range 50 {
				ctx, cancel := context.WithCancel(context.Background())
				if i%5 == 0 {
					go cancel()
				}
				body := fmt.Sprint(worker, "-", i)
				resp, err := c.Do(ctx, post(body))
				if err == nil {
					var got []byte
					if got, err = io.ReadAll(resp.Body); err == nil && string(got) != body {
						t.Errorf("call %s got the answer %q", body, got)
					}
					_ = resp.Body.Close()
				}
				if err != nil && !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
}
