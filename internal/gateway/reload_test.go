package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/config"
)

// reloading is a gateway whose configuration a test writes.
type reloading struct {
	*running
	path, data string
}

func startReloading(t *testing.T, text string) *reloading {
	t.Helper()
	r := &reloading{running: &running{t: t, log: &pages{}}, path: filepath.Join(t.TempDir(), "omni.yaml"), data: filepath.Join(t.TempDir(), "data")}
	r.write(text)
	source := &config.Source{Path: r.path, Getenv: func(name string) string {
		return map[string]string{"MASTER_API_KEY": masterKey, "OMNI_LISTEN": "127.0.0.1:0", "OMNI_MODE": "development", "OMNI_DATA_DIR": r.data}[name]
	}}
	c, err := source.Load()
	if err != nil {
		t.Fatal(err)
	}
	r.run(c, source)
	return r
}

// write exchanges the file, as a mounted one is.
func (r *reloading) write(text string) {
	r.t.Helper()
	if err := os.WriteFile(r.path+".new", []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Rename(r.path+".new", r.path); err != nil {
		r.t.Fatal(err)
	}
}

func (r *reloading) reload(text string) (int, map[string]any) {
	r.t.Helper()
	r.write(text)
	return r.call("POST", "/admin/config/reload", masterKey, "", "")
}

func (r *reloading) health() map[string]any {
	r.t.Helper()
	shown, ok := r.want(200, "", "GET", "/health", masterKey, "", "")["config"].(map[string]any)
	if !ok {
		r.t.Fatal("/health says nothing of the configuration")
	}
	return shown
}

// stubWorker answers every call with its name.
func stubWorker(t *testing.T, name, service string) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/internal/health" {
			fmt.Fprintf(w, `{"status":"ok","services_ready":true,"services":{%q:{"state":"ready"}},"max_concurrency":64,"in_flight":0,"version":"t"}`, service)
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"worker":%q}`, name)
	}))
	t.Cleanup(s.Close)
	return s
}

const quiet = "log: {access: false}\nlimits: {public_per_minute: 1000000}\n"

// TestReloads goes through good and bad files. Each bad one is refused as a
// whole, with its reason for operators and without it for others.
func TestReloads(t *testing.T) {
	t.Parallel()
	a, b := stubWorker(t, "a", "echo"), stubWorker(t, "b", "echo")
	route := "routes: [{method: POST, path: /echo, service: echo, timeout: 30s}]\n"
	first := quiet + route + fmt.Sprintf("workers: [{name: a, url: %q}]\n", a.URL)
	g := startReloading(t, first)
	status, out := g.reload(first)
	if status != 200 || out["outcome"] != "unchanged" {
		t.Fatalf("%d %v", status, out)
	}
	version := g.health()["version"]
	for name, c := range map[string]struct{ text, reason string }{
		"yaml":        {"tiers: [", "]"},
		"field":       {quiet + "listne: x\n", `[3:1] unknown field "listne"`},
		"value":       {quiet + "tiers:\n  pro: {burst: 2}\n", "line 4: tiers.pro.burst"},
		"restart":     {first + "jobs: {keep: 1h}\n", "needs a restart: jobs.keep"},
		"empty":       {"", "empty"},
		"certificate": {quiet + "workers: [{name: a, url: \"https://127.0.0.1:1\", tls: {ca_file: nowhere.pem}}]\n", "nowhere.pem"},
		"two faults":  {quiet + "hold: {max_requests: -1}\nbalance: {retry_share: 9}\n", "line 4: balance.retry_share"},
	} {
		status, out := g.reload(c.text)
		if status != 422 || out["error"] != "config_refused" || !strings.Contains(fmt.Sprint(out["message"]), c.reason) {
			t.Errorf("%s: %d %v", name, status, out)
		}
		health := g.health()
		if said := fmt.Sprint(health["error"]); health["version"] != version || !strings.Contains(said, "refused") || strings.Contains(said, c.reason) || strings.Contains(said, g.path) {
			t.Errorf("%s: /health says %v", name, health)
		}
		shown := g.want(200, "", "GET", "/admin/config", masterKey, "", "")
		if refused := fmt.Sprint(shown["refused"]); shown["version"] != version || !strings.Contains(refused, c.reason) {
			t.Errorf("%s: /admin/config says %v", name, refused)
		}
		g.until(200, "POST", "/echo", "demo-pro-key-67890")
	}
	if !strings.Contains(g.log.String(), `configuration refused; the one in force serves on`) {
		t.Error("the log says nothing")
	}
	for name, c := range map[string]struct {
		text  string
		check func()
	}{
		"tier": {first + "tiers: {enterprise: {requests_per_minute: 5000, burst: 4321}}\n", func() {
			if h := g.header("POST", "/echo", "demo-enterprise-key-abcdef").Get("RateLimit-Policy"); !strings.Contains(h, "4321") && !strings.Contains(h, "5000") {
				t.Errorf("the policy is %s", h)
			}
		}},
		"worker": {quiet + route + fmt.Sprintf("workers: [{name: b, url: %q}]\n", b.URL), func() {
			for end := time.Now().Add(time.Minute); ; {
				if _, out := g.call("POST", "/echo", "demo-pro-key-67890", "", ""); out["worker"] == "b" {
					break
				} else if time.Now().After(end) {
					t.Fatal(out)
				}
			}
		}},
		"pages": {first + "cors: {allow_origins: [\"https://app.example.com\"]}\n", func() {
			if h := g.header("POST", "/echo", "demo-pro-key-67890"); h.Get("Vary") != "Origin" {
				t.Errorf("pages that may call came with the file; Vary is %q", h.Get("Vary"))
			}
		}},
		"no route":  {quiet + fmt.Sprintf("workers: [{name: a, url: %q}]\n", a.URL), func() { g.want(404, "not_found", "POST", "/echo", "demo-pro-key-67890", "", "") }},
		"new tier":  {first + "tiers: {gold: {weight: 2}}\n", func() { g.want(201, "", "POST", "/admin/tenants", masterKey, `{"id":"acme","tier":"gold"}`, "") }},
		"log level": {first + "log: {level: debug, access: false}\n", nil},
		"body": {quiet + route + fmt.Sprintf("workers: [{name: a, url: %q}]\n", a.URL) + "tiers: {free: {max_body: 2048}, pro: {max_body: 2048}, enterprise: {max_body: 2048}}\n", func() {
			g.want(413, "body_too_large", "POST", "/echo", "demo-pro-key-67890", `{"x":"`+strings.Repeat("y", 3000)+`"}`, "")
		}},
	} {
		c.text = strings.Replace(c.text, "log: {access: false}\n", "", strings.Count(c.text, "log:")-1)
		status, out := g.reload(c.text)
		if status != 200 || out["outcome"] != "applied" {
			t.Fatalf("%s: %d %v", name, status, out)
		}
		if h := g.health(); h["version"] != out["version"] || h["error"] != nil {
			t.Errorf("%s: /health says %v", name, h)
		}
		if c.check != nil {
			c.check()
		}
		if status, out := g.reload(first); status != 200 {
			t.Fatalf("%s: back again: %d %v", name, status, out)
		}
		g.until(200, "POST", "/echo", "demo-pro-key-67890")
	}
	if v := g.health()["version"]; v != version {
		t.Errorf("the same file has versions %v and %v", version, v)
	}
}

func (r *running) header(method, path, key string) http.Header {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, r.url+path, http.NoBody)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("X-API-Key", key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.Header
}

// TestAlternatingConfigurations: two configurations take turns under load;
// each gives the route another service, on a worker of its own, and the tier
// another rate. No call fails, and none sees one's rate and the other's worker.
func TestAlternatingConfigurations(t *testing.T) {
	t.Parallel()
	texts := map[string]string{}
	for name, perMinute := range map[string]int{"one": 10_000_000, "two": 20_000_000} {
		w := stubWorker(t, name, name)
		texts[name] = quiet + fmt.Sprintf("workers: [{name: %s, url: %q}]\nroutes: [{method: POST, path: /echo, service: %s}]\ntiers: {enterprise: {requests_per_minute: %d, burst: %d}}\n",
			name, w.URL, name, perMinute, perMinute/10)
	}
	g := startReloading(t, texts["one"])
	g.until(200, "POST", "/echo", "demo-enterprise-key-abcdef")
	var over atomic.Bool
	var calls atomic.Int64
	var wg sync.WaitGroup
	seen := [2]atomic.Int64{}
	for range 4 {
		wg.Go(func() {
			for !over.Load() {
				req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, g.url+"/echo", bytes.NewReader([]byte(`{}`)))
				if err != nil {
					t.Error(err)
					return
				}
				req.Header.Set("X-API-Key", "demo-enterprise-key-abcdef")
				req.Header.Set("Content-Type", "application/json")
				res, err := http.DefaultClient.Do(req)
				if err != nil {
					t.Error(err)
					return
				}
				var out struct{ Worker string }
				err = json.NewDecoder(res.Body).Decode(&out)
				_ = res.Body.Close()
				policy := res.Header.Get("RateLimit-Policy")
				second := strings.Contains(policy, "20000000") || strings.Contains(policy, "2000000")
				if err != nil || res.StatusCode != 200 || policy == "" || (out.Worker == "two") != second {
					t.Errorf("%d from %q under %q: %v", res.StatusCode, out.Worker, policy, err)
					return
				}
				calls.Add(1)
				seen[map[string]int{"one": 0, "two": 1}[out.Worker]].Add(1)
			}
		})
	}
	for i := range 12 {
		name := []string{"two", "one"}[i%2]
		if status, out := g.reload(texts[name]); status != 200 {
			t.Errorf("%d %v", status, out)
		}
		from := calls.Load()
		for end := time.Now().Add(time.Minute); calls.Load() < from+20 && time.Now().Before(end) && !t.Failed(); time.Sleep(time.Millisecond) {
		}
	}
	over.Store(true)
	wg.Wait()
	if seen[0].Load() == 0 || seen[1].Load() == 0 {
		t.Errorf("%d and %d calls", seen[0].Load(), seen[1].Load())
	}
}

func TestNothingToReadAgain(t *testing.T) {
	t.Parallel()
	g := startGateway(t, config.Config{})
	g.want(409, "config_fixed", "POST", "/admin/config/reload", masterKey, "", "")
}
