// Package fleet runs the real binaries for benchmarks that need several of
// them: gateways and workers that are started, killed and started again.
package fleet

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/omni-run/omni/internal/authn"
	"github.com/omni-run/omni/internal/authn/filestore"
)

// Patience bounds every wait for something that must happen.
const Patience = 60 * time.Second

// Build compiles the gateway and the worker, as they are shipped, into dir.
func Build(ctx context.Context, dir string) error {
	build := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", dir, "./cmd/omni-gateway", "./cmd/omni-worker")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building: %w\n%s", err, out)
	}
	return nil
}

// Tenant is a caller's identity.
type Tenant struct{ ID, Key string }

// Keys makes n tenants of a tier, with a key each, in a key file.
func Keys(ctx context.Context, path, tier string, n int) (out []Tenant, err error) {
	store, err := filestore.Open(path, filestore.Options{Create: true})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	issuer := authn.Issuer{Store: store, Tiers: []string{tier}}
	for i := range n {
		id := fmt.Sprintf("tenant-%03d", i)
		if _, err := issuer.CreateTenant(ctx, authn.Tenant{ID: id, Tier: tier}); err != nil {
			return nil, err
		}
		text, _, err := issuer.CreateKey(ctx, authn.NewKey{Tenant: id})
		if err != nil {
			return nil, err
		}
		out = append(out, Tenant{id, text})
	}
	return out, nil
}

// FreeAddress is one on loopback on which nothing listens now.
func FreeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // returns at once
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// Process is a binary that can be started again with the same environment.
type Process struct {
	Path, Address string
	Env           []string
	// Log is the file that its output is added to.
	Log string

	cmd   *exec.Cmd
	ended chan error
}

// Start starts the process.
func (p *Process) Start() error {
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the child has its own
	p.cmd = exec.Command(p.Path)       //nolint:noctx // it outlives many contexts
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = p.Env, log, log
	if err := p.cmd.Start(); err != nil {
		return err
	}
	p.ended = make(chan error, 1)
	go func(c *exec.Cmd, ended chan error) { ended <- c.Wait() }(p.cmd, p.ended)
	return nil
}

// PID is the number of the process that runs, 0 for none.
func (p *Process) PID() int {
	if p.cmd == nil || p.cmd.Process == nil {
		return 0
	}
	return p.cmd.Process.Pid
}

// Answers waits until the path answers 200.
func (p *Process) Answers(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Address+path, nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s never answers %s; see %s", filepath.Base(p.Path), path, p.Log)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// End sends the signal and waits for the end. After SIGTERM an exit code other
// than 0 is an error.
func (p *Process) End(s syscall.Signal) error {
	if p.cmd == nil || p.ended == nil {
		return nil
	}
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case err := <-p.ended:
		p.ended = nil
		if s == syscall.SIGTERM && err != nil {
			return fmt.Errorf("%s did not end well: %w; see %s", filepath.Base(p.Path), err, p.Log)
		}
		return nil
	case <-time.After(Patience):
		return fmt.Errorf("%s does not end", filepath.Base(p.Path))
	}
}
