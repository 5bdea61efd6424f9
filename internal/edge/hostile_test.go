package edge_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"github.com/omni-run/omni/internal/config"
)

// hostileInputs is how many requests, each with texts of its own everywhere a
// caller can put some, must leave no more behind than the first few.
func hostileInputs() int {
	if raceEnabled {
		return 20_000
	}
	return 1_000_000
}

const (
	// mostSeries bounds what /metrics holds in these tests: 36 routes with their
	// statuses, and the fixed ones.
	mostSeries = 1500
	// mostGrowth bounds the memory that strangers' texts may leave behind: the
	// tables of addresses and keys are capped, the rest keeps nothing.
	mostGrowth = 48 << 20
	marker     = "zzhostile"
)

// A million requests that differ in path, query, method, key, tenant, request
// id, trace, agent, address and content make no series and no memory of their
// own.
func TestAMillionHostileInputs(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a quarter of a minute")
	}
	f := start(t, setup{config: func(c *config.Config) {
		quiet := false
		c.Log.Access = &quiet
		c.TrustedProxies = []string{"203.0.113.0/24"} // so that callers' addresses are theirs to invent
	}})
	rng := rand.New(rand.NewPCG(1, 2))
	send := func(n int) {
		for i := range n {
			f.handler.ServeHTTP(&discarded{header: http.Header{}}, hostile(t.Context(), rng, i))
		}
	}
	send(2_000)
	before, heap := f.series(), inUse()
	send(hostileInputs())
	after := f.series()
	f.log.reset() // it goes to a buffer here, which would count
	if grown := int64(inUse()) - int64(heap); grown > mostGrowth {
		t.Errorf("%d requests leave %d MiB behind", hostileInputs(), grown>>20)
	}
	if len(after) > mostSeries {
		t.Errorf("%d series", len(after))
	}
	if grown := len(after) - len(before); grown > 60 {
		t.Errorf("%d series are new since the first 2,000 requests", grown)
	}
	for line := range after {
		if strings.Contains(line, marker) {
			t.Errorf("a caller's text is in a series: %s", line)
		}
	}
}

// hostile is a request whose every part is new.
func hostile(ctx context.Context, rng *rand.Rand, i int) *http.Request {
	word := func() string { return fmt.Sprintf("%s-%d-%x", marker, i, rng.Uint64()) }
	paths := [...]string{"/" + word(), "/predict/" + word(), "/jobs/" + word(), "/admin/" + word(), "/metrics/" + word(), "/predict/revenue-lstm", "/health/" + word(), "/models/" + word() + "/promote"}
	methods := [...]string{"GET", "POST", "PUT", "DELETE", "X" + word()}
	keys := [...]string{"", word(), "omni_pro_" + word(), enterpriseKey}
	r := httptest.NewRequestWithContext(ctx, methods[rng.IntN(len(methods))], "/", io.NopCloser(strings.NewReader(`{"`+word()+`":1}`)))
	r.URL = &url.URL{Path: paths[rng.IntN(len(paths))], RawQuery: word() + "=" + word()}
	r.RemoteAddr = fmt.Sprintf("203.0.113.%d:%d", rng.IntN(256), 1024+rng.IntN(60_000))
	r.Header = http.Header{
		"X-Api-Key": {keys[rng.IntN(len(keys))]}, "X-Request-Id": {word()}, "Traceparent": {word()}, "User-Agent": {word()},
		"X-Tenant-Id": {word()}, "X-Tenant-Tier": {word()}, "Content-Type": {"application/json"}, "Idempotency-Key": {word()},
		"X-Forwarded-For": {fmt.Sprintf("10.%d.%d.%d", rng.IntN(256), rng.IntN(256), rng.IntN(256))}, http.CanonicalHeaderKey(word()): {word()},
	}
	if r.URL.Path == "/predict/revenue-lstm" && r.Header.Get("X-Api-Key") == enterpriseKey {
		r.Header.Set("X-Api-Key", "") // the real calls are those of the next test
	}
	return r
}

// series are the lines of /metrics, without their values.
func (f *fixture) series() map[string]bool {
	f.t.Helper()
	out := map[string]bool{}
	for line := range strings.Lines(f.call("GET", "/metrics", "", "").raw) {
		if !strings.HasPrefix(line, "#") {
			out[line[:strings.LastIndexByte(line, ' ')]] = true
		}
	}
	return out
}

// inUse is the heap after a collection.
func inUse() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// A worker that answers with ever new statuses, error codes and header fields
// makes as many series as there are statuses, and no more.
func TestAHostileWorkersAnswers(t *testing.T) {
	t.Parallel()
	n := 0
	f := start(t, setup{config: func(c *config.Config) {
		off := false
		c.Cache.Enabled = &off
		c.Tiers = map[string]config.Tier{"enterprise": {RequestsPerMinute: 100_000_000, Burst: 100_000_000}}
	}, handler: func(w http.ResponseWriter, _ *http.Request) {
		n++ // one call at a time
		w.Header().Set("X-Omni-"+marker, fmt.Sprint(n))
		w.Header().Set("Content-Type", "application/json; "+marker+fmt.Sprint(n))
		w.WriteHeader(200 + n%400)
		_, _ = fmt.Fprintf(w, `{"status":"error","error":"%s_%d","message":"x"}`, marker, n)
	}})
	for i := range 1600 {
		f.call("POST", "/sentiment/analyze", enterpriseKey, fmt.Sprintf(`{"text":"%d"}`, i))
	}
	found := f.series()
	if len(found) > mostSeries+2*400 {
		t.Errorf("%d series", len(found))
	}
	for line := range found {
		if strings.Contains(line, marker) {
			t.Errorf("a worker's text is in a series: %s", line)
		}
	}
}
