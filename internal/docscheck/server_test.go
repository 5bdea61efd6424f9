//go:build unix

package docscheck

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// patience bounds every wait for something that must happen. It is no
// measurement: machines of any speed pass.
const patience = 2 * time.Minute

const masterKey = "master-key-of-the-docs-tests"

// built is the folder of the programs that the pages call, built once by the
// first test that needs them.
var built struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.dir != "" {
		_ = os.RemoveAll(built.dir) // the system's folder for such things
	}
	os.Exit(code)
}

// binaries returns the folder of the built programs.
func binaries(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		var names []string
		if names, built.err = programs(); built.err != nil {
			return
		}
		if built.dir, built.err = os.MkdirTemp("", "omni-docs-"); built.err != nil {
			return
		}
		build := exec.Command("go", append([]string{"build", "-o", built.dir}, names...)...)
		build.Dir = root
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			built.err = fmt.Errorf("building %v: %w\n%s", names, err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.dir
}

// programs lists omni and whichever of its halves a page calls by name.
func programs() ([]string, error) {
	list := []string{"./cmd/omni"}
	pages, err := commandPages()
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"omni-gateway", "omni-worker"} {
		called := func(page string) bool { return calls(page, name) }
		if slices.ContainsFunc(pages, called) {
			list = append(list, "./cmd/"+name)
		}
	}
	return list, nil
}

// environment is the test's own, less what a developer may have set, and with
// what is given.
func environment(more ...string) []string {
	var env []string
	for _, pair := range os.Environ() {
		name, _, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, "OMNI_") && !strings.HasSuffix(strings.ToLower(name), "_proxy") && name != "MASTER_API_KEY" && name != "PORT" && name != "SENTRY_DSN" {
			env = append(env, pair)
		}
	}
	return append(env, more...)
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

var greeting = regexp.MustCompile(`Omni is up: (http://127\.0\.0\.1:\d+)`)

// up runs omni up in a folder, as its reader would, but on a free port, and
// returns its URL. Its log goes to gateway.log there. It ends with the test.
func up(t *testing.T, bin, dir string) string {
	t.Helper()
	log, err := os.Create(filepath.Join(dir, "gateway.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	var out output
	cmd := exec.Command(filepath.Join(bin, "omni"), "up", "--listen", "127.0.0.1:0", "--no-sample", "--log", "json")
	cmd.Dir, cmd.Env = dir, environment("MASTER_API_KEY="+masterKey)
	cmd.Stdout, cmd.Stderr = &out, log
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // it is ended by a signal or was killed
		close(ended)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt) // it may have ended already
		select {
		case <-ended:
		case <-time.After(patience):
			_ = cmd.Process.Kill()
			<-ended
			t.Error("omni up did not stop")
		}
		if t.Failed() {
			raw, err := os.ReadFile(log.Name())
			t.Logf("omni up said (%v):\n%s\n%s", err, &out, raw[max(0, len(raw)-4000):])
		}
	})
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		if m := greeting.FindStringSubmatch(out.String()); m != nil {
			return m[1]
		}
		select {
		case <-ended:
			t.Fatalf("omni up ended: %s", &out)
		default:
		}
	}
	t.Fatal("omni up did not greet")
	return ""
}

// command runs a program to its end and returns what it printed, both streams
// together, and its exit code.
func command(t *testing.T, dir string, env []string, name string, args ...string) (out string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env, cmd.WaitDelay = dir, env, time.Second
	text, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Fatalf("%s did not end by itself\n%s", name, text)
	}
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return string(text), cmd.ProcessState.ExitCode()
}
