//go:build unix

package child_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/omni-run/omni/internal/cli/child"
)

// The test binary plays the parts of the child and of a parent that is killed.
func TestMain(m *testing.M) {
	switch os.Getenv("CHILD_TEST_ROLE") {
	case "worker":
		worker()
	case "stubborn":
		fmt.Println("127.0.0.1:1")
		time.Sleep(time.Minute)
	case "broken":
		os.Exit(7)
	case "parent":
		parent()
	default:
		os.Exit(m.Run())
	}
}

// worker listens, says where, and stops when its standard input ends.
func worker() {
	listen := os.Getenv("LISTEN")
	if listen == "" {
		listen = "127.0.0.1:0"
	}
	ln, err := net.Listen("tcp", listen)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(ln.Addr())
	fmt.Println("and more that nobody reads")
	io.Copy(io.Discard, os.Stdin)
}

// parent starts a worker, says its process id, and waits to be killed.
func parent() {
	c := child.Start(options("worker"))
	if _, err := c.Address(context.Background()); err != nil {
		os.Exit(1)
	}
	fmt.Println(c.PID())
	time.Sleep(time.Minute)
}

func options(role string) child.Options {
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return child.Options{
		Path: exe, Env: append(os.Environ(), "CHILD_TEST_ROLE="+role), ListenVariable: "LISTEN",
		Stderr: os.Stderr, Log: slog.New(slog.DiscardHandler), Backoff: 10 * time.Millisecond,
	}
}

func stop(t *testing.T, c *child.Child) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := c.Stop(ctx); err != nil {
		t.Error(err)
	}
}

// eventually polls, since processes die when the kernel finds the time.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if f() {
			return
		}
	}
	t.Fatalf("never: %s", what)
}

func alive(pid int) bool {
	if syscall.Kill(pid, 0) != nil {
		return false
	}
	// A zombie whose parent has not looked yet is dead enough.
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err != nil || !strings.Contains(string(raw), ") Z ")
}

func TestStartsAgainWhereItWas(t *testing.T) {
	t.Parallel()
	c := child.Start(options("worker"))
	defer stop(t, c)
	address, err := c.Address(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for round := 1; round <= 3; round++ {
		pid := c.PID()
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		eventually(t, "another child", func() bool { p := c.PID(); return p != 0 && p != pid })
		eventually(t, "listening at "+address, func() bool {
			conn, err := net.Dial("tcp", address)
			if err == nil {
				conn.Close()
			}
			return err == nil
		})
		if again, _ := c.Address(t.Context()); again != address {
			t.Fatalf("moved from %s to %s", address, again)
		}
	}
	if c.Starts() != 4 {
		t.Errorf("%d starts", c.Starts())
	}
}

func TestStopEndsItGently(t *testing.T) {
	t.Parallel()
	c := child.Start(options("worker"))
	if _, err := c.Address(t.Context()); err != nil {
		t.Fatal(err)
	}
	pid := c.PID()
	stop(t, c)
	stop(t, c) // again, harmlessly
	if alive(pid) || c.Starts() != 1 {
		t.Fatalf("alive %v, %d starts", alive(pid), c.Starts())
	}
}

func TestStopKillsTheStubborn(t *testing.T) {
	t.Parallel()
	c := child.Start(options("stubborn"))
	if _, err := c.Address(t.Context()); err != nil {
		t.Fatal(err)
	}
	pid := c.PID()
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if err := c.Stop(ctx); err == nil || alive(pid) {
		t.Fatalf("%v, alive %v", err, alive(pid))
	}
}

func TestAChildThatCannotStart(t *testing.T) {
	t.Parallel()
	missing := options("worker")
	missing.Path = "/nonexistent/omni"
	for name, o := range map[string]child.Options{"exits": options("broken"), "is not there": missing} {
		c := child.Start(o)
		if address, err := c.Address(t.Context()); err == nil || address != "" {
			t.Errorf("%s: %q", name, address)
		}
		stop(t, c)
		if c.Starts() > 1 {
			t.Errorf("%s: started %d times", name, c.Starts())
		}
	}
}

func TestDiesWithItsParent(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("elsewhere the child ends when it reads the end of its input, as TestStopEndsItGently sees")
	}
	o := options("parent")
	cmd := exec.CommandContext(t.Context(), o.Path)
	cmd.Env = o.Env
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil || !alive(pid) {
		t.Fatalf("no child: %q", line)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // killed, as wanted
	eventually(t, "the orphan's death", func() bool { return !alive(pid) })
}
