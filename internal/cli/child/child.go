// Package child keeps a child process running: it starts it, learns the
// address it listens on, starts it again when it dies, and ends it. The child
// never outlives its parent: the kernel kills it on Linux, and everywhere the
// end of its standard input tells it to stop.
package child

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"
)

// Options say what to run.
type Options struct {
	// Path and Args of the program. It writes the address it listens on as the
	// first line of its standard output, and stops when its standard input
	// ends.
	Path string
	Args []string
	// Env of the child; secrets belong here, never in Args.
	Env []string
	// ListenVariable is set, from the second start on, to the address of the
	// first one, so that the child is found where it was.
	ListenVariable string
	Stderr         io.Writer
	Log            *slog.Logger
	// Backoff is the pause before the first restart; it doubles up to a
	// hundred times itself. Default 100 ms.
	Backoff time.Duration
}

// Steady is how long a child must live for the pauses to begin anew.
const Steady = 10 * time.Second

// Child is a supervised process.
type Child struct {
	opt     Options
	stop    chan struct{}
	once    sync.Once
	done    chan struct{}
	first   chan struct{} // closed when address or failure is known
	mu      sync.Mutex
	address string
	failure error
	pid     int
	starts  int
}

// Start begins to run the child in the background.
func Start(o Options) *Child {
	if o.Backoff == 0 {
		o.Backoff = 100 * time.Millisecond
	}
	c := &Child{opt: o, stop: make(chan struct{}), done: make(chan struct{}), first: make(chan struct{})}
	go c.run()
	return c
}

// Address waits until the child listens for the first time. A child that ends
// before that is a failure: it would not do better next time.
func (c *Child) Address(ctx context.Context) (string, error) {
	select {
	case <-c.first:
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.address, c.failure
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

// PID returns the process id of the present child; 0 while there is none.
func (c *Child) PID() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.pid
}

// Starts returns how often the child was started.
func (c *Child) Starts() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.starts
}

// Stop tells the child to stop and waits for it; when ctx ends first, the
// child is killed.
func (c *Child) Stop(ctx context.Context) error {
	c.once.Do(func() { close(c.stop) })
	select {
	case <-c.done:
		return nil
	case <-ctx.Done():
	}
	c.mu.Lock()
	pid := c.pid
	c.mu.Unlock()
	err := kill(pid)
	<-c.done
	return errors.Join(fmt.Errorf("the worker did not stop in time and was killed: %w", ctx.Err()), err)
}

// run starts the child again and again until Stop.
//
// On Linux the kernel ties a child's fate to the thread that started it, not
// to the process; so this goroutine keeps its thread for as long as it runs.
func (c *Child) run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(c.done)
	pause := c.opt.Backoff
	for {
		begun := time.Now()
		err := c.runOnce()
		if c.stopping() {
			return
		}
		if c.settle("", fmt.Errorf("the worker ended at its start: %w", orEnded(err))) {
			return
		}
		if time.Since(begun) > Steady {
			pause = c.opt.Backoff
		}
		c.opt.Log.Error("the worker died and is started again", "error", orEnded(err), "in", pause.String())
		select {
		case <-c.stop:
			return
		case <-time.After(pause):
		}
		pause = min(2*pause, 100*c.opt.Backoff)
	}
}

var errEnded = errors.New("it ended by itself")

func orEnded(err error) error {
	if err == nil {
		return errEnded
	}
	return err
}

func (c *Child) stopping() bool {
	select {
	case <-c.stop:
		return true
	default:
		return false
	}
}

// settle records the outcome of the first start, once, and reports whether
// this was it.
func (c *Child) settle(address string, failure error) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-c.first:
		return false
	default:
	}
	c.address, c.failure = address, failure
	close(c.first)
	return true
}

// runOnce runs the child one time, until it ends.
func (c *Child) runOnce() error {
	cmd := exec.Command(c.opt.Path, c.opt.Args...) //nolint:noctx // Stop ends it in order; a context would kill it
	cmd.Env = c.environment()
	cmd.Stderr = c.opt.Stderr
	cmd.Stdout = &firstLine{found: func(line string) { c.settle(line, nil) }}
	// A grandchild that holds the output open must not hold us.
	cmd.WaitDelay = time.Second
	tie(cmd)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return errors.Join(err, stdin.Close())
	}
	c.mu.Lock()
	c.pid = cmd.Process.Pid
	c.starts++
	c.mu.Unlock()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err = <-ended:
	case <-c.stop:
		// The pipe may be broken already, by a child that is gone.
		_ = stdin.Close()
		err = <-ended
	}
	c.mu.Lock()
	c.pid = 0
	c.mu.Unlock()
	return err
}

func (c *Child) environment() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.address == "" || c.opt.ListenVariable == "" {
		return c.opt.Env
	}
	return append(append([]string{}, c.opt.Env...), c.opt.ListenVariable+"="+c.address)
}

// firstLine hands on the first line written to it and drops the rest.
type firstLine struct {
	found func(string)
	line  bytes.Buffer
	done  bool
}

// maxLine bounds how much is kept of a first line that does not end.
const maxLine = 4096

// Write implements io.Writer.
func (f *firstLine) Write(p []byte) (int, error) {
	if f.done {
		return len(p), nil
	}
	head, _, ended := bytes.Cut(p, []byte{'\n'})
	f.line.Write(head[:min(len(head), maxLine)])
	if ended || f.line.Len() > maxLine {
		f.done = true
		f.found(strings.TrimSpace(f.line.String()))
	}
	return len(p), nil
}
