package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
)

// mounted is a configuration as a cluster mounts it: the file is reached
// through a link that is exchanged as a whole.
type mounted struct {
	t    *testing.T
	dir  string
	n    int
	data string
}

func mount(t *testing.T, text string) *mounted {
	t.Helper()
	m := &mounted{t: t, dir: t.TempDir(), data: t.TempDir()}
	m.exchange(text)
	if err := os.Symlink(filepath.Join("..data", "omni.yaml"), m.path()); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *mounted) path() string { return filepath.Join(m.dir, "omni.yaml") }

func (m *mounted) exchange(text string) {
	m.t.Helper()
	m.n++
	version := fmt.Sprintf("..version-%d", m.n)
	text = fmt.Sprintf("mode: development\nlisten: 127.0.0.1:0\ndata_dir: %q\nlimits: {public_per_minute: 1000000}\n", m.data) + text
	for _, err := range []error{
		os.Mkdir(filepath.Join(m.dir, version), 0o700),
		os.WriteFile(filepath.Join(m.dir, version, "omni.yaml"), []byte(text), 0o600),
		os.Symlink(version, filepath.Join(m.dir, "..next")),
		os.Rename(filepath.Join(m.dir, "..next"), filepath.Join(m.dir, "..data")),
	} {
		if err != nil {
			m.t.Fatal(err)
		}
	}
}

func (m *mounted) serve() *gateway {
	m.t.Helper()
	g := &gateway{process: launch(m.t, binaries.gateway, []string{"-config", m.path()}, []string{"MASTER_API_KEY=" + masterKey}), setup: gatewaySetup{data: m.data}}
	g.addr = g.logged("gateway listens")["address"].(string)
	g.url = "http://" + g.addr
	return g
}

// config is what /health says of it.
func (g *gateway) config() (version, fault string) {
	g.t.Helper()
	var h struct {
		Config struct{ Version, Error string } `json:"config"`
	}
	g.call("GET", "/health", "", "").into(g.t, &h)
	return h.Config.Version, h.Config.Error
}

// The real binary takes what its file says on SIGHUP and when the file is
// exchanged, and refuses what is wrong with line and reason, while it serves on.
func TestConfigurationChangesWhileRunning(t *testing.T) {
	t.Parallel()
	w := startStub(t, nil)
	workers := fmt.Sprintf("workers: [{name: one, url: %q}]\n", w.URL)
	m := mount(t, workers)
	g := m.serve()
	g.workersReady()
	g.want(200, "POST", "/anomaly/detect", freeKey, detect)
	first, _ := g.config()

	// A smaller body for one tier, noticed without a signal.
	m.exchange(workers + "tiers: {free: {max_body: 1024}}\n")
	eventually(t, "the exchanged file is in force", func() bool { v, _ := g.config(); return v != first })
	large := `{"data":[` + strings.Repeat("1.5,", 500) + `1]}`
	if a := g.want(413, "POST", "/anomaly/detect", freeKey, large); a.code() != "body_too_large" {
		t.Error(a)
	}
	g.want(200, "POST", "/anomaly/detect", proKey, large)
	second, _ := g.config()

	// A bad one is refused as a whole.
	m.exchange(workers + "tiers:\n  free:\n    burst: -7\n")
	g.signal(syscall.SIGHUP)
	line := g.logged("configuration refused; the one in force serves on")
	if reason := fmt.Sprint(line["reason"]); !strings.Contains(reason, "line 8: tiers.free.burst = -7") || strings.Contains(reason, m.dir) {
		t.Errorf("the log says %v", line)
	}
	version, fault := g.config()
	if version != second || fault == "" || strings.Contains(fault, "burst") || strings.Contains(fault, m.dir) {
		t.Errorf("/health says %q %q", version, fault)
	}
	if a := g.want(200, "GET", "/admin/config", masterKey, ""); !strings.Contains(string(a.body), "tiers.free.burst = -7") {
		t.Error(a)
	}
	g.want(413, "POST", "/anomaly/detect", freeKey, large)

	// The first again, on a signal.
	m.exchange(workers)
	g.signal(syscall.SIGHUP)
	eventually(t, "the first configuration is in force", func() bool { v, fault := g.config(); return v == first && fault == "" })
	g.want(200, "POST", "/anomaly/detect", freeKey, large)
	g.running()
	g.signal(syscall.SIGTERM)
	if code := g.exit(); code != 0 {
		t.Errorf("exit code %d", code)
	}
}

// Workers are added, replaced and removed while calls run, and none fails.
func TestWorkersChangeWithoutAFailedCall(t *testing.T) {
	t.Parallel()
	a, b := startStub(t, nil), startStub(t, nil)
	one := fmt.Sprintf("workers: [{name: a, url: %q}]\n", a.URL)
	both := fmt.Sprintf("workers: [{name: a, url: %q}, {name: b, url: %q}]\n", a.URL, b.URL)
	other := fmt.Sprintf("workers: [{name: b, url: %q}]\n", b.URL)
	swapped := fmt.Sprintf("workers: [{name: b, url: %q}]\n", a.URL)
	const unlimited = "tiers: {enterprise: {requests_per_minute: 10000000, burst: 1000000}}\n"
	m := mount(t, unlimited+one)
	g := m.serve()
	g.workersReady()
	var over atomic.Bool
	var calls atomic.Int64
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for !over.Load() {
				res, err := try("POST", g.url+"/anomaly/detect", enterpriseKey, detect)
				if err != nil || res.status != 200 {
					t.Errorf("%v %s", err, res)
					return
				}
				calls.Add(1)
			}
		})
	}
	for range 3 {
		for _, text := range []string{both, other, swapped, one} {
			m.exchange(unlimited + text)
			g.want(200, "POST", "/admin/config/reload", masterKey, "")
			from := calls.Load()
			eventually(t, "more calls", func() bool { return t.Failed() || calls.Load() > from+20 })
		}
	}
	over.Store(true)
	wg.Wait()
	if a.count() == 0 || b.count() == 0 {
		t.Errorf("%d and %d calls", a.count(), b.count())
	}
	var h struct{ Workers struct{ Total int } }
	eventually(t, "one worker is left", func() bool { g.call("GET", "/health", "", "").into(t, &h); return h.Workers.Total == 1 })
}

// A worker that the gateway runs is given another command, a broken one, and
// is removed, while the gateway serves.
func TestReloadOfAWokenWorker(t *testing.T) {
	t.Parallel()
	address, folder := freeAddress(t), t.TempDir()
	worker := func(command string) string {
		return fmt.Sprintf("workers: [{name: native, url: 'http://%s', wake: {kind: process, idle: 5m, command: [%q, -listen, %q, -data, %q]}}]\n", address, command, address, folder)
	}
	link := filepath.Join(t.TempDir(), "another-name")
	if err := os.Symlink(binaries.worker, link); err != nil {
		t.Fatal(err)
	}
	m := mount(t, worker(binaries.worker))
	g := m.serve()
	ask := func() { g.want(200, "POST", "/predict/revenue-lstm", enterpriseKey, revenue) }
	ask()
	first := int(g.logged("the worker's process is started")["pid"].(float64))
	gone := func(pid int) bool {
		_, err := os.Stat(fmt.Sprintf("/proc/%d", pid))
		return err != nil
	}
	reload := func(status int) answer {
		return g.want(status, "POST", "/admin/config/reload", masterKey, "")
	}
	m.exchange(worker("/nonexistent/worker"))
	if a := reload(422); !strings.Contains(string(a.body), "wake.command") {
		t.Errorf("a command that is not there: %s", a)
	}
	if gone(first) {
		t.Fatal("a refused configuration ended the worker")
	}
	m.exchange(worker(link))
	reload(200)
	ask()
	if !gone(first) {
		t.Error("the former process is still there")
	}
	var second int
	eventually(t, "the new command runs", func() bool {
		for line := range strings.Lines(g.out.String()) {
			var e struct {
				Message string `json:"message"`
				PID     int    `json:"pid"`
			}
			if json.Unmarshal([]byte(line), &e) == nil && e.Message == "the worker's process is started" && e.PID != first {
				second = e.PID
			}
		}
		return second != 0
	})
	m.exchange("workers: []\n")
	reload(200)
	eventually(t, "the removed worker's process ends", func() bool { return gone(second) })
}

// A worker that the gateway runs is given a command that is there and exits at
// once: no call fails, the former command serves on, operators are told, and
// the command that mends it takes over.
func TestReloadToACommandThatExits(t *testing.T) {
	t.Parallel()
	address, folder := freeAddress(t), t.TempDir()
	worker := func(command string) string {
		return "tiers: {enterprise: {requests_per_minute: 10000000, burst: 1000000}}\n" +
			fmt.Sprintf("workers: [{name: native, url: 'http://%s', wake: {kind: process, idle: 5m, command: [/bin/sh, -c, %q]}}]\n", address, command)
	}
	good := fmt.Sprintf("exec %s -listen %s -data %s", binaries.worker, address, folder)
	m := mount(t, worker(good))
	g := m.serve()
	g.want(200, "POST", "/predict/revenue-lstm", enterpriseKey, revenue)
	var over atomic.Bool
	var calls atomic.Int64
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			for !over.Load() {
				a, err := try("POST", g.url+"/predict/revenue-lstm", enterpriseKey, revenue)
				if err != nil || a.status != 200 {
					t.Errorf("%v %s", err, a)
					return
				}
				calls.Add(1)
			}
		})
	}
	stop := sync.OnceFunc(func() { over.Store(true); wg.Wait() })
	defer stop()
	more := func() {
		t.Helper()
		from := calls.Load()
		eventually(t, "more calls", func() bool { return t.Failed() || calls.Load() > from+5 })
	}
	m.exchange(worker("echo no such model >&2; exit 1"))
	g.want(200, "POST", "/admin/config/reload", masterKey, "")
	var told struct {
		Workers []struct {
			State    string `json:"state"`
			Unproven *struct {
				Failures     int    `json:"failures"`
				Error        string `json:"error"`
				FormerServes bool   `json:"former_serves"`
			} `json:"unproven"`
		} `json:"workers"`
	}
	eventually(t, "the failure is told, and the former serves", func() bool {
		told.Workers = nil
		g.want(200, "GET", "/admin/workers", masterKey, "").into(t, &told)
		u := told.Workers[0].Unproven
		return u != nil && u.Failures == 1 && u.FormerServes && strings.Contains(u.Error, "exit status 1") && told.Workers[0].State == "ready"
	})
	more()
	if e := g.logged("worker cannot be woken in its new way; the former one serves"); e["severity"] != "ERROR" || !strings.Contains(fmt.Sprint(e["error"]), "exit status 1") {
		t.Error(e)
	}
	failing := func() int {
		var h struct {
			Workers struct {
				Failing int `json:"wake_failing"`
			} `json:"workers"`
		}
		a := g.want(200, "GET", "/health", "", "")
		if a.into(t, &h); strings.Contains(string(a.body), "exit status") {
			t.Errorf("/health says too much: %s", a)
		}
		return h.Workers.Failing
	}
	if failing() != 1 || !strings.Contains(string(g.want(200, "GET", "/metrics", "", "").body), `omni_gateway_worker_wake_unproven{worker="native"} 1`) {
		t.Error("/health or /metrics say nothing")
	}
	m.exchange(worker("true; " + good))
	g.want(200, "POST", "/admin/config/reload", masterKey, "")
	eventually(t, "the mended command is proven", func() bool { return failing() == 0 })
	more()
	stop()
	g.running()
}
