// Package wake brings workers up that are not running, and lets them go again:
// a command on this machine, a service that starts when it is called, a scaled
// resource of a Kubernetes cluster.
package wake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"runtime"
	"time"

	"github.com/omni-run/omni/internal/pool"
)

// Process runs a command as the worker.
type Process struct {
	// Name of the worker, for the log.
	Name string
	// Command is the program and its arguments; it listens where the gateway
	// looks for the worker.
	Command []string
	// Dir to run it in; empty for the gateway's own.
	Dir string
	// Env is its whole environment. Secrets belong here, never in Command.
	Env []string
	// Grace is how long it may take to end after SIGTERM when it is idle;
	// default 10 s. When the gateway itself stops, it is at most 3 s.
	Grace time.Duration
	// Backoff is the pause after the first quick end; it doubles. Default 100 ms.
	Backoff time.Duration
	// Output takes what it writes; nil sends it to Log, a line at a time.
	Output io.Writer
	Log    *slog.Logger
}

var _ pool.Keeper = (*Process)(nil)

const (
	defaultGrace = 10 * time.Second
	// lastGrace keeps the gateway's own stop inside the ten seconds that
	// platforms allow.
	lastGrace = 3 * time.Second
	// A command that ends quickEnds times in a row, each within quick of its
	// start, is not going to run.
	quickEnds = 5
	quick     = 2 * time.Second
)

// Keep implements pool.Keeper. The process never outlives the gateway: on Linux
// the kernel kills it with its parent, and everywhere the end of its standard
// input can tell it to stop.
func (p *Process) Keep(ctx context.Context, _ <-chan struct{}) error {
	// On Linux the kernel ties a child's fate to the thread that started it, not
	// to the process; so this goroutine keeps its thread for as long as it runs.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	pause := p.Backoff
	if pause == 0 {
		pause = 100 * time.Millisecond
	}
	first := pause
	for ends := 0; ; {
		begun := time.Now()
		err := p.run(ctx)
		var start *startError
		if ctx.Err() != nil || errors.As(err, &start) {
			return err
		}
		if err == nil {
			err = errors.New("it ended by itself")
		}
		if ends++; time.Since(begun) >= quick {
			ends, pause = 1, first
		}
		if ends >= quickEnds {
			return fmt.Errorf("the command %q ended %d times in a row soon after its start: %w", p.Command[0], ends, err)
		}
		p.Log.Error("the worker's process died and is started again", "worker", p.Name, "error", err, "in", pause.String())
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
		pause *= 2
	}
}

// startError is a command that could not even be started.
type startError struct{ err error }

func (e *startError) Error() string { return "starting the worker's command: " + e.err.Error() }
func (e *startError) Unwrap() error { return e.err }

// run runs the command one time, until it ends or ctx does.
func (p *Process) run(ctx context.Context) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // called off
	}
	cmd := exec.Command(p.Command[0], p.Command[1:]...) //nolint:noctx,gosec // the operator's own command; it is ended in order below
	cmd.Dir, cmd.Env = p.Dir, p.Env
	output := p.output()
	cmd.Stdout, cmd.Stderr = output, output
	// What the process started may hold the output open; that must not hold us.
	cmd.WaitDelay = time.Second
	tie(cmd)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return &startError{err}
	}
	if err := cmd.Start(); err != nil {
		return &startError{errors.Join(err, stdin.Close())}
	}
	p.Log.Info("the worker's process is started", "worker", p.Name, "pid", cmd.Process.Pid)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err := <-ended:
		endGroup(cmd) // what it left behind
		return err
	case <-ctx.Done():
	}
	err = p.stop(ctx, cmd, stdin, ended)
	endGroup(cmd)
	return err
}

// stop ends the process: with SIGTERM, and when its time is over with SIGKILL.
func (p *Process) stop(ctx context.Context, cmd *exec.Cmd, stdin io.Closer, ended <-chan error) error {
	grace := p.Grace
	if grace == 0 {
		grace = defaultGrace
	}
	if !errors.Is(context.Cause(ctx), pool.ErrIdle) {
		grace = min(grace, lastGrace)
	}
	terminate(cmd)
	_ = stdin.Close() // the pipe may be broken already, by a process that is gone
	select {
	case <-ended:
		return nil // how it ended does not matter: it was told to
	case <-time.After(grace):
	}
	p.Log.Warn("the worker's process did not end in time and is killed", "worker", p.Name, "grace", grace.String())
	endGroup(cmd)
	<-ended
	return nil
}
