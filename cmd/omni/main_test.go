//go:build unix

package main_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/omni-run/omni/api"
	"github.com/omni-run/omni/client"
)

// binary is the command under test, built once.
var binary string

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "omni-test")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "omni")
	build := exec.Command("go", "build", "-o", binary, ".")
	build.Stderr = os.Stderr
	if err := build.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "building omni:", err)
		return 1
	}
	return m.Run()
}

// server is a running omni up.
type server struct {
	t      *testing.T
	cmd    *exec.Cmd
	url    string
	data   string
	stdout *buffer
	stderr *buffer
	ended  chan error
}

// buffer collects what a process writes while others read it.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// environment without what a developer may have set.
func environment(more ...string) []string {
	var env []string
	for _, pair := range os.Environ() {
		if !strings.HasPrefix(pair, "OMNI_") && !strings.HasPrefix(pair, "MASTER_API_KEY=") && !strings.HasPrefix(pair, "PORT=") && !strings.HasPrefix(pair, "SENTRY_DSN=") {
			env = append(env, pair)
		}
	}
	return append(env, more...)
}

// up starts omni up on a free port and waits for its greeting.
func up(t *testing.T, data string, args ...string) *server {
	t.Helper()
	s := &server{t: t, data: data, stdout: &buffer{}, stderr: &buffer{}, ended: make(chan error, 1)}
	s.cmd = exec.Command(binary, append([]string{"up", "--listen", "127.0.0.1:0", "--data", data}, args...)...)
	s.cmd.Env = environment("MASTER_API_KEY=a-master-key-for-this-test")
	s.cmd.Stderr = s.stderr
	s.cmd.WaitDelay = 5 * time.Second
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.cmd.Process.Kill() // ended already, if all went well
		if t.Failed() {
			t.Logf("omni up said:\n%s\n%s", s.stdout, s.stderr)
		}
	})
	greeted := make(chan struct{})
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			fmt.Fprintln(s.stdout, lines.Text())
			if strings.Contains(lines.Text(), `"sequence_length":10`) {
				close(greeted)
			}
		}
		s.ended <- s.cmd.Wait()
	}()
	select {
	case <-greeted:
	case err := <-s.ended:
		t.Fatalf("omni up ended: %v", err)
	case <-time.After(time.Minute):
		t.Fatal("no greeting within a minute")
	}
	s.url = regexp.MustCompile(`http://127\.0\.0\.1:\d+`).FindString(s.stdout.String())
	return s
}

func (s *server) client(key string) *client.Client {
	s.t.Helper()
	c, err := client.New(s.url, key)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(c.CloseIdleConnections)
	return c
}

// interrupt sends Ctrl-C and returns the exit code.
func (s *server) interrupt() int {
	s.t.Helper()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		s.t.Fatal(err)
	}
	select {
	case err := <-s.ended:
		var failed *exec.ExitError
		if errors.As(err, &failed) {
			return failed.ExitCode()
		} else if err != nil {
			s.t.Fatal(err)
		}
		return 0
	case <-time.After(time.Minute):
		s.t.Fatal("it did not stop within a minute")
		return -1
	}
}

// omni runs another command and returns what it printed.
func omni(t *testing.T, env []string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = environment(env...), &out, &errs
	err := cmd.Run()
	var failed *exec.ExitError
	if err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}

// eventually polls, for what other processes do in their own time.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

// TestUp lives through a whole day: start, every capability, the printed call,
// the examples, keys, a killed worker, Ctrl-C, and a second start that finds
// what the first one kept.
func TestUp(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	s := up(t, data)

	t.Run("demo calls every capability", func(t *testing.T) {
		out, errs, code := omni(t, nil, "demo", "--url", s.url, "--ascii")
		if code != 0 || !strings.Contains(out, "all 15 answered") {
			t.Fatalf("exit %d\n%s\n%s", code, out, errs)
		}
		if strings.Count(out, " X") == 0 || !strings.Contains(out, "o") {
			t.Errorf("no charts in\n%s", out)
		}
	})
	t.Run("the printed call works", func(t *testing.T) {
		sh(t, s, "curl", "sh", "-c", s.stdout.String()[strings.Index(s.stdout.String(), "curl"):])
	})
	t.Run("examples", func(t *testing.T) {
		examples := filepath.Join("..", "..", "examples")
		for _, e := range [][]string{
			{"curl", "sh", filepath.Join(examples, "curl", "quickstart.sh")},
			{"python3", "python3", filepath.Join(examples, "python", "quickstart.py")},
			{"node", "node", filepath.Join(examples, "javascript", "quickstart.mjs")},
		} {
			t.Run(e[0], func(t *testing.T) { sh(t, s, e[0], e[1], e[2:]...) })
		}
	})
	t.Run("keys work within a second and stop as fast", func(t *testing.T) { keysInForce(t, s) })
	t.Run("the master key operates it", func(t *testing.T) { operate(t, s) })
	t.Run("sample data arrive", func(t *testing.T) {
		eventually(t, "sample data of pro and enterprise", func() bool {
			log := s.stderr.String()
			return strings.Contains(log, "loaded tenant=demo-tenant-2") && strings.Contains(log, "loaded tenant=demo-tenant-3")
		})
		similar(t, s.client("demo-pro-key-67890"))
	})
	t.Run("a killed worker is back at once", func(t *testing.T) { killWorker(t, s) })
	t.Run("its port is taken", func(t *testing.T) {
		_, errs, code := omni(t, nil, "up", "--listen", strings.TrimPrefix(s.url, "http://"), "--data", t.TempDir())
		if code != 1 || !strings.Contains(errs, "is taken") || !strings.Contains(errs, "--listen") || strings.Count(errs, "\n") != 1 {
			t.Fatalf("exit %d: %s", code, errs)
		}
	})

	if code := s.interrupt(); code != 0 {
		t.Fatalf("exit code %d after Ctrl-C", code)
	}
	clean(t, data)

	again := up(t, data, "--no-sample", "--log", "json")
	similar(t, again.client("demo-pro-key-67890"))
	if code := again.interrupt(); code != 0 {
		t.Fatalf("exit code %d after Ctrl-C", code)
	}
}

// sh runs a program against the server, where the machine has it.
func sh(t *testing.T, s *server, needs, name string, args ...string) {
	t.Helper()
	if _, err := exec.LookPath(needs); err != nil {
		t.Skipf("%s is not installed here", needs)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = environment("OMNI_URL="+s.url, "no_proxy=127.0.0.1")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "forecast") && !strings.Contains(string(out), "succeeded") {
		t.Fatalf("%v\n%s", err, out)
	}
}

// similar asks for something that only the sample data can answer.
func similar(t *testing.T, c *client.Client) {
	t.Helper()
	a, err := c.QueryVectors(t.Context(), &api.VectorsQueryRequest{Text: "my bike chain squeaks since the rain"})
	if err != nil || len(a.Results) == 0 || a.Results[0].ID != "guide-8" {
		t.Fatalf("%+v %v", a, err)
	}
}

func keysInForce(t *testing.T, s *server) {
	for _, args := range [][]string{{"tenants", "create", "acme", "--tier", "pro", "--data", s.data}} {
		if out, errs, code := omni(t, nil, args...); code != 0 {
			t.Fatalf("%s %s", out, errs)
		}
	}
	out, errs, code := omni(t, nil, "keys", "create", "--tenant", "acme", "--data", s.data)
	key := strings.TrimSpace(out)
	if code != 0 || !strings.HasPrefix(key, "omni_pro_") || strings.Contains(errs, key) {
		t.Fatalf("%q %q", out, errs)
	}
	c := s.client(key)
	ok := func() bool { _, err := c.Agents(t.Context()); return err == nil }
	eventually(t, "a fresh key is accepted", ok)
	list, _, _ := omni(t, nil, "keys", "list", "--data", s.data)
	id := strings.Split(key, "_")[2]
	if !strings.Contains(list, id) || strings.Contains(list, key) {
		t.Fatalf("%s", list)
	}
	if _, errs, code := omni(t, nil, "keys", "revoke", id, "--data", s.data); code != 0 {
		t.Fatal(errs)
	}
	eventually(t, "a revoked key is refused", func() bool { return !ok() })
}

func operate(t *testing.T, s *server) {
	master := []string{"MASTER_API_KEY=a-master-key-for-this-test"}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"workers", "--url", s.url}, "native"},
		{[]string{"tenants", "create", "globex", "--tier", "free", "--url", s.url}, "globex"},
		{[]string{"keys", "create", "--tenant", "globex", "--url", s.url}, "omni_free_"},
		{[]string{"keys", "list", "--tenant", "globex", "--url", s.url}, "active"},
		{[]string{"tenants", "list", "--url", s.url}, "globex"},
		{[]string{"usage", "--url", s.url}, "demo-tenant-3"},
		{[]string{"usage", "--url", s.url, "--tenant", "demo-tenant-3", "--csv"}, "day,route,requests"},
		{[]string{"loadtest", s.url, "--requests", "20", "--concurrency", "2"}, "20 requests"},
	} {
		if out, errs, code := omni(t, master, c.args...); code != 0 || !strings.Contains(out, c.want) {
			t.Errorf("%v: exit %d\n%s%s", c.args, code, out, errs)
		}
	}
	if _, errs, code := omni(t, []string{"MASTER_API_KEY=not-the-master-key"}, "workers", "--url", s.url); code != 1 || strings.Contains(errs, "not-the-master-key") {
		t.Errorf("a wrong master key: exit %d %s", code, errs)
	}
}

// children of a process, by /proc.
func children(t *testing.T, parent int) (pids []int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range stats {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // it ended meanwhile
		}
		// The name may hold spaces and parentheses; what follows the last one
		// does not.
		_, rest, _ := strings.Cut(string(raw[bytes.LastIndexByte(raw, ')'):]), " ")
		var state string
		var pid, ppid int
		if _, err := fmt.Sscan(rest, &state, &ppid); err != nil || ppid != parent || state == "Z" {
			continue
		}
		if _, err := fmt.Sscan(string(raw), &pid); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

func killWorker(t *testing.T, s *server) {
	if runtime.GOOS != "linux" {
		t.Skip("finding the child needs /proc; the restart itself is tested in internal/cli/child")
	}
	pids := children(t, s.cmd.Process.Pid)
	if len(pids) != 1 {
		t.Fatalf("children %v", pids)
	}
	if err := syscall.Kill(pids[0], syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	// The call waits in the gateway until the worker is back.
	text := "good"
	a, err := s.client("demo-enterprise-key-abcdef").Sentiment(t.Context(), &api.SentimentRequest{Text: &text}, client.WithIdempotencyKey(client.NewIdempotencyKey()))
	if err != nil || a.Sentiment != "positive" {
		t.Fatalf("%+v %v", a, err)
	}
	eventually(t, "another worker", func() bool {
		now := children(t, s.cmd.Process.Pid)
		return len(now) == 1 && now[0] != pids[0]
	})
	// What was stored before is still there.
	similar(t, s.client("demo-enterprise-key-abcdef"))
}

// clean sees that no database was left open: SQLite removes its log on close.
func clean(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if strings.HasSuffix(path, "-wal") || strings.HasSuffix(path, "-shm") || strings.HasSuffix(path, "-journal") {
			t.Errorf("%s is left behind", filepath.Base(path))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A gateway killed with kill -9 takes its worker along.
func TestKilledGatewayLeavesNoWorker(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("finding the child needs /proc")
	}
	s := up(t, filepath.Join(t.TempDir(), "data"), "--no-sample")
	pids := children(t, s.cmd.Process.Pid)
	if len(pids) != 1 {
		t.Fatalf("children %v", pids)
	}
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the worker's death", func() bool { return syscall.Kill(pids[0], 0) != nil || zombie(pids[0]) })
}

func zombie(pid int) bool {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(raw), ") Z ")
}

// A second Ctrl-C does not wait for a call that takes its time.
func TestSecondInterruptForces(t *testing.T) {
	t.Parallel()
	s := up(t, filepath.Join(t.TempDir(), "data"), "--no-sample")
	// Half a request keeps the gateway draining.
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /sentiment/analyze HTTP/1.1\r\nHost: x\r\nX-API-Key: demo-pro-key-67890\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	// A second connection's answer shows that the first one was accepted.
	res, err := http.Get(s.url + "/health")
	if err != nil {
		t.Fatal(err)
	}
	io.Copy(io.Discard, res.Body)
	res.Body.Close()
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	eventually(t, "draining", func() bool { return strings.Contains(s.stderr.String(), "drains") })
	if code := s.interrupt(); code != 130 {
		t.Fatalf("exit code %d", code)
	}
}
