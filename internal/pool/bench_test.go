package pool

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/omni-run/omni/api"
)

// BenchmarkDo is a whole call through the pool to a net/http worker in the
// same process, with a body of 600 bytes and an answer of 1.5 KB.
func BenchmarkDo(b *testing.B) {
	answer := strings.Repeat("x", 1500)
	health := `{"status":"ok","services_ready":true,"services":{"echo":{"state":"ready"}},"max_concurrency":64}`
	network := newPipes()
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/internal/health" {
			_, _ = io.WriteString(w, health)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, answer)
	})}
	go func() { _ = server.Serve(network) }()
	defer server.Close()
	p, err := New(Options{Workers: []Worker{{Name: "w", URL: "http://worker"}}, Dial: network.dial})
	if err != nil {
		b.Fatal(err)
	}
	if err := p.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = p.Stop(context.Background()) }()
	r := &Request{
		Service: "echo", Method: "POST", Path: "/internal/echo", Tenant: "t", Weight: 1, Body: []byte(strings.Repeat("x", 600)),
		Header: http.Header{"Content-Type": {"application/json"}, "X-Request-Id": {"r"}, "X-API-Key": {"k"}, "User-Agent": {"bench"}},
	}
	ctx, cancel := context.WithCancel(b.Context())
	defer cancel()
	b.ReportAllocs()
	for b.Loop() {
		resp, err := p.Do(ctx, r)
		if err != nil {
			b.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
	}
}

// BenchmarkAcquire is the pool's own share of a call: choosing a worker,
// taking a slot and giving it back.
func BenchmarkAcquire(b *testing.B) {
	p, err := New(Options{Workers: []Worker{{Name: "a", URL: "http://a"}, {Name: "b", URL: "http://b"}}})
	if err != nil {
		b.Fatal(err)
	}
	for _, w := range p.workers {
		w.up, w.services = true, map[string]string{"echo": api.StateReady}
	}
	r := call("echo", "x")
	until := time.Now().Add(time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		w, _, err := p.acquire(b.Context(), r, until, nil, false)
		if err != nil {
			b.Fatal(err)
		}
		(&lease{pool: p, worker: w}).release("")
	}
}
