package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a started program with its children, in a process group of their
// own.
type process struct {
	cmd   *exec.Cmd
	log   *os.File
	ended chan struct{}
}

func start(ctx context.Context, core int, log string, argv []string) (*process, error) {
	f, err := os.OpenFile(log, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, "taskset", append([]string{"-c", strconv.Itoa(core)}, argv...)...)
	cmd.Stdout, cmd.Stderr = f, f
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	p := &process{cmd: cmd, log: f, ended: make(chan struct{})}
	go func() {
		_ = cmd.Wait() // killed by us, as a rule
		close(p.ended)
	}()
	return p, nil
}

// stop ends the group in order, and by force after five seconds.
func (p *process) stop() {
	group := -p.cmd.Process.Pid
	_ = syscall.Kill(group, syscall.SIGTERM)
	select {
	case <-p.ended:
	case <-time.After(5 * time.Second):
		_ = syscall.Kill(group, syscall.SIGKILL)
		<-p.ended
	}
	_ = p.log.Close()
}

// each calls yield with the /proc folder of every process of the group.
func (p *process) each(yield func(dir string, stat []string)) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		raw, err := os.ReadFile(filepath.Join(dir, "stat"))
		if err != nil {
			continue // it has ended
		}
		// The name in parentheses may hold blanks.
		stat := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
		if len(stat) > 12 && stat[2] == strconv.Itoa(p.cmd.Process.Pid) {
			yield(dir, stat)
		}
	}
}

// ticks a second of utime and stime in /proc; the same on every Linux that Go
// runs on.
const ticks = 100

// cpu is the processor time the group has used, user and system.
func (p *process) cpu() (time.Duration, error) {
	var sum int64
	n := 0
	p.each(func(_ string, stat []string) {
		user, _ := strconv.ParseInt(stat[11], 10, 64)
		system, _ := strconv.ParseInt(stat[12], 10, 64)
		sum += user + system
		n++
	})
	if n == 0 {
		return 0, errors.New("it has ended by itself; see its log")
	}
	return time.Duration(sum) * time.Second / ticks, nil
}

// settled waits, for ten seconds at most, until the group is done with what the
// warm-up left behind, and returns the processor time by then.
func (p *process) settled(ctx context.Context) (time.Duration, error) {
	last, err := p.cpu()
	for range 50 {
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
		now, nowErr := p.cpu()
		if err = errors.Join(err, nowErr); err != nil || now-last <= 2*time.Second/ticks {
			return now, err
		}
		last = now
	}
	return last, err
}

// rss is the memory the group holds, in bytes.
func (p *process) rss() (sum int64) {
	p.each(func(dir string, _ []string) {
		raw, _ := os.ReadFile(filepath.Join(dir, "statm"))
		if fields := strings.Fields(string(raw)); len(fields) > 1 {
			pages, _ := strconv.ParseInt(fields[1], 10, 64)
			sum += pages * int64(os.Getpagesize())
		}
	})
	return sum
}

func (b *bench) startUpstream(ctx context.Context) (*process, error) {
	path, err := b.render("upstream.conf", b.upstreamPort)
	if err != nil {
		return nil, err
	}
	p, err := start(ctx, b.loadCore, filepath.Join(b.dir, "upstream.log"), []string{"nginx", "-p", b.dir, "-c", path})
	if err != nil {
		return nil, err
	}
	if _, err := b.firstAnswer(ctx, p, b.upstreamPort, "/internal"+benchPath); err != nil {
		return nil, err
	}
	return p, nil
}

// startContender starts c and returns how long its first 200 took.
func (b *bench) startContender(ctx context.Context, c *contender) (*process, time.Duration, error) {
	p, err := start(ctx, b.gatewayCore, filepath.Join(b.dir, c.name+".log"), c.argv)
	if err != nil {
		return nil, 0, err
	}
	first, err := b.firstAnswer(ctx, p, c.port, benchPath)
	if err != nil {
		log, _ := os.ReadFile(p.log.Name())
		return nil, 0, fmt.Errorf("%w; its log: %s", err, log[:min(len(log), 2000)])
	}
	return p, first, nil
}

// firstAnswer asks every millisecond until the answer is 200.
func (b *bench) firstAnswer(ctx context.Context, p *process, port int, path string) (time.Duration, error) {
	begun := time.Now()
	last := errors.New("no answer")
	for time.Since(begun) < 20*time.Second {
		select {
		case <-p.ended:
			return 0, fmt.Errorf("it ended at once: %w", last)
		case <-ctx.Done():
			p.stop()
			return 0, ctx.Err()
		case <-time.After(time.Millisecond):
		}
		if last = b.call(ctx, port, path); last == nil {
			return time.Since(begun), nil
		}
	}
	p.stop()
	return 0, fmt.Errorf("no 200 within 20 s: %w", last)
}

// call makes one call and returns nil for a 200 with a body.
func (b *bench) call(ctx context.Context, port int, path string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, fmt.Sprintf("http://127.0.0.1:%d%s", port, path), strings.NewReader(b.body))
	if err != nil {
		return err
	}
	req.Header.Set("X-API-Key", b.key)
	req.Header.Set("Content-Type", "application/json")
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK || len(raw) < 1000 {
		return fmt.Errorf("status %d: %.300s", res.StatusCode, raw)
	}
	return nil
}
