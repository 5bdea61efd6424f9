package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// h2c speaks HTTP/2 without TLS by prior knowledge, as Cloud Run does.
func h2c() *http.Client {
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Client{Timeout: patience, Transport: &http.Transport{Protocols: protocols}}
}

func TestHTTP2ByPriorKnowledge(t *testing.T) {
	t.Parallel()
	g := startGateway(t, gatewaySetup{worker: startStub(t, nil).URL, yaml: "limits: {public_per_minute: 1000000, max_body: 65536, max_header: 8192}\n" +
		"hold: {tenant_bytes: 65536}\ntiers: {free: {max_body: 65536}, pro: {max_body: 65536}, enterprise: {max_body: 65536}}\n"})
	g.workersReady()
	c := h2c()
	for _, q := range []struct {
		name, method, path, key, body string
		header                        map[string]string
		status                        int
	}{
		{"health", "GET", "/health", "", "", nil, 200},
		{"a call", "POST", "/anomaly/detect", proKey, detect, nil, 200},
		{"no key", "POST", "/anomaly/detect", "", detect, nil, 401},
		{"a wrong key", "POST", "/anomaly/detect", "wrong", detect, nil, 403},
		{"an internal path", "POST", "/internal/anomaly/detect", proKey, detect, nil, 404},
		{"dot segments", "GET", "/health/%2e%2e/admin/keys", proKey, "", nil, 400},
		{"an encoded slash", "GET", "/admin%2fkeys", proKey, "", nil, 400},
		{"the wrong method", "GET", "/anomaly/detect", proKey, "", nil, 405},
		{"not JSON", "POST", "/anomaly/detect", proKey, "{", nil, 400},
		{"not said to be JSON", "POST", "/anomaly/detect", proKey, "{}", map[string]string{"Content-Type": "text/plain"}, 415},
		{"too large", "POST", "/anomaly/detect", proKey, `"` + strings.Repeat("a", 100_000) + `"`, nil, 413},
		{"huge headers", "GET", "/health", "", "", map[string]string{"X-Pad": strings.Repeat("a", 100_000)}, 431},
	} {
		req, err := http.NewRequest(q.method, g.url+q.path, strings.NewReader(q.body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		if q.key != "" {
			req.Header.Set("X-API-Key", q.key)
		}
		for name, v := range q.header {
			req.Header.Set(name, v)
		}
		res, err := c.Do(req)
		if q.status == 431 && err != nil {
			continue // the client itself obeys the stated limit, or the stream was refused
		}
		if err != nil {
			t.Errorf("%s: %v", q.name, err)
			continue
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != q.status || res.ProtoMajor != 2 {
			t.Errorf("%s: want %d over HTTP/2, got %s %d %s", q.name, q.status, res.Proto, res.StatusCode, body)
		}
		if res.StatusCode == 200 && res.Header.Get("X-Request-Id") == "" {
			t.Errorf("%s: no request id", q.name)
		}
	}
}

// dialogue sends raw bytes and returns what comes back until the gateway hangs
// up or has answered.
func dialogue(t *testing.T, addr, text string) string {
	t.Helper()
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	go func() { _, _ = io.WriteString(conn, text) }() // it may hang up before all is sent
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return err.Error()
	}
	defer func() { _ = res.Body.Close() }()
	body, _ := io.ReadAll(res.Body)
	return fmt.Sprint(res.StatusCode, " ", res.Header, " ", string(body))
}

// An Upgrade to h2c is how requests slip past a proxy in front: it is not
// honoured.
func TestUpgradeToHTTP2IsNotHonoured(t *testing.T) {
	t.Parallel()
	g := startGateway(t, gatewaySetup{})
	for _, upgrade := range []string{"h2c", "websocket", "HTTP/2.0"} {
		got := dialogue(t, g.addr, "GET /health HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: "+upgrade+"\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n")
		if !strings.HasPrefix(got, "200 ") {
			t.Errorf("Upgrade: %s: %s", upgrade, got)
		}
	}
}

// Callers who dawdle are cut off at the configured time, and many of them do
// not keep others out.
func TestSlowConnectionsAreCut(t *testing.T) {
	t.Parallel()
	g := startGateway(t, gatewaySetup{worker: startStub(t, nil).URL, yaml: "limits: {public_per_minute: 1000000, header_timeout: 500ms, body_timeout: 500ms, idle_timeout: 500ms}\n"})
	g.workersReady()
	head := "POST /anomaly/detect HTTP/1.1\r\nHost: x\r\nX-API-Key: " + proKey + "\r\nContent-Type: application/json\r\n"
	var wg sync.WaitGroup
	for name, c := range map[string]struct{ text, want string }{
		"half a request line":  {"GET /hea", "400 "}, // net/http's own words
		"half a head":          {"GET /health HTTP/1.1\r\nHost: x\r\nX-A: ", "EOF"},
		"a stranger's body":    {"POST /anomaly/detect HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{", "401 "},
		"a body for nothing":   {"POST /nowhere HTTP/1.1\r\nHost: x\r\nX-API-Key: " + proKey + "\r\nContent-Length: 100\r\n\r\n{", "404 "},
		"nothing":              {"", "EOF"},
		"half a body":          {head + "Content-Length: 100\r\n\r\n{\"series\":", "408 "},
		"half a chunked body":  {head + "Transfer-Encoding: chunked\r\n\r\n5\r\n{\"ser", "408 "},
		"half a chunk's size":  {head + "Transfer-Encoding: chunked\r\n\r\n5", "408 "},
		"a body for a GET":     {"GET /agents/status HTTP/1.1\r\nHost: x\r\nX-API-Key: " + proKey + "\r\nContent-Length: 10\r\n\r\n", "400 "},
		"no preface to finish": {"PRI * HTTP/2.0\r\n\r\n", "400 "},
	} {
		wg.Go(func() {
			if got := dialogue(t, g.addr, c.text); !strings.Contains(got, c.want) {
				t.Errorf("%s: want %q, got %s", name, c.want, got)
			}
		})
	}
	wg.Wait()
	g.want(200, "POST", "/anomaly/detect", proKey, detect)
}

func TestIdleConnectionsDoNotStopService(t *testing.T) {
	t.Parallel()
	g := startGateway(t, gatewaySetup{worker: startStub(t, nil).URL})
	g.workersReady()
	for i := range 2000 {
		conn, err := net.Dial("tcp", g.addr)
		if err != nil {
			t.Fatalf("connection %d: %v", i, err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if i%2 == 0 {
			if _, err := io.WriteString(conn, "POST /anomaly/detect HTTP/1.1\r\n"); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 20 {
		g.want(200, "POST", "/anomaly/detect", proKey, detect)
	}
	g.want(200, "GET", "/health", "", "")
}

// Bodies and heads made to hurt are refused in words, or answered, by a
// gateway and a worker that live on.
func TestBombs(t *testing.T) {
	t.Parallel()
	p := startPlatform(t, gatewaySetup{})
	duplicates := `{"series":[1,2]` + strings.Repeat(`,"series":[1,2,1,2,1,2,1,2,1,2]`, 50_000) + `}`
	for _, c := range []struct {
		name, path, body string
		status           []int
	}{
		{"deep lists", "/anomaly/detect", `{"series":` + strings.Repeat("[", 1_000_000), []int{400}},
		{"deep objects", "/anomaly/detect", strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000), []int{400}},
		{"deep within the limit", "/agents/observe", `{"observation":` + strings.Repeat(`{"a":`, 60) + "1" + strings.Repeat("}", 60) + `}`, []int{200, 422}},
		{"a string of 4 MB", "/sentiment/analyze", `{"text":"` + strings.Repeat("a", 4_000_000) + `"}`, []int{413, 422}},
		{"a million escapes", "/sentiment/analyze", `{"text":"` + strings.Repeat(`\u0041`, 600_000) + `"}`, []int{413, 422}},
		{"a number of a million digits", "/anomaly/detect", `{"series":[1,2,` + strings.Repeat("9", 1_000_000) + `]}`, []int{400, 422}},
		{"an exponent", "/anomaly/detect", `{"series":[1,2,1e999999999,1,2,1,2,1,2,1,2]}`, []int{400, 422}},
		{"small beyond telling", "/anomaly/detect", `{"series":[1,2,1e-999999999,1,2,1,2,1,2,1,2]}`, []int{200, 400, 422}},
		{"fifty thousand duplicate names", "/anomaly/detect", duplicates, []int{200, 400, 422}},
		{"a hundred thousand names", "/agents/observe", `{"observation":{` + manyNames(100_000) + `}}`, []int{200, 413, 422}},
		{"a million points", "/predict/revenue-lstm", `{"time_series":[` + strings.Repeat("1,", 1_000_000) + `1],"forecast_steps":3}`, []int{422}},
		{"a billion steps", "/predict/revenue-lstm", `{"time_series":[1,2,3,4,5,6,7,8,9,10,11,12,13,14],"forecast_steps":1000000000}`, []int{422}},
		{"no body", "/anomaly/detect", "", []int{400, 422}},
		{"null", "/anomaly/detect", "null", []int{400, 422}},
		{"a list", "/anomaly/detect", "[]", []int{400, 422}},
		{"lone surrogates", "/sentiment/analyze", `{"text":"\ud800 \udfff"}`, []int{200, 400, 422}},
		{"a NUL", "/sentiment/analyze", `{"text":"a\u0000b"}`, []int{200, 400, 422}},
		{"not UTF-8", "/sentiment/analyze", "{\"text\":\"\xff\xfe\"}", []int{400}},
	} {
		a := p.call("POST", c.path, enterpriseKey, c.body)
		good := false
		for _, s := range c.status {
			good = good || a.status == s
		}
		if !good || (a.status >= 400 && a.code() == "") {
			t.Errorf("%s: want one of %v in the envelope, got %s", c.name, c.status, a)
		}
		if len(a.body) > 8192 && a.status >= 400 {
			t.Errorf("%s: the refusal has %d bytes: it repeats the body", c.name, len(a.body))
		}
	}
	for name, text := range map[string]string{
		"many headers":   "GET /health HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("X-A: b\r\n", 50_000) + "\r\n",
		"a long header":  "GET /health HTTP/1.1\r\nHost: x\r\nX-A: " + strings.Repeat("b", 1<<20) + "\r\n\r\n",
		"a long target":  "GET /" + strings.Repeat("a", 1<<20) + " HTTP/1.1\r\nHost: x\r\n\r\n",
		"an endless key": "GET /usage HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + strings.Repeat("k", 40_000) + "\r\n\r\n",
	} {
		if got := dialogue(t, p.addr, text); !strings.HasPrefix(got, "4") && !strings.Contains(got, "reset") && !strings.Contains(got, "broken pipe") {
			t.Errorf("%s: %.300s", name, got)
		}
	}
	p.want(200, "POST", "/anomaly/detect", proKey, detect)
	p.running()
	p.worker.running()
}

func manyNames(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `"n%d":%d`, i, i)
	}
	return b.String()
}
