package upgrade

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	masterKey = "a-master-key-for-this-test"
	limit     = 2 * time.Minute // of any single wait; never reached on a machine that works
)

// process is one place of the system: its address and data stay, its program
// is replaced.
type process struct {
	t       *testing.T
	name    string
	address string
	data    string
	env     []string
	cmd     *exec.Cmd
	ended   chan error
	out     *lines
}

// lines is what a process prints; it may be read while the process writes.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func newProcess(t *testing.T, name string, env []string) *process {
	t.Helper()
	p := &process{t: t, name: name, address: quietAddress(t), data: t.TempDir(), out: &lines{}}
	p.env = append([]string{
		"OMNI_LISTEN=" + p.address, "OMNI_WORKER_LISTEN=" + p.address, "OMNI_DATA_DIR=" + p.data,
		"OMNI_WORKER_TOKEN=a-token-for-this-test", "MASTER_API_KEY=" + masterKey, "OMNI_LOG_LEVEL=info",
	}, env...)
	t.Cleanup(func() {
		if p.cmd != nil {
			p.stop()
		}
		if t.Failed() {
			t.Logf("%s at %s:\n%s", name, p.address, tail(p.out.String()))
		}
	})
	return p
}

// quietAddress is free and stays so while nobody listens: it lies below the
// ports that systems give to outgoing connections, of which the load makes many.
func quietAddress(t *testing.T) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 20_000+rand.IntN(12_000))
		if ln, err := net.Listen("tcp", address); err == nil {
			ln.Close()
			return address
		}
	}
	t.Fatal("no port is free")
	return ""
}

func tail(s string) string {
	if len(s) > 4000 {
		s = "…" + s[len(s)-4000:]
	}
	return s
}

// start runs the program of a version and waits until it is ready.
func (p *process) start(version string) {
	p.t.Helper()
	p.cmd = exec.Command(filepath.Join(version, p.name))
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = p.env, p.out, p.out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	p.ended = make(chan error, 1)
	go func() { p.ended <- p.cmd.Wait() }()
	path := map[string]string{"omni-gateway": "/health/ready", "omni-worker": "/internal/health"}[p.name]
	for end := time.Now().Add(limit); ; time.Sleep(5 * time.Millisecond) {
		select {
		case err := <-p.ended:
			p.cmd = nil
			p.t.Fatalf("%s ended: %v", p.name, err)
		default:
		}
		if res, err := http.Get("http://" + p.address + path); err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(end) {
			p.t.Fatalf("%s is not ready", p.name)
		}
	}
}

// stop asks the program to end, as every orchestrator does; it must do so in
// order.
func (p *process) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Error(err)
	}
	if err := <-p.ended; err != nil {
		p.t.Errorf("%s did not end in order: %v", p.name, err)
	}
	p.cmd = nil
}

// version is what the gateway says of itself.
func (p *process) version() string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.address+"/", http.NoBody)
	if err != nil {
		p.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		p.t.Fatal(err)
	}
	defer res.Body.Close()
	var root struct{ Version string }
	if err := json.NewDecoder(res.Body).Decode(&root); err != nil {
		p.t.Fatal(err)
	}
	return root.Version
}
