package http1

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
)

const get = "GET /x HTTP/1.1\r\nHost: x\r\n\r\n"

func TestManyRequestsOnOneConnection(t *testing.T) {
	t.Parallel()
	w := dial(t, serve(t, newServer(echo)))
	for i := range 50 {
		if got := w.send(fmt.Sprintf("POST /%d HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi", i)).read("POST"); got.text != fmt.Sprintf("POST /%d x hi", i) || got.Close {
			t.Fatalf("%d: %q, close %v", i, got.text, got.Close)
		}
	}
	// Several at once, and an empty line as old clients sent it behind a body.
	w.send(strings.Repeat(get, 3) + "POST /y HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi\r\n" + "GET /z HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	for _, want := range []string{"GET /x x ", "GET /x x ", "GET /x x ", "POST /y x hi", "GET /z x "} {
		if got := w.read("GET"); got.text != want {
			t.Fatalf("%q, want %q", got.text, want)
		}
	}
	w.ends()
}

func TestAnswersAreFramed(t *testing.T) {
	t.Parallel()
	large := strings.Repeat("0123456789abcdef", 20_000)
	address := serve(t, newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		switch r.URL.Path {
		case "/empty":
		case "/small":
			_, _ = io.WriteString(w, "small")
		case "/large":
			_, _ = io.WriteString(w, large)
		case "/declared":
			h.Set("Content-Length", fmt.Sprint(len(large)))
			h.Set("Content-Type", "text/plain")
			for i := 0; i < len(large); i += 1000 {
				_, _ = io.WriteString(w, large[i:i+1000])
			}
		case "/pieces":
			for range 3 {
				_, _ = io.WriteString(w, "piece ")
				w.(http.Flusher).Flush()
			}
		case "/none":
			w.WriteHeader(http.StatusNoContent)
			if _, err := io.WriteString(w, "x"); !errors.Is(err, http.ErrBodyNotAllowed) {
				panic(err)
			}
		case "/over":
			h.Set("Content-Length", "3")
			if _, err := io.WriteString(w, "four"); !errors.Is(err, http.ErrContentLength) {
				panic(err)
			}
			_, _ = io.WriteString(w, "yes")
		case "/injected":
			h["X-A"], h["X B"] = []string{"a\r\nX-C: d"}, []string{"x"}
		}
	})))
	for _, c := range []struct{ path, version, method, text string }{
		{"/empty", "1.1", "GET", ""},
		{"/small", "1.1", "GET", "small"},
		{"/small", "1.1", "HEAD", ""},
		{"/small", "1.0", "GET", "small"},
		{"/large", "1.1", "GET", large},
		{"/large", "1.1", "HEAD", ""},
		{"/large", "1.0", "GET", large},
		{"/declared", "1.1", "GET", large},
		{"/declared", "1.1", "HEAD", ""},
		{"/declared", "1.0", "GET", large},
		{"/pieces", "1.1", "GET", "piece piece piece "},
		{"/pieces", "1.0", "GET", "piece piece piece "},
		{"/none", "1.1", "GET", ""},
		{"/over", "1.1", "GET", "yes"},
		{"/injected", "1.1", "GET", ""},
	} {
		w := dial(t, address)
		keep := ""
		if c.version == "1.0" {
			keep = "Connection: keep-alive\r\n"
		}
		got := w.send(c.method + " " + c.path + " HTTP/" + c.version + "\r\nHost: x\r\n" + keep + "\r\n").read(c.method)
		if got.text != c.text || got.Header.Get("Date") == "" {
			t.Errorf("%v: %d bytes of %d, header %v", c, len(got.text), len(c.text), got.Header)
		}
		if c.path == "/injected" && (got.Header.Get("X-C") != "" || got.Header.Get("X-A") != "a  X-C: d" || len(got.Header["X B"]) > 0) {
			t.Errorf("a value became a field: %v", got.Header)
		}
		if ends := c.version == "1.0" && (c.path == "/large" || c.path == "/pieces"); got.Close != ends {
			t.Errorf("%v: close is %v", c, got.Close)
		} else if !ends {
			if again := w.send(get).read("GET"); again.StatusCode != 200 {
				t.Errorf("%v: then %d", c, again.StatusCode)
			}
		}
	}
}

// An answer that is shorter than it said, or whose handler breaks, must not
// look whole.
func TestBrokenAnswersBreakTheConnection(t *testing.T) {
	t.Parallel()
	address := serve(t, newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/short" {
			w.Header().Set("Content-Length", "10")
		}
		_, _ = io.WriteString(w, "half")
		w.(http.Flusher).Flush()
		switch r.URL.Path {
		case "/abort":
			panic(http.ErrAbortHandler)
		case "/panic":
			panic("a mistake")
		}
	})))
	for _, path := range []string{"/short", "/abort", "/panic"} {
		w := dial(t, address).send("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")
		res, err := http.ReadResponse(w.br, nil)
		if err != nil {
			t.Fatal(err)
		}
		if body, err := io.ReadAll(res.Body); err == nil {
			t.Errorf("%s: %q looks whole", path, body)
		}
		_ = res.Body.Close()
	}
}

func TestBodiesOfEverySize(t *testing.T) {
	t.Parallel()
	address := serve(t, newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(err)
		}
		_, _ = w.Write(body)
	})))
	w := dial(t, address)
	for _, n := range []int{0, 1, inBytes - 100, inBytes, inBytes + 1, 3 * inBytes, 5 << 20} {
		body := bytes.Repeat([]byte("x"), n)
		for _, chunked := range []bool{false, true} {
			var text bytes.Buffer
			r, _ := http.NewRequest(http.MethodPost, "http://x/", io.NopCloser(bytes.NewReader(body)))
			if r.ContentLength = int64(n); chunked || n == 0 {
				r.ContentLength = -1
			}
			if err := r.Write(&text); err != nil {
				t.Fatal(err)
			}
			go func() { _, _ = w.Write(text.Bytes()) }()
			if got := w.read("POST"); got.StatusCode != 200 || got.text != string(body) {
				t.Fatalf("%d bytes, chunked %v: %d, %d bytes", n, chunked, got.StatusCode, len(got.text))
			}
		}
	}
}

// A body that nobody read is skipped if it is small, and ends the connection
// if it is not, or if its sender waits to be told.
func TestUnreadBodies(t *testing.T) {
	t.Parallel()
	address := serve(t, newServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	w := dial(t, address).send("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 50000\r\n\r\n")
	if got := w.read("POST"); got.StatusCode != 200 || got.Close {
		t.Errorf("%d, close %v", got.StatusCode, got.Close)
	}
	if got := w.send(strings.Repeat("b", 50000) + get).read("GET"); got.StatusCode != 200 {
		t.Errorf("behind the body: %d", got.StatusCode)
	}
	for _, head := range []string{"Content-Length: 1000000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n", "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n"} {
		w := dial(t, address).send("POST /x HTTP/1.1\r\nHost: x\r\n" + head)
		if got := w.read("POST"); got.StatusCode != 200 || !got.Close {
			t.Errorf("%q: %d, close %v", head, got.StatusCode, got.Close)
		}
		w.ends()
	}
}

func TestExpectContinue(t *testing.T) {
	t.Parallel()
	w := dial(t, serve(t, newServer(echo))).send("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
	if line, err := w.br.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		t.Fatalf("%q, %v", line, err)
	}
	_, _ = w.br.ReadString('\n')
	if got := w.send("hi" + get).read("POST"); got.text != "POST /x x hi" {
		t.Errorf("%q", got.text)
	}
	if got := w.read("GET"); got.text != "GET /x x " {
		t.Errorf("%q", got.text)
	}
}

func TestSlowHeadsAreCut(t *testing.T) {
	t.Parallel()
	s := newServer(echo)
	s.HeadTimeout = 50 * time.Millisecond
	address := serve(t, s)
	dial(t, address).ends()
	// On a busy machine a beginning may come too late to be seen at all.
	for _, c := range []struct{ text, want string }{{"GET /x HT", "HTTP/1.1 400 "}, {"GET /x HTTP/1.1\r\nHost: x\r\n", ""}} {
		eventually(t, "the end of "+c.text, func() bool {
			w := dial(t, address).send(c.text)
			got, _ := io.ReadAll(w.br)
			return c.want == "" && len(got) == 0 || c.want != "" && strings.HasPrefix(string(got), c.want)
		})
	}
	eventually(t, "the end of a second head", func() bool {
		w := dial(t, address)
		_, _ = io.WriteString(w, get+"GET /x HTTP/1.1\r\n")
		got, _ := io.ReadAll(w.br)
		return strings.HasPrefix(string(got), "HTTP/1.1 200 ") && strings.Count(string(got), "HTTP/1.1") == 1
	})
}

func TestIdleConnectionsAreCut(t *testing.T) {
	t.Parallel()
	s := newServer(echo)
	s.IdleTimeout = 50 * time.Millisecond
	w := dial(t, serve(t, s)).send(get)
	w.read("GET")
	w.ends()
}

func TestSlowBodiesAreCut(t *testing.T) {
	t.Parallel()
	faults := make(chan error, 1)
	s := newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusRequestTimeout)
		faults <- err
	}))
	s.BodyTimeout = 100 * time.Millisecond
	address := serve(t, s)
	for _, text := range []string{"Content-Length: 2\r\n\r\nh", "Transfer-Encoding: chunked\r\n\r\n5\r\nh", "Transfer-Encoding: chunked\r\n\r\n5"} {
		w := dial(t, address).send("POST /x HTTP/1.1\r\nHost: x\r\n" + text)
		if got := w.read("POST"); got.StatusCode != http.StatusRequestTimeout || !got.Close {
			t.Errorf("%q: %d, close %v", text, got.StatusCode, got.Close)
		}
		if err := <-faults; !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("a slow body is %v", err)
		}
		w.ends()
	}
}

// A caller who takes nothing in does not hold a handler for ever.
func TestCallerWhoDoesNotRead(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	s := newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var err error
		for piece := make([]byte, 1<<20); err == nil; {
			_, err = w.Write(piece)
		}
		<-r.Context().Done() // a failed write ends it
		ended <- err
	}))
	s.BodyTimeout = 100 * time.Millisecond
	dial(t, serve(t, s)).send(get)
	select {
	case err := <-ended:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("it ended with %v", err)
		}
	case <-time.After(patience):
		t.Fatal("the handler still writes")
	}
}

func TestCallerWhoLeavesEndsTheContext(t *testing.T) {
	t.Parallel()
	began, ended := make(chan struct{}), make(chan error)
	address := serve(t, newServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		close(began)
		<-r.Context().Done()
		ended <- context.Cause(r.Context())
	})))
	w := dial(t, address).send("POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi")
	<-began
	_ = w.Close()
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	case <-time.After(patience):
		t.Fatal("the handler is not told")
	}
}

// A long call whose caller stays, and even sends its next request, is answered;
// the watch takes nothing away.
func TestWatchedCallsAndWhatFollows(t *testing.T) {
	t.Parallel()
	s := newServer(nil)
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/long" {
			eventually(t, "a watch", func() bool {
				s.flights.mu.Lock()
				defer s.flights.mu.Unlock()
				return s.flights.oldest.watching
			})
		}
		if r.Context().Err() != nil {
			w.WriteHeader(http.StatusTeapot)
		}
		echo(w, r)
	})
	w := dial(t, serve(t, s))
	const long = "GET /long HTTP/1.1\r\nHost: x\r\n\r\n"
	for range 3 {
		w.send(long)
		if got := w.read("GET"); got.text != "GET /long x " || got.StatusCode != 200 {
			t.Fatalf("%d %q", got.StatusCode, got.text)
		}
	}
	w.send(long)
	go func() { _, _ = io.WriteString(w.Conn, "POST /next HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi") }()
	if got := w.read("GET"); got.text != "GET /long x " {
		t.Fatalf("%q", got.text)
	}
	if got := w.read("POST"); got.text != "POST /next x hi" {
		t.Fatalf("%q", got.text)
	}
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	began, release := make(chan struct{}), make(chan struct{})
	s := newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/held" {
			close(began)
			<-release
		}
		echo(w, r)
	}))
	address := serve(t, s)
	idle := dial(t, address).send(get)
	idle.read("GET")
	fresh := dial(t, address)
	held := dial(t, address).send("GET /held HTTP/1.1\r\nHost: x\r\n\r\n")
	<-began
	eventually(t, "three connections", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return len(s.conns) == 3
	})
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.Shutdown(short); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a request under way: %v", err)
	}
	idle.ends()
	if got := fresh.send(get).read("GET"); got.StatusCode != 200 || !got.Close {
		t.Errorf("a first request on its way: %d, close %v", got.StatusCode, got.Close)
	}
	if _, err := net.Dial("tcp", address); err == nil {
		t.Error("it still accepts")
	}
	close(release)
	if got := held.read("GET"); got.text != "GET /held x " || !got.Close {
		t.Errorf("%q, close %v", got.text, got.Close)
	}
	if err := s.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
}

// A request that has arrived when the server stops is answered.
func TestShutdownTakesALastLook(t *testing.T) {
	t.Parallel()
	for range 20 {
		s := newServer(echo)
		w := dial(t, serve(t, s)).send(get)
		w.read("GET")
		w.send(get)
		if err := s.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := w.read("GET"); got.StatusCode != 200 {
			t.Fatalf("%d", got.StatusCode)
		}
		w.ends()
	}
}

func TestBaseEndsEveryRequestWithItsCause(t *testing.T) {
	t.Parallel()
	base, end := context.WithCancelCause(context.Background())
	began, why := make(chan struct{}, 2), make(chan error, 2)
	s := newServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		began <- struct{}{}
		child, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		<-child.Done()
		why <- context.Cause(child)
	}))
	s.Base = base
	address := serve(t, s)
	dial(t, address).send(get)
	<-began
	reason := errors.New("the end")
	end(reason)
	dial(t, address).send(get)
	for range 2 {
		if err := <-why; !errors.Is(err, reason) {
			t.Errorf("the cause is %v", err)
		}
	}
}

// The same while the server stops: that is when it is needed.
func TestBaseEndsRequestsThatHoldUpShutdown(t *testing.T) {
	t.Parallel()
	base, end := context.WithCancelCause(context.Background())
	began := make(chan struct{})
	s := newServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(began)
		<-r.Context().Done()
		_, _ = io.WriteString(w, context.Cause(r.Context()).Error())
	}))
	s.Base = base
	w := dial(t, serve(t, s)).send(get)
	<-began
	stopped := make(chan error, 1)
	go func() { stopped <- s.Shutdown(context.Background()) }()
	eventually(t, "the server stops", s.closing.Load)
	if _, err := net.Dial("tcp", w.RemoteAddr().String()); err == nil {
		eventually(t, "no more connections", func() bool {
			c, err := net.Dial("tcp", w.RemoteAddr().String())
			if err == nil {
				_ = c.Close()
			}
			return err != nil
		})
	}
	end(errors.New("the end"))
	if got := w.read("GET"); got.text != "the end" || !got.Close {
		t.Errorf("%q, close %v", got.text, got.Close)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestHandover(t *testing.T) {
	t.Parallel()
	got := make(chan string, 1)
	s := newServer(echo)
	s.Handover = func(c net.Conn) {
		defer c.Close()
		raw, _ := io.ReadAll(c)
		got <- string(raw)
	}
	w := dial(t, serve(t, s)).send("PRI * HTTP/2.0\r\n\r\nSM")
	_ = w.Conn.(*net.TCPConn).CloseWrite()
	if s := <-got; s != "PRI * HTTP/2.0\r\n\r\nSM" {
		t.Errorf("handed over with %q", s)
	}
}

// A connection that waits holds no buffer.
func TestIdleConnectionsHoldNoBuffer(t *testing.T) {
	t.Parallel()
	s := newServer(echo)
	w := dial(t, serve(t, s)).send(get)
	w.read("GET")
	eventually(t, "no buffer", func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		for c := range s.conns {
			c.mu.Lock()
			waiting, raw := c.waiting, c.raw != nil
			c.mu.Unlock()
			return raw && waiting
		}
		return false
	})
	if got := w.send(get).read("GET"); got.text != "GET /x x " {
		t.Errorf("%q", got.text)
	}
}

// A request costs few allocations: what the handler sees of it, and no more.
func TestAllocationsOfARequest(t *testing.T) {
	s := newServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	in := &repeated{text: "POST /predict/x HTTP/1.1\r\nHost: x\r\nX-API-Key: k\r\nContent-Type: application/json\r\nContent-Length: 0\r\nUser-Agent: t\r\n\r\n"}
	s.conns = map[*conn]struct{}{}
	c := newConn(s, in)
	one := func() {
		if !c.await() {
			t.Fatal("no request")
		}
		text, fault, err := c.readHead()
		if fault != nil || err != nil {
			t.Fatal(fault, err)
		}
		if fault := c.head.parse(text); fault != nil {
			t.Fatal(fault)
		}
		if more, fault := c.answer(&c.head); !more || fault != nil {
			t.Fatal(more, fault)
		}
	}
	one()
	const budget = 7
	if n := testing.AllocsPerRun(200, one); n > budget && !raceEnabled {
		t.Errorf("a request makes %.0f allocations; the budget is %d", n, budget)
	}
}

// repeated is a connection on which the same request comes again and again.
type repeated struct {
	scripted
	text string
}

func (r *repeated) Read(p []byte) (int, error) { return copy(p, r.text), nil }
