package edge_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/internal/config"
)

func TestPublicPagesNeedNoKeyAndNoWorker(t *testing.T) {
	t.Parallel()
	f := start(t, setup{cold: true})
	for _, path := range []string{"/", "/health", "/health/live", "/health/ready", "/metrics", "/docs", "/openapi.json"} {
		if a := f.call("GET", path, "", ""); a.status != 200 || a.header.Get("X-Request-Id") == "" {
			t.Errorf("GET %s: %d %v", path, a.status, a.header)
		}
		if a := f.call("HEAD", path, "", ""); a.status != 200 || a.raw != "" {
			t.Errorf("HEAD %s: %d, %d bytes", path, a.status, len(a.raw))
		}
	}
	if a := f.call("GET", "/health", "", ""); a.json["status"] != "ok" || a.json["service"] != "api-gateway" {
		t.Errorf("health: %s", a.raw)
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	f := start(t, setup{})
	for _, c := range []struct {
		name   string
		header []string
		status int
		code   string
	}{
		{"none", nil, 401, "missing_credentials"},
		{"basic", []string{"Authorization", "Basic abc"}, 401, "missing_credentials"},
		{"unknown", []string{"X-API-Key", "nobody"}, 403, "invalid_key"},
		{"mistyped", []string{"X-API-Key", "omni_pro_" + strings.Repeat("x", 40)}, 403, "invalid_key"},
		{"header", []string{"X-API-Key", proKey}, 200, ""},
		{"bearer", []string{"Authorization", "bearer " + proKey}, 200, ""},
		{"both the same", []string{"X-API-Key", proKey, "Authorization", "Bearer " + proKey}, 200, ""},
		{"both, differing", []string{"X-API-Key", proKey, "Authorization", "Bearer " + freeKey}, 400, "ambiguous_credentials"},
	} {
		a := f.call("GET", "/agents/status", "", "", c.header...)
		if a.status != c.status || a.code() != c.code {
			t.Errorf("%s: %d %s, want %d %s", c.name, a.status, a.raw, c.status, c.code)
		}
		if c.status == 401 && a.header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: no WWW-Authenticate", c.name)
		}
	}
	if log := f.log.String(); strings.Contains(log, proKey) || strings.Contains(log, "nobody") {
		t.Error("the log holds a credential")
	}
}

func TestPathsThatTwoLayersReadDifferentlyAreRefused(t *testing.T) {
	t.Parallel()
	f := start(t, setup{})
	for _, path := range []string{
		"//agents/status", "/health/../agents/status", "/docs/../admin/keys", "/./health", "/agents//status", "/agents/status/",
		"/x/..%2finternal/health", "/%2e%2e/internal/health", "/internal/health", "/%69nternal/health", "/internal/predict/revenue-lstm",
		"/agents%5cstatus", "/agents%00/status", "/jobs/%252e", "/healthx", "/metrics/x", "/Health",
	} {
		conn, err := net.Dial("tcp", f.addr)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nConnection: close\r\n\r\n", path, enterpriseKey)
		raw, _ := io.ReadAll(conn)
		_ = conn.Close()
		if !regexp.MustCompile(`^HTTP/1.1 (400|404) `).Match(raw) {
			t.Errorf("%s: %.60q", path, raw)
		}
	}
	if n := len(f.worker.requests()); n != 0 {
		t.Errorf("%d of these reached the worker", n)
	}
}

func TestWorkerSeesTheTenantAndNoCredential(t *testing.T) {
	t.Parallel()
	f := start(t, setup{})
	a := f.call("POST", "/sentiment/analyze?x=1", proKey, `{"text":"hi"}`, "X-Tenant-ID", "evil", "X-Tenant-Tier", "enterprise", "X-Request-ID", "abc-123_x.y",
		"Cookie", "session=1", "Traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "X-Omni-Worker-Token", "forged")
	if a.status != 200 || a.header.Get("X-Request-Id") != "abc-123_x.y" || a.header.Get("Server-Timing") == "" {
		t.Fatalf("%d %v", a.status, a.header)
	}
	r := f.worker.requests()[0]
	for name, want := range map[string]string{
		"X-Tenant-Id": "demo-tenant-2", "X-Tenant-Tier": "pro", "X-Request-Id": "abc-123_x.y", "X-Api-Key": "", "Authorization": "", "Cookie": "", "X-Omni-Worker-Token": "",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("worker saw %s: %q, want %q", name, got, want)
		}
	}
	if r.URL.Path != "/internal/sentiment/analyze" || r.URL.RawQuery != "x=1" {
		t.Errorf("worker saw %s", r.URL)
	}
	if tp := r.Header.Get("Traceparent"); !strings.HasPrefix(tp, "00-0af7651916cd43dd8448eb211c80319c-") || strings.Contains(tp, "b7ad6b7169203331") || !strings.HasSuffix(tp, "-01") {
		t.Errorf("traceparent sent on: %s", tp)
	}
	if a = f.call("POST", "/sentiment/analyze", proKey, `{"text":"hi"}`, "X-Request-ID", "a b<script>"); strings.Contains(a.header.Get("X-Request-Id"), "<") {
		t.Error("a hostile request id was kept")
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	f := start(t, setup{config: func(c *config.Config) {
		c.Tiers = map[string]config.Tier{"pro": {MaxBody: 2000}}
	}})
	for _, c := range []struct {
		name, body, contentType string
		status                  int
		code                    string
	}{
		{"fine", `{"text":"x"}`, "application/json", 200, ""},
		{"charset", `{"text":"x"}`, "application/json; charset=UTF-8", 200, ""},
		{"malformed", `{nope`, "application/json", 400, "malformed_json"},
		{"NaN", `{"x":[NaN]}`, "application/json", 400, "malformed_json"},
		{"not UTF-8", "{\"x\":\"\xff\"}", "application/json", 400, "malformed_json"},
		{"deep", strings.Repeat("[", 500) + strings.Repeat("]", 500), "application/json", 400, "too_deep"},
		{"text", `a=b`, "text/plain", 415, "unsupported_media_type"},
		{"no type", `{}`, "", 415, "unsupported_media_type"},
		{"latin-1", `{}`, "application/json; charset=latin1", 415, "unsupported_media_type"},
		{"too large", `{"text":"` + strings.Repeat("x", 3000) + `"}`, "application/json", 413, "body_too_large"},
	} {
		a := f.call("POST", "/sentiment/analyze", proKey, c.body, "Content-Type", c.contentType)
		if a.status != c.status || a.code() != c.code {
			t.Errorf("%s: %d %s, want %d %s", c.name, a.status, a.raw, c.status, c.code)
		}
	}
	if n := len(f.worker.requests()); n != 2 {
		t.Errorf("%d calls reached the worker, want 2", n)
	}
}

func TestRoutesMethodsAndAdmin(t *testing.T) {
	t.Parallel()
	admin := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = w.Write(append([]byte(r.URL.Path), body...))
	})
	f := start(t, setup{admin: admin})
	if a := f.call("POST", "/no/such/path", proKey, `{}`); a.status != 404 || a.code() != "not_found" {
		t.Errorf("unknown path: %d %s", a.status, a.raw)
	}
	if a := f.call("GET", "/no/such/path", "", ``); a.status != 401 {
		t.Errorf("a stranger learns which paths exist: %d", a.status)
	}
	if a := f.call("GET", "/predict/revenue-lstm", proKey, ""); a.status != 405 || a.header.Get("Allow") != "POST" {
		t.Errorf("method: %d %v", a.status, a.header)
	}
	if a := f.call("HEAD", "/agents/status", proKey, ""); a.status != 200 || a.raw != "" || f.worker.requests()[len(f.worker.requests())-1].Method != "GET" {
		t.Errorf("HEAD of a worker's route: %d %q", a.status, a.raw)
	}
	if a := f.call("HEAD", "/usage", proKey, ""); a.status != 200 || a.raw != "" {
		t.Errorf("HEAD of the gateway's own: %d %q", a.status, a.raw)
	}
	if a := f.call("POST", "/health", "", `{}`); a.status != 401 && a.status != 405 {
		t.Errorf("POST /health: %d", a.status)
	}
	for key, want := range map[string]int{proKey: 403, enterpriseKey: 403, "": 401, masterKey: 200} {
		if a := f.call("GET", "/admin/keys", key, ""); a.status != want {
			t.Errorf("/admin with %q: %d, want %d", key, a.status, want)
		}
	}
	if a := f.call("POST", "/admin/keys", masterKey, `{"tenant":"t"}`); a.raw != `/admin/keys{"tenant":"t"}` {
		t.Errorf("what is posted does not arrive: %s", a.raw)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	f := start(t, setup{})
	a := f.call("GET", "/agents/status", freeKey, "")
	for _, name := range []string{"X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset", "Ratelimit", "Ratelimit-Policy"} {
		if a.header.Get(name) == "" {
			t.Errorf("no %s", name)
		}
	}
	for i := range 200 {
		// Unknown paths and bad bodies count too.
		a = f.call("POST", []string{"/nope", "/sentiment/analyze"}[i%2], freeKey, "{")
		if a.status == 429 {
			break
		}
	}
	if a.status != 429 || a.code() != "rate_limited" || a.header.Get("Retry-After") == "" {
		t.Fatalf("200 quick calls: %d %s", a.status, a.raw)
	}
	if a = f.call("GET", "/agents/status", proKey, ""); a.status != 200 {
		t.Errorf("another tenant: %d", a.status)
	}
}

func TestGuessingKeysIsSlow(t *testing.T) {
	t.Parallel()
	f := start(t, setup{config: func(c *config.Config) { c.Limits.PublicPerMinute = 20 }})
	statuses := map[int]int{}
	for i := range 40 {
		statuses[f.call("GET", "/usage", fmt.Sprintf("guess-%d", i), "").status]++
	}
	if statuses[403] > 22 || statuses[429] < 15 {
		t.Errorf("40 guesses: %v", statuses)
	}
	if a := f.call("GET", "/usage", proKey, ""); a.status != 200 {
		t.Errorf("a valid key from the same address: %d", a.status)
	}
}

func TestConcurrencyLimit(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	f := start(t, setup{
		config:  func(c *config.Config) { c.Tiers = map[string]config.Tier{"free": {Concurrent: 2}} },
		handler: func(w http.ResponseWriter, r *http.Request) { <-release; _, _ = w.Write([]byte(`{}`)) },
	})
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if a, err := f.try("POST", "/sentiment/analyze", freeKey, `{}`); err != nil || a.status != 200 {
				t.Errorf("an admitted call: %d %v", a.status, err)
			}
		})
	}
	eventually(t, "two calls under way", func() bool { return len(f.worker.requests()) == 2 })
	if a := f.call("POST", "/sentiment/analyze", freeKey, `{}`); a.status != 429 || a.code() != "too_many_concurrent_requests" {
		t.Errorf("third call: %d %s", a.status, a.raw)
	}
	close(release)
	wg.Wait()
	if a := f.call("POST", "/sentiment/analyze", freeKey, `{}`); a.status != 200 {
		t.Errorf("afterwards: %d", a.status)
	}
}

func TestWorkerFailures(t *testing.T) {
	t.Parallel()
	f := start(t, setup{handler: func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var ask struct {
			Status int    `json:"status"`
			Raw    string `json:"raw"`
		}
		_ = json.Unmarshal(body, &ask)
		w.Header().Set("X-Powered-By", "secret")
		w.Header().Set("Set-Cookie", "a=b")
		w.Header().Set("X-RateLimit-Limit", "forged")
		if ask.Status == 0 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(ask.Status)
		_, _ = w.Write([]byte(ask.Raw))
	}})
	for _, c := range []struct {
		ask    string
		status int
		code   string
	}{
		{`{"status":200,"raw":"{}"}`, 200, ""},
		{`{"status":422,"raw":"{\"status\":\"error\",\"error\":\"too_short\"}"}`, 422, "too_short"},
		{`{"status":500,"raw":"goroutine 1 [running]"}`, 502, "worker_failed"},
		{`{"status":401,"raw":"who are you"}`, 502, "worker_failed"},
		{`{"status":0}`, 502, ""},
	} {
		a := f.call("POST", "/agents/observe", proKey, c.ask)
		if a.status != c.status || (c.code != "" && a.code() != c.code) {
			t.Errorf("%s: %d %s", c.ask, a.status, a.raw)
		}
		if strings.Contains(a.raw, "goroutine") || a.header.Get("X-Powered-By") != "" || a.header.Get("Set-Cookie") != "" || a.header.Get("X-Ratelimit-Limit") == "forged" {
			t.Errorf("%s: the worker's inside shows: %s %v", c.ask, a.raw, a.header)
		}
	}
}

func TestColdStartIsHeldNotRefused(t *testing.T) {
	t.Parallel()
	f := start(t, setup{cold: true})
	done := make(chan answer)
	go func() {
		a, err := f.try("POST", "/sentiment/analyze", proKey, `{"text":"x"}`)
		if err != nil {
			t.Error(err)
		}
		done <- a
	}()
	if a := f.call("POST", "/sentiment/analyze", proKey, `{}`, "X-Omni-Max-Wait", "50ms"); a.status != 503 || a.header.Get("Retry-After") == "" {
		t.Errorf("a short wait: %d %s", a.status, a.raw)
	}
	if a := f.call("POST", "/sentiment/analyze", proKey, `{}`, "X-Omni-Max-Wait", "soon"); a.status != 400 {
		t.Errorf("a malformed wait: %d", a.status)
	}
	f.worker.setReady(true)
	if a := <-done; a.status != 200 || a.header.Get("X-Omni-Cold-Start") != "true" || !strings.HasPrefix(a.header.Get("Server-Timing"), "queue;dur=") {
		t.Fatalf("%d %s %v", a.status, a.raw, a.header)
	}
}

func TestUsageCountsWhatWasAnswered(t *testing.T) {
	t.Parallel()
	f := start(t, setup{})
	for range 3 {
		f.call("POST", "/sentiment/analyze", proKey, `{}`)
	}
	f.call("POST", "/sentiment/analyze", proKey, `{`)
	f.call("POST", "/recommend/train", proKey, `{}`)
	a := f.call("GET", "/usage", proKey, "")
	if a.status != 200 {
		t.Fatalf("%d %s", a.status, a.raw)
	}
	report, err := f.ledger.Report(t.Context(), mustQuery(t, "demo-tenant-2"))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string][3]int64{}
	for _, row := range report.Usage {
		got[row.Route] = [3]int64{row.Requests, row.Units, row.Errors}
	}
	if got["/sentiment/analyze"] != [3]int64{4, 3, 1} || got["/recommend/train"] != [3]int64{1, 10, 0} {
		t.Errorf("%v", got)
	}
	if other := f.call("GET", "/usage", freeKey, ""); strings.Contains(other.raw, "sentiment") {
		t.Errorf("another tenant's usage shows: %s", other.raw)
	}
	if csv := f.call("GET", "/usage?format=csv", proKey, ""); !strings.HasPrefix(csv.header.Get("Content-Type"), "text/csv") || !strings.Contains(csv.raw, "/sentiment/analyze") {
		t.Errorf("csv: %s", csv.raw)
	}
}

func TestMetricsHoldNoCallerText(t *testing.T) {
	t.Parallel()
	f := start(t, setup{})
	f.call("POST", "/zzsecretzz", proKey, `{}`)
	f.call("BREW", "/agents/status", proKey, "")
	raw := f.call("GET", "/metrics", "", "").raw
	if strings.Contains(raw, "zzsecretzz") || strings.Contains(raw, "BREW") {
		t.Error("a caller's text became a label")
	}
	for _, name := range []string{"api_requests_total", "api_request_duration_seconds_bucket", "api_active_requests", "api_errors_total", "cache_hits_total", "cache_misses_total", "process_resident_memory_bytes"} {
		if !strings.Contains(raw, "\n"+name) {
			t.Errorf("no %s", name)
		}
	}
}

// Both servers refuse what is malformed; ours in the envelope, and more of it.
func TestMalformedHTTPIsRefused(t *testing.T) {
	t.Parallel()
	for _, server := range []string{config.ServerHTTP1, config.ServerNetHTTP} {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			malformed(t, start(t, setup{config: func(c *config.Config) { c.Server = server }}), server == config.ServerHTTP1)
		})
	}
}

func malformed(t *testing.T, f *fixture, ours bool) {
	t.Helper()
	var wg sync.WaitGroup
	head := "Host: x\r\nX-API-Key: " + enterpriseKey + "\r\nContent-Type: application/json\r\n"
	for name, raw := range map[string]string{
		"both lengths":       "POST /sentiment/analyze HTTP/1.1\r\n" + head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /admin/keys HTTP/1.1\r\n\r\n",
		"two lengths":        "POST /sentiment/analyze HTTP/1.1\r\n" + head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
		"negative length":    "POST /sentiment/analyze HTTP/1.1\r\n" + head + "Content-Length: -5\r\n\r\n",
		"bad chunk":          "POST /sentiment/analyze HTTP/1.1\r\n" + head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n",
		"odd coding":         "POST /sentiment/analyze HTTP/1.1\r\n" + head + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
		"no host":            "GET / HTTP/1.1\r\n\r\n",
		"two hosts":          "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
		"version":            "GET / HTTP/9.9\r\nHost: x\r\n\r\n",
		"TLS":                "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
		"long line":          "GET /" + strings.Repeat("a", 200000) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"many headers":       "GET / HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-A: b\r\n", 20000) + "\r\n",
		"space before colon": "GET / HTTP/1.1\r\nHost : x\r\n\r\n",
		"folded header":      "GET / HTTP/1.1\r\nHost: x\r\n X-A: b\r\n\r\n",
		"CR in header":       "GET / HTTP/1.1\r\nHost: x\r\nX-A: b\rc\r\n\r\n",
		"absolute target":    "GET http://evil.example/agents/status HTTP/1.1\r\n" + head + "\r\n",
		"connect":            "CONNECT evil.example:443 HTTP/1.1\r\n" + head + "\r\n",
		"star":               "OPTIONS * HTTP/1.1\r\n" + head + "\r\n",
		"two keys":           "GET /agents/status HTTP/1.1\r\nHost: x\r\nX-API-Key: " + enterpriseKey + "\r\nX-API-Key: " + freeKey + "\r\n\r\n",
		"body on GET":        "GET /agents/status HTTP/1.1\r\n" + head + "Content-Length: 2\r\n\r\n{}",
		"declared gigabyte":  "POST /sentiment/analyze HTTP/1.1\r\n" + head + "Content-Length: 1073741824\r\n\r\n{",
		"empty method":       " / HTTP/1.1\r\nHost: x\r\n\r\n",
		"null in path":       "GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		wg.Go(func() {
			conn, err := net.Dial("tcp", f.addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			// Where the connection stays open, only the first answer matters.
			_ = conn.SetDeadline(time.Now().Add(2 * time.Second))
			_, _ = io.WriteString(conn, raw)
			out, err := io.ReadAll(io.LimitReader(conn, 1<<16))
			if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) && !strings.HasPrefix(string(out), "HTTP/1.1 4") && len(out) > 0 {
				t.Errorf("%s: %.40q broke off: %v", name, out, err)
			}
			if name == "long line" && (err != nil || !strings.HasPrefix(string(out), "HTTP/1.1 431 ")) {
				t.Errorf("the refusal of a long line cannot be read: %.40q, %v", out, err)
			}
			if regexp.MustCompile(`HTTP/1\.[01] [23]`).Match(out) {
				t.Errorf("%s: %.80q", name, out)
			}
			if answer, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(out)), nil); ours && err == nil {
				var e api.ErrorBody
				if err := json.NewDecoder(answer.Body).Decode(&e); err != nil || e.Error == "" || e.RequestID != answer.Header.Get("X-Request-Id") {
					t.Errorf("%s: no envelope: %q", name, out)
				}
				_ = answer.Body.Close()
			}
			if name == "declared gigabyte" && !strings.HasPrefix(string(out), "HTTP/1.1 413 ") {
				t.Errorf("%s: %.80q", name, out)
			}
		})
	}
	wg.Wait()
	if n := len(f.worker.requests()); n != 0 {
		t.Errorf("%d of these reached the worker", n)
	}
	if a := f.call("GET", "/health", "", ""); a.status != 200 {
		t.Errorf("health afterwards: %d", a.status)
	}
}

func TestClientGoneCancelsTheWorker(t *testing.T) {
	t.Parallel()
	cancelled := make(chan struct{})
	f := start(t, setup{handler: func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		close(cancelled)
	}})
	conn, err := net.Dial("tcp", f.addr)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST /agents/observe HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}", proKey)
	eventually(t, "the call reaches the worker", func() bool { return len(f.worker.requests()) == 1 })
	_ = conn.Close()
	select {
	case <-cancelled:
	case <-time.After(10 * time.Second):
		t.Fatal("the worker goes on for a caller who left")
	}
	eventually(t, "counted as 499", func() bool {
		return strings.Contains(f.call("GET", "/metrics", "", "").raw, `api_requests_total{endpoint="/agents/observe",method="POST",status="499"} 1`)
	})
}
