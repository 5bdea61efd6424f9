package edge_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/config"
)

// callBudget is how many allocations one proxied call may cost, from the
// handler down to the worker's socket and back: stages, pool, HTTP client,
// ledger, metrics and log line, without the server in front, which has a
// budget of its own in package http1. Whoever needs more raises it here and says why.
const callBudget = 17

func TestAllocationsOfACallStayInBudget(t *testing.T) {
	for name, change := range callKinds {
		c := newCaller(t, change)
		c.call() // opens the connection to the worker
		if n := testing.AllocsPerRun(300, c.call); n > callBudget && !raceEnabled {
			t.Errorf("%s: a call makes %.0f allocations; the budget is %d", name, n, callBudget)
		}
	}
}

// callKinds are configurations under which a call costs the same: pages in
// browsers that may call cost those nothing that are none.
var callKinds = map[string]func(*config.Config){
	"plain":         func(*config.Config) {},
	"pages allowed": func(c *config.Config) { c.CORS.AllowOrigins = []string{"https://app.example.com"} },
}

func BenchmarkCall(b *testing.B) {
	for name, change := range callKinds {
		b.Run(name, func(b *testing.B) {
			c := newCaller(b, change)
			c.call()
			b.ReportAllocs()
			for b.Loop() {
				c.call()
			}
		})
	}
}

// caller calls the gateway's handler on real parts, with a worker behind a
// socket that allocates nothing itself.
type caller struct {
	t       testing.TB
	handler http.Handler
	request *http.Request
	body    *bytes.Reader
	raw     []byte
	answer  discarded
}

func newCaller(t testing.TB, change func(*config.Config)) *caller {
	f := start(t, setup{config: func(c *config.Config) {
		change(c)
		c.Workers[0].URL = "http://" + cannedWorker(t)
		c.Tiers = map[string]config.Tier{"enterprise": {RequestsPerMinute: 100_000_000, Burst: 100_000_000}}
	}})
	c := &caller{t: t, handler: f.handler, raw: []byte(`{"data":[` + strings.Repeat("123.5,", 95) + `1]}`)}
	c.body = bytes.NewReader(c.raw)
	c.request = httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/predict/revenue-lstm", http.NoBody)
	c.request.Header = http.Header{"X-Api-Key": {enterpriseKey}, "Content-Type": {"application/json"}, "User-Agent": {"bench"}}
	c.request.Body, c.request.ContentLength = io.NopCloser(c.body), int64(len(c.raw))
	eventually(t, "a ready worker", func() bool {
		c.once()
		return c.answer.status == http.StatusOK
	})
	return c
}

func (c *caller) call() {
	if c.once(); c.answer.status != http.StatusOK {
		c.t.Errorf("status %d", c.answer.status)
	}
}

func (c *caller) once() {
	c.body.Reset(c.raw)
	clear(c.answer.header)
	c.answer.status = 0
	c.handler.ServeHTTP(&c.answer, c.request)
}

// discarded is a ResponseWriter that keeps the status only.
type discarded struct {
	header http.Header
	status int
}

func (d *discarded) Header() http.Header {
	if d.header == nil {
		d.header = http.Header{}
	}
	return d.header
}
func (d *discarded) WriteHeader(status int)          { d.status = status }
func (d *discarded) Write(p []byte) (int, error)     { return len(p), nil }
func (d *discarded) SetReadDeadline(time.Time) error { return nil }

// cannedWorker answers every request on a socket with the same bytes, or with
// its health, and returns its address.
func cannedWorker(t testing.TB) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	health := `{"status":"ok","services_ready":true,"services":{"forecast":{"state":"ready","seconds":0.1}},"max_concurrency":8,"in_flight":0,"version":"t"}`
	answers := map[bool][]byte{true: canned(health), false: canned(`{"status":"success","forecast":[` + strings.Repeat("1.25,", 280) + `1]}`)}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			conns.Go(func() { answerCanned(c, answers) })
		}
	})
	t.Cleanup(func() {
		_ = ln.Close()
		conns.Wait()
	})
	return ln.Addr().String()
}

func canned(body string) []byte {
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

func answerCanned(c net.Conn, answers map[bool][]byte) {
	defer c.Close()
	br := bufio.NewReader(c)
	var healthy bool
	for {
		length, first := 0, true
		for {
			line, err := br.ReadSlice('\n')
			if err != nil {
				return
			}
			if first {
				healthy, first = bytes.Contains(line, []byte("/internal/health")), false
			}
			if digits, ok := bytes.CutPrefix(line, []byte("Content-Length: ")); ok {
				for _, d := range bytes.TrimSpace(digits) {
					length = length*10 + int(d-'0')
				}
			}
			if len(line) == 2 {
				break
			}
		}
		if _, err := br.Discard(length); err != nil {
			return
		}
		if _, err := c.Write(answers[healthy]); err != nil {
			return
		}
	}
}
