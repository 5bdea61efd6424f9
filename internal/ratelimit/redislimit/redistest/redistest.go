// Package redistest runs a real redis-server for tests: its own process on a
// free port, that keeps nothing on disk and can be killed, stopped, and
// started again.
package redistest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// ErrNotInstalled says that there is no redis-server on PATH.
var ErrNotInstalled = errors.New("redis-server is not on PATH (Debian: apt-get install redis-server)")

// Server is a redis-server.
type Server struct {
	// Addr is its host and port, the same after a restart.
	Addr string
	dir  string
	args []string
	cmd  *exec.Cmd
	done chan struct{}
}

// Start runs a server for the length of the test. Where none is installed the
// test is skipped, but fails if the environment says CI=true.
func Start(t testing.TB, args ...string) *Server {
	t.Helper()
	s, err := Launch(t.Context(), t.TempDir(), args...)
	if errors.Is(err, ErrNotInstalled) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	return s
}

// Launch runs a server in the folder until Kill. args are added to its own.
func Launch(ctx context.Context, dir string, args ...string) (*Server, error) {
	if _, err := exec.LookPath("redis-server"); err != nil {
		return nil, ErrNotInstalled
	}
	var err error
	for range 5 { // another process may take the port that was free
		var addr string
		if addr, err = freePort(ctx); err != nil {
			return nil, err
		}
		s := &Server{Addr: addr, dir: dir, args: args}
		if err = s.Restart(ctx); err == nil {
			return s, nil
		}
	}
	return nil, err
}

func freePort(ctx context.Context) (string, error) {
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	return ln.Addr().String(), ln.Close()
}

// URL of the server.
func (s *Server) URL() string { return "redis://" + s.Addr }

// Restart starts the server, which must not be running, and waits until it
// answers. It is empty then.
func (s *Server) Restart(ctx context.Context) error {
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return err
	}
	args := append([]string{"--bind", host, "--port", port, "--dir", s.dir, "--save", "", "--appendonly", "no", "--daemonize", "no", "--logfile", "redis.log"}, s.args...)
	// It ends with Kill, not with the context that started it.
	s.cmd = exec.CommandContext(context.WithoutCancel(ctx), "redis-server", args...)
	if err := s.cmd.Start(); err != nil {
		return fmt.Errorf("starting redis-server: %w", err)
	}
	done := make(chan struct{})
	go func(cmd *exec.Cmd) {
		_ = cmd.Wait()
		close(done)
	}(s.cmd)
	s.done = done
	for begin := time.Now(); time.Since(begin) < 20*time.Second; time.Sleep(5 * time.Millisecond) {
		select {
		case <-done:
			return fmt.Errorf("redis-server ended at its start (its log is in %s)", s.dir)
		default:
		}
		if s.answers(ctx) {
			return nil
		}
	}
	s.Kill()
	return errors.New("redis-server does not answer")
}

// answers reports whether the server speaks the protocol, if only to refuse.
func (s *Server) answers(ctx context.Context) bool {
	c, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", s.Addr)
	if err != nil {
		return false
	}
	defer c.Close()
	if c.SetDeadline(time.Now().Add(time.Second)) != nil {
		return false
	}
	if _, err := c.Write([]byte("PING\r\n")); err != nil {
		return false
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	return err == nil && (line[0] == '+' || line[0] == '-')
}

// Kill ends the server at once (SIGKILL) and waits for its end.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill()
	<-s.done
}

// Freeze stops the process without ending it: connections stay open, and
// nothing answers.
func (s *Server) Freeze() error { return s.cmd.Process.Signal(syscall.SIGSTOP) }

// Thaw lets a frozen server go on.
func (s *Server) Thaw() error { return s.cmd.Process.Signal(syscall.SIGCONT) }
