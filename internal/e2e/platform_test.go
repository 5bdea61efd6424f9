package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/omni-run/omni/api"
)

// gateway is a running omni-gateway.
type gateway struct {
	*process
	url, addr string
	setup     gatewaySetup
}

// gatewaySetup says how to run one.
type gatewaySetup struct {
	// data is the data folder; made if empty.
	data string
	// worker is the worker's URL; none if empty.
	worker string
	// mode is development if empty.
	mode string
	// yaml is added to the configuration.
	yaml string
	env  []string
}

func startGateway(t *testing.T, s gatewaySetup) *gateway {
	t.Helper()
	if s.data == "" {
		s.data = t.TempDir()
	}
	g := &gateway{process: launch(t, binaries.gateway, []string{"-config", s.write(t)}, append([]string{"MASTER_API_KEY=" + masterKey}, s.env...)), setup: s}
	g.addr = g.logged("gateway listens")["address"].(string)
	g.url = "http://" + g.addr
	return g
}

// write writes the configuration into a file of its own.
func (s gatewaySetup) write(t *testing.T) string {
	t.Helper()
	mode := s.mode
	if mode == "" {
		mode = "development"
	}
	text := fmt.Sprintf("mode: %s\nlisten: 127.0.0.1:0\ndata_dir: %q\n", mode, s.data)
	if s.worker != "" {
		text += fmt.Sprintf("workers: [{name: one, url: %q}]\n", s.worker)
	}
	if !strings.Contains(s.yaml, "limits:") {
		text += "limits: {public_per_minute: 1000000}\n" // tests ask for health and metrics at their own pace
	}
	path := filepath.Join(t.TempDir(), "omni.yaml")
	if err := os.WriteFile(path, []byte(text+s.yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// worker is a running omni-worker.
type worker struct {
	*process
	url string
}

func startWorker(t *testing.T, listen, data string) *worker {
	t.Helper()
	w := &worker{process: launch(t, binaries.worker, []string{"-listen", listen, "-data", data}, nil)}
	w.url = "http://" + w.logged("worker listens")["address"].(string)
	return w
}

// freeAddress is one on which nothing listens at the moment.
func freeAddress(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	return ln.Addr().String()
}

// platform is a gateway with the native worker behind it, at an address that
// the worker keeps when it is started again.
type platform struct {
	*gateway
	worker              *worker
	workerAddr, tenants string
}

func startPlatform(t *testing.T, s gatewaySetup) *platform {
	t.Helper()
	p := &platform{workerAddr: freeAddress(t), tenants: t.TempDir()}
	p.worker = startWorker(t, p.workerAddr, p.tenants)
	s.worker = p.worker.url
	p.gateway = startGateway(t, s)
	return p
}

// restartWorker starts a worker where the former one was.
func (p *platform) restartWorker() {
	p.t.Helper()
	p.worker = startWorker(p.t, p.workerAddr, p.tenants)
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// code is the error code of the envelope, or "".
func (a answer) code() string {
	var e api.ErrorBody
	if json.Unmarshal(a.body, &e) != nil {
		return ""
	}
	return e.Error
}

func (a answer) String() string { return fmt.Sprintf("%d %.600s", a.status, a.body) }

// into decodes the body.
func (a answer) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		t.Fatalf("%v: %s", err, a)
	}
}

// field returns one top-level field of the body.
func (a answer) field(t *testing.T, name string) any {
	t.Helper()
	var m map[string]any
	a.into(t, &m)
	return m[name]
}

var client = &http.Client{Timeout: 2 * patience, Transport: &http.Transport{MaxIdleConnsPerHost: 64}}

// try makes one call. header holds names and values in turn.
func try(method, url, key, body string, header ...string) (answer, error) {
	req, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		req.Header.Set("X-API-Key", key)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, raw}, err
}

// call makes one call to the gateway that must be answered, whatever the
// answer.
func (g *gateway) call(method, path, key, body string, header ...string) answer {
	g.t.Helper()
	a, err := try(method, g.url+path, key, body, header...)
	if err != nil {
		g.t.Fatalf("%s %s: %v", method, path, err)
	}
	g.check(a)
	return a
}

// check fails the test if an answer holds what no caller may see.
func (g *gateway) check(a answer) {
	g.t.Helper()
	if a.status >= 400 {
		checkForSecrets(g.t, "an answer", string(a.body))
		for _, inside := range []string{g.setup.data, "goroutine ", ".go:", "127.0.0.1", "sqlite", "/internal/"} {
			if bytes.Contains(a.body, []byte(inside)) {
				g.t.Errorf("an error answer holds %q: %s", inside, a)
			}
		}
		if a.header.Get("X-Request-Id") == "" || a.field(g.t, "request_id") != a.header.Get("X-Request-Id") {
			g.t.Errorf("an error answer without its request id: %s", a)
		}
	}
}

// want makes a call that must have this status.
func (g *gateway) want(status int, method, path, key, body string, header ...string) answer {
	g.t.Helper()
	a := g.call(method, path, key, body, header...)
	if a.status != status {
		g.t.Fatalf("%s %s: want %d, got %s", method, path, status, a)
	}
	return a
}

// eventually repeats a question until it is answered yes.
func eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	pause := 20 * time.Millisecond
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(pause) {
		if yes() {
			return
		}
		// A long wait must not use up the rate limit of the key it asks with.
		pause = min(pause*5/4, 250*time.Millisecond)
	}
	t.Fatalf("never: %s", what)
}

// workersReady waits until the gateway sees its worker ready for the service.
func (g *gateway) workersReady() {
	g.t.Helper()
	eventually(g.t, "a ready worker", func() bool {
		var h struct{ Workers struct{ Ready int } }
		g.call("GET", "/health", "", "").into(g.t, &h)
		return h.Workers.Ready > 0
	})
}
