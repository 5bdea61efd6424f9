package http1

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long a test waits for what must happen.
const patience = 30 * time.Second

// newServer is a server with generous times.
func newServer(h http.Handler) *Server {
	return &Server{
		Handler: h, Base: context.Background(), Log: slog.New(slog.DiscardHandler),
		HeadTimeout: patience, BodyTimeout: patience, IdleTimeout: patience, MaxHead: 16 << 10,
		Refuse: func(f *FaultError, header http.Header) []byte {
			header["X-Kind"] = []string{[]string{"syntax", "framing", "large", "version", "coding", "expectation"}[f.Kind]}
			body, _ := json.Marshal(f.Why)
			return body
		},
	}
}

// serve runs s on a loopback port until the test ends.
func serve(t testing.TB, s *Server) (address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ln) }()
	t.Cleanup(func() {
		_ = s.Close()
		if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("Serve returned %v", err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Errorf("connections remain: %v", err)
		}
	})
	return ln.Addr().String()
}

// wire is a raw connection.
type wire struct {
	net.Conn
	t  testing.TB
	br *bufio.Reader
}

func dial(t testing.TB, address string) *wire {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return &wire{c, t, bufio.NewReader(c)}
}

func (w *wire) send(text string) *wire {
	w.t.Helper()
	if _, err := io.WriteString(w.Conn, text); err != nil {
		w.t.Fatal(err)
	}
	return w
}

// reply is an answer that has been read.
type reply struct {
	*http.Response
	text string
}

func (w *wire) read(method string) reply {
	w.t.Helper()
	res, err := http.ReadResponse(w.br, &http.Request{Method: method})
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatalf("%d, then %v after %q", res.StatusCode, err, body)
	}
	return reply{res, string(body)}
}

// ends fails unless the server closes the connection without another word.
func (w *wire) ends() {
	w.t.Helper()
	if rest, err := io.ReadAll(w.br); err != nil || len(rest) > 0 {
		w.t.Errorf("the connection goes on with %.100q, %v", rest, err)
	}
}

// echo answers with what it was asked.
var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = io.WriteString(w, r.Method+" "+r.RequestURI+" "+r.Host+" "+string(body))
})

func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(2 * time.Millisecond) {
		if ok() {
			return
		}
	}
	t.Fatalf("%s: did not happen", what)
}

// lists collects what handlers saw.
type list struct {
	mu    sync.Mutex
	items []string
}

func (l *list) add(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.items = append(l.items, s)
}

func (l *list) get() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.items...)
}

func (l *list) String() string { return strings.Join(l.get(), "|") }
