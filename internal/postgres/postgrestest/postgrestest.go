// Package postgrestest runs a real PostgreSQL server for tests: its own
// process on a free port, in a folder of its own, that can be killed, frozen
// and started again on the same data.
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrNotInstalled says that there is no PostgreSQL server on this machine.
var ErrNotInstalled = errors.New("postgres and initdb are neither on PATH nor in /usr/lib/postgresql/*/bin (Debian: apt-get install postgresql)")

// Server is a PostgreSQL server.
type Server struct {
	// Addr is its host and port, the same after a restart.
	Addr string

	programs programs
	dir      string
	process  *process
	made     atomic.Int64
}

// Start runs a server for the length of the test. Where none is installed the
// test is skipped, but fails if the environment says CI=true.
//
// A server costs a second or two. Tests of one package can share one: start it
// in the parent test, and give each subtest a NewDatabase.
func Start(t testing.TB) *Server {
	t.Helper()
	// Not t.TempDir: the server runs as another user, who may not pass through
	// the private folder above that one.
	dir, err := os.MkdirTemp("", "omni-postgres-*")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	s, err := Launch(t.Context(), dir)
	if errors.Is(err, ErrNotInstalled) && os.Getenv("CI") != "true" {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Kill)
	return s
}

// Launch makes a cluster in the folder, which must be empty, and runs a server
// on it until Kill.
func Launch(ctx context.Context, dir string) (*Server, error) {
	p, err := find()
	if err != nil {
		return nil, err
	}
	if err := p.initialise(ctx, dir); err != nil {
		return nil, err
	}
	for range 5 { // another process may take the port that was free
		var addr string
		if addr, err = freePort(ctx); err != nil {
			return nil, err
		}
		s := &Server{Addr: addr, programs: p, dir: dir}
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

// URL of a database on the server; "postgres" is always there.
func (s *Server) URL(database string) string {
	return (&url.URL{Scheme: "postgres", User: url.User(superuser), Host: s.Addr, Path: "/" + database, RawQuery: "sslmode=disable"}).String()
}

// NewDatabase makes an empty database and returns its URL.
func (s *Server) NewDatabase(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test_%d", s.made.Add(1))
	s.Exec(t, s.URL("postgres"), "CREATE DATABASE "+name)
	return s.URL(name)
}

// Exec runs one statement over a connection of its own.
func (s *Server) Exec(t testing.TB, url, sql string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		t.Fatalf("connecting to the test server: %v", err)
	}
	_, err = conn.Exec(ctx, sql)
	if err = errors.Join(err, conn.Close(ctx)); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// Restart starts the server, which must not be running, on the data it left,
// and waits until it lets callers in.
func (s *Server) Restart(ctx context.Context) error {
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return err
	}
	limit := time.Now().Add(60 * time.Second)
	for {
		p, err := s.programs.serve(ctx, s.dir, host, port)
		if err != nil {
			return err
		}
		if s.process = p; s.ready(ctx, limit) {
			return nil
		}
		log := s.logTail()
		s.Kill()
		// The children of a killed server hold its memory for a moment longer.
		if inherited := strings.Contains(log, "shared memory") || strings.Contains(log, "lock file"); !inherited || time.Now().After(limit) || ctx.Err() != nil {
			return fmt.Errorf("the PostgreSQL server does not begin to serve; its log ends: %s", log)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// ready waits until the server lets callers in, or has ended.
func (s *Server) ready(ctx context.Context, limit time.Time) bool {
	for ; time.Now().Before(limit) && ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
		if s.process.ended() {
			return false
		}
		if s.answers(ctx) {
			return true
		}
	}
	return false
}

func (s *Server) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.URL("postgres"))
	if err != nil {
		return false
	}
	return conn.Close(ctx) == nil
}

func (s *Server) logTail() string {
	raw, err := os.ReadFile(filepath.Join(s.dir, logName))
	if err != nil {
		return err.Error()
	}
	return string(raw[max(0, len(raw)-1000):])
}

// Kill ends the server and its children at once (SIGKILL), as a power cut
// would, and waits for its end.
func (s *Server) Kill() { s.process.kill() }

// Freeze stops the server and its children without ending them: connections
// stay open, and nothing answers.
func (s *Server) Freeze() error { return s.process.signal(syscall.SIGSTOP) }

// Thaw lets a frozen server go on.
func (s *Server) Thaw() error { return s.process.signal(syscall.SIGCONT) }
