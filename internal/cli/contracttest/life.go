package contracttest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/omni-run/omni/api"
)

// Life is a worker to start, check and stop.
type Life struct {
	// Command and its arguments; "{port}" in an argument becomes the port to
	// listen on, on 127.0.0.1.
	Command []string
	// Output receives what the worker prints.
	Output io.Writer
	// ReadyWithin bounds the wait for services_ready.
	ReadyWithin time.Duration
}

// stopWithin is how long a worker has between SIGTERM and its end: what Cloud
// Run grants.
const stopWithin = 10 * time.Second

// RunLife starts the worker, checks its start, makes every check of Run, and
// checks how it stops. The target's URL is set by it.
func RunLife(ctx context.Context, l Life, t Target) ([]Result, error) {
	if len(l.Command) == 0 {
		return nil, errors.New("there is no command to start")
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	t.URL = "http://127.0.0.1:" + port
	w, err := newWorker(t)
	if err != nil {
		return nil, err
	}
	defer w.http.CloseIdleConnections()
	args := make([]string, len(l.Command))
	for i, arg := range l.Command {
		args[i] = strings.ReplaceAll(arg, "{port}", port)
	}
	cmd := exec.Command(args[0], args[1:]...) //nolint:gosec,noctx // the caller's own command; it is stopped below, gently
	cmd.Stdout, cmd.Stderr = l.Output, l.Output
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the worker: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() { _ = cmd.Process.Kill() }() // it has ended unless something failed

	out := []Result{
		asResult("health from the start", "listen and answer /internal/health before anything is loaded", w.answersSoon(ctx, ended)),
		asResult("calls before it is ready", "answer 503 with the code still_loading and Retry-After: the gateway then knows that the call did not run", w.refusesWhileLoading(ctx)),
		asResult("it becomes ready", "state services_ready once everything is loaded", w.becomesReady(ctx, l.ReadyWithin, ended)),
	}
	rest, err := Run(ctx, t)
	out = append(out, rest...)
	if err != nil {
		return out, err
	}
	return append(out, asResult("it stops when told", "on SIGTERM finish what runs, then end with exit code 0 within 10 s", stops(ctx, cmd.Process.Signal, ended))), nil
}

func asResult(name, mend string, err error) Result { return check{name: name, mend: mend}.ended(err) }

func freePort(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	defer func() { _ = l.Close() }() // only its number is wanted
	return strconv.Itoa(l.Addr().(*net.TCPAddr).Port), nil
}

// errEnded says that the process is gone.
func errEnded(err error) error {
	if err == nil {
		return errors.New("the worker ended by itself, with exit code 0")
	}
	return fmt.Errorf("the worker ended by itself: %w", err)
}

func (w *worker) answersSoon(ctx context.Context, ended chan error) error {
	return w.until(ctx, func() error {
		select {
		case err := <-ended:
			ended <- err
			return errEnded(err)
		default:
		}
		_, err := w.getHealth(ctx)
		return err
	})
}

func (w *worker) refusesWhileLoading(ctx context.Context) error {
	if w.Path == "" {
		return skipped("no call was given")
	}
	h, err := w.getHealth(ctx)
	if err != nil {
		return err
	}
	if h.ServicesReady {
		return skipped("it was ready before it could be asked")
	}
	a, err := w.call(ctx)
	switch {
	case err != nil:
		return err
	case a.status == http.StatusOK:
		return skipped("it became ready meanwhile")
	case a.header.Get("Retry-After") == "":
		return fmt.Errorf("status %d without Retry-After", a.status)
	}
	if err := a.envelope(http.StatusServiceUnavailable); err != nil {
		return err
	}
	if o, err := a.object(); err != nil || o["error"] != "still_loading" {
		return fmt.Errorf("the code is %v", o["error"])
	}
	return nil
}

func (w *worker) becomesReady(ctx context.Context, within time.Duration, ended chan error) error {
	patient := *w
	patient.Patience = within
	return patient.until(ctx, func() error {
		select {
		case err := <-ended:
			ended <- err
			return errEnded(err)
		default:
		}
		h, err := w.getHealth(ctx)
		if err == nil && !h.ServicesReady {
			err = fmt.Errorf("services_ready is false after %s; status %q", within, h.Status)
			for name, s := range h.Services {
				if s.State == api.StateFailed {
					err = fmt.Errorf("service %q failed to load", name)
				}
			}
		}
		return err
	})
}

func stops(ctx context.Context, signal func(os.Signal) error, ended chan error) error {
	if err := signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("sending SIGTERM: %w", err)
	}
	select {
	case err := <-ended:
		if err != nil {
			return fmt.Errorf("it ended with %w", err)
		}
		return nil
	case <-time.After(stopWithin):
		return fmt.Errorf("it still runs %s after SIGTERM", stopWithin)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
