package edge_test

import (
	"bufio"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/omni-run/omni/internal/config"
	"github.com/omni-run/omni/internal/edge"
)

const (
	page    = "https://app.example.com"
	another = "http://localhost:3000"
	foreign = "https://evil.example"
)

// pages lets pages of two origins call.
func pages(c *config.Config) { c.CORS.AllowOrigins = []string{page, another} }

// crossing is what an answer says to a browser: Vary aside, the values of the
// headers that let a page read it.
func crossing(h http.Header) string {
	var out []string
	for name, values := range h {
		if short, ok := strings.CutPrefix(name, "Access-Control-"); ok {
			if short == "Expose-Headers" || short == "Allow-Headers" || short == "Allow-Methods" {
				values = []string{"…"}
			}
			out = append(out, short+"="+strings.Join(values, "|"))
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func listed(h http.Header, name string) []string { return strings.Split(h.Get(name), ", ") }

// ask is a browser's question before a call.
func (f *fixture) ask(origin string, header ...string) answer {
	f.t.Helper()
	return f.call(http.MethodOptions, "/predict/revenue-lstm", "", "", append([]string{
		"Origin", origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type,x-api-key",
	}, header...)...)
}

// A browser's question is answered before keys and limits, of any path alike,
// and costs no tenant anything.
func TestPreflight(t *testing.T) {
	t.Parallel()
	for _, server := range []string{config.ServerHTTP1, config.ServerNetHTTP} {
		t.Run(strings.ReplaceAll(server, "/", ""), func(t *testing.T) {
			t.Parallel()
			f := start(t, setup{config: func(c *config.Config) {
				pages(c)
				c.Server, c.Limits.PublicPerMinute = server, 1
			}})
			for range 5 { // the budget of an address is one call
				a := f.ask(page)
				if a.status != 204 || a.raw != "" || a.header.Get("Vary") != "Origin" || a.header.Get("X-Request-Id") == "" ||
					crossing(a.header) != "Allow-Headers=… Allow-Methods=… Allow-Origin="+page+" Expose-Headers=… Max-Age=600" {
					t.Fatalf("%d %q %v", a.status, a.raw, a.header)
				}
				for _, want := range []string{"Authorization", "X-API-Key", "Idempotency-Key", "Content-Type", "Prefer", "X-Omni-Max-Wait", "X-Request-ID"} {
					if !slices.Contains(listed(a.header, "Access-Control-Allow-Headers"), want) {
						t.Errorf("a page may not send %s: %v", want, a.header)
					}
				}
				for _, want := range []string{"GET", "POST", "PATCH", "DELETE"} {
					if !slices.Contains(listed(a.header, "Access-Control-Allow-Methods"), want) {
						t.Errorf("a page may not %s: %v", want, a.header)
					}
				}
			}
			if a := f.call(http.MethodOptions, "/no/such/path", "", "", "Origin", another, "Access-Control-Request-Method", "PUT"); a.status != 204 || a.header.Get("Access-Control-Allow-Origin") != another {
				t.Errorf("a page learns which paths there are: %d %v", a.status, a.header)
			}
			if len(f.worker.requests()) != 0 || strings.Contains(f.log.String(), "preflight") {
				t.Errorf("it reached a worker, or fills the log: %s", f.log)
			}
			if text := f.call("GET", "/metrics", "", "").raw; !strings.Contains(text, `api_requests_total{endpoint="preflight",method="OPTIONS",status="204"} 6`) {
				t.Error("it is not counted")
			}
		})
	}
}

// What is not a browser's question about an allowed page meets what every
// stranger meets.
func TestNoPreflight(t *testing.T) {
	t.Parallel()
	f := start(t, setup{config: pages})
	for name, header := range map[string][]string{
		"another page":     {"Origin", foreign},
		"no page":          {"Origin", "null"},
		"capitals":         {"Origin", strings.ToUpper(page)},
		"a longer name":    {"Origin", page + ".evil.example"},
		"no method":        {"Origin", page, "Access-Control-Request-Method", ""},
		"a page and more":  {"Origin", page + ", " + another},
		"nothing at all":   {"Origin", ""},
		"another's prefix": {"Origin", page[:len(page)-1]},
	} {
		a := f.ask("", header...)
		if a.status != 401 || (name != "no method" && crossing(a.header) != "") || a.header.Get("Vary") != "Origin" {
			t.Errorf("%s: %d %v", name, a.status, a.header)
		}
	}
	off := start(t, setup{})
	if a := off.ask(page); a.status != 401 || crossing(a.header) != "" || a.header.Get("Vary") != "" {
		t.Errorf("without pages that may call: %d %v", a.status, a.header)
	}
	if a := off.call("GET", "/health", "", "", "Origin", page); a.status != 200 || crossing(a.header) != "" || a.header.Get("Vary") != "" {
		t.Errorf("without pages that may call: %d %v", a.status, a.header)
	}
}

// Every answer says whether the page may read it: the public ones, errors of
// each stage, a worker's. What the worker says of pages is not passed on.
func TestAnswersToPages(t *testing.T) {
	t.Parallel()
	f := start(t, setup{
		config: func(c *config.Config) {
			pages(c)
			c.Tiers = map[string]config.Tier{"free": {RequestsPerMinute: 1, Burst: 10}}
		},
		handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Access-Control-Allow-Origin", "*")
			w.Header().Set("Access-Control-Allow-Credentials", "true")
			w.Header().Set("Vary", "Accept-Language")
			_, _ = w.Write([]byte(`{}`))
		},
	})
	const call = "/sentiment/analyze"
	for _, c := range []struct {
		method, path, key string
		header            []string
		status            int
		vary              string
	}{
		{"GET", "/health", "", nil, 200, "Origin"},
		{"GET", "/openapi.json", "", nil, 200, "Origin"},
		{"POST", call, "", nil, 401, "Origin"},
		{"POST", call, "nonsense", nil, 403, "Origin"},
		{"GET", call, proKey, nil, 405, "Origin"},
		{"GET", "/nowhere", proKey, nil, 404, "Origin"},
		{"GET", "/health/%2e%2e", "", nil, 400, "Origin"},
		{"POST", call, proKey, []string{"Content-Type", "text/html"}, 415, "Origin"},
		{"POST", call, proKey, nil, 200, "Accept-Language, Origin"},
		{"POST", call, proKey, []string{"Idempotency-Key", "k"}, 200, "Accept-Language, Origin"},
		{"POST", call, proKey, []string{"Idempotency-Key", "k"}, 200, "Accept-Language, Origin"}, // the stored answer
		{"POST", "/models/train", freeKey, nil, 202, "Origin"},
		{"POST", call, freeKey, nil, 429, "Origin"},
	} {
		for origin, want := range map[string]string{
			page: "Allow-Origin=" + page + " Expose-Headers=…", another: "Allow-Origin=" + another + " Expose-Headers=…", foreign: "", "": "",
		} {
			if c.path == "/models/train" && origin != page {
				continue // it uses up the burst
			}
			body := `{"text":"x"}`
			if c.method == "GET" {
				body = ""
			}
			header := c.header
			if origin != "" {
				header = append(slices.Clone(header), "Origin", origin)
			}
			a := f.call(c.method, c.path, c.key, body, header...)
			if a.status != c.status || crossing(a.header) != want || strings.Join(a.header.Values("Vary"), ", ") != c.vary {
				t.Errorf("%s %s %v from %q: %d %v", c.method, c.path, c.header, origin, a.status, a.header)
			}
		}
	}
	a := f.call("POST", call, freeKey, `{"text":"x"}`, "Origin", page)
	for _, want := range []string{"X-Request-ID", "Retry-After", "RateLimit", "X-RateLimit-Remaining", "RateLimit-Policy", "X-Omni-Cold-Start"} {
		if !slices.Contains(listed(a.header, "Access-Control-Expose-Headers"), want) {
			t.Errorf("a page may not read %s: %v", want, a.header)
		}
	}
}

// An answer from memory is marked for the page that asks, not for the one it
// was made for.
func TestAnswersFromMemoryToPages(t *testing.T) {
	t.Parallel()
	f := start(t, setup{config: pages, handler: newModelWorker("v1").serve})
	hits := 0
	for range 3 {
		for _, origin := range []string{page, foreign, another} {
			a := f.call("POST", "/sentiment/analyze", proKey, `{"text":"x"}`, "Origin", origin)
			allowed := a.header.Get("Access-Control-Allow-Origin")
			if a.status != 200 || (origin == foreign) != (allowed == "") || origin != foreign && allowed != origin {
				t.Errorf("from %s: %d %v", origin, a.status, a.header)
			}
			if strings.Contains(a.header.Get("Cache-Status"), "hit") {
				hits++
			}
		}
	}
	if hits < 6 {
		t.Errorf("%d answers came from memory", hits)
	}
}

// Streams bear the marks with their head: events of a job, and a worker's
// answer as it is made.
func TestStreamsToPages(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	f := start(t, setup{config: pages, handler: func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/internal/sentiment/analyze" {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"status":"success"}`))
			return
		}
		w.Header().Set("Content-Type", "text/plain")
		for range 1<<20/1024 + 1 { // past what the pool keeps until the answer is whole
			fmt.Fprintln(w, strings.Repeat("x", 1023))
		}
		_ = http.NewResponseController(w).Flush()
		<-release
		fmt.Fprintln(w, "end")
	}})
	open := func(method, path, body string) *http.Response {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, f.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = http.Header{"X-Api-Key": {proKey}, "Content-Type": {"application/json"}, "Origin": {page}}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = res.Body.Close() })
		if res.StatusCode != 200 || res.Header.Get("Access-Control-Allow-Origin") != page || res.Header.Get("Vary") != "Origin" {
			t.Errorf("%s %s: %d %v", method, path, res.StatusCode, res.Header)
		}
		return res
	}
	whole := open("POST", "/sentiment/analyze", `{"text":"x"}`) // its end is still to come
	close(release)
	var last string
	for lines := bufio.NewScanner(whole.Body); lines.Scan(); {
		last = lines.Text()
	}
	if last != "end" {
		t.Errorf("the stream ends with %.20q", last)
	}
	job, _ := f.call("POST", "/predict/revenue-lstm", proKey, `{"text":"x"}`, "Prefer", "respond-async").json["job_id"].(string)
	events := open("GET", "/jobs/"+job+"/events", "")
	if kind := events.Header.Get("Content-Type"); !strings.HasPrefix(kind, "text/event-stream") {
		t.Errorf("the events are %s", kind)
	}
}

func TestEveryPageAndCredentials(t *testing.T) {
	t.Parallel()
	every := start(t, setup{config: func(c *config.Config) { c.CORS.AllowOrigins = []string{config.AnyOrigin} }})
	if a := every.ask(foreign); a.status != 204 || a.header.Get("Access-Control-Allow-Origin") != "*" || a.header.Get("Vary") != "" {
		t.Errorf("%d %v", a.status, a.header)
	}
	if a := every.call("GET", "/health", "", "", "Origin", foreign); crossing(a.header) != "Allow-Origin=* Expose-Headers=…" {
		t.Errorf("%d %v", a.status, a.header)
	}
	if a := every.call("GET", "/health", "", ""); crossing(a.header) != "" {
		t.Errorf("no page asked: %v", a.header)
	}
	own := start(t, setup{config: func(c *config.Config) {
		pages(c)
		c.CORS.AllowCredentials = true
	}})
	for origin, want := range map[string]string{page: "Allow-Credentials=true Allow-Origin=" + page + " Expose-Headers=…", foreign: ""} {
		if a := own.call("GET", "/health", "", "", "Origin", origin); crossing(a.header) != want {
			t.Errorf("from %s: %v", origin, a.header)
		}
	}
}

// Pages that may call change while the gateway runs.
func TestPagesChange(t *testing.T) {
	t.Parallel()
	f := start(t, setup{config: pages})
	g := f.handler.(*edge.Gateway)
	c := config.Config{}.WithDefaults()
	c.CORS.AllowOrigins = []string{foreign}
	swap, err := g.Prepare(edge.Loaded{Config: c})
	if err != nil {
		t.Fatal(err)
	}
	swap()
	if a := f.ask(page); a.status != 401 {
		t.Errorf("a page that may call no more: %d", a.status)
	}
	if a := f.ask(foreign); a.status != 204 {
		t.Errorf("a page that may call now: %d", a.status)
	}
}
