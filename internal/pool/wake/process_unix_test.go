//go:build unix

package wake_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/omni-run/omni/internal/pool"
	"github.com/omni-run/omni/internal/pool/wake"
)

// TestMain doubles as the command that the tests run.
func TestMain(m *testing.M) {
	switch os.Getenv("WAKE_TEST") {
	case "":
		goleak.VerifyTestMain(m)
	case "serve": // writes its pid, and ends at SIGTERM
		term := make(chan os.Signal, 1)
		signal.Notify(term, syscall.SIGTERM)
		say()
		<-term
		fmt.Println("told to stop")
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
		say()
		select {}
	case "broken":
		fmt.Println(`{"severity":"ERROR","message":"no such model"}`)
		os.Exit(3)
	}
}

func say() {
	path := os.Getenv("WAKE_PID")
	if err := os.WriteFile(path+".new", []byte(strconv.Itoa(os.Getpid())), 0o600); err != nil {
		panic(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		panic(err)
	}
}

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

func logger() (*slog.Logger, *buffer) {
	b := &buffer{}
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug})), b
}

// kept runs a keeper and returns how to end it, and what it returned.
func kept(t *testing.T, k pool.Keeper) (stop func(cause error), ended <-chan error, needed chan<- struct{}) {
	t.Helper()
	ctx, cancel := context.WithCancelCause(t.Context())
	out, need := make(chan error, 1), make(chan struct{}, 1)
	go func() { out <- k.Keep(ctx, need) }()
	return cancel, out, need
}

func result(t *testing.T, ended <-chan error) error {
	t.Helper()
	select {
	case err := <-ended:
		return err
	case <-time.After(time.Minute):
		t.Fatal("the keeper does not end")
		return nil
	}
}

func eventually(t *testing.T, what string, yes func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !yes(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("never: %s", what)
		}
	}
}

func process(t *testing.T, mode string) (*wake.Process, string, *buffer) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	log, text := logger()
	pid := filepath.Join(t.TempDir(), "pid")
	return &wake.Process{
		Name: "w", Command: []string{self, "-test.run=^$"}, Env: []string{"WAKE_TEST=" + mode, "WAKE_PID=" + pid},
		Backoff: 2 * time.Millisecond, Log: log,
	}, pid, text
}

// pidOf waits for a process other than the last one to say its number.
func pidOf(t *testing.T, path string, last int) (pid int) {
	t.Helper()
	eventually(t, "the process runs", func() bool {
		raw, err := os.ReadFile(path)
		if err != nil {
			return false
		}
		pid, err = strconv.Atoi(string(raw))
		return err == nil && pid != last
	})
	return pid
}

// ends lets a keeper go for a reason, and waits for its end and its process's.
func ends(t *testing.T, stop func(error), cause error, ended <-chan error, pid int) {
	t.Helper()
	stop(cause)
	if err := result(t, ended); err != nil {
		t.Fatal(err)
	}
	gone(t, pid)
}

func gone(t *testing.T, pid int) {
	t.Helper()
	eventually(t, "the process is gone", func() bool { return syscall.Kill(pid, 0) != nil })
}

func TestProcessRunsUntilIdle(t *testing.T) {
	t.Parallel()
	p, path, text := process(t, "serve")
	for range 2 { // it can be woken again
		stop, ended, _ := kept(t, p)
		ends(t, stop, pool.ErrIdle, ended, pidOf(t, path, 0))
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
	}
	if !strings.Contains(text.String(), `msg="worker output" worker=w line="told to stop"`) {
		t.Errorf("what it wrote is not in the log:\n%s", text)
	}
}

func TestProcessIsStartedAgainWhenKilled(t *testing.T) {
	t.Parallel()
	p, path, _ := process(t, "serve")
	stop, ended, _ := kept(t, p)
	pid := 0
	for range 3 {
		pid = pidOf(t, path, pid)
		if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
	}
	ends(t, stop, context.Canceled, ended, pidOf(t, path, pid))
}

func TestProcessThatIgnoresSIGTERMIsKilled(t *testing.T) {
	t.Parallel()
	p, path, text := process(t, "stubborn")
	p.Grace = 20 * time.Millisecond
	stop, ended, _ := kept(t, p)
	ends(t, stop, pool.ErrIdle, ended, pidOf(t, path, 0))
	if !strings.Contains(text.String(), "is killed") {
		t.Errorf("not said:\n%s", text)
	}
}

// What the process started ends with it.
func TestProcessGroupEnds(t *testing.T) {
	t.Parallel()
	p, path, _ := process(t, "stubborn")
	p.Command = append([]string{"/bin/sh", "-c", `"$@" & wait`, "sh"}, p.Command...)
	p.Grace = 20 * time.Millisecond
	stop, ended, _ := kept(t, p)
	ends(t, stop, pool.ErrIdle, ended, pidOf(t, path, 0))
}

func TestProcessThatCannotRun(t *testing.T) {
	t.Parallel()
	p, _, text := process(t, "broken")
	_, ended, _ := kept(t, p)
	if err := result(t, ended); err == nil || !strings.Contains(err.Error(), "ended 5 times") {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(text.String(), `level=ERROR msg="worker output" worker=w line="{\"severity\":\"ERROR\"`) {
		t.Errorf("why it ended is not in the log:\n%s", text)
	}
	p.Command = []string{filepath.Join(t.TempDir(), "missing")}
	_, ended, _ = kept(t, p)
	if err := result(t, ended); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("got %v", err)
	}
}

func TestLongOutputIsCut(t *testing.T) {
	t.Parallel()
	p, path, text := process(t, "serve")
	p.Command = append([]string{"/bin/sh", "-c", `head -c 100000 /dev/zero | tr '\0' a; echo; echo short; exec "$@"`, "sh"}, p.Command...)
	p.Env = append(p.Env, "PATH="+os.Getenv("PATH"))
	stop, ended, _ := kept(t, p)
	ends(t, stop, pool.ErrIdle, ended, pidOf(t, path, 0))
	if s := text.String(); !strings.Contains(s, "cut=true") || !strings.Contains(s, "line=short") || len(s) > 10_000 {
		t.Errorf("%d bytes in the log", len(s))
	}
}
