package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/omni-run/omni/api"
)

// stub is a worker that keeps the /internal half of the contract as far as the
// test wants it to.
type stub struct {
	*httptest.Server
	mu     sync.Mutex
	ready  bool
	handle http.HandlerFunc
	calls  int
}

// services are those the built-in routes name.
var services = []string{"forecast", "churn", "recommend", "anomaly", "sentiment", "swarm", "agents", "reason", "vectors", "models"}

// startStub starts a ready worker that answers with handle, or {"status":"success"}.
func startStub(t *testing.T, handle http.HandlerFunc) *stub {
	t.Helper()
	s := &stub{ready: true, handle: handle}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.CloseClientConnections)
	t.Cleanup(func() { go s.Close() }) // which waits for handlers that tests leave hanging
	return s
}

func (s *stub) set(ready bool, handle http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ready, s.handle = ready, handle
}

// count is how many calls, probes aside, have come.
func (s *stub) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

func (s *stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	ready, handle := s.ready, s.handle
	if r.Method == http.MethodPost {
		s.calls++
	}
	s.mu.Unlock()
	switch {
	case r.URL.Path == api.InternalPrefix+"/health":
		state, status := "ready", "ok"
		if !ready {
			state, status = "loading", "initializing"
		}
		fmt.Fprintf(w, `{"status":%q,"services_ready":%v,"services":{`, status, ready)
		for i, name := range services {
			if i > 0 {
				fmt.Fprint(w, ",")
			}
			fmt.Fprintf(w, `%q:{"state":%q}`, name, state)
		}
		fmt.Fprint(w, `},"in_flight":0,"max_concurrency":256,"version":"stub"}`)
	case r.Method == http.MethodGet:
		http.NotFound(w, r)
	case handle != nil:
		handle(w, r)
	default:
		echo(w, r)
	}
}

// echo answers as a worker does whose work is done.
func echo(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"status":"success","request_id":%q}`, r.Header.Get(api.HeaderRequestID))
}

// raw answers with exactly these bytes, and then hangs up.
func raw(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		conn, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		write(conn, buffered, text)
	}
}

func write(conn net.Conn, w *bufio.ReadWriter, text string) {
	_, _ = w.WriteString(text)
	_ = w.Flush()
	_ = conn.Close()
}
