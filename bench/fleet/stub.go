package fleet

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// Stub is a worker whose work is to wait: what is measured is the gateway.
type Stub struct {
	// Takes is how long a call takes, Concurrency how many it takes at once.
	Takes       time.Duration
	Concurrency int
	inFlight    atomic.Int64
	listener    net.Listener
	server      http.Server
}

// Start listens on a free address and returns it.
func (s *Stub) Start() (address string, err error) {
	if s.listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil { //nolint:noctx // returns at once
		return "", err
	}
	s.server.Handler, s.server.ReadHeaderTimeout = s, Patience
	go func() { _ = s.server.Serve(s.listener) }() // until Close
	return s.listener.Addr().String(), nil
}

// Close ends the worker.
func (s *Stub) Close() error { return s.server.Close() }

// ServeHTTP keeps the contract as far as the gateway looks.
func (s *Stub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // a body that ends early is no matter here
	switch r.URL.Path {
	case "/internal/health":
		reply(w, fmt.Sprintf(`{"status":"ok","services_ready":true,"services":{"anomaly":{"state":"ready","seconds":0}},"in_flight":%d,"max_concurrency":%d,"version":"stub"}`, s.inFlight.Load(), s.Concurrency))
	case "/internal/metrics":
		_, _ = io.WriteString(w, "")
	default:
		s.inFlight.Add(1)
		defer s.inFlight.Add(-1)
		time.Sleep(s.Takes)
		reply(w, fmt.Sprintf(`{"status":"success","request_id":%q}`, r.Header.Get("X-Request-ID")))
	}
}

func reply(w http.ResponseWriter, body string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, body)
}
