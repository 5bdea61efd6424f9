package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const (
	superuser = "omni"
	logName   = "server.log"
)

// programs are the installed server's, and the user they run as.
type programs struct {
	postgres, initdb string
	// as is nil unless this process is root, as whom PostgreSQL refuses to run.
	as *syscall.Credential
}

// find looks on PATH and where Debian keeps them.
func find() (programs, error) {
	var p programs
	for name, at := range map[string]*string{"postgres": &p.postgres, "initdb": &p.initdb} {
		if found, err := exec.LookPath(name); err == nil {
			*at = found
			continue
		}
		found, err := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
		if err != nil || len(found) == 0 {
			return p, ErrNotInstalled
		}
		*at = found[len(found)-1]
	}
	if os.Geteuid() != 0 {
		return p, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(u.Uid, 10, 32)
		if err != nil {
			return p, err
		}
		gid, err := strconv.ParseUint(u.Gid, 10, 32)
		if err != nil {
			return p, err
		}
		p.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		return p, nil
	}
	return p, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody")
}

func (p programs) command(ctx context.Context, dir, program string, args ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, program, args...)
	c.Dir = dir
	// LC_ALL: the machine's language may not be installed.
	c.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	c.SysProcAttr = &syscall.SysProcAttr{Credential: p.as, Setpgid: true}
	return c
}

// initialise makes a cluster whose superuser needs no password.
func (p programs) initialise(ctx context.Context, dir string) error {
	if p.as != nil {
		if err := os.Chown(dir, int(p.as.Uid), int(p.as.Gid)); err != nil {
			return fmt.Errorf("giving the folder to the server's user: %w", err)
		}
	}
	out, err := p.command(ctx, dir, p.initdb, "-D", filepath.Join(dir, "data"), "-U", superuser, "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync").CombinedOutput()
	if err != nil {
		return fmt.Errorf("making a cluster: %w: %s", err, out)
	}
	return nil
}

// serve starts a server on the cluster. It does not sync: the machine is not
// what fails in a test.
func (p programs) serve(ctx context.Context, dir, host, port string) (*process, error) {
	// It ends with kill, not with the context that started it.
	c := p.command(context.WithoutCancel(ctx), dir, p.postgres, "-D", filepath.Join(dir, "data"),
		"-h", host, "-p", port, "-k", "", "-F", "-c", "shared_buffers=16MB", "-c", "max_connections=60", "-c", "max_wal_size=64MB", "-c", "min_wal_size=32MB")
	log, err := os.Create(filepath.Join(dir, logName))
	if err != nil {
		return nil, err
	}
	defer log.Close() // the server has its own copy
	c.Stdout, c.Stderr = log, log
	if err := c.Start(); err != nil {
		return nil, fmt.Errorf("starting postgres: %w", err)
	}
	s := &process{cmd: c, done: make(chan struct{})}
	go func() {
		_ = c.Wait() // how it ended is told by its log
		close(s.done)
	}()
	return s, nil
}

// process is a running server.
type process struct {
	cmd  *exec.Cmd
	done chan struct{}
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// kill ends the server and its children. Each child is a group of its own, so
// they are looked up first; what is missed ends by itself, for a child watches
// its server.
func (p *process) kill() {
	children := p.children()
	_ = p.cmd.Process.Kill()
	for _, pid := range children {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	<-p.done
}

func (p *process) signal(s syscall.Signal) error {
	errs := []error{p.cmd.Process.Signal(s)}
	for _, pid := range p.children() {
		if err := syscall.Kill(pid, s); !errors.Is(err, syscall.ESRCH) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// children are the server's processes, where the system tells them (Linux).
func (p *process) children() (pids []int) {
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", p.cmd.Process.Pid))
	if err != nil {
		return nil
	}
	for _, name := range lists {
		raw, err := os.ReadFile(name)
		if err != nil {
			continue // it has just ended
		}
		for _, field := range strings.Fields(string(raw)) {
			if pid, err := strconv.Atoi(field); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}
