package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// patience bounds every wait for something that must happen. It is no
// measurement: machines of any speed pass.
const patience = 60 * time.Second

// process is one running binary and what it has logged.
type process struct {
	t     *testing.T
	cmd   *exec.Cmd
	out   *output
	ended chan struct{}
	err   error // set before ended is closed
}

// launch starts a binary with an environment that holds only what is given.
// At the end of the test it is killed, and its log is searched for secrets.
func launch(t *testing.T, bin string, args, env []string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(bin, args...), out: &output{}, ended: make(chan struct{})}
	p.cmd.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "TMPDIR=" + os.TempDir()}, env...)
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.out
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("log of %s:\n%s", filepath.Base(bin), p.out.tail(6000))
		}
		checkForSecrets(t, filepath.Base(bin), p.out.String())
	})
	return p
}

// kill ends the process as a power cut would.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended already
	<-p.ended
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// exit waits for the end of the process and returns its exit code.
func (p *process) exit() int {
	p.t.Helper()
	select {
	case <-p.ended:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		p.t.Fatal("the process does not end")
		return -1
	}
}

// running fails the test if the process has ended.
func (p *process) running() {
	p.t.Helper()
	select {
	case <-p.ended:
		p.t.Fatalf("the process has ended: %v", p.err)
	default:
	}
}

// logged waits for a line of the log with this message and returns it.
func (p *process) logged(message string) map[string]any {
	p.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		for line := range strings.Lines(p.out.String()) {
			var entry map[string]any
			if json.Unmarshal([]byte(line), &entry) == nil && entry["message"] == message {
				return entry
			}
		}
		select {
		case <-p.ended:
			p.t.Fatalf("ended before it logged %q: %v\n%s", message, p.err, p.out.tail(2000))
		default:
		}
	}
	p.t.Fatalf("never logged %q", message)
	return nil
}

// output gathers what a process writes; it is safe for concurrent use.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

func (o *output) tail(n int) string {
	s := o.String()
	return s[max(0, len(s)-n):]
}

const (
	freeKey       = "demo-free-key-12345"
	proKey        = "demo-pro-key-67890"
	enterpriseKey = "demo-enterprise-key-abcdef"
	masterKey     = "master-key-of-the-e2e-tests"
	workerToken   = "worker-token-of-the-e2e-tests"
	// marker stands in bodies that tests send; it must never reach a log.
	marker = "Xyzzy-Content-Of-A-Body"
)

// secretShape finds API keys that were made while testing.
var secretShape = regexp.MustCompile(`omni_[a-z0-9]+_[0-9A-Za-z]+_[0-9A-Za-z]+`)

// checkForSecrets fails the test if a text that outsiders or operators read
// holds a key, a token or a caller's data.
func checkForSecrets(t *testing.T, what, text string) {
	t.Helper()
	for _, secret := range []string{freeKey, proKey, enterpriseKey, masterKey, workerToken, marker} {
		if i := strings.Index(text, secret); i >= 0 {
			t.Errorf("%s holds %q: %.300s", what, secret, text[max(0, i-150):])
		}
	}
	if found := secretShape.FindString(text); found != "" {
		t.Errorf("%s holds an API key: %s", what, found)
	}
}
